"""The start of a process, quicker: hardly anything that is imported becomes garbage, and to look for some of it again
and again takes a sixth of the time. `python -m ombud.kernel.starting MODULE …` begins so and calls the module's `main`.
"""

import gc
import importlib
import sys


def begin() -> None:
    """First of all, before much is imported."""
    gc.disable()


def begun() -> None:
    """Once all is there: it stays for good, so that no later look goes through it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    begin()
    importlib.import_module(sys.argv.pop(1)).main()
