"""What the API answers: records as this viewer may see them. Times are RFC 3339 in UTC, money is text."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from babel.numbers import get_currency_precision

from ombud.desk.actions import Action
from ombud.desk.case_list import CaseRow
from ombud.desk.case_shown import AspectShown, CasePageView, NeedsShown, PartyShown, RedressShown
from ombud.desk.colleagues.claims import Claimed
from ombud.desk.queues import QueueLine
from ombud.desk.shown import AspectMark, ClockShown, Named
from ombud.desk.trail.history import Happened
from ombud.desk.trail.timeline import Said


class _Answer(msgspec.Struct):
    pass


class Filed(_Answer):
    """The receipt for a complaint; `track_url` is for the complainant alone."""

    reference: str
    track_url: str


class Reference(_Answer):
    """Somebody or something by id; `key` where it has one."""

    id: UUID
    name: str
    key: str | None = None


class Clock(_Answer):
    """`state`: running, soon (three days or less), late, met, met_late (answered after it was due); today, or the day
    it was answered, is day `day` of `of_days`."""

    state: str
    due_at: datetime
    day: int
    of_days: int


class ActionNow(_Answer):
    """`reason`: why it is not allowed now."""

    key: str
    label: str
    allowed: bool
    reason: str


class AspectLine(_Answer):
    """An aspect in a list; `letter` counts those you may see."""

    id: UUID
    letter: str
    title: str
    status: str
    outcome: str | None
    category: str
    due_at: datetime | None


class CaseLine(_Answer):
    """A case in a list. What you may not see is null."""

    id: UUID
    reference: str
    title: str
    customer: str | None
    status: str
    priority: str
    severity: int
    mood: str | None
    channel: str
    case_type: str
    unit: Reference
    queue: Reference | None
    owner: Reference | None
    aspects: list[AspectLine]
    confidential: bool
    received_at: datetime
    received_on: date
    due_at: datetime | None
    closed_at: datetime | None
    clock: Clock | None
    last_word_at: datetime | None
    last_word_channel: str | None
    version: int


class CaseLines(_Answer, omit_defaults=True):
    """`total` is exact; where there are more than 1,000 matches a filtered list says `at_least` in its place."""

    items: list[CaseLine]
    next_cursor: str | None
    total: int | None = None
    at_least: int | None = None


class SearchPiece(_Answer):
    """A piece of a text; `found` where it answers the search."""

    text: str
    found: bool


class SearchHit(_Answer, omit_defaults=True):
    """A case (reference, title, name of its customer), a message (reference and title of its case; in the inbox it has
    no reference yet) or a person. What you may not see is left out."""

    id: UUID
    reference: str | None = None
    title: str | None = None
    name: str | None = None
    status: str | None = None
    direction: str | None = None
    email: str | None = None
    phone: str | None = None
    cases: int | None = None
    at: datetime | None = None
    snippet: list[SearchPiece] = []


class SearchResults(_Answer, omit_defaults=True):
    """Results of one kind, newest first, people by name. `count` is exact; where there are more than fifty, `at_least`
    stands in its place. Later pages say neither."""

    kind: str
    items: list[SearchHit]
    next_cursor: str | None
    count: int | None = None
    at_least: int | None = None


class Search(_Answer):
    """`behind`: changes that are not searchable yet. `complete`: false while this desk's first index is being built."""

    results: list[SearchResults]
    behind: int
    complete: bool


class Redress(_Answer):
    """`standing`: neither taken back nor itself the taking back of another line; `approved`: by a second person;
    `payment`: its state, where one was made; `calculation`: the kept sum it comes from."""

    id: UUID
    kind: str
    amount: str | None
    currency: str | None
    note: str
    reverses: UUID | None
    standing: bool
    created_at: datetime
    approved: bool
    payment: str | None
    paid_on: date | None
    calculation: UUID | None


class RedressRequest(_Answer):
    """Redress above the limit of whoever would give it. `state`: waiting, approved, refused, withdrawn; `content`: what
    an approval must name, so that nobody approves what they have not seen."""

    id: UUID
    reference: str
    aspect: UUID
    kind: str
    amount: str
    currency: str
    note: str
    state: str
    requested_by: str
    mine: bool
    requested_at: datetime
    reason: str
    version: int
    content: str


class RedressRequests(_Answer):
    items: list[RedressRequest]


class Payment(_Answer):
    """A payment of a line. `state`: intended, handing, handed_over, paid, failed, unsure, cancelled."""

    id: UUID
    line: UUID
    amount: str
    currency: str
    way: str
    state: str
    key: str
    handed_over_at: datetime | None
    value_date: date | None
    detail: str


class RedressOfAspect(_Answer):
    """What was asked of a second person, and payments, the newest first."""

    requests: list[RedressRequest]
    payments: list[Payment]


class AmountInDispute(_Answer):
    amount: str
    currency: str


