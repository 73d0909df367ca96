"""The one function that says who may see and do what: a yes or no, a row filter and a field mask. Default deny.

Lists, pages, writes, the API, exports, history and live updates all ask `decide` and put its filter into their SQL,
so that no second opinion exists anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.kernel.clock import now

HIDDEN = "Not shown to you"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody, or something, that asks. `rights`: permission → the units in which it holds, closed downwards.
    `settled`: the number under which they were read (`kernel/settled.py`); `emergencies`: the cases that they opened
    by emergency access, and until when."""

    actor: str
    name: str = ""
    user_id: UUID | None = None
    language: str = "en"
    rights: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    system: bool = False
    roles: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    settled: int = field(default=0, compare=False)
    emergencies: Mapping[UUID, datetime] = field(default_factory=dict)

    def may(self, permission: str) -> bool:
        """True if the permission holds in at least one unit."""
        return self.system or (self._in_scope(permission) and bool(self.rights.get(permission)))

    def may_in(self, permission: str, unit_id: UUID) -> bool:
        """True if the permission holds in this very unit."""
        return self.system or unit_id in self.units(permission)

    def units(self, permission: str) -> frozenset[UUID]:
        return self.rights.get(permission, frozenset()) if self._in_scope(permission) else frozenset()

    def opened(self) -> list[UUID]:
        """The cases open to them by emergency access at this moment; it ends by itself."""
        moment = now()
        return sorted(case_id for case_id, until in self.emergencies.items() if until > moment)

    def _in_scope(self, permission: str) -> bool:
        return self.scopes is None or permission in self.scopes


ANONYMOUS = Viewer(actor="")
SYSTEM = Viewer(actor="system", name="Ombud", system=True)


class Arguments:
    """Collects the arguments of one statement; `add` answers with the placeholder."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer of the policy. `where` filters rows; `mask_in` names the fields to hide in those that remain."""

    allowed: bool
    viewer: Viewer
    permission: str
    kind: str

    def where(self, alias: str, arguments: Arguments) -> str:
        """SQL that is true for the rows the viewer may have; the alias is that of the kind's table."""
        if not self.allowed:
            return "FALSE"
        if self.viewer.system:
            return "TRUE"
        return _ROWS[self.kind](self, alias, arguments)

    def ways(self, alias: str, arguments: Arguments) -> dict[str, str]:
        """How a case comes into view: SQL for each way (`unit`, `confidential`, `owner`, `emergency`), of which `where`
        is the sum. What explains an answer asks this, so that no second opinion exists."""
        if self.kind != "case" or not self.allowed:
            return {}
        if self.viewer.system:
            return {"system": "TRUE"}
        reach, within, beside = _case_ways(self, alias, arguments)
        return {**{way: f"({reach} AND {condition})" for way, condition in within.items()}, **beside}


def decide(viewer: Viewer, permission: str, kind: str = "none") -> Grant:
    """The policy. `kind` is what the rows are: case, count, aspect, message, attachment, person, entry, raw, return,
    privacy, none."""
    if kind not in _ROWS:
        raise ValueError(f"the policy knows no rows of kind {kind!r}; add its filter to the policy first")
    return Grant(viewer.may(permission), viewer, permission, kind)


# What emergency access opens: a case to be read, and nothing to be done in it.
OPENED = "case.read"

# Which permission shows a field; a right in one unit does not show it in another (`mask_in`).
_SHOWN_BY = {
    "email": "person.contact",
    "phone": "person.contact",
    "postcode": "person.contact",
    "address": "person.contact",
    "name": "person.read",
    "customer": "person.read",
    "support_needs": "support.read",
}


def mask_in(viewer: Viewer, *units: UUID) -> frozenset[str]:
    """The fields of a person or case to hide where the record belongs to these units (one right among them shows)."""
    return frozenset(each.field for each in fields_in(viewer, *units) if not each.shown)


@dataclass(frozen=True, slots=True)
class FieldShown:
    """A field that needs a right of its own, and whether it is shown."""

    field: str
    permission: str
    shown: bool


def fields_in(viewer: Viewer, *units: UUID) -> tuple[FieldShown, ...]:
    """Each field that can be masked, with the right that shows it: `mask_in` is what of these is not shown."""
    return tuple(
        FieldShown(name, permission, any(viewer.may_in(permission, unit_id) for unit_id in units))
        for name, permission in _SHOWN_BY.items()
    )


def _case_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    reach, within, beside = _case_ways(grant, alias, arguments)
    return " OR ".join([f"({reach} AND ({' OR '.join(within.values())}))", *beside.values()]).join("()")


