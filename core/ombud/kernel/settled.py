"""What a process may remember of rights and of the desk's own settings, and for how long.

A number in the database counts the transactions that changed units, roles, queues, case types, taxonomies, texts to
begin with or settings, whoever made the change (triggers keep it). A request reads it in a statement that it asks
anyway; what was remembered under another number is read again. So nothing is older than that statement: there is no
listener to lose, and nothing ends by time.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from ombud.kernel.database import db

SETTLED = "(SELECT version FROM core_settled)"  # for a statement that is asked anyway

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values of one number and of one database; those of another are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now: tuple[int, Any] = (0, None)
        self._values: dict[K, V] = {}

    async def of(self, key: K, settled: int, read: Callable[[], Awaitable[V]]) -> V:
        """What is known of `key` under this number, else what `read` finds now. In a transaction, which may have
        changed what nobody else sees yet, nothing is known or kept; nor where nobody read the number (0)."""
        known = self._under(settled)
        if key not in known:
            if len(known) >= self._most:
                known.clear()
            known[key] = await read()
        return known[key]

    def _under(self, settled: int) -> dict[K, V]:
        if not settled or db.in_transaction():
            return {}
        now = (settled, db.engine.pool)
        if now != self._now:
            self._now, self._values = now, {}
        return self._values
