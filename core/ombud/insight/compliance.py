"""The compliance report: a list of controls filled from the system, with gaps, each figure leading to its ground.

Figures of cases are counted under the policy in one statement; who reads the report sees of each what they may see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ombud.desk import units
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.retention import due, rules
from ombud.desk.trail.ledger_desk import everywhere
from ombud.desk.viewing.emergencies import REVIEW_WITHIN, REVIEWS
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.plugins import discover
from ombud.process import settings
from ombud.speech import joined, noted, sentence, word
from ombud.trust import checkpoints, timestamps
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import SYSTEM, Arguments, Viewer, about_me, decide
from ombud_plugin_api import Manifest
from ombud_plugin_api.manifest import TableDeclaration

RIGHT = "compliance.read"
STREAM = "desk/compliance"
HERE = "/administration/compliance"
OVERDUE_AFTER = timedelta(days=31)
REVIEWED_WITHIN, VERIFIED_WITHIN = timedelta(days=180), timedelta(days=31)
SHOWN = 500


@dataclass(frozen=True)
class Control:
    """One line of the list. `figure` in words or a number; `gap`: what is missing, empty where nothing is; `href`:
    where the figure comes from, empty where the reader may not go there."""

    code: str
    label: str
    figure: str
    gap: str
    href: str


@dataclass(frozen=True)
class Holding:
    """One line of the register of processing (GDPR Art. 30), from a manifest. `recipients`: hosts outside."""

    name: str
    purpose: str
    running: bool
    data: tuple[str, ...]
    recipients: tuple[str, ...]
    contact: str
    gap: str


@dataclass(frozen=True)
class Report:
    """Of a period, both days included. `groups`: (heading, controls) in order."""

    since: date
    until: date
    made_at: datetime
    organisation: str
    groups: tuple[tuple[str, tuple[Control, ...]], ...]
    register: tuple[Holding, ...]

    @property
    def gaps(self) -> int:
        of_controls = sum(bool(each.gap) for _, controls in self.groups for each in controls)
        return of_controls + sum(bool(each.gap) for each in self.register)


_OUT = (
    "EXISTS (SELECT 1 FROM core_message m LEFT JOIN core_outgoing o ON o.id = m.id WHERE m.case_id = c.id "
    "AND m.direction = 'out' AND (o.id IS NULL OR o.state = 'sent'))"
)
_ASPECT = "EXISTS (SELECT 1 FROM core_aspect a WHERE a.case_id = c.id AND {aspects} AND {what})"
# Stages of handling a complaint after ISO 10002: (code, words, which cases, what is missing where there are any).
STAGES: tuple[tuple[str, str, str, str], ...] = (
    ("received", "Receipt: complaints registered", "TRUE", ""),
    ("unacknowledged", "Acknowledgement: not given in time",
     "EXISTS (SELECT 1 FROM core_clock k WHERE k.case_id = c.id AND k.key = 'acknowledge' "
     "AND k.breached_at IS NOT NULL)", "Customers waited too long for a first word."),
    ("unassessed", "Assessment: open, with an aspect that has no category",
     _ASPECT.format(aspects="{aspects}", what="a.status <> 'closed' AND a.category = ''"),
     "What they are about was not assessed."),
    ("unowned", "Tracking: open, and nobody owns them", "c.status <> 'closed' AND c.owner_id IS NULL",
     "Nobody answers for them."),
    ("unproved", "Investigation: evidence asked for is late",
     _ASPECT.format(aspects="{aspects}", what="EXISTS (SELECT 1 FROM core_evidence e WHERE e.aspect_id = a.id "
                    "AND e.state = 'asked' AND e.due_on < {today})"), "Nobody followed up what was asked for."),
    ("late", "Response: not answered in time",
     "((c.status IN ('new', 'in_progress') AND c.due_at < {now}) OR EXISTS (SELECT 1 FROM core_clock k "
     "WHERE k.case_id = c.id AND k.key = 'answer' AND k.breached_at IS NOT NULL))",
     "The answer came, or comes, too late."),
    ("unreasoned", "Decision: decided without a reason",
     _ASPECT.format(aspects="{aspects}", what="a.status = 'closed' AND a.outcome <> '' AND a.reason = ''"),
     "The customer cannot be told why."),
    ("untold", "Communication: closed, and nothing was sent", f"c.status = 'closed' AND NOT {_OUT}",
     "No decision reached the customer from here."),
    ("uncaused", "Learning: upheld, without a root cause",
     _ASPECT.format(aspects="{aspects}", what="a.outcome IN ('upheld', 'partly_upheld') AND a.cause = ''"),
     "Nothing can be learned from them."),
)  # fmt: skip


async def bounds(since: date | None, until: date | None) -> tuple[date, date, ZoneInfo, str]:
    """The period, the last year where nothing is said, with the zone and the name of the first unit. Raises Invalid."""
    unit = await units.first()
    zone = ZoneInfo(unit.time_zone)
    last = until or now().astimezone(zone).date()
    first = since or last - timedelta(days=364)
    if not first <= last:
        raise Invalid("The first day comes after the last one. Change one of them.", "since")
    return first, last, zone, unit.name


async def report(viewer: Viewer, since: date | None = None, until: date | None = None) -> Report:
    """The report, in some twenty statements whatever the desk's size. Raises NotAllowed, Invalid."""
    demand(viewer, RIGHT)
    first, last, zone, name = await bounds(since, until)
    begin, end = _moments(first, last, zone)
    whole = await everywhere(viewer)
    groups = [("Handling of complaints (stages after ISO 10002)", await _stages(viewer, first, last, zone))]
    if whole:
        groups += [
            ("Access", await _access(viewer, begin, end)), ("Retention", await _retention(viewer, begin, end)),
            ("Proofs of the ledger", await _proofs(viewer)),
        ]  # fmt: skip
    return Report(first, last, now(), name, tuple(groups), register() if whole else ())


