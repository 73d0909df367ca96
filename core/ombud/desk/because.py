"""Why a change is made, where it was not asked for by itself: the cause that its ledger entries name."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_cause: ContextVar[str] = ContextVar("ombud_cause", default="")


@contextmanager
def because(cause: str) -> Iterator[None]:
    """Every entry recorded inside names this cause, such as `command/bulk/<id>`."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


def cause_now() -> str:
    return _cause.get()
