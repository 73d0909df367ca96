"""Which entry points the installed distributions declare.

Python reads the files of every distribution anew each time it is asked. Here they are read once, and again as soon as
one was installed, taken away or replaced.
"""

import os
import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

_ENDINGS = (".dist-info", ".egg-info")


def points(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, in no order that counts; called whenever somebody asks what is installed."""
    return tuple(point for point, _ in versioned(group, seen()))


@lru_cache(maxsize=8)
def versioned(group: str, seen: tuple[object, ...]) -> tuple[tuple[EntryPoint, str], ...]:
    """The same where this was `seen`, each with the version of its distribution; empty where it tells none."""
    return tuple((each, each.dist.version if each.dist else "") for each in entry_points(group=group))


def seen() -> tuple[object, ...]:
    """What changes when any distribution does, and when Python is to look for them in other places."""
    return tuple(_seen(place) for place in sys.path)


def _seen(place: str) -> tuple[object, ...]:
    """What changes when a distribution in this folder does: its folders of facts, each with its time."""
    try:
        with os.scandir(place or os.curdir) as entries:
            facts = [(each.name, each.stat().st_mtime_ns) for each in entries if each.name.endswith(_ENDINGS)]
    except OSError:  # no folder (an archive, or not there)
        return (place,)
    return (place, *sorted(facts))