def _moments(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin = datetime.combine(first, time(), zone)
    return begin.astimezone(UTC), datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)


def _ground(viewer: Viewer, arguments: Arguments, first: date, last: date) -> str:
    """The cases of the period that count: merged ones are part of another; those with an aspect about the reader stay
    out."""
    rows = decide(viewer, RIGHT, "case").where("c", arguments)
    mine = about_me("c.id", arguments.add(viewer.user_id))
    return (
        f"{rows} AND NOT {mine} AND c.merged_into IS NULL AND c.received_on >= {arguments.add(first)}::date "
        f"AND c.received_on <= {arguments.add(last)}::date"
    )


def _condition(viewer: Viewer, arguments: Arguments, condition: str, today: date) -> str:
    aspects = decide(viewer, RIGHT, "aspect").where("a", arguments) if "{aspects}" in condition else ""
    today_at = f"{arguments.add(today)}::date" if "{today}" in condition else ""
    now_at = f"{arguments.add(now())}::timestamptz" if "{now}" in condition else ""
    return condition.format(aspects=aspects, today=today_at, now=now_at)


async def _stages(viewer: Viewer, first: date, last: date, zone: ZoneInfo) -> tuple[Control, ...]:
    arguments, today = Arguments(), now().astimezone(zone).date()
    ground = _ground(viewer, arguments, first, last)
    counted = ", ".join(
        f"count(*) FILTER (WHERE {_condition(viewer, arguments, condition, today)}) AS {code}"
        for code, _, condition, _ in STAGES
    )
    row = await db.fetchrow(f"SELECT {counted} FROM core_case c WHERE {ground}", *arguments.values)
    found = dict(row or {})
    asked = f"?since={first.isoformat()}&until={last.isoformat()}"
    return tuple(
        Control(code, words, str(found[code]), gap if found[code] else "", f"{HERE}/cases/{code}{asked}")
        for code, words, _, gap in STAGES
    )


