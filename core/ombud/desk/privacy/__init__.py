"""Rights of people over what is kept of them: requests and their clocks, collection, erasure, legal holds."""