def _case_ways(grant: Grant, alias: str, arguments: Arguments) -> tuple[str, dict[str, str], dict[str, str]]:
    """Where the right reaches, the ways within that, and those beside it. Emergency access opens cases for reading
    alone, and none with a matter about the viewer."""
    viewer = grant.viewer
    units = arguments.add(list(viewer.units(grant.permission)))
    secret = arguments.add(list(viewer.units("case.confidential")))
    me = arguments.add(viewer.user_id)
    within = {
        "unit": f"NOT {alias}.confidential",
        "confidential": f"{alias}.unit_id = ANY({secret}::uuid[])",
        "owner": f"{alias}.owner_id = {me}::uuid",
    }
    beside = {}
    if grant.permission == OPENED and (opened := viewer.opened()):
        mine = about_me(f"{alias}.id", me)
        beside["emergency"] = f"({alias}.id = ANY({arguments.add(opened)}::uuid[]) AND NOT {mine})"
    return f"{alias}.unit_id = ANY({units}::uuid[])", within, beside


def without_emergency(viewer: Viewer, alias: str, arguments: Arguments) -> str:
    """SQL: the viewer would see this case also without emergency access, and may do there what their roles allow."""
    if not viewer.opened():
        return "TRUE"
    return decide(replace(viewer, emergencies={}), OPENED, "case").where(alias, arguments)


def _count_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """Kept counters know unit and confidentiality, but no owner and no case."""
    units = arguments.add(list(grant.viewer.units(grant.permission)))
    secret = arguments.add(list(grant.viewer.units("case.confidential")))
    return (
        f"({alias}.unit_id = ANY({units}::uuid[]) "
        f"AND (NOT {alias}.confidential OR {alias}.unit_id = ANY({secret}::uuid[])))"
    )


def _within_case(grant: Grant, case_id: str, arguments: Arguments) -> str:
    rows = _case_rows(grant, "policy_case", arguments)
    return f"EXISTS (SELECT 1 FROM core_case policy_case WHERE policy_case.id = {case_id} AND {rows})"


def _aspect_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """An aspect about a member of staff is hidden from that person, by every path."""
    rows = _within_case(grant, f"{alias}.case_id", arguments)
    me = arguments.add(grant.viewer.user_id)
    return f"({rows} AND {alias}.concerns_user_id IS DISTINCT FROM {me}::uuid)"


def about_me(case_id: str, me: str) -> str:
    """SQL: one of the case's aspects is about the member of staff `me`, or was before it went on in another case. Their
    few cases are gathered once in a statement, not asked for with each row."""
    mine = f"FROM core_aspect mine WHERE mine.concerns_user_id = {me}::uuid"
    return (
        f"coalesce({case_id} = ANY(ARRAY(SELECT mine.case_id {mine} UNION ALL SELECT mine.origin_case_id {mine} "
        "AND mine.origin_case_id IS NOT NULL UNION ALL SELECT past.case_id FROM core_aspect mine "
        f"JOIN core_aspect_past past ON past.aspect_id = mine.id WHERE mine.concerns_user_id = {me}::uuid)), FALSE)"
    )


def _tied_to_mine(table: str, column: str, row: str, me: str) -> str:
    """SQL: a record of `table` (pins, evidence) ties this row to an aspect about the member of staff `me`."""
    return (
        f"coalesce({row} = ANY(ARRAY(SELECT tie.{column} FROM core_aspect mine JOIN {table} tie "
        f"ON tie.aspect_id = mine.id WHERE mine.concerns_user_id = {me}::uuid AND tie.{column} IS NOT NULL)), FALSE)"
    )


# Which permission reaches what has come in and belongs to no case yet; a right to cases alone does not.
_IN_INBOX = {
    "case.read": "inbox.read", "person.read": "inbox.read", "inbox.read": "inbox.read",
    "inbox.decide": "inbox.decide", "inbox.review": "inbox.review",
}  # fmt: skip


def _inbox_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """Messages that wait for a decision, or were found to be no complaint: in the units whose inbox one may open."""
    permission = _IN_INBOX.get(grant.permission)
    if permission is None:
        return "FALSE"
    units = arguments.add(list(grant.viewer.units(permission)))
    return f"({alias}.case_id IS NULL AND {alias}.direction = 'in' AND {alias}.unit_id = ANY({units}::uuid[]))"


def _message_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """Of a case, or of the inbox."""
    inbox = _inbox_rows(grant, alias, arguments)
    return f"({inbox} OR {_case_message_rows(_of_cases(grant), alias, arguments)})"


def _of_cases(grant: Grant) -> Grant:
    """What the inbox shows of cases follows the right to cases: who may read the inbox alone sees none of them."""
    if not grant.permission.startswith("inbox."):
        return grant
    return Grant(grant.allowed, grant.viewer, "case.read", grant.kind)


def _case_message_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """In a case with an aspect about me I see only messages pinned to other aspects and to none of those about me. A
    message that a split left in another case is seen by whoever sees the case that shares it, unless that is about
    them."""
    rows = _within_case(grant, f"{alias}.case_id", arguments)
    me = arguments.add(grant.viewer.user_id)
    pinned = (
        f"SELECT bool_and(a.concerns_user_id IS DISTINCT FROM {me}::uuid) FROM core_message_aspect pin "
        f"JOIN core_aspect a ON a.id = pin.aspect_id WHERE pin.message_id = {alias}.id"
    )
    mine = about_me(f"{alias}.case_id", me)
    shared = (
        f"EXISTS (SELECT 1 FROM core_shared_message shared WHERE shared.message_id = {alias}.id "
        f"AND {_within_case(grant, 'shared.case_id', arguments)} AND coalesce(({pinned}), TRUE) AND NOT {mine} "
        f"AND NOT {about_me('shared.case_id', me)})"
    )
    passage = _tied_to_mine("core_pin", "message_id", f"{alias}.id", me)
    other = f"coalesce(({pinned}), NOT {mine})"  # an aspect about me may be in another case by now
    seen = f"({alias}.author_id = {me}::uuid OR ({other} AND NOT {passage}))"
    return f"(({rows} AND coalesce({seen}, FALSE)) OR ({shared} AND NOT {passage}))"


