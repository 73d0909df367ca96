"""Follows the rules: in the work process, once for each event, safe to run twice; never in anybody's request.

The facts are those right after the event, by the case's entries up to it, so a replay finds the same. What was done
stands in the case as `rule.applied`, with what held; what a shadow would have done as `rule.shadowed`.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.calendars import versions as calendars
from ombud.desk.engine import folding, timers
from ombud.desk.engine.effects import Calendar
from ombud.desk.engine.rules import (
    Answer,
    Firing,
    Plan,
    Trigger,
    evaluate,
    listening,
    plan_of,
    trigger_of,
    word_key,
)
from ombud.desk.engine.terms import Rule, args_of, leaves
from ombud.desk.rules import in_force
from ombud.desk.rules.applying import apply
from ombud.desk.rules.in_force import Held
from ombud.desk.words import is_code
from ombud.desk.writing import lock_case, record
from ombud.kernel.calling import call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import Entry, read
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.treatment import CaseFacts

log = logging.getLogger("ombud.rules")

SECONDS = 2.0  # for a plugin's word
PAGE = 1000
APPLIED, SHADOWED, HALTED = "rule.applied", "rule.shadowed", "rule.halted"
OURS = frozenset({APPLIED, SHADOWED, HALTED})


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    in_force.listen(heard)


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """What an entry of a case sets off; safe to run twice."""
    stream, seq = str(event["stream"]), int(event["seq"])
    if not stream.startswith("case/") or event["kind"] in OURS:
        return
    case_id = UUID(stream.removeprefix("case/"))
    versions = await in_force.held()
    entries = await entries_of(stream)
    entry = next((each for each in entries if each.seq == seq), None)
    if entry is None or folding.folded(entries).gone:
        return
    over = await in_force.came_over_at(case_id)
    if over is None or entry.at > over:
        rules = [each for each in in_force.at(versions, entry.at) if not each.definition.timed]
        trigger = trigger_of(stream, seq, entry.kind, entry.body, entry.at)
        await _answer(case_id, rules, trigger, [each for each in entries if each.seq <= seq], entries, entry.at)
    await keep_timers(case_id, versions, entries, over)


async def entries_of(stream: str) -> list[Entry]:
    """All entries of a stream, in order."""
    found: list[Entry] = []
    while part := await read([stream], after=found[-1].seq if found else 0, limit=PAGE):
        found += part
        if len(part) < PAGE:
            break
    return found


async def _answer(
    case_id: UUID, rules: Sequence[Rule], trigger: Trigger, before: Sequence[Entry], all_of_it: Sequence[Entry],
    at: datetime,
) -> Plan:  # fmt: skip
    """Evaluates the rules on the facts after these entries, and does what they ask for."""
    facts = folding.fold(before, at, await in_force.parents())
    facts = await _with_hours(facts)
    asked = listening(rules, facts, trigger)
    if not asked:
        return Plan()
    words = in_force.words()
    answers, plans = await _plugins_asked(asked, facts)
    plan = evaluate(asked, facts, trigger, words, answers, plans)
    done = {
        (each.kind, each.body.get("rule"), each.body.get("version"), each.body.get("trigger"))
        for each in all_of_it
        if each.kind in OURS
    }
    for firing in plan.fired:
        if (APPLIED, firing.rule.key, firing.rule.version, trigger.id) not in done:
            await _do(case_id, firing)
    for firing in plan.shadowed:
        if (SHADOWED, firing.rule.key, firing.rule.version, trigger.id) not in done:
            await _note(case_id, SHADOWED, {**firing.because, "changes": _told(firing), "shadow": True})
    for halted in plan.halted:
        told = {"rule": halted.rule.key, "version": halted.rule.version, "trigger": trigger.id, "why": halted.why}
        if (HALTED, halted.rule.key, halted.rule.version, trigger.id) not in done:
            await _note(case_id, HALTED, {**told, "chain": list(trigger.chain), "depth": trigger.depth})
    return plan


async def _with_hours(facts: CaseFacts) -> CaseFacts:
    calendar = await calendar_of(facts.unit)
    if calendar is None:
        return facts
    outside = not calendar.is_open(facts.received_at)
    return msgspec.structs.replace(facts, outside_hours=outside)


async def calendar_of(unit: str) -> Any:
    """The working time of a unit now, None where the unit is gone."""
    try:
        return await calendars.current(UUID(unit))
    except (LookupError, ValueError):
        return None


async def _plugins_asked(rules: Iterable[Rule], facts: CaseFacts) -> tuple[dict[bytes, Answer], dict[bytes, Any]]:
    """What plugins' words say, each asked alone, under a limit; a fault is recorded against its plugin."""
    answers: dict[bytes, Answer] = {}
    plans: dict[bytes, Any] = {}
    words = in_force.words()
    for rule in rules:
        for leaf in leaves(rule.definition.conditions):
            slug, key = in_force.slug_of(str(leaf["is"])), word_key("is", leaf)
            if slug and key not in answers:
                condition = words.conditions[str(leaf["is"])]
                outcome = await call(
                    slug, _ask(condition, leaf), facts, limit=SECONDS, place=f"condition {condition.key}"
                )
                said = outcome.value if outcome.ok else Answer(None, fault=outcome.fault.message)  # type: ignore[union-attr]
                answers[key] = said if isinstance(said.holds, bool | None) else Answer(None, fault="not yes or no")
        for action in rule.definition.actions:
            slug, key = in_force.slug_of(str(action["do"])), word_key("do", action)
            if slug and key not in plans:
                planned = await call(
                    slug, lambda action, facts: plan_of(action, facts, words), action, facts, limit=SECONDS,
                    place=f"action {action['do']}",
                )  # fmt: skip
                plans[key] = planned.value if planned.ok else planned.fault.message  # type: ignore[union-attr]
    return answers, plans


