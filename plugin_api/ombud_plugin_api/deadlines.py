"""Deadlines that plugins bring: pure, over frozen facts and a calendar. Core makes clocks of them, runs and meets
these, warns of them, and keeps the terms a clock was started by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from ombud_plugin_api.treatment import CaseFacts

MET_BY = ("word", "reply", "decision", "time")
"""What meets a clock: any message of ours, one that a person wrote, the decision (of the aspect, or of all aspects).
`time`: nothing does. It is somebody else's time, such as the customer's to go to an ombudsman: it runs on after the
case is closed, ends by itself, is never missed and counts in no figure."""


class WorkingTime(Protocol):
    """The calendar of the case's unit. Moments are aware; what it gives is in UTC. It raises ValueError for amounts
    that never fit into it."""

    @property
    def zone(self) -> str:
        """IANA name."""
        ...

    def add(self, start: datetime, working: timedelta) -> datetime:
        """The earliest moment by which that much working time has passed; a negative amount counts back."""
        ...

    def add_days(self, start: datetime, days: int, business: bool) -> datetime:
        """The end of the day so many days, or business days, after that of `start`, which is day 0."""
        ...

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from one moment to another."""
        ...

    def is_open(self, at: datetime) -> bool:
        """Whether work is done at this moment."""
        ...


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One clock that a case, or one of its aspects, is to have.

    `clock`: a code, one of each runs at a time; `label`: in plain words, such as `First reply`; `met_by`: one of
    MET_BY; `aspect`: the id of the aspect it runs for, empty for the case. How long: exactly one of `working` (working
    time), `days` (with `business`: business days) and `until` (a fixed moment that no pause moves). `starts_at`: None
    for the moment the complaint was received; give that of a message for what runs anew with each. `policy`: a code for
    the rule of the plugin's that gave it, such as the priority: while it stays the same, a running clock keeps the
    terms it began with; when it becomes another, the clock goes over to the terms given now. `regulatory`: no pause
    stops it. `warn_at`: at which shares of its time staff are warned, in per cent.
    """

    clock: str
    label: str
    met_by: str
    aspect: str = ""
    working: timedelta | None = None
    days: int | None = None
    business: bool = False
    until: datetime | None = None
    starts_at: datetime | None = None
    policy: str = ""
    regulatory: bool = False
    warn_at: tuple[int, ...] = ()


@dataclass(frozen=True)
class Deadlines:
    """What a plugin says of deadlines. `key`: the slug, or one that begins with it and a dot. `due(facts, calendar,
    settings)` is pure, runs in a moment and gives every deadline that the case should have as it stands, also those
    that run already: one that is left out while it runs is stopped. `settings`: the plugin's, as they hold in the
    case's unit. What it raises, or gives wrongly, leaves the case without its clocks and changes no other. `places`:
    ISO 3166 codes of where these clocks are law, such as `GB`, or `EU`; none: everywhere. Where the unit's country is
    none of them, core does not ask, unless the plugin's setting `applies` says so (`applies_rule`)."""

    key: str
    label: str
    due: Callable[[CaseFacts, WorkingTime, Mapping[str, Any]], Sequence[Deadline]]
    places: tuple[str, ...] = ()
