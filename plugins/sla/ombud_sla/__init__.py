"""Service levels in working time, by type, priority and channel."""
