"""The end of one case in a run: what holds it back is looked at again under its lock, plugins are asked before, and the
erasure journal has the order before the database forgets."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from ombud.desk.privacy import collecting, journal
from ombud.desk.privacy.destroying import Destroyed, Order, destroy
from ombud.desk.retention.due import REASONS
from ombud.kernel import faults
from ombud.kernel.clock import now
from ombud.kernel.database import NotOpen, db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append

log = logging.getLogger("ombud.retention")
LISTED = 5000  # of one run's cases that were held back; more are counted
AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InterfaceError, NotOpen)

_TOGETHER = """
WITH RECURSIVE below AS (SELECT $1::uuid AS id
    UNION SELECT c.id FROM core_case c JOIN below ON c.merged_into = below.id)
SELECT id FROM below ORDER BY id
"""
# Of whom nothing else is kept: no other case, no message without a case, no request about their data.
_GOING = """
SELECT p.id FROM core_person p WHERE p.erased_at IS NULL
    AND p.id IN (SELECT y.person_id FROM core_party y WHERE y.case_id = ANY($1)
        UNION SELECT m.person_id FROM core_message m WHERE m.case_id = ANY($1))
    AND NOT EXISTS (SELECT 1 FROM core_party y WHERE y.person_id = p.id AND NOT y.case_id = ANY($1))
    AND NOT EXISTS (SELECT 1 FROM core_message m WHERE m.person_id = p.id
        AND (m.case_id IS NULL OR NOT m.case_id = ANY($1)))
    AND NOT EXISTS (SELECT 1 FROM core_privacy_request q WHERE q.person_id = p.id OR q.also ? p.id::text)
    AND NOT EXISTS (SELECT 1 FROM core_privacy_hold h WHERE h.person_id = p.id AND h.lifted_at IS NULL)
ORDER BY p.id
"""
_NOW = f"SELECT c.id, c.destroyed_at, {REASONS} AS reasons FROM core_case c WHERE c.id = ANY($1) ORDER BY c.id"


class HeldBackError(Exception):
    """Something holds the case back after all; `reasons` are codes of it."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class _Task:
    """One case of a run. `cases`: it and those that were merged into it; `people`: who goes with it."""

    run: Mapping[str, Any]
    case: Mapping[str, Any]
    cases: tuple[UUID, ...]
    people: tuple[UUID, ...]

    @property
    def order(self) -> Order:
        return Order(self.people, self.cases, severed=True)

    @property
    def erasure(self) -> str:
        return f"{self.run['id']}/{self.case['id']}"


async def end(run: Mapping[str, Any], case: Mapping[str, Any]) -> None:
    """Destroys it, or notes what holds it back; either way the run has passed it."""
    try:
        if case["reasons"]:
            raise HeldBackError(*case["reasons"])
        await _destroy(await _task(run, case))
    except HeldBackError as held:
        await _held(run, case, held.reasons)
    except AWAY:
        raise
    except Exception as problem:  # one case that cannot be destroyed must not keep the others
        log.exception("the case %s could not be destroyed: %s", case["id"], faults.told(problem))
        await _held(run, case, ("fault",))


async def _task(run: Mapping[str, Any], case: Mapping[str, Any]) -> _Task:
    cases = [row["id"] for row in await db.fetch(_TOGETHER, case["id"])]
    people = await _going(cases)
    await _demand_free(cases)
    if people:
        answers = await collecting.asked(people, "erase")
        if silent := [each["source"] for each in answers if each["state"] != "answered"]:
            raise HeldBackError(*(f"plugin {each}" for each in silent))
    return _Task(run, case, tuple(cases), tuple(people))


async def _going(cases: Collection[UUID]) -> list[UUID]:
    return [row["id"] for row in await db.fetch(_GOING, list(cases))]


async def _demand_free(cases: Collection[UUID]) -> None:
    rows = await db.fetch(_NOW, list(cases))
    if reasons := [reason for row in rows for reason in row["reasons"]]:
        raise HeldBackError(*dict.fromkeys(reasons))


