"""What is done with a return, step by step: start, enter, freeze, sign, file, amend, throw away. Each is in the ledger.

The plugin is asked before the transaction begins; what it gave is written inside, once.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.writing import check_version, update
from ombud.insight.returns import kept, providers
from ombud.insight.returns.figures import Collected, digest, typed, written
from ombud.insight.returns.kept import PREPARE, SIGN, Head
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer
from ombud_plugin_api.returns import Item, ReturnCase, ReturnPeriod

LONGEST = 1000


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
        await _insert(identity, known.given.regulator, known.given.label, key, unit_id, period, taxonomy.key, viewer)
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
    items = await items_entered(head)
    for number, item in items.items():
        text = " ".join(given.get(number, "").split())
        if text and typed(item, text[:LONGEST]) is None:
            raise Invalid(
                sentence("%(item)s: give %(a)s.", item=item.label, a=_WANTED.get(item.unit, "a number")),
                f"item.{number}",
            )
    entered = {number: " ".join(given[number].split())[:LONGEST] for number in items if given.get(number, "").strip()}
    async with db.transaction():
        row = await _locked(return_id, "draft")
        check_version("The return", row, version, {"entered": entered})
        await update("core_return", return_id, {"entered": entered})
        changed = sorted(number for number in items if entered.get(number) != head.entered.get(number))
        await _tell(viewer, return_id, "return.entered", {"items": changed})


_WANTED = {"count": "a whole number", "yes_no": "Yes or No", "text": "words"}


async def items_entered(head: Head) -> dict[str, Item]:
    """What a person gives, by number."""
    layout = await providers.layout(providers.provider(head.provider), head.taxonomy, head.unit_id)
    found = {item.number: item for item in layout.items if item.entered}
    for table in layout.tables:
        for row in table.rows:
            found |= {f"{table.key}/{row.code}/{item.number}": item for item in table.columns if item.entered}
    return found


async def freeze(viewer: Viewer, return_id: UUID, version: int | None) -> None:
    """Keeps every figure with its definition and its evidence, and the coded facts of the cases. Raises NotNow while it
    does not reconcile or a case lacks a field."""
    head = await _head(viewer, return_id, PREPARE)
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


def _count(collected: Collected) -> str:
    wrong, lacking = len(collected.problems), len(collected.lacking)
    told = [
        sentence("%(wrong)s checks fail", wrong=wrong) if wrong else "",
        sentence("%(lacking)s cases lack a field", lacking=lacking) if lacking else "",
    ]
    return sentence("It cannot be frozen: %(told)s.", told=" and ".join(each for each in told if each))


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
        [msgspec.json.encode(each.evidence).decode() for each in figures],
    )  # fmt: skip
    await db.execute(
        "INSERT INTO core_return_case (id, return_id, case_id, facts) SELECT c.id, $1, c.case_id, c.facts::jsonb "
        "FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS c (id, case_id, facts)",
        return_id, [new_id() for _ in cases], [UUID(case.id) for case in cases],
        [msgspec.json.encode(case).decode() for case in cases],
    )  # fmt: skip


async def sign(viewer: Viewer, return_id: UUID, version: int | None) -> None:
    """By the person who is signed in, under their name; nobody signs for another."""
    head = await _head(viewer, return_id, SIGN)
    if viewer.user_id is None:
        raise NotAllowed("A person signs a return. Sign in as that person.")
    async with db.transaction():
        row = await _locked(return_id, "frozen")
        check_version("The return", row, version, {})
        await update("core_return", return_id, {"state": "signed", "signed_at": now(), "signed_by": viewer.user_id,
                                                "signed_name": viewer.name})  # fmt: skip
        await _tell(viewer, return_id, "return.signed", {"digest": head.digest})


async def file(viewer: Viewer, return_id: UUID, day: date | None, reference: str, version: int | None) -> None:
    """Records that it went to the regulator: the day, and the reference they gave."""
    await _head(viewer, return_id, PREPARE)
    if day is None or day > now().date():
        raise Invalid("Give the day on which it was filed; not one to come.", "filed_on")
    reference = clean_text(reference, "filed_reference", longest=200, required=True)
    async with db.transaction():
        row = await _locked(return_id, "signed")
        check_version("The return", row, version, {"filed_reference": reference})
        await update("core_return", return_id, {"state": "filed", "filed_on": day, "filed_by": viewer.user_id,
                                                "filed_reference": reference})  # fmt: skip
        await _tell(viewer, return_id, "return.filed", {"on": day.isoformat()})


async def amend(viewer: Viewer, return_id: UUID) -> UUID:
    """A new version that begins as a draft with what was entered; the filed one stands as it is."""
    head = await _head(viewer, return_id, PREPARE)
    identity = new_id()
    async with db.transaction():
        await _locked(return_id, "filed")
        if await db.fetchval("SELECT TRUE FROM core_return WHERE amends = $1 AND state <> 'discarded'", return_id):
            raise NotNow("It is amended already. Open the later version.")
        await _insert(identity, head.regulator, head.label, head.provider, head.unit_id, head.period, head.taxonomy,
                      viewer, number=head.number + 1, amends=return_id, entered=head.entered)  # fmt: skip
        await _tell(viewer, identity, "return.amended", {"amends": str(return_id), "number": head.number + 1})
    return identity


async def discard(viewer: Viewer, return_id: UUID, version: int | None) -> None:
    """Throws a return away that was not filed. What was frozen stays in the database, out of the lists."""
    await _head(viewer, return_id, PREPARE)
    async with db.transaction():
        row = await _locked(return_id, "draft", "frozen", "signed")
        check_version("The return", row, version, {})
        await update("core_return", return_id, {"state": "discarded"})
        await _tell(viewer, return_id, "return.discarded", {"was": row["state"]})


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


async def _tell(viewer: Viewer, return_id: UUID, kind: str, body: dict[str, Any]) -> None:
    await append(actor=viewer.actor, entries=[NewEntry(stream(return_id), kind, body)])
