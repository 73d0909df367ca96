"""The only place where Ombud asks what time it is; tests set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_set_to: ContextVar[datetime | None] = ContextVar("ombud_clock", default=None)


def now() -> datetime:
    """The present moment in UTC, with microseconds."""
    return _set_to.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Inside, `now()` answers `moment` (aware): for imports of old cases, demo data and tests."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    token = _set_to.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _set_to.reset(token)
