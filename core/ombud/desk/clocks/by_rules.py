"""Clocks that rules start: one that the rule names itself, or one that a plugin's policy brings."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from ombud.desk.because import cause_now, explained
from ombud.desk.calendars.versions import current
from ombud.desk.cases import refuse_closed
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.providers import wanted_by_plugins
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.clocks.settling import LABELS, Settling, start
from ombud.desk.errors import NotFound, NotNow
from ombud.desk.rules.applying import APPLY
from ombud.desk.words import label
from ombud.desk.writing import lock_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.treatment import StartClock


def register() -> None:
    """Called once by the work process, where rules run."""
    APPLY["start_clock"] = start_by_rule


async def start_by_rule(case_id: UUID, change: StartClock, why: Mapping[str, Any]) -> None:
    """Starts it from now on, unless one of that name runs; met by a person's reply, as no rule says otherwise."""
    unit_id = await db.fetchval("SELECT unit_id FROM core_case WHERE id = $1", case_id)
    if unit_id is None:
        raise NotFound("There is no such case any more.")
    calendar = await current(unit_id)
    wanted = _named(change, why) if change.within else await _of_policy(case_id, unit_id, change)
    async with db.transaction():
        case = await lock_case(SYSTEM, "case.write", case_id)
        refuse_closed(case)
        runs = await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM core_clock WHERE case_id = $1 AND key = $2 "
            "AND aspect_id IS NOT DISTINCT FROM $3 AND state IN ('running', 'paused'))",
            case_id, wanted.key, UUID(wanted.aspect) if wanted.aspect else None,
        )  # fmt: skip
        if not runs:
            settling = Settling(case, calendar, SYSTEM.actor, [])
            await start(settling, wanted)
            entries = [NewEntry(each.stream, each.kind, explained(each.body)) for each in settling.entries]
            await append(actor=SYSTEM.actor, cause=cause_now(), entries=entries)


def _named(change: StartClock, why: Mapping[str, Any]) -> Wanted:
    if change.clock in LABELS:
        raise NotNow("The desk keeps a clock of this name itself. Call the rule's clock something else.")
    at = now()
    if change.business:
        terms = Terms(working=change.within, met_by="reply", warn=(75,))
    else:
        terms = Terms(until=at + timedelta(seconds=change.within), met_by="reply", warn=(75,))
    return Wanted(change.clock, change.aspect, label(change.clock), f"rule/{why['rule']}", terms, at)


async def _of_policy(case_id: UUID, unit_id: UUID, change: StartClock) -> Wanted:
    calendar = await current(unit_id)
    asked_for, _ = await wanted_by_plugins(case_id, unit_id, calendar)
    for each in asked_for:
        if change.policy in {each.key, each.policy} and each.aspect == change.aspect:
            return each
    raise NotFound(sentence("No policy called %(policy)s asks for a clock in this case.", policy=change.policy))
