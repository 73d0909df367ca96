"""`python -m ombud` is `ombud`."""

from ombud.cli import run

run()