def _ask(condition: Any, leaf: Mapping[str, Any]) -> Any:
    """Raises what the plugin raises, so that the fault is recorded. What it saw stands in the ledger in clear, so it is
    a code or nothing."""

    def ask(facts: CaseFacts) -> Answer:
        holds = condition.holds(facts, args_of(leaf))
        found = str(condition.found(facts, args_of(leaf))) if condition.found else ""
        return Answer(holds, found if is_code(found) else "")

    return ask


async def _do(case_id: UUID, firing: Firing) -> None:
    refused = []
    for change in firing.changes:
        if why := await apply(case_id, change, firing.because):
            log.info("rule %s could not %s in case %s: %s", firing.rule.key, change.kind, case_id, why)
            refused.append({"change": change.kind, "why": why if len(why) < 300 else why[:299] + "…"})
    body = {**firing.because, "changes": _told(firing)}
    if refused:
        body["refused"] = refused
    if firing.overruled:
        body["overruled"] = [change.kind for change in firing.overruled]
    await _note(case_id, APPLIED, body)


def _told(firing: Firing) -> list[dict[str, Any]]:
    return [speech.builtins_of(change) for change in firing.changes]


async def _note(case_id: UUID, kind: str, body: Mapping[str, Any]) -> None:
    """Writes it into the case once, whoever else runs the same event."""
    async with db.transaction():
        await lock_case(SYSTEM, "case.read", case_id, merged=True)
        known = await db.fetchval(
            "SELECT TRUE FROM core_ledger_entry WHERE stream = $1 AND kind = $2 AND body->>'rule' = $3 "
            "AND (body->>'version')::int = $4 AND body->>'trigger' = $5 AND coalesce(body->>'due', '') = $6 LIMIT 1",
            f"case/{case_id}", kind, str(body["rule"]), int(body["version"]), str(body["trigger"]),
            str(body.get("due", "")),
        )  # fmt: skip
        if not known:
            cause = f"rule/{body['rule']}@{body['version']}"
            await record(SYSTEM, case_id, kind, body, cause=cause)


# Rules of time.
def timers_of(
    versions: Sequence[Held], entries: Sequence[Entry], calendar: Calendar | None, at: datetime
) -> dict[str, timers.Timer]:
    """The timers of one case now, of the rules of time that hold or will."""
    rules = [each.rule for each in versions if each.rule.definition.timed and (each.until is None or each.until > at)]
    state = folding.State()
    known: dict[str, timers.Timer] = {}
    if not rules:
        return known
    for entry in entries:
        state.id = state.id or entry.stream.partition("/")[2]
        folding.step(state, entry.kind, entry.body, entry.at, entry.seq)
        known = timers.watch(known, rules, state, entry.at, calendar)
    return known