async def cases_of(
    viewer: Viewer, code: str, since: date | None, until: date | None
) -> tuple[str, list[Mapping[str, Any]]]:
    """The words of a control and its cases: reference, title, status, received_on; newest first, at most SHOWN.
    Raises NotFound for a control there is not."""
    demand(viewer, RIGHT)
    stage = next((each for each in STAGES if each[0] == code), None)
    if stage is None:
        raise NotFound("There is no such figure in the report. Open the report again.")
    first, last, zone, _ = await bounds(since, until)
    arguments = Arguments()
    ground = _ground(viewer, arguments, first, last)
    condition = _condition(viewer, arguments, stage[2], now().astimezone(zone).date())
    rows = await db.fetch(
        f"SELECT c.reference, c.title, c.status, c.received_on FROM core_case c WHERE {ground} AND {condition} "
        f"ORDER BY c.received_at DESC, c.id LIMIT {SHOWN}",
        *arguments.values,
    )
    return stage[1], [dict(row) for row in rows]


def _to(viewer: Viewer, permission: str, href: str) -> str:
    return href if viewer.may(permission) else ""


async def _access(viewer: Viewer, begin: datetime, end: datetime) -> tuple[Control, ...]:
    users = await db.fetchrow(
        """SELECT count(*) FILTER (WHERE active) AS active, count(*) FILTER (WHERE active AND bare) AS bare FROM (
            SELECT u.active, EXISTS (SELECT 1 FROM core_user_role r JOIN core_role o ON o.key = r.role
                    WHERE r.user_id = u.id AND 'user.manage' = ANY(o.permissions))
                AND NOT EXISTS (SELECT 1 FROM core_second_factor f WHERE f.user_id = u.id
                    AND f.confirmed_at IS NOT NULL) AS bare
            FROM core_user u) held"""
    )
    assert users is not None
    changed = await _entries(("user.role_given", "user.role_taken", "role.changed"), begin, end)
    reviewed = await db.fetchval(
        "SELECT max(at) FROM core_ledger_entry WHERE stream = $1 AND kind = 'access.reviewed'", STREAM
    )
    late = reviewed is None or now() - reviewed > REVIEWED_WITHIN
    gap = sentence("No review of who may do what in the last %(days)s days.", days=REVIEWED_WITHIN.days) if late else ""
    bare = "They can give anybody any right, and a password is all that guards it." if users["bare"] else ""
    said = f"{reviewed:%Y-%m-%d}" if reviewed else noted("Never")
    to = _to(viewer, "user.manage", "/users")
    trail = _to(viewer, "ledger.read", "/administration/ledger/entries?kind=user.role")
    return (
        Control("users", "Active users", str(users["active"]), "", to),
        Control("bare", "Users who manage others, without a second factor", str(users["bare"]), bare, to),
        Control("roles", "Changes of roles in the period", str(changed), "", trail),
        Control("reviewed", "Last review of access", said, gap, f"{HERE}#review"),
        *await _emergencies(viewer, begin, end),
    )


async def _emergencies(viewer: Viewer, begin: datetime, end: datetime) -> tuple[Control, ...]:
    """Emergency access of the period, and what nobody reviewed in time, whenever it was."""
    row = await db.fetchrow(
        "SELECT count(*) FILTER (WHERE e.opened_at >= $1 AND e.opened_at < $2) AS opened, "
        "count(*) FILTER (WHERE e.opened_at >= $1 AND e.opened_at < $2 AND NOT e.justified) AS unjustified, "
        "count(*) FILTER (WHERE e.reviewed_at IS NULL AND coalesce(e.ended_at, e.until) < $3) AS late "
        "FROM core_emergency e",
        begin, end, now() - REVIEW_WITHIN,
    )  # fmt: skip
    assert row is not None
    to, all_of = (_to(viewer, REVIEWS, f"/administration/emergencies{asked}") for asked in ("", "?which=all"))
    late = (
        sentence("Nobody judged them within %(days)s days of their end.", days=REVIEW_WITHIN.days)
        if row["late"]
        else ""
    )
    return (
        Control("emergencies", "Cases opened by emergency access in the period", str(row["opened"]), "", all_of),
        Control("unjustified", "Of these, found not justified", str(row["unjustified"]), "", all_of),
        Control("unreviewed", "Emergency access that waits too long for its review", str(row["late"]), late, to),
    )


