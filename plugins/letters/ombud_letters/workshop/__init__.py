"""What is made of paper and for paper: typeset, rendered, cut, put together. Everything here runs in a process of its
own with bounds on time and memory (`bounded.py`), because what it opens was made by strangers."""
