"""Committed facts, as plugins receive them."""

from datetime import datetime
from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger entry after its commit, without sealed values. `stream` + `seq` identify it; deliveries repeat."""

    stream: str
    seq: int
    at: datetime
    actor: str
    kind: str
    cause: str = ""
    body: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """`<stream>/<seq>`: what a handler remembers to be safe to run twice."""
        return f"{self.stream}/{self.seq}"