async def _entries(kinds: Sequence[str], begin: datetime, end: datetime) -> int:
    return int(
        await db.fetchval(
            "SELECT count(*) FROM core_ledger_entry WHERE kind = ANY($1) AND at >= $2 AND at < $3",
            list(kinds), begin, end,
        )
    )  # fmt: skip


async def _retention(viewer: Viewer, begin: datetime, end: datetime) -> tuple[Control, ...]:
    runs = await _entries(("retention.run_ended", "retention.looked"), begin, end)
    erased = await _entries(("person.erased",), begin, end)
    laid, found = await rules.layout(), await rules.in_force()
    grounds = laid.grounds(found)
    bare = await due.without_rule(grounds)
    overdue = await due.counts(SYSTEM, due.plan(grounds, laid.today - OVERDUE_AFTER))
    late, held, more = (sum(getattr(each, name) for each in overdue.values()) for name in ("due", "held", "more"))
    no_rule = "No retention rule is written: every case is kept for ever." if not found else ""
    if bare and not no_rule:
        bare_first = laid.ground_words(bare[0])
        no_rule = sentence(
            "Closed cases that no rule speaks of are kept, in %(bare)s units and types: %(bare_first)s.",
            bare=len(bare),
            bare_first=bare_first,
        )
    waits = sentence(
        "%(held)s cases are over for more than %(days)s days and were not destroyed.",
        held=late - held,
        days=OVERDUE_AFTER.days,
    )
    to = _to(viewer, "ledger.read", "/administration/ledger/entries?kind=retention.")
    people = _to(viewer, "ledger.read", "/administration/ledger/entries?kind=person.erased")
    preview = _to(viewer, due.RIGHT, "/privacy/retention")
    return (
        Control(
            "retention_rules",
            "Retention rules in force",
            str(len(found)),
            no_rule,
            _to(viewer, "setting.manage", "/administration/retention") or preview,
        ),
        Control(
            "retention",
            "Retention runs in the period",
            str(runs),
            "" if runs else "No retention run is in the ledger for this period.",
            to,
        ),
        Control(
            "retention_due",
            sentence("Cases over for more than %(days)s days, and not held back", days=OVERDUE_AFTER.days),
            f"{'At least ' if more else ''}{late - held}",
            waits if late > held else "",
            preview,
        ),
        Control("retention_held", "Of those over, held back", str(held), "", preview),
        Control("erased", "People erased in the period", str(erased), "", people),
    )


async def _proofs(viewer: Viewer) -> tuple[Control, ...]:
    to = _to(viewer, "ledger.read", "/administration/ledger")
    row = await db.fetchrow(
        "SELECT at, body FROM core_ledger_entry WHERE stream = 'ledger/checks' AND kind = 'ledger.verified' "
        "AND body->>'scope' = 'all' ORDER BY seq DESC LIMIT 1"
    )
    newest = await db.fetchval("SELECT max(n) FROM core_checkpoint") or 0
    if row is None:
        verified, gap = noted("Never"), "Nobody ever verified the whole ledger."
    else:
        verified = f"{row['at']:%Y-%m-%d}"
        gap = "" if row["body"]["holds"] else "It did not hold."
        gap = gap or ("" if now() - row["at"] <= VERIFIED_WITHIN else "The last verification is over a month old.")
    published, trouble = _published()
    trouble = trouble or ("" if newest else "No checkpoint was made yet.")
    unpublished = trouble or (
        ""
        if published >= newest
        else sentence("%(published)s checkpoints are not published yet.", published=newest - published)
    )
    stamped, stamp_gap = _stamped()
    return (
        Control("verified", "The whole ledger was last verified", verified, gap, to),
        Control(
            "published",
            "Checkpoints published",
            sentence("%(published)s of %(newest)s", published=published, newest=newest),
            unpublished,
            to,
        ),
        Control("stamped", "Newest time-stamp from outside", stamped, stamp_gap, to),
    )