def _attachment_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    inbox = _inbox_rows(grant, "policy_message", arguments)
    waiting = (
        f"({alias}.case_id IS NULL AND EXISTS (SELECT 1 FROM core_message policy_message "
        f"WHERE policy_message.id = {alias}.message_id AND {inbox}))"
    )
    return f"({waiting} OR {_case_attachment_rows(_of_cases(grant), alias, arguments)})"


def _case_attachment_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    rows = _case_message_rows(grant, "policy_message", arguments)
    own = _within_case(grant, f"{alias}.case_id", arguments)
    me = arguments.add(grant.viewer.user_id)
    mine = about_me(f"{alias}.case_id", me)
    page = _tied_to_mine("core_pin", "attachment_id", f"{alias}.id", me)
    proof = _tied_to_mine("core_evidence", "attachment_id", f"{alias}.id", me)
    return (
        f"((({alias}.message_id IS NULL AND {own} AND NOT {mine}) OR EXISTS (SELECT 1 "
        f"FROM core_message policy_message WHERE policy_message.id = {alias}.message_id AND {rows})) "
        f"AND NOT {page} AND NOT {proof})"
    )


def _person_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """Parties of cases, and who wrote what waits in the inbox."""
    rows = _case_rows(_of_cases(grant), "policy_case", arguments)
    party = (
        "EXISTS (SELECT 1 FROM core_party policy_party JOIN core_case policy_case "
        f"ON policy_case.id = policy_party.case_id WHERE policy_party.person_id = {alias}.id AND {rows})"
    )
    inbox = _inbox_rows(grant, "policy_message", arguments)
    if inbox == "FALSE":
        return party
    sender = f"SELECT 1 FROM core_message policy_message WHERE policy_message.person_id = {alias}.id AND {inbox}"
    return f"({party} OR EXISTS ({sender}))"


def _entry_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """History of a case: entries that name an aspect about me stay hidden from me, and in such a case so does what
    others said or changed in words."""
    case_id = f"nullif(substring({alias}.stream FROM '^case/(.*)$'), '')::uuid"
    rows = _within_case(grant, case_id, arguments)
    me = arguments.add(grant.viewer.user_id)
    about = (
        f"EXISTS (SELECT 1 FROM core_aspect mine WHERE mine.concerns_user_id = {me}::uuid "  # in whichever case by now
        f"AND {alias}.body::text LIKE '%' || mine.id::text || '%')"
    )
    said = (
        f"{alias}.kind ~ '^(message|note)[.]' AND NOT EXISTS (SELECT 1 FROM core_message policy_message WHERE "
        f"policy_message.id = substring({alias}.body->>'message' FROM '^[0-9a-f-]{{36}}$')::uuid "
        f"AND {_case_message_rows(grant, 'policy_message', arguments)})"
    )
    whole = f"{alias}.kind IN ('case.opened', 'case.changed') AND {alias}.actor <> {arguments.add(grant.viewer.actor)}"
    apart = f"NOT ({about_me(case_id, me)} AND ({said} OR {whole}))"
    return f"({alias}.stream LIKE 'case/%' AND {rows} AND NOT {about} AND {apart})"


def _raw_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    rows = _within_case(grant, f"{alias}.case_id", arguments)
    return f"({alias}.case_id IS NULL OR {rows})"


def _return_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """Returns of the legal entities in which the right holds."""
    return f"({alias}.unit_id = ANY({arguments.add(list(grant.viewer.units(grant.permission)))}::uuid[]))"


def _request_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    """Requests about personal data, in one's units; never of somebody in whose case an aspect is about the viewer."""
    units = arguments.add(list(grant.viewer.units(grant.permission)))
    me = arguments.add(grant.viewer.user_id)
    mine = about_me("policy_party.case_id", me)
    return (
        f"({alias}.unit_id = ANY({units}::uuid[]) AND NOT EXISTS (SELECT 1 FROM core_party policy_party "
        f"WHERE policy_party.person_id = {alias}.person_id AND {mine}))"
    )


def _no_rows(grant: Grant, alias: str, arguments: Arguments) -> str:
    return "TRUE"


_ROWS = {
    "case": _case_rows,
    "count": _count_rows,
    "aspect": _aspect_rows,
    "message": _message_rows,
    "attachment": _attachment_rows,
    "person": _person_rows,
    "entry": _entry_rows,
    "raw": _raw_rows,
    "return": _return_rows,
    "privacy": _request_rows,
    "none": _no_rows,
}
