"""The records of a case's page, as one viewer may see them. What is masked is None."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ombud.desk.actions import Action
from ombud.desk.colleagues.claims import Claimed
from ombud.desk.fields import FormField
from ombud.desk.routing.shown import Glance
from ombud.desk.shown import ClockShown, Named
from ombud.desk.trail.history import Happened
from ombud.desk.trail.timeline import FileShown, Said
from ombud.desk.words import label


@dataclass(frozen=True)
class NextClock:
    """The clock that ends next of those in the viewer's view."""

    label: str
    aspect_id: UUID | None
    clock: ClockShown | None


@dataclass(frozen=True)
class CaseShown:
    """The case itself. `about_me`: an aspect is hidden from this viewer; then title is the reference, and mood, own
    fields and last word are left out. `customer` is None where the viewer may not see names. `seq`: the number of the
    newest entry in the case's history when this was read. `merged_into`: reference of the case that holds it now.
    `destroyed`: its words are gone at the end of their time."""

    id: UUID
    reference: str
    title: str
    customer: str | None
    customer_id: UUID | None
    unit: Named
    zone: str
    case_type: str
    case_type_label: str
    status: str
    priority: str
    severity: int
    mood: str
    mood_suggested: bool
    channel: str
    language: str
    confidential: bool
    owner: Named | None
    mine: bool
    queue: Named | None
    received_at: datetime
    received_on: date
    opened_at: datetime
    due_at: datetime | None
    changed_at: datetime
    closed_at: datetime | None
    clock: ClockShown | None
    fields: Mapping[str, Any]
    form: tuple[FormField, ...]
    about_me: bool
    version: int
    claim: Claimed | None = None
    claims: tuple[Claimed, ...] = ()
    seq: int = 0
    merged_into: str = ""
    next_clock: NextClock | None = None
    tags: tuple[str, ...] = ()
    destroyed: bool = False

    @property
    def status_label(self) -> str:
        return label(self.status)


@dataclass(frozen=True)
class RedressShown:
    """One line of redress. `reverses`: the line it takes back; `standing`: neither taken back nor a taking back;
    `approved`: by a second person; `payment`: its state, empty where none was made; `working`: lines of the
    kept sum."""

    id: UUID
    kind: str
    amount: Decimal | None
    currency: str
    note: str
    reverses: UUID | None
    standing: bool
    created_at: datetime
    approved: bool = False
    calculation_id: UUID | None = None
    payment: str = ""
    paid_on: date | None = None
    working: tuple[Mapping[str, Any], ...] = ()

    @property
    def kind_label(self) -> str:
        return label(self.kind)


@dataclass(frozen=True)
class FindingShown:
    """What a provider or a person proposed, with the reason. `labels`: words of the category an aspect is proposed
    of, by language."""

    id: UUID
    message_id: UUID | None
    aspect_id: UUID | None
    provider: str
    kind: str
    value: Any
    confidence: Decimal | None
    reason: str
    state: str
    created_at: datetime
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True)
class AspectShown:
    """One matter. `letter` counts the aspects in view; `said`: messages about it; `concerns`: the member of staff;
    `…_words`: what the taxonomy calls its category and cause, in the viewer's language; `waits`: requests for redress
    that wait for a second person; `amount_in_dispute`: what the customer asks for."""

    id: UUID
    letter: str
    title: str
    text: str
    category: str
    status: str
    priority: str
    severity: int
    owner: Named | None
    mine: bool
    concerns: Named | None
    outcome: str
    reason: str
    cause: str
    due_at: datetime | None
    clock: ClockShown | None
    decided_at: datetime | None
    decided_by: Named | None
    redress: tuple[RedressShown, ...]
    said: int
    actions: tuple[Action, ...]
    suggested: tuple[FindingShown, ...]
    version: int
    category_words: str = ""
    cause_words: str = ""
    waits: int = 0
    amount_in_dispute: Decimal | None = None
    disputed_currency: str = ""
    claim: Claimed | None = None

    @property
    def decided(self) -> bool:
        return self.status == "closed"

    @property
    def outcome_label(self) -> str:
        return label(self.outcome) if self.outcome else ""

    @property
    def cause_label(self) -> str:
        return self.cause_words or (label(self.cause) if self.cause else "")

    @property
    def category_label(self) -> str:
        return self.category_words or self.category

    @property
    def in_taxonomy(self) -> bool:
        """False where the category is free text, or a code that no taxonomy knows."""
        return bool(self.category_words) or not self.category

    @property
    def may_decide(self) -> bool:
        return any(each.key == "decide" and each.allowed for each in self.actions)


@dataclass(frozen=True)
class NeedsShown:
    """Confirmed support needs of a person; used for support, never to detriment."""

    in_vulnerable_circumstances: bool
    complains_of_our_response: bool
    adjustments: str
    lawful_basis: str
    confirmed_by: str
    confirmed_at: datetime
    review_on: date | None
    version: int


@dataclass(frozen=True)
class PartyShown:
    """A person in a role; what the viewer may not see is None, and `needs` is None also where there are none.
    `privacy`: `restrict` or `object`, where they restricted processing or object to it."""

    id: UUID
    person_id: UUID
    kind: str
    name: str | None
    email: str | None
    phone: str | None
    postcode: str | None
    address: str | None
    role: str
    authority: str
    authority_until: date | None
    expired: bool
    needs: NeedsShown | None
    version: int
    privacy: tuple[str, ...] = ()

    @property
    def role_label(self) -> str:
        return label(self.role)


@dataclass(frozen=True)
class CasePageView:
    """`said`: all messages in view; `earlier`: cursor of the timeline before; `drafts`: the viewer's own, by purpose;
    `people`: who may own the case, empty where the viewer may not assign; `links`: working links for customers;
    `tied`: other cases were merged into it or split from it; `promises`: made in it, neither done nor dropped;
    `return_begun`: on this desk (`matters/uncategorised.py`);
    `final_response`: state of the one written since the last outcome, empty where there is none; `wrote_since`: the
    last word is the customer's, and came after every decision."""

    case: CaseShown
    aspects: tuple[AspectShown, ...]
    parties: tuple[PartyShown, ...]
    entries: tuple[Said | Happened, ...]
    said: int
    earlier: str | None
    findings: tuple[FindingShown, ...]
    files: tuple[FileShown, ...]
    drafts: Mapping[str, Mapping[str, Any]]
    links: int
    actions: tuple[Action, ...]
    people: tuple[Named, ...]
    tied: bool = False
    promises: int = 0
    return_begun: bool = False
    final_response: str = ""
    wrote_since: bool = False
    routing: Glance = field(default_factory=Glance)

    @property
    def decided(self) -> int:
        return sum(each.decided for each in self.aspects)

    def may(self, key: str) -> bool:
        return any(each.key == key and each.allowed for each in self.actions)

    def why_not(self, key: str) -> str:
        return next((each.reason for each in self.actions if each.key == key), "")
