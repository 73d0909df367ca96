"""The complaint as its complainant sees it."""
