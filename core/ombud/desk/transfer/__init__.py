"""A whole desk written as open files, and read back into an empty one."""
