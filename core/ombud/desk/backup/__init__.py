"""The whole desk in one file, and a desk from it that has forgotten whom it was told to forget."""
