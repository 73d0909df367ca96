"""Fixtures that core lends to the conformance kit and to authors' tests (the `pytest11` entry point)."""
