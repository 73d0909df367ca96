"""What rules and clocks read and what they may ask for: the facts of a case, conditions, actions and changes.

Everything here is frozen and pure. Times are aware UTC; ids are text, empty for nobody; money is `Decimal` with an ISO
4217 code. No fact is anybody's words: names, texts and free values never reach a rule.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec


class ClockFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One clock of a case. `key`: `<clock>`, or `<clock>/<aspect id>` where it runs for one aspect; `state`: running,
    paused, met, breached or stopped; `warned`: how many warnings were given; `late`: it was breached once, whatever
    became of it since."""

    key: str
    state: str
    due_at: datetime | None = None
    started_at: datetime | None = None
    policy: str = ""
    policy_version: int = 0
    warned: int = 0
    late: bool = False


class AspectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One matter of a case. `status`: open or closed; `severity`: 1 (minor) to 4 (grave); `amount_in_dispute` in the
    major unit of `currency`, None where nobody said."""

    id: str
    position: int = 1
    status: str = "open"
    category: str = ""
    priority: str = "normal"
    severity: int = 1
    owner: str = ""
    queue: str = ""
    outcome: str = ""
    cause: str = ""
    due_at: datetime | None = None
    concerns_staff: bool = False
    amount_in_dispute: Decimal | None = None
    currency: str = ""


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A case as its ledger tells it, at one moment.

    `units`: the ids of its unit and of all above; `status`: new, in_progress, resolved or closed; `mood`: calm, tense,
    upset, angry or empty; `support_needs`: a person confirmed that the complainant needs support; `messages_in` and
    `messages_out`: what was said so far; `final_response_at`: when the newest final response left; `clocks`: by key;
    `escalated`: the level it stands at, 0 where it does not; `fields`: the case type's own fields that are codes,
    numbers, dates or yes and no, without texts; `outside_hours`: it was received outside the unit's hours, None where
    no calendar is known; `recorded`: for deadlines alone, what the plugin that is asked wrote down in the case with
    `platform.record`, the newest of each kind."""

    id: str
    reference: str = ""
    unit: str = ""
    units: tuple[str, ...] = ()
    case_type: str = "complaint"
    status: str = "new"
    priority: str = "normal"
    severity: int = 1
    owner: str = ""
    queue: str = ""
    channel: str = ""
    language: str = ""
    confidential: bool = False
    mood: str = ""
    received_at: datetime
    opened_at: datetime
    at: datetime
    """The moment the facts tell of."""
    due_at: datetime | None = None
    closed_at: datetime | None = None
    aspects: tuple[AspectFacts, ...] = ()
    support_needs: bool = False
    messages_in: int = 0
    messages_out: int = 0
    last_in_at: datetime | None = None
    last_out_at: datetime | None = None
    final_response_at: datetime | None = None
    tags: frozenset[str] = frozenset()
    clocks: Mapping[str, ClockFacts] = {}
    escalated: int = 0
    fields: Mapping[str, Any] = {}
    outside_hours: bool | None = None
    recorded: Mapping[str, Mapping[str, Any]] = {}


class Change(msgspec.Struct, frozen=True, kw_only=True, tag_field="change"):
    """One thing a rule asks for; core decides whether it can be done, does it and writes why. A closed list: the
    classes below. An empty `aspect` means the case."""

    @property
    def kind(self) -> str:
        """Such as `assign_queue`."""
        return str(type(self).__struct_config__.tag)


class AssignQueue(Change, frozen=True, kw_only=True, tag="assign_queue"):
    """Puts the case, or one aspect, into a queue, by its id."""

    queue: str
    aspect: str = ""


class AssignUser(Change, frozen=True, kw_only=True, tag="assign_user"):
    """Gives the case, or one aspect, to a person of the staff, by id."""

    user: str
    aspect: str = ""


class AssignByRouting(Change, frozen=True, kw_only=True, tag="assign_by_routing"):
    """Lets routing weigh who or which queue suits best."""

    aspect: str = ""