async def keep_timers(case_id: UUID, versions: Sequence[Held], entries: Sequence[Entry], over: datetime | None) -> None:
    """Writes down when rules of time are due in this case; what was due before a rule held, or before the case came to
    this desk, is no rule's affair."""
    if not any(each.rule.definition.timed for each in versions):
        return
    calendar = await calendar_of(folding.folded(entries).unit)
    found = timers_of(versions, entries, calendar, now())
    since = {(each.rule.key, each.rule.version): each.since for each in versions}
    wanted = [
        each
        for each in found.values()
        if each.due_at >= since[each.rule, each.version] and (over is None or each.due_at > over)
    ]
    async with db.transaction():
        await db.execute(
            "DELETE FROM core_rule_timer t WHERE t.case_id = $1 AND t.fired_at IS NULL AND NOT EXISTS ("
            "SELECT 1 FROM unnest($2::text[], $3::int[], $4::timestamptz[]) AS w(rule, number, anchor) "
            "WHERE w.rule = t.rule AND w.number = t.number AND w.anchor = t.anchor)",
            case_id, [each.rule for each in wanted], [each.version for each in wanted],
            [each.anchor for each in wanted],
        )  # fmt: skip
        await db.execute(
            "INSERT INTO core_rule_timer (id, case_id, rule, number, anchor, due_at) "
            "SELECT gen_random_uuid(), $1, w.rule, w.number, w.anchor, w.due_at "
            "FROM unnest($2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[]) "
            "AS w(rule, number, anchor, due_at) "
            "ON CONFLICT (case_id, rule, number, anchor) DO UPDATE SET due_at = excluded.due_at "
            "WHERE core_rule_timer.fired_at IS NULL",
            case_id, [each.rule for each in wanted], [each.version for each in wanted],
            [each.anchor for each in wanted], [each.due_at for each in wanted],
        )  # fmt: skip


JOB = "rules.due"
ARM = "rules.arm"
AT_ONCE = 200


async def due(payload: dict[str, Any], context: JobContext) -> None:
    """Every half minute: rules of time that are due. One that a restart interrupts is asked again."""
    while rows := await db.fetch(
        "SELECT t.id, t.case_id, t.rule, t.number, t.due_at FROM core_rule_timer t WHERE t.fired_at IS NULL "
        "AND t.due_at <= $1 ORDER BY t.due_at, t.id LIMIT $2",
        now(), AT_ONCE,
    ):  # fmt: skip
        versions = await in_force.held()
        for row in rows:
            await _fire(row, versions)
            await db.execute("UPDATE core_rule_timer SET fired_at = $2 WHERE id = $1", row["id"], now())
        if context.stopping or len(rows) < AT_ONCE:
            return


async def _fire(row: Mapping[str, Any], versions: Sequence[Held]) -> None:
    stream = f"case/{row['case_id']}"
    rules = [
        each
        for each in in_force.at(versions, row["due_at"])
        if each.key == row["rule"] and each.version == row["number"]
    ]
    entries = await entries_of(stream)
    if not rules or not entries or folding.folded(entries).gone:
        return
    due_text = moment_text(row["due_at"])
    for other in entries:  # run before, and stopped between doing and noting it
        if other.kind in OURS and other.body.get("rule") == row["rule"] and other.body.get("due") == due_text:
            return
    trigger = Trigger(f"{stream}/{entries[-1].seq}", at=row["due_at"], rule=row["rule"], due=due_text)
    await _answer(row["case_id"], rules, trigger, entries, entries, row["due_at"])


async def arm(payload: dict[str, Any], context: JobContext) -> None:
    """Timers of every open case anew: when a rule of time begins, and each night. Goes on where it was stopped."""
    versions = await in_force.held(now())
    if not any(each.rule.definition.timed for each in versions):
        return
    last = UUID(context.state["last"]) if context.state.get("last") else UUID(int=0)
    done = int(context.state.get("done", 0))
    while rows := await db.fetch(
        "SELECT id FROM core_case WHERE status <> 'closed' AND merged_into IS NULL AND id > $1 ORDER BY id LIMIT 200",
        last,
    ):
        for row in rows:
            entries = await entries_of(f"case/{row['id']}")
            await keep_timers(row["id"], versions, entries, await in_force.came_over_at(row["id"]))
        last, done = rows[-1]["id"], done + len(rows)
        await context.save({"last": str(last), "done": done})
        if context.stopping:
            return