class Aspect(_Answer):
    """One matter: owned, clocked, decided and redressed by itself."""

    id: UUID
    letter: str
    title: str
    text: str
    category: str
    status: str
    priority: str
    severity: int
    owner: Reference | None
    concerns: Reference | None
    outcome: str | None
    reason: str | None
    cause: str | None
    due_at: datetime | None
    clock: Clock | None
    decided_at: datetime | None
    decided_by: Reference | None
    redress: list[Redress]
    redress_waiting: int
    amount_in_dispute: str | None
    disputed_currency: str | None
    actions: list[ActionNow]
    version: int


class Needs(_Answer):
    """Confirmed support needs; used for support, never to detriment."""

    in_vulnerable_circumstances: bool
    complains_of_our_response: bool
    adjustments: str
    lawful_basis: str
    confirmed_by: str
    confirmed_at: datetime
    review_on: date | None


class Party(_Answer):
    """A person in a role; what you may not see is null."""

    id: UUID
    person_id: UUID
    role: str
    kind: str
    name: str | None
    email: str | None
    phone: str | None
    postcode: str | None
    address: str | None
    authority: str
    authority_until: date | None
    support_needs: Needs | None


class Claim(_Answer):
    """Who says that they are working on a case, until when; it blocks nobody."""

    by: Reference
    since: datetime
    until: datetime


class Case(_Answer):
    """One case as you may see it."""

    id: UUID
    reference: str
    title: str
    customer: str | None
    status: str
    priority: str
    severity: int
    mood: str | None
    channel: str
    case_type: str
    language: str
    unit: Reference
    queue: Reference | None
    owner: Reference | None
    confidential: bool
    received_at: datetime
    received_on: date
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    clock: Clock | None
    fields: dict[str, Any]
    aspects: list[Aspect]
    parties: list[Party]
    messages: int
    actions: list[ActionNow]
    claim: Claim | None
    merged_into: str | None
    version: int


class Done(_Answer):
    """How the case stands after a command."""

    reference: str
    status: str
    version: int


class Made(_Answer):
    """The id of what was added."""

    id: UUID


class Granted(_Answer):
    """A line of redress: `granted`, or `waiting` for a second person; then the id is that of the request."""

    id: UUID
    state: str


class AspectDone(_Answer):
    """How the aspect stands after a command; `case_version` is that of its case. `redress`: after a decision, what
    became of each line of redress."""

    id: UUID
    status: str
    version: int
    case_version: int
    redress: list[Granted] = []


class File(_Answer):
    id: UUID
    name: str
    content_type: str
    size: int


class Message(_Answer):
    """`kind`: in, out or note; `aspects`: ids of the aspects it speaks of. Of one that goes out: `way` is how, `state`
    one of waiting_approval, held, scheduled, intended, sending, sent, unsure, failed, cancelled (empty: it simply is on
    the customer's page), `delivery` what is known of its arrival: posted, delivered, delayed,
    bounced, withdrawn, or nothing."""

    id: UUID
    kind: str
    said_at: datetime
    author: str
    channel: str
    text: str
    aspects: list[UUID]
    files: list[File]
    subject: str = ""
    way: str = ""
    state: str = ""
    leaves_at: datetime | None = None
    sent_at: datetime | None = None
    delivery: str = ""


class MadeMessage(_Answer):
    """`state` and `leaves_at` of an answer: how it stands, and when it leaves if nobody stops it."""

    id: UUID
    state: str = ""
    leaves_at: datetime | None = None


class Messages(_Answer):
    """Oldest first; `next_cursor` leads to the earlier ones."""

    items: list[Message]
    next_cursor: str | None


class Entry(_Answer):
    """One fact of the ledger in plain words; `values` are the sealed ones you may read."""

    number: int
    at: datetime
    kind: str
    actor: str
    text: str
    body: dict[str, Any]
    values: dict[str, Any]


class History(_Answer):
    """Newest first; `next_before` leads to the earlier ones."""

    items: list[Entry]
    next_before: int | None


class Queue(_Answer):
    """`waiting`: cases not closed that you may see, `unowned` among them."""

    key: str
    name: str
    waiting: int
    unowned: int
    as_of: datetime


class Queues(_Answer):
    items: list[Queue]


class Me(_Answer):
    """Whom the token or session speaks for, and what it may do in at least one unit."""

    id: UUID
    name: str
    actor: str
    language: str
    permissions: list[str]


def money(amount: Decimal | None, currency: str) -> str | None:
    """With as many places as the currency has: 42.50."""
    return None if amount is None else f"{amount:.{get_currency_precision(currency)}f}"


def reference_of(named: Named | None) -> Reference | None:
    return reference(named) if named else None


def reference(named: Named) -> Reference:
    return Reference(id=named.id, name=named.name, key=named.key or None)


def clock(shown: ClockShown | None) -> Clock | None:
    if shown is None:
        return None
    return Clock(state=shown.state, due_at=shown.due_at, day=shown.day, of_days=shown.of)


def case_line(row: CaseRow) -> CaseLine:
    return CaseLine(
        id=row.id, reference=row.reference, title=row.title, customer=row.customer, status=row.status,
        priority=row.priority, severity=row.severity, mood=row.mood or None, channel=row.channel,
        case_type=row.case_type, unit=reference(row.unit), queue=reference_of(row.queue),
        owner=reference_of(row.owner), aspects=[aspect_line(each) for each in row.aspects],
        confidential=row.confidential, received_at=row.received_at, received_on=row.received_on, due_at=row.due_at,
        closed_at=row.closed_at, clock=clock(row.clock), last_word_at=row.last_word_at,
        last_word_channel=row.last_word_channel or None, version=row.version,
    )  # fmt: skip


