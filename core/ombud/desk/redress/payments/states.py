"""The way of a payment: which state follows which, on what. Pure."""

INTENDED, HANDING, HANDED = "intended", "handing", "handed_over"
PAID, FAILED, UNSURE, CANCELLED = "paid", "failed", "unsure", "cancelled"
STATES = (INTENDED, HANDING, HANDED, PAID, FAILED, UNSURE, CANCELLED)

TAKE, HAND, TOOK, DOUBT, WAIT, REFUSE, SETTLE, BOUNCE = (
    "take", "hand", "took", "doubt", "wait", "refuse", "settle", "bounce",
)  # fmt: skip
AGAIN, CANCEL, REPEAT = "again", "cancel", "repeat"

_NEXT: dict[tuple[str, str], str] = {
    (INTENDED, TAKE): HANDING,  # by a process, committed before the other side is called
    (INTENDED, HAND): HANDED,  # in a file that a person takes
    (INTENDED, CANCEL): CANCELLED,
    (HANDING, TOOK): HANDED,
    (HANDING, SETTLE): PAID,
    (HANDING, REFUSE): FAILED,
    (HANDING, DOUBT): UNSURE,
    (HANDING, WAIT): INTENDED,  # it certainly did not leave
    (HANDED, SETTLE): PAID,
    (HANDED, REFUSE): FAILED,
    (HANDED, DOUBT): UNSURE,
    # What the other side says after all ends the doubt; so does a person, and nobody else repeats it.
    (UNSURE, TOOK): HANDED,
    (UNSURE, SETTLE): PAID,
    (UNSURE, REFUSE): FAILED,
    (UNSURE, REPEAT): INTENDED,  # with the same key: who had it already pays it once
    (FAILED, AGAIN): INTENDED,  # with a new key: it certainly was not paid
    (FAILED, CANCEL): CANCELLED,
    (FAILED, SETTLE): PAID,
    (PAID, BOUNCE): FAILED,  # it came back
}
EVENTS = tuple(sorted({event for _, event in _NEXT}))


class NoWay(ValueError):
    """This cannot happen to a payment in this state."""


def after(state: str, event: str) -> str:
    """The state that follows; raises NoWay where that cannot happen."""
    try:
        return _NEXT[state, event]
    except KeyError:
        raise NoWay(f"{event} cannot happen to a payment that is {state}") from None


def possible(state: str, event: str) -> bool:
    return (state, event) in _NEXT
