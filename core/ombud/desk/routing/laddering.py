"""A ladder as administrators write it: what starts it, its steps, what ends it. Pure; raises Invalid with the place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from ombud.desk.calendars.arithmetic import Calendar
from ombud.desk.errors import Invalid
from ombud.desk.words import MOODS, SEVERITIES, label
from ombud.speech import counted, sentence, word

TARGETS = {
    "owner": "Remind whoever has it", "leader": "Tell the next level: their leader",
    "role": "Tell everybody with a role", "user": "Tell one person", "queue": "Move it to a queue",
}  # fmt: skip
ENDS = {
    "answered": "An answer to the customer was sent", "decided": "The matter is decided",
    "acknowledged": "Somebody says what they are doing about it",
}  # fmt: skip
OF = {"received": "it was received", "last_in": "the customer last wrote", "due": "the answer was due"}
UNITS = {"m": 1, "h": 60, "d": 24 * 60}
STEPS, LONGEST = 8, 366 * 24 * 60
_WHICH = {"role": "Say which role.", "user": "Say which person.", "queue": "Say which queue."}


@dataclass(frozen=True)
class After:
    """A length of time in minutes, of working time or of all time."""

    minutes: int = 0
    business: bool = False

    def end(self, start: datetime, calendar: Calendar) -> datetime:
        length = timedelta(minutes=self.minutes)
        return calendar.add(start, length) if self.business else start + length

    def __str__(self) -> str:
        if not self.minutes:
            return word("at once")
        unit, size = next((unit, size) for unit, size in reversed(UNITS.items()) if self.minutes % size == 0)
        many = self.minutes // size
        return (_WORKING if self.business else _LENGTHS)[unit](many)


_LENGTHS: dict[str, Callable[[int], str]] = {
    "m": lambda many: counted("after %(num)s minute", "after %(num)s minutes", many),
    "h": lambda many: counted("after %(num)s hour", "after %(num)s hours", many),
    "d": lambda many: counted("after %(num)s day", "after %(num)s days", many),
}
_WORKING: dict[str, Callable[[int], str]] = {
    "m": lambda many: counted("after %(num)s working minute", "after %(num)s working minutes", many),
    "h": lambda many: counted("after %(num)s working hour", "after %(num)s working hours", many),
    "d": lambda many: counted("after %(num)s working day", "after %(num)s working days", many),
}


@dataclass(frozen=True)
class Step:
    """`after` the step before, or the start; `target`: whom or where, by `to`; `hand_over`: they also get the work."""

    to: str = "owner"
    after: After = field(default_factory=After)
    target: str = ""
    hand_over: bool = False


@dataclass(frozen=True)
class Starts:
    """What starts a ladder by itself: all that is set must hold; nothing set: only people and rules start it."""

    severity: int = 0
    mood: str = ""
    support_needs: bool = False
    amount: Decimal | None = None
    currency: str = ""
    of: str = ""
    after: After = field(default_factory=After)

    def any(self) -> bool:
        return bool(self.severity or self.mood or self.support_needs or self.amount is not None or self.of)


@dataclass(frozen=True)
class Content:
    steps: tuple[Step, ...] = ()
    starts: Starts = field(default_factory=Starts)
    ends: tuple[str, ...] = ("answered", "decided", "acknowledged")


def checked(content: Content) -> Content:
    """The content, if it means something."""
    if not content.steps:
        raise Invalid("A ladder needs a step. Say whom it reaches, and after how long.", "steps")
    if len(content.steps) > STEPS:
        raise Invalid(sentence("A ladder has %(most)s steps at most.", most=STEPS), "steps")
    for number, step in enumerate(content.steps, 1):
        _check_step(step, number)
    if not content.ends or set(content.ends) - set(ENDS):
        raise Invalid("Say what ends it, so that it does not climb on after somebody answered.", "ends")
    _check_starts(content.starts)
    return content


def _check_step(step: Step, number: int) -> None:
    if step.to not in TARGETS:
        raise Invalid("Choose whom the step reaches.", f"s{number}.to")
    if step.to in {"role", "user", "queue"} and not step.target:
        raise Invalid(_WHICH[step.to], f"s{number}.target")
    if not 0 <= step.after.minutes <= LONGEST:
        raise Invalid("A step waits a year at most.", f"s{number}.after")


def _check_starts(starts: Starts) -> None:
    if starts.severity and starts.severity not in SEVERITIES:
        raise Invalid("The severity is a number from 1 (minor) to 4 (grave).", "severity")
    if starts.mood and starts.mood not in MOODS:
        raise Invalid("Choose a mood of the list.", "mood")
    if starts.of and starts.of not in OF:
        raise Invalid("Choose since when the time counts.", "of")
    if starts.of and not 0 <= starts.after.minutes <= LONGEST:
        raise Invalid("The time is a year at most.", "start_after")
    if starts.amount is not None and (starts.amount <= 0 or len(starts.currency) != 3):
        raise Invalid("Give an amount above zero and its currency, such as 1000 EUR.", "amount")


def read_after(text: str, name: str) -> After:
    """`2h`, `1d`, `30m`, `0`; with `w` behind it working time: `2h w`. Raises Invalid."""
    words = text.strip().lower().split()
    business = len(words) > 1 and words[-1] in {"w", "working"}
    short = "".join(words[:-1] if business else words)
    if short in {"", "0"}:
        return After(0, business)
    number, unit = short[:-1], short[-1:]
    if not number.isdigit() or unit not in UNITS or len(number) > 6:
        raise Invalid("Write a time like 30m, 2h or 1d.", name)
    return After(int(number) * UNITS[unit], business)


def write_after(after: After) -> str:
    if not after.minutes:
        return "0"
    unit, size = next((unit, size) for unit, size in reversed(UNITS.items()) if after.minutes % size == 0)
    return f"{after.minutes // size}{unit}"


def coded(content: Content) -> dict[str, Any]:
    """As jsonb and the ledger hold it."""
    starts = content.starts
    return {
        "steps": [
            {"to": step.to, "target": step.target, "minutes": step.after.minutes, "business": step.after.business,
             "hand_over": step.hand_over}
            for step in content.steps
        ],
        "starts": {
            "severity": starts.severity, "mood": starts.mood, "support_needs": starts.support_needs,
            "amount": "" if starts.amount is None else f"{starts.amount:f}", "currency": starts.currency,
            "of": starts.of, "minutes": starts.after.minutes, "business": starts.after.business,
        },
        "ends": list(content.ends),
    }  # fmt: skip


def read_content(given: Mapping[str, Any]) -> Content:
    starts: Mapping[str, Any] = given.get("starts") or {}
    return Content(
        steps=tuple(
            Step(each["to"], After(each["minutes"], each["business"]), each["target"], each["hand_over"])
            for each in given.get("steps") or ()
        ),
        starts=Starts(
            starts.get("severity", 0), starts.get("mood", ""), starts.get("support_needs", False),
            amount_of(starts.get("amount", "")), starts.get("currency", ""), starts.get("of", ""),
            After(starts.get("minutes", 0), starts.get("business", False)),
        ),
        ends=tuple(given.get("ends") or ()),
    )  # fmt: skip


def amount_of(text: str) -> Decimal | None:
    """None for nothing; raises Invalid for what is no amount."""
    if not text.strip():
        return None
    try:
        amount = Decimal(text.replace(" ", "").replace(",", "."))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise Invalid("This is no amount. Write it like 1000 or 99.50.", "amount")
    return amount


def starts_in_words(starts: Starts) -> list[str]:
    """`severity 3 or more`, one for each condition; empty where only people and rules start it."""
    found = []
    if starts.severity:
        found.append(sentence("severity %(severity)s or more", severity=starts.severity))
    if starts.mood:
        found.append(sentence("the customer is %(mood)s or worse", mood=word(label(starts.mood)).lower()))
    if starts.support_needs:
        found.append(word("support needs are confirmed"))
    if starts.amount is not None:
        found.append(sentence("%(amount)s or more in dispute", amount=f"{starts.amount:f} {starts.currency}"))
    if starts.of:
        found.append(_since(starts))
    return found


def _since(starts: Starts) -> str:
    if not starts.after.minutes:
        return sentence("as soon as %(event)s", event=word(OF[starts.of]))
    return sentence("%(time)s that %(event)s", time=str(starts.after), event=word(OF[starts.of]))


def moods_from(mood: str) -> Sequence[str]:
    """That mood and those more heated."""
    return MOODS[MOODS.index(mood) :]
