"""Why somebody got something, in words: one short phrase for each factor that counted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ombud.desk.trail.history import Phrase
from ombud.kernel.lifecycle import running

_SPEECH: dict[str, str] = {
    "spoken": "the customer's language is spoken", "not_said": "nobody said which languages are spoken",
    "not_spoken": "the customer's language is not spoken",
}  # fmt: skip
_KNOWN = {"same": "had this customer before", "stand_in": "stands in for who had this customer before"}


def words(factors: Sequence[Mapping[str, Any]]) -> list[Phrase]:
    """Those that say something, the weightiest first."""
    found = [(int(each.get("points", 0)), _word(each)) for each in factors]
    return [phrase for _, phrase in sorted(found, key=lambda pair: -abs(pair[0])) if phrase is not None]


def _word(factor: Mapping[str, Any]) -> Phrase | None:
    key, value = str(factor.get("key", "")), str(factor.get("value", ""))
    if key.startswith("router:"):
        share = f"{int(value) / 10:.0f} %" if value.isdigit() else value
        return Phrase("%(router)s favours it: %(share)s", {"router": router_label(key[7:]), "share": share}, "route")
    write = _WORDS.get(key)
    return write(value) if write else None


def router_label(key: str) -> str:
    """What a router is called while its plugin is on; its key afterwards."""
    for loaded in running.loaded.values():
        for each in loaded.routers:
            if each.key == key:
                return each.label
    return key


def _clock(value: str) -> Phrase | None:
    if value == "none":
        return None
    hours = int(value)
    if hours < 0:
        return Phrase("it is late", icon="alert-circle")
    if hours < 72:
        return Phrase("%(hours)s hours are left", {"hours": str(hours)}, "clock")
    return Phrase("%(days)s days are left", {"days": str(hours // 24)}, "clock")


def _skills(value: str) -> Phrase:
    held, _, asked = value.partition("/")
    return Phrase("%(held)s of %(asked)s skills asked for", {"held": held, "asked": asked}, "certificate")


def _load(value: str) -> Phrase:
    load, _, capacity = value.partition("/")
    if capacity:
        values = {"load": load, "capacity": capacity}
        return Phrase("%(load)s of %(capacity)s in hand", values, "stack-2")
    return Phrase("%(load)s in hand", {"load": load}, "stack-2")


_WORDS: dict[str, Callable[[str], Phrase | None]] = {
    "clock": _clock,
    "skills": _skills,
    "language": lambda value: Phrase(_SPEECH.get(value, "language"), icon="language"),
    "continuity": lambda value: Phrase(_KNOWN.get(value, "continuity"), icon="users"),
    "load": _load,
    "share": lambda value: Phrase("%(n)s came in the last two weeks", {"n": value}, "calendar"),
    "turn": lambda value: (
        Phrase("%(n)s went to others since", {"n": value}, "repeat") if value not in {"", "0"} else None
    ),
    "severity": lambda value: Phrase("severity %(n)s", {"n": value}, "alert-triangle") if value != "1" else None,
    "priority": lambda value: (
        Phrase("priority %(n)s", {"n": value}, "flag-3") if value not in {"normal", "low"} else None
    ),
    "age": lambda value: Phrase("waits for %(n)s days", {"n": value}, "hourglass") if value not in {"", "0"} else None,
    "support": lambda value: Phrase("support needs are confirmed", icon="heart-handshake"),
}


def sentence(factors: Sequence[Mapping[str, Any]], most: int = 3) -> str:
    """For a toast: `it is late; severity 3; waits for 4 days`."""
    return "; ".join(str(each) for each in words(factors)[:most])
