"""What is done with a return, step by step: start, enter, freeze, sign, file, amend, throw away. Each is in the ledger.

The plugin is asked before the transaction begins; what it gave is written inside, once.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud import speech
from ombud.desk import return_rules
from ombud.desk.checking import clean_text
from ombud.desk.deadlines import received_on
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.writing import check_version, update
from ombud.insight.returns import kept, providers
from ombud.insight.returns.figures import Collected, digest, typed, written
from ombud.insight.returns.kept import PREPARE, SIGN, Head
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import both, counted, joined, long_day, noted, sentence, word
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer
from ombud_plugin_api.returns import Item, ReturnCase, ReturnPeriod

LONGEST = 1000
SUBJECT = "setting/returns"  # whose key seals why a return was amended or thrown away


def stream(return_id: UUID) -> str:
    return f"return/{return_id}"


async def start(viewer: Viewer, key: str, unit_id: UUID | None, period_code: str) -> UUID:
    """A draft for a legal entity and one of the periods the plugin offers; `period_code`: first and last day with two
    dots between."""
    known = providers.provider(key)
    if unit_id is None or not await db.fetchval("SELECT TRUE FROM core_unit WHERE id = $1", unit_id):
        raise Invalid("Choose the legal entity that reports.", "unit")
    _demand(viewer, PREPARE, unit_id)
    period = await _chosen(known, unit_id, period_code)
    taxonomy = providers.version_for(known, period)
    identity = new_id()
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"return {key} {unit_id}")
        if await db.fetchval(
            "SELECT TRUE FROM core_return WHERE provider = $1 AND unit_id = $2 AND period_first = $3 "
            "AND period_last = $4 AND state <> 'discarded'",
            key, unit_id, period.first, period.last,
        ):  # fmt: skip
            raise Invalid("This return is there for the period. Open it; one that is filed can be amended.", "period")
        entered = await db.fetchval(
            "SELECT entered FROM core_return WHERE provider = $1 AND unit_id = $2 AND period_first = $3 "
            "AND period_last = $4 AND taxonomy = $5 ORDER BY number DESC, created_at DESC, id DESC LIMIT 1",
            key, unit_id, period.first, period.last, taxonomy.key,
        )  # fmt: skip
        await _insert(identity, known.given.regulator, known.given.label, key, unit_id, period, taxonomy.key, viewer,
                      entered=entered)  # fmt: skip
        await _tell(viewer, identity, "return.started",
                    {"provider": key, "unit": str(unit_id), "first": period.first.isoformat(),
                     "last": period.last.isoformat(), "taxonomy": taxonomy.key})  # fmt: skip
    return identity


async def _chosen(known: providers.Known, unit_id: UUID, code: str) -> ReturnPeriod:
    for each in await providers.periods(known, unit_id):
        if period_code(each) == code:
            return each
    raise Invalid("Choose one of the periods.", "period")


def period_code(period: ReturnPeriod) -> str:
    return f"{period.first.isoformat()}..{period.last.isoformat()}"


async def _insert(
    identity: UUID, regulator: str, label: str, key: str, unit_id: UUID, period: ReturnPeriod, taxonomy: str,
    viewer: Viewer, *, number: int = 1, amends: UUID | None = None, entered: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    await db.execute(
        "INSERT INTO core_return (id, provider, regulator, label, unit_id, period_first, period_last, period_label, "
        "due_on, taxonomy, number, amends, state, entered, layout, digest, created_at, created_by, signed_name, "
        "filed_reference, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'draft', $13, '{}', '', "
        "$14, $15, '', '', 1)",
        identity, key, regulator, label, unit_id, period.first, period.last, period.label, period.due, taxonomy,
        number, amends, dict(entered or {}), now(), viewer.user_id,
    )  # fmt: skip


async def enter(viewer: Viewer, return_id: UUID, given: Mapping[str, str], version: int | None) -> None:
    """Figures that no case tells, such as accounts at the end of the period; an empty one is taken back."""
    head = await _head(viewer, return_id, PREPARE)
    items, rows = await items_entered(head)
    for number, item in items.items():
        text = " ".join(given.get(number, "").split())
        if text and typed(item, text[:LONGEST]) is None:
            row = joined((rows[number], item.label)) if number in rows else item.label
            raise Invalid(
                sentence("%(item)s: give %(a)s.", item=row, a=word(_WANTED.get(item.unit, _A_NUMBER))), f"item.{number}"
            )
    entered = {number: " ".join(given[number].split())[:LONGEST] for number in items if given.get(number, "").strip()}
    async with db.transaction():
        row = await _locked(return_id, "draft")
        check_version("The return", row, version, {"entered": entered})
        await update("core_return", return_id, {"entered": entered})
        changed = sorted(number for number in items if entered.get(number) != head.entered.get(number))
        await _tell(viewer, return_id, "return.entered", {"items": changed})


_A_NUMBER = noted("a number")
_WANTED = {"count": noted("a whole number"), "yes_no": "Yes or No", "text": noted("words")}


async def items_entered(head: Head) -> tuple[dict[str, Item], dict[str, str]]:
    """What a person gives, by number; and the row's words for what stands in a table."""
    layout = await providers.layout(providers.provider(head.provider), head.taxonomy, head.unit_id)
    found = {item.number: item for item in layout.items if item.entered}
    rows: dict[str, str] = {}
    for table in layout.tables:
        for row in table.rows:
            cells = {f"{table.key}/{row.code}/{item.number}": item for item in table.columns if item.entered}
            found |= cells
            rows |= dict.fromkeys(cells, row.label)
    return found, rows


