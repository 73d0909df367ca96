"""Letters on paper, out and in."""
