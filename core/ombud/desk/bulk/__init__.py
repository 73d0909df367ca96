"""One action on many cases: what it would do, and doing it row by row."""
