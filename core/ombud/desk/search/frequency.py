"""Whether the words of a search stand in many rows: it decides the way they are found, and nothing that is shown."""

import time
from collections.abc import Sequence

from ombud.desk.search.asked import Asked
from ombud.desk.search.sql import answers
from ombud.kernel.database import db
from ombud.trust.policy import Arguments

MANY = 2000  # rows that hold the words; beyond, going back in time finds a page sooner
KEPT_SECONDS = 60.0  # a further page or another filter asks for the same words again
MOST_KEPT = 2000  # searches

_kept: dict[tuple[str, str, str], tuple[float, bool]] = {}


def known_common(table: str, asked: Asked, kinds: Sequence[str]) -> frozenset[str] | None:
    """The kinds of which many rows hold the words, where that was counted a moment ago; else None."""
    found, until = set(), time.monotonic() - KEPT_SECONDS
    for kind in _counted(kinds):
        kept = _kept.get((table, kind, asked.wanted()))
        if kept is None or kept[0] <= until:
            return None
        found |= {kind} if kept[1] else set()
    return frozenset(found)


async def common(table: str, asked: Asked, kinds: Sequence[str]) -> frozenset[str]:
    """The same, counted now: up to MANY rows of each kind, whoever may see them."""
    arguments, kinds = Arguments(), _counted(kinds)
    if not kinds:
        return frozenset()
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM {table} s WHERE {answers(asked, kind, 'TRUE', arguments)} "
        f'LIMIT {MANY}) counted) AS "{kind}"'
        for kind in kinds
    )
    row = await db.fetchrow(f"SELECT {counts}", *arguments.values)
    assert row is not None
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    _kept.update({(table, kind, asked.wanted()): (time.monotonic(), row[kind] >= MANY) for kind in kinds})
    return frozenset(kind for kind in kinds if row[kind] >= MANY)


def _counted(kinds: Sequence[str]) -> list[str]:
    """People are found by name, however many there are."""
    return [kind for kind in kinds if kind != "person"]