async def _destroy(task: _Task) -> None:
    told = {"people": [str(each) for each in task.people], "cases": [str(each) for each in task.cases]}
    content = {"erasure": task.erasure, **told, "kept": [], "shared": [], "severed": True, "run": str(task.run["id"])}
    line = journal.write("erase", content)
    try:
        async with db.transaction():
            await _locked(task)
            done = await destroy(task.order, task.run["began_by"])
            await _note(task, done, line)
    except BaseException as problem:
        gone = isinstance(problem, HeldBackError) and problem.reasons == ("gone",)  # by the same run, in two processes
        journal.write("done" if gone else "void", {"erasure": task.erasure})
        raise
    journal.write("done", {"erasure": task.erasure})


async def _locked(task: _Task) -> None:
    """Nobody places a hold, opens a case again, or lets somebody take part in another one, while it runs."""
    await db.execute("LOCK TABLE core_privacy_hold IN SHARE MODE")
    rows = await db.fetch("SELECT id, destroyed_at FROM core_case WHERE id = ANY($1) ORDER BY id FOR UPDATE",
                          list(task.cases))  # fmt: skip
    await db.fetch("SELECT id FROM core_person WHERE id = ANY($1) ORDER BY id FOR UPDATE", list(task.people))
    if any(row["destroyed_at"] is not None for row in rows):
        raise HeldBackError("gone")
    if [row["id"] for row in await db.fetch(_TOGETHER, task.case["id"])] != list(task.cases):
        raise HeldBackError("changed")
    await _demand_free(task.cases)
    if await _going(task.cases) != list(task.people):
        raise HeldBackError("changed")
    moved = await db.fetchval(
        "SELECT coalesce(closed_at, last_word_at) <> $2 FROM core_case WHERE id = $1",
        task.case["id"], task.case["ended_at"],
    )  # fmt: skip
    if moved:
        raise HeldBackError("changed")


async def _note(task: _Task, done: Destroyed, line: int) -> None:
    run, rule = task.run, task.case["rule_id"]
    version = next(each["version"] for each in run["rules"] if each["id"] == str(rule))
    await _passed(run, task.case, "destroyed", {
        "reasons": [], "cases": len(task.cases), "people": len(task.people), "gone": done.gone, "keys": done.keys,
        "journal_line": line,
    })  # fmt: skip
    body = {"run": str(run["id"]), "rule": str(rule), "version": version}
    entries = [NewEntry(f"case/{each}", "case.destroyed", body) for each in task.cases]
    entries += [NewEntry(f"person/{each}", "person.erased", {"run": str(run["id"])}) for each in task.people]
    await append(actor=run["began_by"], entries=entries)


async def _held(run: Mapping[str, Any], case: Mapping[str, Any], reasons: Sequence[str]) -> None:
    async with db.transaction():
        await _passed(run, case, "held", {"reasons": list(reasons), "cases": 1, "people": 0, "gone": {}, "keys": 0,
                                          "journal_line": 0})  # fmt: skip


async def _passed(run: Mapping[str, Any], case: Mapping[str, Any], state: str, values: Mapping[str, Any]) -> None:
    row = {"id": new_id(), "run_id": run["id"], "case_id": case["id"], "rule_id": case["rule_id"], "state": state,
           **values, "at": now()}  # fmt: skip
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    many = 1
    if state == "destroyed" or run["held"] < LISTED:
        tag = await db.execute(
            f"INSERT INTO core_retention_item ({', '.join(row)}) VALUES ({places}) "
            "ON CONFLICT (run_id, case_id) DO NOTHING",
            *row.values(),
        )
        many = int(tag.rsplit(" ", 1)[-1])
    await db.execute(
        f"UPDATE core_retention_run SET after_at = $2, after_id = $3, {state} = {state} + $4 WHERE id = $1",
        run["id"], case["ended_at"], case["id"], many,
    )  # fmt: skip


_taken_up: set[UUID] = set()


async def take_up(run_id: UUID) -> None:
    """When this process meets a run for the first time: after a kill, tells the journal how each order ended that
    nobody told of."""
    if run_id in _taken_up:
        return
    _taken_up.add(run_id)
    for each in journal.unfinished(str(run_id)):
        whole = await db.fetchval(
            "SELECT bool_and(destroyed_at IS NOT NULL) FROM core_case WHERE id = ANY($1)",
            [UUID(case) for case in each["cases"]],
        )
        journal.write("done" if whole else "void", {"erasure": each["erasure"]})
