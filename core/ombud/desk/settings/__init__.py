"""Settings drawn from schemas, by unit: read, tried out, changed, and told."""
