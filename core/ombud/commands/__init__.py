"""What the commands of `ombud` do, each a small function from parsed arguments to an exit code; imported when typed."""
