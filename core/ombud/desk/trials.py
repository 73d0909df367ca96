"""A change tried on the past before it is saved: asked for on its page, run in the work process, kept with its result.

Nothing is changed and nobody is told. Each kind of change brings a runner; beside rules, which have a replay of their
own, these are calendars, what routing goes by, ladders, and the settings of plugins that set deadlines.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.engine.folding import chain_of
from ombud.desk.errors import Invalid
from ombud.desk.rules import in_force
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.speech import sentence
from ombud.trust.group_settings import levels
from ombud.trust.policy import Viewer

JOB = "trials.run"
MOST_MONTHS = 36
MONTH = timedelta(days=30.5)
KEPT = 5

Definition = Mapping[str, Any]
Runner = Callable[[str, Definition, datetime], Awaitable[msgspec.Struct]]
"""(what it is about, the draft as JSON, since when) → what came of it."""
Result = TypeVar("Result", bound=msgspec.Struct)

RUNNERS: dict[str, Runner] = {}
"""By kind; filled by every process as it starts."""


@dataclass(frozen=True)
class Trial:
    """One that was asked for; `state`: waiting, running, done or failed."""

    months: int
    asked_at: datetime
    state: str
    definition: Definition
    result: Mapping[str, Any]

    def tried(self, kind: type[Result]) -> Result | None:
        """What came of it, None until it is done."""
        return msgspec.convert(self.result, kind) if self.state == "done" else None


async def ask(viewer: Viewer, kind: str, about: str, definition: Definition, months: int) -> None:
    """Asks for a trial; who may is said by the caller. Raises Invalid for a time that cannot be looked back on."""
    if not 1 <= months <= MOST_MONTHS:
        raise Invalid(sentence("Choose from 1 to %(most)s months.", most=MOST_MONTHS), "months")
    identity, key = new_id(), f"{kind}/{about}"
    async with db.transaction():
        await db.execute(
            "INSERT INTO core_rule_replay (id, rule, definition, months, asked_at, asked_by, state, result) "
            "VALUES ($1, $2, $3, $4, $5, $6, 'waiting', '{}')",
            identity, key, dict(definition), months, now(), viewer.user_id,
        )  # fmt: skip
        await enqueue_job(JOB, {"trial": str(identity)}, key=str(identity))
        await db.execute(
            "DELETE FROM core_rule_replay WHERE rule = $1 AND id NOT IN "
            "(SELECT id FROM core_rule_replay WHERE rule = $1 ORDER BY asked_at DESC, id DESC LIMIT $2)",
            key, KEPT,
        )  # fmt: skip


async def layers(key: str, unit: str, place: UUID | None, own: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What would be set for a unit, the nearest place first, if a place (none: the whole desk) had these values."""
    set_in = {each.unit_id: each.values for each in await levels(key, UUID(unit))} | {place: own}
    chain: list[UUID | None] = [*map(UUID, chain_of(unit, await in_force.parents())), None]
    return [set_in[each] for each in chain if each in set_in]


async def latest(kind: str, about: str) -> Trial | None:
    row = await db.fetchrow(
        "SELECT * FROM core_rule_replay WHERE rule = $1 ORDER BY asked_at DESC, id DESC LIMIT 1", f"{kind}/{about}"
    )
    return Trial(row["months"], row["asked_at"], row["state"], row["definition"], row["result"]) if row else None


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job; run again it begins anew, since nothing is written but its result."""
    row = await db.fetchrow("SELECT * FROM core_rule_replay WHERE id = $1", UUID(payload["trial"]))
    if row is None or row["state"] == "done":
        return
    await db.execute("UPDATE core_rule_replay SET state = 'running' WHERE id = $1", row["id"])
    kind, _, about = row["rule"].partition("/")
    state, result = "failed", {}
    try:
        tried = await RUNNERS[kind](about, row["definition"], now() - row["months"] * MONTH)
        state, result = "done", speech.builtins_of(tried)
    finally:
        await db.execute(
            "UPDATE core_rule_replay SET state = $2, result = $3, finished_at = $4 WHERE id = $1",
            row["id"], state, result, now(),
        )  # fmt: skip