def aspect_line(mark: AspectMark) -> AspectLine:
    return AspectLine(
        id=mark.id, letter=mark.letter, title=mark.title, status=mark.status, outcome=mark.outcome or None,
        category=mark.category, due_at=mark.due_at,
    )  # fmt: skip


def case_answer(view: CasePageView) -> Case:
    case = view.case
    return Case(
        id=case.id, reference=case.reference, title=case.title, customer=case.customer, status=case.status,
        priority=case.priority, severity=case.severity, mood=case.mood or None, channel=case.channel,
        case_type=case.case_type, language=case.language, unit=reference(case.unit), queue=reference_of(case.queue),
        owner=reference_of(case.owner), confidential=case.confidential, received_at=case.received_at,
        received_on=case.received_on, opened_at=case.opened_at, due_at=case.due_at, closed_at=case.closed_at,
        clock=clock(case.clock), fields=dict(case.fields), aspects=[aspect_answer(each) for each in view.aspects],
        parties=[party_answer(each) for each in view.parties], messages=view.said, actions=actions(view.actions),
        claim=claim_answer(case.claim), merged_into=case.merged_into or None, version=case.version,
    )  # fmt: skip


def claim_answer(claim: Claimed | None) -> Claim | None:
    return (
        Claim(by=Reference(id=claim.user_id, name=claim.name), since=claim.since, until=claim.until) if claim else None
    )


def actions(allowed: tuple[Action, ...]) -> list[ActionNow]:
    return [ActionNow(key=each.key, label=each.label, allowed=each.allowed, reason=each.reason) for each in allowed]


def aspect_answer(shown: AspectShown) -> Aspect:
    return Aspect(
        id=shown.id, letter=shown.letter, title=shown.title, text=shown.text, category=shown.category,
        status=shown.status, priority=shown.priority, severity=shown.severity, owner=reference_of(shown.owner),
        concerns=reference_of(shown.concerns), outcome=shown.outcome or None, reason=shown.reason or None,
        cause=shown.cause or None, due_at=shown.due_at, clock=clock(shown.clock), decided_at=shown.decided_at,
        decided_by=reference_of(shown.decided_by), redress=[redress_answer(each) for each in shown.redress],
        redress_waiting=shown.waits, amount_in_dispute=money(shown.amount_in_dispute, shown.disputed_currency),
        disputed_currency=shown.disputed_currency or None, actions=actions(shown.actions), version=shown.version,
    )  # fmt: skip


def redress_answer(line: RedressShown) -> Redress:
    return Redress(
        id=line.id, kind=line.kind, amount=money(line.amount, line.currency), currency=line.currency or None,
        note=line.note, reverses=line.reverses, standing=line.standing, created_at=line.created_at,
        approved=line.approved, payment=line.payment or None, paid_on=line.paid_on, calculation=line.calculation_id,
    )  # fmt: skip


def party_answer(party: PartyShown) -> Party:
    return Party(
        id=party.id, person_id=party.person_id, role=party.role, kind=party.kind, name=party.name, email=party.email,
        phone=party.phone, postcode=party.postcode, address=party.address, authority=party.authority,
        authority_until=party.authority_until, support_needs=needs_answer(party.needs),
    )  # fmt: skip


def needs_answer(needs: NeedsShown | None) -> Needs | None:
    if needs is None:
        return None
    return Needs(
        in_vulnerable_circumstances=needs.in_vulnerable_circumstances,
        complains_of_our_response=needs.complains_of_our_response, adjustments=needs.adjustments,
        lawful_basis=needs.lawful_basis, confirmed_by=needs.confirmed_by, confirmed_at=needs.confirmed_at,
        review_on=needs.review_on,
    )  # fmt: skip


def message_answer(said: Said) -> Message:
    return Message(
        id=said.id, kind=said.kind, said_at=said.at, author=said.author, channel=said.channel, text=said.text,
        aspects=list(said.aspect_ids),
        files=[File(id=f.id, name=f.name, content_type=f.content_type, size=f.size) for f in said.files],
        subject=said.subject, way=said.way.channel if said.way else "", state=said.way.state if said.way else "",
        leaves_at=said.way.leave_at if said.way else None, sent_at=said.way.sent_at if said.way else None,
        delivery=said.way.delivery if said.way else "",
    )  # fmt: skip


def entry_answer(entry: Happened) -> Entry:
    values: Mapping[str, Any] = entry.values
    return Entry(
        number=entry.id, at=entry.at, kind=entry.code, actor=entry.actor_name, text=entry.text, body=dict(entry.body),
        values=dict(values),
    )  # fmt: skip


def queue_answer(line: QueueLine) -> Queue:
    return Queue(key=line.key, name=line.name, waiting=line.waiting, unowned=line.unowned, as_of=line.as_of)