async def freeze(viewer: Viewer, return_id: UUID, version: int | None) -> None:
    """Keeps every figure with its definition and its evidence, and the coded facts of the cases. Raises NotNow while it
    does not reconcile or a case lacks a field."""
    head = await _head(viewer, return_id, PREPARE)
    if (open_until := await _runs_until(head)) is not None:
        raise NotNow(
            sentence("The period runs until %(day)s. Freeze the return once it is over.", day=long_day(open_until))
        )
    collected, cases = await kept.now_collected(head)
    if collected.problems or collected.lacking:
        raise NotNow(
            sentence(
                "%(collected)s The page lists them. Mend them, then freeze the return.", collected=_count(collected)
            )
        )
    sign = digest(collected, cases)
    async with db.transaction():
        row = await _locked(return_id, "draft")
        check_version("The return", row, version, {})
        await _keep(return_id, collected, cases)
        await update("core_return", return_id, {"state": "frozen", "layout": collected.shape, "digest": sign,
                                                "frozen_at": now(), "frozen_by": viewer.user_id})  # fmt: skip
        await _tell(viewer, return_id, "return.frozen",
                    {"digest": sign, "figures": len(collected.figures), "cases": len(cases),
                     "unverified": len(collected.unverified)})  # fmt: skip


async def _runs_until(head: Head) -> date | None:
    """The last day of a period that is not over yet in the legal entity's zone."""
    return head.period_last if await today_in(head.unit_id) <= head.period_last else None


async def today_in(unit_id: UUID) -> date:
    zone = await db.fetchval("SELECT time_zone FROM core_unit WHERE id = $1", unit_id)
    return received_on(now(), zone)


def _count(collected: Collected) -> str:
    wrong, lacking = len(collected.problems), len(collected.lacking)
    checks = counted("1 check fails", "%(num)s checks fail", wrong)
    cases = counted("1 case lacks a field", "%(num)s cases lack a field", lacking)
    told = [checks if wrong else "", cases if lacking else ""]
    return sentence("It cannot be frozen: %(told)s.", told=both(each for each in told if each))


async def _keep(return_id: UUID, collected: Collected, cases: Sequence[ReturnCase]) -> None:
    figures = collected.figures
    await db.execute(
        """INSERT INTO core_return_figure (id, return_id, place, number, label, section, row_code, column_number,
            definition, definition_version, unit, value, official, evidence)
        SELECT f.id, $1, f.place, f.number, f.label, f.section, f.row_code, f.column_number, f.definition,
            f.definition_version, f.unit, f.value, f.official, f.evidence::jsonb
        FROM unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[])
            AS f (id, place, number, label, section, row_code, column_number, definition, definition_version, unit,
                  value, official, evidence)""",
        return_id, [new_id() for _ in figures], list(range(len(figures))), [each.number for each in figures],
        [each.label for each in figures], [each.section for each in figures], [each.row for each in figures],
        [each.column for each in figures], [each.definition for each in figures],
        [each.definition_version for each in figures], [each.unit for each in figures],
        [written(each.value) for each in figures], [each.official for each in figures],
        [speech.encoded(each.evidence).decode() for each in figures],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO core_return_case (id, return_id, case_id, facts) SELECT c.id, $1, c.case_id, c.facts::jsonb "
        "FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS c (id, case_id, facts)",
        return_id, [new_id() for _ in cases], [UUID(case.id) for case in cases],
        [speech.encoded(case).decode() for case in cases],
    )  # fmt: skip


SECOND = "You froze these figures, so somebody else signs them. Ask a colleague who may sign returns."


