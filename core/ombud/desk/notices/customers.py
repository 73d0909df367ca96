"""Acknowledgements and news of the case, to those who complain: once each, by a way that leads to them, in their
language, never to a machine."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.because import because
from ombud.desk.case_view import case_page
from ombud.desk.deadlines import received_on
from ombud.desk.errors import DeskRefusal
from ombud.desk.notices.rules import rules_known
from ombud.desk.outgoing.recipients import Reachable, reachable
from ombud.desk.outgoing.ways import PAGE, Way, ways_in, ways_known
from ombud.desk.outgoing.writing import Wanted, write
from ombud.desk.rules import in_force
from ombud.kernel import faults
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import Delivered, JobContext, handled_alone, in_time, subscribe
from ombud.kernel.settled import SETTLED
from ombud.trust.policy import SYSTEM, Viewer

log = logging.getLogger("ombud.notices")

NOBODY = Viewer(actor="system", system=True)
"""Writes without a name below it."""
OLD = timedelta(days=31)
"""Of a complaint that came in longer ago nobody is told now that it came in: it was brought over from elsewhere."""
KINDS = {"case.opened": "acknowledgement", "case.status_changed": "status"}


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("notices.customers", list(KINDS), heard, when=_may_send, together=heard_together)


def _may_send() -> bool:
    return any(loaded.deliverers for loaded in running.loaded.values())


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Safe to run twice: a case gets each notice once."""
    await handled_alone(heard_together, event, context)


async def heard_together(several: Sequence[Delivered]) -> None:
    """Of several cases: one statement finds out whom there is something to tell."""
    told = [
        each for each in several if not (each.event["body"].get("split_from") or each.event["body"].get("reopened"))
    ]
    rows = await _about_all([_case_of(each.event) for each in told])
    for each in in_time(told):
        if (row := rows.get(_case_of(each.event))) is not None:
            try:
                with each.blamed():
                    await _hear(each.event, row)
            except Exception as error:
                each.failed = error


def _case_of(event: Mapping[str, Any]) -> UUID:
    return UUID(str(event["stream"]).removeprefix("case/"))


async def _hear(event: dict[str, Any], row: Record) -> None:
    if KINDS[event["kind"]] == "status":
        await _tell(row, "status", str(event["body"].get("status", "")))
    elif row["built_in"]:  # else a rule of this desk says when, or nobody acknowledges
        with because(f"rule/{in_force.BUILT_IN}@1", _why(event)):
            await _tell(row, "acknowledgement", "")


def _why(event: dict[str, Any]) -> dict[str, Any]:
    return {"rule": in_force.BUILT_IN, "version": 1, "trigger": str(event["id"]), "matched": [], "depth": 0}


async def acknowledge(case_id: UUID) -> None:
    """Once in a case, where its unit acknowledges at all."""
    if (row := await _about(case_id)) is not None:
        await _tell(row, "acknowledgement", "")


async def way_to(case_id: UUID) -> tuple[str | None, UUID | None]:
    """By which way the complainant can be told something without being asked, and who that is."""
    row = await _about(case_id)
    if row is None or row["made_up"] or row["by_machine"]:
        return None, None
    whom = await _whom(row, "status")
    way = _way(await ways_in(row["unit_id"]), whom, row["channel"])
    return (way.key if way else None), (whom.person_id if whom else None)


async def _tell(row: Record, kind: str, status: str) -> None:
    if not await _wanted(row, kind, status):
        return
    named = "acknowledgement" if kind == "acknowledgement" else f"status/{status}"
    try:
        await _send(row, kind, f"notice/{named}")
    except DeskRefusal as refusal:  # the case stands; that nobody was told is shown where work that failed is
        log.warning("case %s got no notice: %s", row["reference"], refusal)
        await faults.record("core", "permanent", f"notice {kind}", f"{row['reference']}: {refusal}")


_ABOUT = f"""
SELECT {SETTLED} AS settled, c.id, c.reference, c.unit_id, c.channel, c.received_at, c.status, c.merged_into,
    u.time_zone, EXISTS (SELECT 1 FROM core_demo_item d WHERE d.item_id = c.id) AS made_up,
    coalesce((SELECT m.robot <> '' OR m.held <> '' FROM core_message m WHERE m.case_id = c.id AND m.direction = 'in'
        ORDER BY m.said_at, m.id LIMIT 1), FALSE) AS by_machine, {in_force.BUILT_IN_HOLDS.format(at="$2")} AS built_in
FROM core_case c JOIN core_unit u ON u.id = c.unit_id WHERE c.id = ANY($1)
"""


async def _about(case_id: UUID) -> Record | None:
    return (await _about_all([case_id])).get(case_id)


async def _about_all(case_ids: Sequence[UUID]) -> dict[UUID, Record]:
    return {row["id"]: row for row in await db.fetch(_ABOUT, case_ids, now())}


async def _wanted(row: Record, kind: str, status: str) -> bool:
    if row["made_up"] or row["by_machine"] or row["merged_into"] is not None or row["status"] == "closed":
        return False
    if not any(way.needs for way in await ways_known(row["unit_id"], row["settled"])):
        return False  # nothing but the customer's page, where all of it stands
    rules = await rules_known(row["unit_id"], row["settled"])
    if kind == "acknowledgement":
        return rules.acknowledge and row["received_at"] > now() - OLD
    return status in rules.news


async def _send(row: Record, kind: str, key: str) -> None:
    from ombud.desk.outgoing import beginning  # the language of templates, without which every command begins sooner

    whom = await _whom(row, kind)
    way = _way(await ways_in(row["unit_id"]), whom, row["channel"])
    if whom is None or way is None:
        return  # they have the customer's page, where all of it stands
    view = await case_page(SYSTEM, row["reference"])
    text = await beginning.begin(NOBODY, view, await beginning.chosen(view, kind), whom.person_id)
    await write(
        SYSTEM, row["id"],
        Wanted(
            text=text.text, subject=text.subject, kind=kind, channel=way.key, recipient=whom.person_id, key=key,
            language=text.template.language, template_id=text.template.id, robot=True,
        ),
    )  # fmt: skip


async def _whom(row: Record, kind: str) -> Reachable | None:
    """The first who speaks for the complaint, unless they want no such news, or restricted processing."""
    people = await reachable(row["id"], received_on(now(), row["time_zone"]))
    if not people:
        return None
    refused = await db.fetchval(
        "SELECT TRUE FROM core_contact_choice WHERE person_id = $1 AND kind = $2 AND NOT wanted "
        "UNION SELECT TRUE FROM core_privacy_mark WHERE person_id = $1 AND $2 = 'status' AND ended_at IS NULL "
        "AND kind IN ('restrict', 'object')",
        people[0].person_id, kind,
    )  # fmt: skip
    return None if refused else people[0]


def _way(ways: list[Way], whom: Reachable | None, channel: str) -> Way | None:
    """The way they wrote, where it leads back to them, else e-mail; none by post, which a person decides."""
    able = [each for each in ways if each.key != PAGE and whom is not None and not each.lacks(whom.known)]
    return next(
        (each for each in able if each.key == channel), next((each for each in able if each.needs == "email"), None)
    )
