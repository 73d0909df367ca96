"""Rules at work: they act once, say why, stop in loops, keep to their time, and leave alone what is of before."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import cases, support
from ombud.desk.clocks import by_rules as clocks_by_rules
from ombud.desk.engine.terms import Definition
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.rules import asked, commands, in_force, names, replay, running, versions, wording
from ombud.desk.rules.checking import problems_of
from ombud.desk.rules.explained import explain
from ombud.desk.support import Needs
from ombud.kernel import clock, outbox
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.ids import new_id
from ombud.trust.ledger import read
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM

RED = {"all": [{"is": "mood", "moods": ["angry"]}, {"is": "support_needs"}]}
ON = {"event": ["case.changed:mood", "support_needs.confirmed"]}


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    before = dict(outbox.registry.subscriptions)
    running.listen()
    clocks_by_rules.register()
    for name, job in ((running.JOB, running.due), (running.ARM, running.arm), (asked.JOB, asked.run)):
        outbox.registry.jobs.setdefault(name, outbox.Job(job))
    yield
    outbox.registry.subscriptions = before


async def work() -> None:
    for _ in range(20):
        rows = await db.fetch("SELECT id FROM core_delivery WHERE state = 'waiting' AND available_at <= $1", now())
        if not rows:
            return
        for row in rows:
            await Runner(new_id()).run(row["id"])


async def built_in_holds() -> bool:
    return bool(await db.fetchval(f"SELECT {in_force.BUILT_IN_HOLDS.format(at='$1::timestamptz')}", now()))


async def queue(key: str = "senior") -> str:
    identity = new_id()
    await db.execute(
        "INSERT INTO core_queue (id, key, name, condition, position, active) VALUES ($1, $2, $3, '{}', 5000, TRUE)",
        identity, key, key.capitalize(),
    )  # fmt: skip
    return str(identity)


async def turned_on(definition: Definition, *, shadow: bool = False) -> str:
    written = await versions.save_draft(SYSTEM, definition)
    begin = versions.try_in_shadow if shadow else versions.activate
    await begin(SYSTEM, written.rule, written.number)
    return written.rule


def red(to: str, **more: Any) -> Definition:
    actions = (
        {"do": "put_in_queue", "queue": to},
        {"do": "answer_within", "clock": "senior", "amount": 1, "unit": "hours", "business": True},
    )
    return Definition(
        **{"key": "", "label": "Red to senior", "when": ON, "conditions": RED, "actions": actions, **more}
    )


async def entries(case_id: UUID, kind: str = "") -> list[Any]:
    found = await read([f"case/{case_id}"], limit=1000)
    return [each for each in found if kind in ("", each.kind)]


async def make_red(stage: Any, case_id: UUID) -> None:
    agent = await stage.person("agent")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", case_id)
    await support.confirm(agent, case_id, person, Needs(True, False, "Large print", "consent"))
    await cases.change(agent, case_id, {"mood": "angry"}, None)


async def test_a_rule_acts_when_its_conditions_hold_and_every_entry_says_why(stage: Any) -> None:
    to = await queue()
    await turned_on(red(to))
    filed = await stage.file()
    await work()
    assert await entries(filed.case_id, "rule.applied") == []
    await make_red(stage, filed.case_id)
    await work()
    assert str(await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id)) == to
    (done,) = await entries(filed.case_id, "rule.applied")
    assert (done.body["rule"], done.body["version"], done.cause) == ("red-to-senior", 1, "rule/red-to-senior@1")
    assert [each["is"] for each in done.body["matched"]] == ["mood", "support_needs"]
    moved = next(each for each in await entries(filed.case_id, "case.changed") if each.body.get("queue") == to)
    assert moved.body["because"]["rule"] == "red-to-senior"
    assert moved.body["because"]["trigger"] == done.body["trigger"]
    begun = await entries(filed.case_id, "clock.started")
    (senior,) = [each for each in begun if each.body["clock"] == "senior"]
    assert (senior.body["because"]["rule"], senior.cause) == ("red-to-senior", "rule/red-to-senior@1")
    kept = await db.fetchrow("SELECT state, due_at, started_at FROM core_clock WHERE key = 'senior'")
    assert kept["state"] == "running"
    assert kept["due_at"] - kept["started_at"] >= timedelta(hours=1)
    why = (await explain([(moved.seq, moved.kind, moved.body)], concerned=False))[moved.seq]
    assert (why.label, why.version) == ("Red to senior", 1)
    assert [each["text"] for each in why.matched] == ["the customer's tone is Angry", "support needs are confirmed"]
    assert why.matched[0]["value"] == "angry"
    assert await explain([(moved.seq, moved.kind, moved.body)], concerned=True) == {}
    assert (await verify()).broken == ""


async def test_the_same_event_heard_twice_acts_once(stage: Any) -> None:
    await turned_on(red(await queue()))
    filed = await stage.file()
    await make_red(stage, filed.case_id)
    await work()
    trigger = (await entries(filed.case_id, "rule.applied"))[0].body["trigger"]
    stream, _, seq = trigger.rpartition("/")
    entry = next(each for each in await entries(filed.case_id) if each.seq == int(seq))
    before = len(await entries(filed.case_id))
    await running.heard(
        {"stream": stream, "seq": int(seq), "kind": entry.kind, "body": entry.body, "id": trigger}, None
    )
    assert len(await entries(filed.case_id)) == before


async def test_a_shadow_writes_down_what_it_would_do_and_does_nothing(stage: Any) -> None:
    to = await queue()
    await turned_on(red(to), shadow=True)
    filed = await stage.file()
    await make_red(stage, filed.case_id)
    await work()
    assert str(await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id)) != to
    (noted,) = await entries(filed.case_id, "rule.shadowed")
    assert noted.body["changes"][0] == {"change": "assign_queue", "queue": to, "aspect": ""}
    assert await entries(filed.case_id, "rule.applied") == []


async def test_nothing_is_written_down_for_kinds_nobody_listens_to(stage: Any) -> None:
    await in_force.refresh()
    assert outbox.registry.subscriptions["rules"].kinds == ()
    await stage.file()
    heard = await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'core/rules'")
    assert heard == 0
    key = await turned_on(red(await queue()))
    assert set(outbox.registry.subscriptions["rules"].kinds) == {"case.changed", "support_needs.confirmed"}
    await versions.switch_off(SYSTEM, key)
    assert outbox.registry.subscriptions["rules"].kinds == ()


async def test_rules_that_set_each_other_off_end_and_say_so(stage: Any) -> None:
    for label, has, to in (("Up", "normal", "high"), ("Down", "high", "normal")):
        await turned_on(
            Definition(
                key="", label=label, when={"event": ["case.changed", "case.opened"]},
                conditions={"is": "priority", "priorities": [has]}, actions=({"do": "set_priority", "priority": to},),
            )
        )  # fmt: skip
    filed = await stage.file()
    await work()
    assert [each.body["rule"] for each in await entries(filed.case_id, "rule.applied")] == ["up", "down"]
    (halted,) = await entries(filed.case_id, "rule.halted")
    assert (halted.body["rule"], halted.body["why"], halted.body["chain"]) == ("up", "loop", ["up", "down"])


async def test_what_cannot_be_done_is_named_and_the_rest_is_done(stage: Any) -> None:
    await turned_on(
        Definition(
            key="", label="Odd", when={"event": ["case.opened"]},
            actions=({"do": "escalate", "ladder": "none"}, {"do": "tag", "tag": "seen"}),
        )
    )  # fmt: skip
    filed = await stage.file()
    await work()
    (done,) = await entries(filed.case_id, "rule.applied")
    assert [each["change"] for each in done.body["refused"]] == ["escalate"]
    assert [each.body["tag"] for each in await entries(filed.case_id, "case.tagged")] == ["seen"]


async def test_a_rule_leaves_alone_what_happened_before_it_began(stage: Any) -> None:
    filed = await stage.file()
    await make_red(stage, filed.case_id)
    await turned_on(red(await queue()))
    stream = f"case/{filed.case_id}"
    last = (await entries(filed.case_id))[-1]
    event = {"stream": stream, "seq": last.seq, "kind": last.kind, "body": last.body, "id": f"{stream}/{last.seq}"}
    await running.heard(event, None)
    assert await entries(filed.case_id, "rule.applied") == []


async def remind(**when: Any) -> str:
    return await turned_on(
        Definition(
            key="", label="Waits", when={"time": when}, conditions={"is": "unanswered"},
            actions=({"do": "tag", "tag": "waits"},),
        )
    )  # fmt: skip


async def test_a_rule_of_time_acts_once_when_it_is_due(stage: Any) -> None:
    await remind(after="PT2H", of="last_in")
    filed = await stage.file()
    await work()
    assert await db.fetchval("SELECT count(*) FROM core_rule_timer") == 1
    later = now() + timedelta(hours=3)
    with clock.at(later):
        for _ in range(2):
            await running.due({}, Context())
    (done,) = await entries(filed.case_id, "rule.applied")
    assert done.body["due"]
    assert len(await entries(filed.case_id, "case.tagged")) == 1


class Context:
    stopping = False
    state: dict[str, Any] = {}
    attempt = 1

    async def save(self, state: dict[str, Any]) -> None:
        self.state = state


async def test_timers_of_cases_that_were_there_before_begin_with_the_rule_and_old_ones_stay_quiet(stage: Any) -> None:
    old = await stage.file(received_at=now() - timedelta(days=3))
    new = await stage.file()
    await remind(after="P1D", of="received")
    await running.arm({}, Context())
    rows = await db.fetch("SELECT case_id FROM core_rule_timer")
    assert [row["case_id"] for row in rows] == [new.case_id]
    assert old.case_id != new.case_id


async def test_a_closed_case_waits_for_nothing(stage: Any) -> None:
    await remind(after="P1D", of="received")
    filed = await stage.file()
    await work()
    await db.execute("UPDATE core_case SET status = 'closed', closed_at = now() WHERE id = $1", filed.case_id)
    async with db.transaction():
        await cases.record(SYSTEM, filed.case_id, "case.status_changed", {"status": "closed"})
    await work()
    assert await db.fetchval("SELECT count(*) FROM core_rule_timer") == 0


# Versions.
async def test_a_version_that_held_never_changes_and_a_draft_stands_beside_it(stage: Any) -> None:
    to = await queue()
    key = await turned_on(red(to))
    draft = await versions.save_draft(SYSTEM, red(to, key=key, label="Red to the seniors"))
    kept = await versions.rule(key)
    assert (draft.number, kept.state, kept.in_force().number) == (2, "on", 1)  # type: ignore[union-attr]
    with pytest.raises(Exception, match="held already"):
        await db.execute("UPDATE core_rule_version SET definition = '{}' WHERE rule = $1 AND number = 1", key)
    await versions.activate(SYSTEM, key, 2)
    kept = await versions.rule(key)
    assert kept.in_force().number == 2  # type: ignore[union-attr]
    assert kept.number(1).valid_to == kept.number(2).valid_from
    with pytest.raises(NotNow, match="held already"):
        await versions.activate(SYSTEM, key, 1)
    back = await versions.roll_back(SYSTEM, key, 1)
    assert (back.number, back.definition.label) == (3, "Red to senior")


async def test_a_version_can_begin_on_a_day_to_come(stage: Any) -> None:
    to = await queue()
    key = await turned_on(red(to))
    await versions.save_draft(SYSTEM, red(to, key=key, label="Later"))
    begins = now() + timedelta(days=2)
    await versions.activate(SYSTEM, key, 2, begins=begins)
    kept = await versions.rule(key)
    assert kept.in_force().number == 1  # type: ignore[union-attr]
    assert kept.in_force(begins).number == 2  # type: ignore[union-attr]
    await versions.switch_off(SYSTEM, key)
    assert (await versions.rule(key)).in_force(begins + timedelta(days=1)) is None


async def test_a_change_on_an_older_state_is_refused_and_so_is_who_may_not(stage: Any) -> None:
    to = await queue()
    key = await turned_on(red(to))
    with pytest.raises(Changed):
        await versions.save_draft(SYSTEM, red(to, key=key), version=1)
    agent = await stage.person("agent")
    with pytest.raises(NotAllowed):
        await versions.save_draft(agent, red(to))
    with pytest.raises(NotAllowed):
        await versions.switch_off(agent, key)


async def test_a_rule_that_cannot_run_is_not_turned_on_and_says_what_is_missing(stage: Any) -> None:
    draft = await versions.save_draft(SYSTEM, Definition(key="", label="Half", when={"event": ["case.opened"]}))
    with pytest.raises(Invalid, match="add an action"):
        await versions.activate(SYSTEM, draft.rule, 1)
    found = problems_of(
        Definition(
            key="x", label="", when={"time": {"after": "soon", "of": "moon"}},
            conditions={"all": [{"is": "severity", "count": 9}, {"is": "nothing"}, {"any": []}]},
            actions=({"do": "set_priority", "priority": "huge"},),
        ),
        in_force.words(),
    )  # fmt: skip
    assert set(found) == {"label", "when.amount", "if.0.count", "if.1", "if.2", "then.0.priority"}


async def test_the_shipped_rules_are_there_and_only_the_acknowledgement_is_on(stage: Any) -> None:
    await versions.install_defaults()
    await versions.install_defaults()
    kept = {each.key: each.state for each in await versions.all_rules()}
    assert kept.pop("acknowledge") == "on"
    assert set(kept) == {"categorise", "prioritise", "assign", "remind", "escalate", "close"}
    assert set(kept.values()) == {"draft"}
    words, known = in_force.words(), (await names.known()).names
    for each in await versions.all_rules():
        assert problems_of(each.newest.definition, words) == {}, each.key
        assert wording.summary(each.newest.definition, words, known).endswith(".")
    assert outbox.registry.subscriptions["rules"].kinds == (), "the desk acknowledges by itself"


async def test_the_desk_acknowledges_by_itself_until_the_rule_is_changed_or_off(stage: Any) -> None:
    await versions.install_defaults()
    assert await built_in_holds()
    await versions.switch_off(SYSTEM, "acknowledge")
    assert not await built_in_holds()
    await versions.save_draft(SYSTEM, (await versions.rule("acknowledge")).newest.definition)
    await versions.activate(SYSTEM, "acknowledge", 2)
    assert not await built_in_holds(), "now the engine does"
    assert "case.opened" in outbox.registry.subscriptions["rules"].kinds


# Replay.
async def test_replaying_the_rules_in_force_finds_anew_what_was_done(stage: Any) -> None:
    await turned_on(red(await queue()))
    await remind(after="PT2H", of="last_in")
    for place in range(4):
        filed = await stage.file()
        if place % 2:
            await make_red(stage, filed.case_id)
    await work()
    with clock.at(now() + timedelta(hours=3)):
        await running.due({}, Context())
        report = await replay.run(replay.months_back(1), processes=1)
    assert (report.cases, report.found_anew, report.differing, report.lacking) == (4, 6, 0, {})


async def test_a_replay_names_what_is_not_found_anew_and_what_old_cases_lack(stage: Any) -> None:
    await turned_on(red(await queue()))
    filed = await stage.file()
    async with db.transaction():
        because = {"rule": "red-to-senior", "version": 1, "trigger": f"case/{filed.case_id}/1", "depth": 0}
        await cases.record(SYSTEM, filed.case_id, "rule.applied", {**because, "matched": [], "changes": []})
    report = await replay.run(replay.months_back(1), processes=1)
    assert (report.differing, report.found_anew) == (1, 0)
    assert report.differs[0]["surplus"] == ["red-to-senior@1 1"]


async def test_a_draft_over_past_cases_shows_which_it_would_have_changed_and_changes_nothing(stage: Any) -> None:
    to = await queue()
    calm, angry = await stage.file(), await stage.file()
    await make_red(stage, angry.case_id)
    before = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE stream LIKE 'case/%'")
    wanted = replay.months_back(1, now() + timedelta(days=8))
    report = await replay.run(replay.Wanted(wanted.since, wanted.until, red(to, key="red")), processes=1)
    assert (report.cases, report.changed, report.times) == (2, 1, 1)
    assert report.shown[0]["case"] == str(angry.case_id)
    assert [each["change"]["change"] for each in report.shown[0]["added"]] == ["assign_queue", "start_clock"]
    assert report.caused == 1, "nobody answered within the hour"
    assert report.load[to] == [0, 1]
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE stream LIKE 'case/%'") == before
    assert calm.case_id != angry.case_id


async def test_a_changed_rule_over_the_past_tells_what_it_would_not_do_any_more(stage: Any) -> None:
    to = await queue()
    key = await turned_on(red(to))
    filed = await stage.file()
    await make_red(stage, filed.case_id)
    await work()
    wanted = replay.months_back(1)
    same = await replay.run(replay.Wanted(wanted.since, now(), red(to, key=key)), processes=1)
    assert (same.changed, same.same, same.dropped) == (0, 2, 0)
    never = red(to, key=key, conditions={"is": "severity", "count": 4})
    report = await replay.run(replay.Wanted(wanted.since, now(), never), processes=1)
    assert (report.changed, report.times, report.dropped) == (1, 0, 2)


async def test_the_command_tells_what_a_draft_would_do_and_what_was_found_anew(stage: Any, capsys: Any) -> None:
    to = await queue()
    key = await turned_on(red(to))
    await versions.save_draft(SYSTEM, red(to, key=key, conditions={"is": "severity", "count": 4}))
    filed = await stage.file()
    await make_red(stage, filed.case_id)
    await work()
    assert await commands.replay_command(key, None, 1, 1) == 0
    said = capsys.readouterr().out
    assert "would have run 0 times and changed 1 cases; 0 effects as they were, 2 would not be there." in said
    assert await commands.replay_command(key, 1, 1, 1) == 0
    assert "changed 0 cases; 2 effects as they were" in capsys.readouterr().out
    assert await commands.replay_command("", None, 1, 1) == 0
    assert "Found anew: 1 of what the rules in force did; 0 cases differ" in capsys.readouterr().out
    async with db.transaction():
        because = {"rule": key, "version": 1, "trigger": f"case/{filed.case_id}/1", "depth": 0}
        await cases.record(SYSTEM, filed.case_id, "rule.applied", {**because, "matched": [], "changes": []})
    assert await commands.replay_command("", None, 1, 1) == 1, "something differs"
    assert f"case {filed.case_id}: not found anew: {key}@1 1" in capsys.readouterr().out
    assert await commands.list_command() == 0
    said = capsys.readouterr().out
    assert f"{key}  on (version 1, a newer draft beside it)" in said


@pytest.mark.parametrize(
    ("asked_for", "remedy"),
    [
        (("nothing", None, 3, 1), "There is no rule nothing. See which there are with: ombud rules list"),
        (("half", 7, 3, 1), "half has no version 7. Give --number from 1 to 1."),
        (("half", 0, 3, 1), "half has no version 0."),
        (("half", 1, 3, 1), "add an action"),
        (("", 1, 3, 1), "Name the rule as well: --rule KEY"),
        (("", None, 0, 1), "0 months cannot be replayed. Give --months from 1 to 36."),
        (("", None, 37, 1), "Give --months from 1 to 36."),
        (("", None, 3, 0), "Give --processes from 1 to 16."),
    ],
)
async def test_a_replay_that_cannot_be_is_refused_with_the_remedy(
    stage: Any, capsys: Any, asked_for: tuple[str, int | None, int, int], remedy: str
) -> None:
    await versions.save_draft(SYSTEM, Definition(key="", label="Half", when={"event": ["case.opened"]}))
    assert await commands.replay_command(*asked_for) == 2
    said = capsys.readouterr()
    assert said.err.startswith("ombud: ")
    assert remedy in said.err
    assert not said.out


async def test_two_processes_find_the_same_as_one(stage: Any) -> None:
    to = await queue()
    for place in range(6):
        filed = await stage.file()
        if place % 2:
            await make_red(stage, filed.case_id)
    wanted = replay.months_back(1)
    given = replay.Wanted(wanted.since, now(), red(to, key="red"))
    one = await replay.run(given, processes=1)
    replay_small, replay.SMALL = replay.SMALL, 0
    try:
        two = await replay.run(given, processes=2)
    finally:
        replay.SMALL = replay_small
    assert (two.cases, two.changed, two.load) == (one.cases, one.changed, one.load)
    assert {each["case"] for each in two.shown} == {each["case"] for each in one.shown}


async def test_a_replay_asked_for_on_a_page_runs_in_the_background(stage: Any) -> None:
    to = await queue()
    filed = await stage.file()
    await make_red(stage, filed.case_id)
    await asked.ask(SYSTEM, "red", red(to, key="red"), 1)
    await work()
    found = await asked.latest("red")
    assert found is not None
    assert found.state == "done"
    assert found.report is not None
    assert found.report.changed == 1
    readable = await asked.readable(await stage.person("agent"), [str(filed.case_id)])
    assert readable[str(filed.case_id)][0] == filed.reference
