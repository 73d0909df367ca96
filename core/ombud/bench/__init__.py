"""Load and measurement: a made-up desk of any size, and how fast the product is on it beside its bare limits."""
