"""The way of an outgoing message: which state follows which, on what. Pure."""

WAITING, HELD, SCHEDULED, INTENDED = "waiting_approval", "held", "scheduled", "intended"
SENDING, SENT, UNSURE, FAILED, CANCELLED = "sending", "sent", "unsure", "failed", "cancelled"

STATES = (WAITING, HELD, SCHEDULED, INTENDED, SENDING, SENT, UNSURE, FAILED, CANCELLED)
UNSENT = (WAITING, HELD, SCHEDULED, INTENDED)
"""Certainly not handed over yet, so that it can be taken back."""
READY = (HELD, SCHEDULED, INTENDED)
"""Handed over as soon as `leave_at` has passed."""

KINDS = ("reply", "acknowledgement", "status", "request", "final_response", "notice", "digest", "privacy", "root")
"""What a message is for, as the plugin API calls it."""
WRITTEN = ("reply", "status", "request", "final_response")
"""Those that a person writes from a case."""
EXPIRING = ("acknowledgement", "status", "notice", "digest")
"""Where nobody wrote it and it stays unsure for a day, one of these is given up by itself; it is never sent again."""

TAKE, LATER, STALE = "take", "later", "stale"
APPROVE, REJECT, CANCEL, HURRY = "approve", "reject", "cancel", "hurry"
TOOK, DOUBT, REFUSED, WAIT = "took", "doubt", "refused", "wait"
ARRIVED, AGAIN, GIVE_UP, RETURN = "arrived", "again", "give_up", "return"

_NEXT: dict[tuple[str, str], str] = {
    (WAITING, APPROVE): HELD,
    (WAITING, REJECT): CANCELLED,
    (WAITING, CANCEL): CANCELLED,
    **{(state, CANCEL): CANCELLED for state in READY},
    **{(state, HURRY): INTENDED for state in READY},
    **{(state, LATER): SCHEDULED for state in READY},
    **{(state, STALE): FAILED for state in READY},
    **{(state, RETURN): WAITING for state in READY},
    **{(state, TAKE): SENDING for state in READY},
    (SENDING, TOOK): SENT,
    (SENDING, DOUBT): UNSURE,
    (SENDING, REFUSED): FAILED,
    (SENDING, WAIT): INTENDED,
    # What a slow deliverer says after all, or its `status` knows, ends the doubt; so does a person.
    (UNSURE, TOOK): SENT,
    (UNSURE, REFUSED): FAILED,
    (UNSURE, ARRIVED): SENT,
    (UNSURE, AGAIN): INTENDED,
    (UNSURE, GIVE_UP): FAILED,
    (FAILED, AGAIN): INTENDED,
}
EVENTS = tuple(sorted({event for _, event in _NEXT}))


class NoWay(ValueError):
    """This cannot happen to a message in this state."""


def after(state: str, event: str) -> str:
    """The state that follows; raises NoWay where that cannot happen."""
    try:
        return _NEXT[state, event]
    except KeyError:
        raise NoWay(f"{event} cannot happen to a message that is {state}") from None


def possible(state: str, event: str) -> bool:
    return (state, event) in _NEXT
