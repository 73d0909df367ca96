"""Several writes in one statement: one round trip, and a transaction of its own where none is open."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ombud.kernel.database import db

_PLACE = re.compile(r"\$(\d+)")
_GATE = "EXISTS (SELECT FROM gate)"
# What is no boolean makes the statement fail, and nothing of it is written.
_ALL_OR_NONE = (
    "(SELECT CASE count(*) WHEN ${several} THEN TRUE WHEN 0 THEN FALSE "
    "ELSE (count(*) || ' of them were open')::boolean END FROM gate)"
)


class Writes:
    """Gathered from those who know their tables, then sent together. None of them sees the rows of another one.

    With a gate, a write that returns a row where it changed something, the others happen only if it did: each says
    `WHERE {gate}`. One that is for several lets all of them through or none: where it returns fewer rows, the statement
    fails, and each may be tried alone. References hold over all of them, as they are checked at the end.
    """

    def __init__(self, gate: str = "", *arguments: Any, several: int = 1) -> None:
        self._gate, self._several = gate, several
        self._arguments: list[Any] = list(arguments)
        self._parts: list[tuple[str, int]] = []
        self._then: list[Callable[[], object]] = []

    def add(self, statements: Sequence[str], *arguments: Any) -> None:
        """Statements that share these arguments, numbered from $1. Rows are given best as a list of dicts, which the
        statement reads with `json_to_recordset`: an array for each column takes twice as long to encode."""
        self._parts += [(each, len(self._arguments)) for each in statements]
        self._arguments += arguments

    def then(self, act: Callable[[], object]) -> None:
        """What is told once they are written: a notice, for example."""
        self._then.append(act)

    async def send(self) -> bool:
        """Whether they were written; False only where a gate was shut."""
        given = [*self._arguments, self._several] if self._gate else self._arguments
        if not await db.fetchval(_together(self._gate, tuple(self._parts), len(given)), *given):
            return False
        for act in self._then:
            act()
        return True


@lru_cache(maxsize=64)
def _together(gate: str, parts: tuple[tuple[str, int], ...], arguments: int) -> str:
    named = [f"gate AS ({gate})"] if gate else []
    named += [f"write_{place} AS ({_moved(*part)})" for place, part in enumerate(parts)]
    written = _ALL_OR_NONE.format(several=arguments) if gate else "TRUE"
    text = f"WITH {', '.join(named)} SELECT {written} AS written"
    return text.replace("{gate}", _GATE if gate else "TRUE")


def _moved(statement: str, by: int) -> str:
    return _PLACE.sub(lambda found: f"${int(found[1]) + by}", statement)


def hex_bytes(data: bytes) -> str:
    """Bytes as PostgreSQL reads them from text."""
    return f"\\x{data.hex()}"