def _published() -> tuple[int, str]:
    try:
        last = checkpoints.last_published(settings().ledger.publish_file)
    except (checkpoints.PublishedDiffers, OSError) as problem:
        return 0, str(problem)
    return (int(last["n"]) if last else 0), ""


def _stamped() -> tuple[str, str]:
    try:
        kept = timestamps.stamps(timestamps.path_beside(settings().ledger.publish_file))
    except (timestamps.StampFailed, OSError) as problem:
        return "None", str(problem)
    if not kept:
        return "None", "Nobody outside vouches for the time of any checkpoint."
    return str(kept[-1]["at"])[:10], ""


CORE = Holding(
    "Ombud", "Handling complaints: who complains, of what, what was found, decided and given", True,
    ("People: name, contact, address, language, support needs that they agreed to (erased with their key)",
     "Cases, messages and files (sealed or blanked with the person)",
     "Colleagues: name, sign-in, what they decided (kept in the ledger by id)"),
    (), "", "",
)  # fmt: skip


def register() -> tuple[Holding, ...]:
    """What is kept of people and where it goes, from core and from every plugin that is installed, on or off."""
    found = [each.manifest for each in discover().values() if each.manifest is not None]
    return (CORE, *(_holding(each) for each in sorted(found, key=lambda each: each.name)))


_ERASED = {"delete": noted("erased with the person"), "blank": noted("blanked with the person")}


def _table(table: TableDeclaration) -> str:
    """Which columns it has of people, and what becomes of them."""
    columns = joined(table.personal) or word("no columns of their own")
    erased = word(_ERASED[table.erase])
    if not table.until:
        return joined((table.name, ": ", columns, " (", erased, ")"), "")
    return sentence(
        "%(table)s: %(columns)s (%(erased)s; kept until: %(until)s)", table=table.name, columns=columns, erased=erased,
        until=word(table.until),
    )  # fmt: skip


def _holding(manifest: Manifest) -> Holding:
    data = tuple(_table(each) for each in manifest.tables if each.personal or each.person)
    lost = [each.name for each in manifest.tables if each.personal and not each.person and not each.until]
    gap = sentence("Nothing says whom the rows of %(lost)s are about.", lost=joined(lost)) if lost else ""
    if manifest.reaches and not manifest.security_contact:
        gap = gap or "It sends data outside, and names nobody to tell of a leak."
    return Holding(
        manifest.name, manifest.summary, manifest.slug in running.loaded, data, tuple(manifest.reaches),
        manifest.security_contact, gap,
    )  # fmt: skip


async def review(viewer: Viewer, note: str) -> None:
    """Records that somebody looked through who may do what; the note is sealed. For who may read everywhere."""
    demand(viewer, RIGHT)
    note = clean_text(note, "note", longest=1000, required=True)
    if not await everywhere(viewer):
        raise Invalid("A review covers the whole desk. Ask somebody who may read all of it.", "note")
    async with db.transaction():
        sealed = {"note": Sealed(STREAM, note)}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "access.reviewed", {}, sealed)])


async def taken(viewer: Viewer, of: Report) -> None:
    """Records that the report was taken along."""
    body = {"since": of.since.isoformat(), "until": of.until.isoformat(), "gaps": of.gaps}
    async with db.transaction():
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "compliance.reported", body)])
