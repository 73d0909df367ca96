"""Why a change is made, where it was not asked for by itself: the cause that its ledger entries name, and where a
rule asked for it, which conditions held."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_cause: ContextVar[str] = ContextVar("ombud_cause", default="")
_why: ContextVar[Mapping[str, Any] | None] = ContextVar("ombud_because", default=None)


@contextmanager
def because(cause: str, why: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Every entry recorded inside names this cause, such as `command/bulk/<id>`; `why`: codes that its body holds as
    `because`."""
    token, told = _cause.set(cause), _why.set(why)
    try:
        yield
    finally:
        _cause.reset(token)
        _why.reset(told)


def cause_now() -> str:
    return _cause.get()


def explained(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the reason that holds now, if any, beside what the body says of its own reason."""
    why, own = _why.get(), body.get("because", {})
    if why is None or not isinstance(own, Mapping):
        return dict(body)
    return {**body, "because": {**why, **own}}
