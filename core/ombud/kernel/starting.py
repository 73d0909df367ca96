"""The start of a process, quicker: hardly anything that is imported becomes garbage, and to look for some of it again
and again takes a sixth of the time."""

import gc


def begin() -> None:
    """First of all, before much is imported."""
    gc.disable()


def begun() -> None:
    """Once all is there: it stays for good, so that no later look goes through it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
