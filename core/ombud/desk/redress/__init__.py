"""What a customer gets where a firm was wrong: reckoned, granted within limits, approved above them, and paid once."""
