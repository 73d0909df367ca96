"""How a unit sends: how long a message can be taken back, office hours, and what a second person must approve."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ombud.desk.outgoing.states import KINDS
from ombud.kernel.setting_schema import SettingSchema, read_schema
from ombud.kernel.settled import Memory
from ombud.trust.group_settings import held_in

KEY = "outgoing"
KIND_WORDS = {
    "reply": "Reply", "acknowledgement": "Acknowledgement", "status": "News of the case",
    "request": "Request for documents", "final_response": "Final response", "notice": "Notice", "digest": "Digest",
    "privacy": "About a privacy request", "root": "Root of the ledger",
}  # fmt: skip
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_WORDS = dict(
    zip(_DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_HOLDS = {
    "hold_reply": ("A reply waits", 30),
    "hold_status": ("News of the case waits", 30),
    "hold_request": ("A request waits", 30),
    "hold_final_response": ("A final response waits", 300),
}


@dataclass(frozen=True)
class Rules:
    """`holds`: seconds by kind; `office`: kinds that leave in office hours only; `approval_from`: the sum of money, in
    the unit's currency, from which on a second person approves; None: whatever the sum."""

    holds: Mapping[str, int]
    office: frozenset[str]
    days: frozenset[int]
    opens: time
    closes: time
    approval_kinds: frozenset[str]
    approval_from: Decimal | None

    def leaves_at(self, kind: str, written: datetime, zone: str) -> datetime:
        """When a message that is written now leaves: after its hold, and in office hours where it waits for those."""
        moment = written + timedelta(seconds=self.holds.get(kind, 0))
        return self.in_office(moment, zone) if kind in self.office else moment

    def in_office(self, moment: datetime, zone: str) -> datetime:
        """This moment, or the next one at which the office is open. Without office days: this moment."""
        local = moment.astimezone(ZoneInfo(zone))
        if not self.days or self.opens >= self.closes:
            return moment
        for ahead in range(8):
            day = (local + timedelta(days=ahead)).date()
            opens = datetime.combine(day, self.opens, ZoneInfo(zone))
            closes = datetime.combine(day, self.closes, ZoneInfo(zone))
            if day.weekday() in self.days and moment < closes:
                return max(moment, opens.astimezone(moment.tzinfo))
        return moment


def schema() -> SettingSchema:
    return _schema()


@lru_cache(maxsize=1)
def _schema() -> SettingSchema:
    kinds = [each for each in KINDS if each not in {"notice", "digest", "privacy", "root"}]
    approved = [each for each in kinds if each != "acknowledgement"]
    choices = {kind: KIND_WORDS[kind] for kind in kinds}
    fields: dict[str, Any] = {
        name: {
            "type": "integer", "required": True, "min": 0, "max": 86_400, "default": seconds,
            "meta": {"label": label, "suffix": "seconds", "group": "Taking a message back",
                     "help": "So long it can be taken back before it leaves."},
        }
        for name, (label, seconds) in _HOLDS.items()
    }  # fmt: skip
    fields["office_kinds"] = {
        "type": "list", "allowed": kinds, "default": [],
        "meta": {"label": "Leave in office hours only", "choices": choices, "group": "Office hours",
                 "help": "What is written at another time leaves when the office opens."},
    }  # fmt: skip
    fields["office_days"] = {
        "type": "list",
        "allowed": list(_DAYS),
        "default": list(_DAYS[:5]),
        "meta": {"label": "Open on", "choices": _DAY_WORDS, "group": "Office hours"},
    }
    for name, label, usual in (("office_from", "Opens at", "09:00"), ("office_to", "Closes at", "17:00")):
        fields[name] = {
            "type": "string", "required": True, "regex": _CLOCK, "default": usual,
            "meta": {"label": label, "placeholder": usual, "group": "Office hours",
                     "help": "In the unit's time zone, like 09:00."},
        }  # fmt: skip
    fields["approval_kinds"] = {
        "type": "list", "allowed": approved, "default": [],
        "meta": {"label": "A second person approves", "group": "Approval",
                 "choices": {kind: KIND_WORDS[kind] for kind in approved},
                 "help": "Whoever wrote it cannot approve it. Who may, says the permission “Approve messages”."},
    }  # fmt: skip
    fields["approval_from"] = {
        "type": "decimal", "min": 0, "nullable": True,
        "meta": {"label": "A final response is approved from redress of", "group": "Approval",
                 "help": "In the unit's currency; redress in another currency always needs it. Empty: no such limit."},
    }  # fmt: skip
    return read_schema(fields)


_remembered: Memory[UUID, Rules] = Memory(1000)


async def rules_known(unit_id: UUID, settled: int) -> Rules:
    """The same from memory, as long as the number holds under which they were read (`kernel/settled.py`)."""
    return await _remembered.of(unit_id, settled, lambda: rules_in(unit_id))


async def rules_in(unit_id: UUID | None) -> Rules:
    """As they hold in a unit; one statement."""
    found = await held_in(unit_id, KEY, schema())
    return Rules(
        holds={name.removeprefix("hold_"): int(found[name]) for name in _HOLDS},
        office=frozenset(found["office_kinds"] or ()),
        days=frozenset(_DAYS.index(each) for each in found["office_days"] or ()),
        opens=time.fromisoformat(found["office_from"]), closes=time.fromisoformat(found["office_to"]),
        approval_kinds=frozenset(found["approval_kinds"] or ()), approval_from=found["approval_from"],
    )  # fmt: skip