async def sign(viewer: Viewer, return_id: UUID, version: int | None) -> None:
    """By the person who is signed in, under their name; nobody signs for another."""
    head = await _head(viewer, return_id, SIGN)
    if viewer.user_id is None:
        raise NotAllowed("A person signs a return. Sign in as that person.")
    second = (await return_rules.rules_in(head.unit_id)).second_person
    async with db.transaction():
        row = await _locked(return_id, "frozen")
        check_version("The return", row, version, {})
        if second and row["frozen_by"] == viewer.user_id:
            raise NotAllowed(SECOND)
        await update("core_return", return_id, {"state": "signed", "signed_at": now(), "signed_by": viewer.user_id,
                                                "signed_name": viewer.name})  # fmt: skip
        await _tell(viewer, return_id, "return.signed", {"digest": head.digest})


async def file(viewer: Viewer, return_id: UUID, day: date | None, reference: str, version: int | None) -> None:
    """Records that it went to the regulator: the day, and the reference they gave."""
    head = await _head(viewer, return_id, PREPARE)
    today = await today_in(head.unit_id)
    if day is None or day > today:
        raise Invalid("Give the day on which it was filed; not one to come.", "filed_on")
    if head.frozen_at is not None and day < (frozen_on := await _frozen_on(return_id)):
        raise Invalid(
            sentence("These figures were frozen on %(day)s. Give that day, or a later one.", day=long_day(frozen_on)),
            "filed_on",
        )
    reference = clean_text(reference, "filed_reference", longest=200, required=True)
    async with db.transaction():
        row = await _locked(return_id, "signed")
        check_version("The return", row, version, {"filed_reference": reference})
        await update("core_return", return_id, {"state": "filed", "filed_on": day, "filed_by": viewer.user_id,
                                                "filed_reference": reference})  # fmt: skip
        await _tell(viewer, return_id, "return.filed", {"on": day.isoformat()})


async def _frozen_on(return_id: UUID) -> date:
    day: date = await db.fetchval(
        "SELECT (r.frozen_at AT TIME ZONE u.time_zone)::date FROM core_return r JOIN core_unit u ON u.id = r.unit_id "
        "WHERE r.id = $1",
        return_id,
    )
    return day


async def amend(viewer: Viewer, return_id: UUID, reason: str) -> UUID:
    """A new version that begins as a draft with what was entered; the filed one stands as it is."""
    head = await _head(viewer, return_id, PREPARE)
    reason = clean_text(reason, "reason", longest=LONGEST, required=True)
    identity = new_id()
    async with db.transaction():
        await _locked(return_id, "filed")
        if await db.fetchval("SELECT TRUE FROM core_return WHERE amends = $1 AND state <> 'discarded'", return_id):
            raise NotNow("It is amended already. Open the later version.")
        await _insert(identity, head.regulator, head.label, head.provider, head.unit_id, head.period, head.taxonomy,
                      viewer, number=head.number + 1, amends=return_id, entered=head.entered)  # fmt: skip
        body = {"amends": str(return_id), "number": head.number + 1}
        await _tell(viewer, identity, "return.amended", body, reason)
    return identity


async def discard(viewer: Viewer, return_id: UUID, version: int | None, reason: str = "") -> None:
    """Throws a return away that was not filed; one that was frozen, with a reason. What was frozen stays in the
    database, out of the lists, and what was typed in is there when the period is begun again."""
    head = await _head(viewer, return_id, PREPARE)
    reason = clean_text(reason, "reason", longest=LONGEST, required=not head.is_draft)
    async with db.transaction():
        row = await _locked(return_id, "draft", "frozen", "signed")
        check_version("The return", row, version, {})
        await update("core_return", return_id, {"state": "discarded"})
        await _tell(viewer, return_id, "return.discarded", {"was": row["state"]}, reason)


async def _head(viewer: Viewer, return_id: UUID, permission: str) -> Head:
    head = await kept.head(viewer, return_id)
    _demand(viewer, permission, head.unit_id)
    return head


def _demand(viewer: Viewer, permission: str, unit_id: UUID) -> None:
    if not viewer.may_in(permission, unit_id):
        raise NotAllowed("Your roles do not allow this for that legal entity. Ask a compliance officer.")


_WHERE_IT_IS = {
    "draft": "It is a draft.", "frozen": "It is frozen.", "signed": "It is signed.", "filed": "It is filed.",
    "discarded": "It was thrown away.",
}  # fmt: skip


async def _locked(return_id: UUID, *states: str) -> Record:
    row = await db.fetchrow("SELECT * FROM core_return WHERE id = $1 FOR UPDATE", return_id)
    if row is None:
        raise NotFound("There is no such return. The list shows those there are.")
    if row["state"] not in states:
        raise NotNow(
            sentence("%(state)s This step is not open any more, or not yet.", state=_WHERE_IT_IS[row["state"]])
        )
    return row


async def _tell(viewer: Viewer, return_id: UUID, kind: str, body: dict[str, Any], reason: str = "") -> None:
    sealed = {"reason": Sealed(SUBJECT, reason)} if reason else {}
    await append(actor=viewer.actor, entries=[NewEntry(stream(return_id), kind, body, sealed)])
