"""The gate before a final response: what is missing in it, what differs from the record, and what is hard to read."""