class SetPriority(Change, frozen=True, kw_only=True, tag="set_priority"):
    """`priority`: low, normal, high or urgent."""

    priority: str
    aspect: str = ""


class SetSeverity(Change, frozen=True, kw_only=True, tag="set_severity"):
    """`severity`: 1 (minor) to 4 (grave)."""

    severity: int
    aspect: str = ""


class SetCategory(Change, frozen=True, kw_only=True, tag="set_category"):
    """Says what an aspect is about; a category that a person chose stays."""

    category: str
    aspect: str = ""


class SetType(Change, frozen=True, kw_only=True, tag="set_type"):
    """Makes the case one of another type, by the type's key."""

    case_type: str


class Notify(Change, frozen=True, kw_only=True, tag="notify"):
    """Tells staff, once, on their pages and as their notices say. `to`: owner, queue (who may take from it), leaders,
    or a user's id; `note`: a short text of the administrator's."""

    to: str = "owner"
    note: str = ""


class Remind(Change, frozen=True, kw_only=True, tag="remind"):
    """Reminds whoever has the case that it waits; the queue's people, where nobody has it."""

    note: str = ""


class Acknowledge(Change, frozen=True, kw_only=True, tag="acknowledge"):
    """Sends the acknowledgement to the complainants, once in a case."""


class SendTemplate(Change, frozen=True, kw_only=True, tag="send_template"):
    """Sends the complainants a message from a template, by its key."""

    template: str


class Escalate(Change, frozen=True, kw_only=True, tag="escalate"):
    """Starts, or takes up, a ladder of escalation, by its key."""

    ladder: str
    aspect: str = ""


class StartClock(Change, frozen=True, kw_only=True, tag="start_clock"):
    """Starts a clock under a policy, by its key. `within` instead: so many seconds of the unit's business time (or of
    all time, where `business` is false) from the trigger on; `clock` names it then."""

    policy: str = ""
    aspect: str = ""
    clock: str = ""
    within: int = 0
    business: bool = True


class AddTag(Change, frozen=True, kw_only=True, tag="add_tag"):
    """Marks the case with a code."""

    tag: str


class CloseCase(Change, frozen=True, kw_only=True, tag="close"):
    """Closes the case if every aspect is decided."""


CHANGES: dict[str, type[Change]] = {
    str(each.__struct_config__.tag): each
    for each in (
        AssignQueue, AssignUser, AssignByRouting, SetPriority, SetSeverity, SetCategory, SetType, Notify, Remind,
        Acknowledge, SendTemplate, Escalate, StartClock, AddTag, CloseCase,
    )
}  # fmt: skip
"""Every change there is, by its kind."""


class Named:
    """What conditions and actions share. `key`: a code, for a plugin's the slug or one beginning with it and a dot;
    `schema`: a cerberus rule for each argument, as for settings, from which core draws the form and checks it."""

    noun: ClassVar[str] = "thing"
    key: str


@dataclass(frozen=True)
class Condition(Named):
    """One thing that holds of a case or does not. `holds(facts, args)` is pure and runs in a moment; one that fails
    does not hold, and is named. `describe(args)`: in words, such as `the priority is high`. `reads`: which facts it
    reads, so that a replay can say what old cases lack. `found(facts, args)`: what it saw, as a code or a number, for
    the record that explains what was done."""

    key: str
    label: str
    schema: Mapping[str, Any]
    holds: Callable[[CaseFacts, Mapping[str, Any]], bool]
    describe: Callable[[Mapping[str, Any]], str]
    reads: tuple[str, ...] = ()
    group: str = ""
    found: Callable[[CaseFacts, Mapping[str, Any]], str] | None = None
    noun: ClassVar[str] = "condition"


@dataclass(frozen=True)
class Action(Named):
    """What a rule can do. `plan(facts, args)` is pure and gives the changes it asks for; core makes them."""

    key: str
    label: str
    schema: Mapping[str, Any]
    plan: Callable[[CaseFacts, Mapping[str, Any]], Sequence[Change]]
    describe: Callable[[Mapping[str, Any]], str]
    group: str = ""
    noun: ClassVar[str] = "action"
