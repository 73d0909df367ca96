"""Clocks of cases and aspects: started after the opening, met by what people do, warned of and breached once."""

import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision
from ombud.desk.clocks import acting, kept, providers, watching
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.clocks.settling import settle
from ombud.desk.errors import Changed, Invalid, NotFound, NotNow
from ombud.desk.merges import merge as merging
from ombud.desk.merges import split as splitting
from ombud.desk.rules.applying import apply
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api import StartClock
from ombud_plugin_api.facts import Filed

SOON = timedelta(hours=1)
DECIDED = Decision("upheld", "The fee was our mistake.")


async def clocks(case_id: UUID) -> dict[tuple[str, str], Any]:
    """By key and the title of the aspect's place: `A`, `B` or nothing."""
    rows = await db.fetch(
        "SELECT k.*, coalesce(chr(64 + a.position), '') AS letter FROM core_clock k LEFT JOIN core_aspect a "
        "ON a.id = k.aspect_id WHERE k.case_id = $1 ORDER BY k.key, a.position, k.started_at",
        case_id,
    )
    return {(row["key"], row["letter"]): row for row in rows}


async def kinds(case_id: UUID, like: str = "clock.%") -> list[str]:
    rows = await db.fetch(
        "SELECT kind FROM core_ledger_entry WHERE stream = $1 AND kind LIKE $2 ORDER BY seq", f"case/{case_id}", like
    )
    return [row["kind"] for row in rows]


async def filed(desk: Desk, *matters: str, **about: Any) -> Filed:
    found = await desk.file(*matters, **about)
    await watching.start_waiting()
    return found


async def aspect_ids(case_id: UUID) -> list[UUID]:
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", case_id)
    return [row["id"] for row in rows]


async def age(case_id: UUID, by: timedelta) -> None:
    """Lets a case and its clocks be older, as if time had gone by."""
    await db.execute(
        "UPDATE core_case SET received_at = received_at - $2, opened_at = opened_at - $2, due_at = due_at - $2 "
        "WHERE id = $1", case_id, by,
    )  # fmt: skip
    await db.execute("UPDATE core_aspect SET due_at = due_at - $2 WHERE case_id = $1", case_id, by)


async def own_clock(case_id: UUID, terms: Terms, key: str = "sla.first_reply") -> UUID:
    """A clock as a plugin's deadline makes it."""
    from ombud.desk.calendars.versions import current
    from ombud.desk.clocks.settling import Settling, start
    from ombud.trust.ledger import append

    async with db.transaction():
        case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE", case_id)
        assert case is not None
        settling = Settling(case, await current(case["unit_id"]), "system", [])
        await start(settling, Wanted(key, "", "First reply", key, terms, case["received_at"]))
        await append(actor="system", entries=settling.entries)
    return UUID(str(await db.fetchval("SELECT id FROM core_clock WHERE case_id = $1 AND key = $2", case_id, key)))


async def test_a_case_gets_the_clocks_of_its_answer_each_aspect_and_the_first_word(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The clerk hung up on me.")
    found = await clocks(case.case_id)
    assert set(found) == {("answer", ""), ("answer", "A"), ("answer", "B"), ("acknowledge", "")}
    due_at = await db.fetchval("SELECT due_at FROM core_case WHERE id = $1", case.case_id)
    assert {found[each]["due_at"] for each in found if each[0] == "answer"} == {due_at}
    assert all(row["regulatory"] and row["state"] == "running" for row in found.values())
    assert await kinds(case.case_id) == ["clock.started"] * 4
    assert await watching.start_waiting() == 0, "once"


async def test_opening_a_case_starts_no_clock_and_writes_nothing_down_for_one(desk: Desk) -> None:
    case = await desk.file()
    assert await clocks(case.case_id) == {}
    assert not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_delivery WHERE subscriber = 'core/clocks')")
    assert await db.fetchval("SELECT due_at FROM core_case WHERE id = $1", case.case_id) is not None


async def test_the_clock_runs_from_receipt_not_from_the_opening(desk: Desk) -> None:
    received = now() - timedelta(days=3)
    case = await filed(desk, received_at=received)
    assert {row["started_at"] for row in (await clocks(case.case_id)).values()} == {received}


async def test_writing_meets_the_first_word_and_deciding_meets_the_answer(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The clerk hung up on me.")
    viewer = await desk.viewer("leader")
    await messages.write(viewer, case.case_id, "answer", "We look into it.")
    first, second = await aspect_ids(case.case_id)
    await aspects.decide_aspect(viewer, first, DECIDED, None)
    await desk.work()
    found = await clocks(case.case_id)
    assert {key: row["state"] for key, row in found.items()} == {
        ("acknowledge", ""): "met", ("answer", ""): "running", ("answer", "A"): "met", ("answer", "B"): "running",
    }  # fmt: skip
    await aspects.decide_aspect(viewer, second, DECIDED, None)
    await desk.work()
    assert {row["state"] for row in (await clocks(case.case_id)).values()} == {"met"}
    decided = await db.fetchval("SELECT decided_at FROM core_aspect WHERE id = $1", second)
    assert (await clocks(case.case_id))["answer", ""]["ended_at"] == decided


async def test_a_decision_taken_back_lets_the_clocks_run_on_as_if_nothing_had_been(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("leader")
    (aspect,) = await aspect_ids(case.case_id)
    before = (await clocks(case.case_id))["answer", "A"]["due_at"]
    await aspects.decide_aspect(viewer, aspect, DECIDED, None)
    await desk.work()
    await aspects.reopen(viewer, aspect, "New papers came in.")
    await desk.work()
    found = await clocks(case.case_id)
    assert (found["answer", "A"]["state"], found["answer", ""]["state"]) == ("running", "running")
    assert found["answer", "A"]["due_at"] == before


async def test_closing_stops_what_was_not_met_and_reopening_takes_it_up_again(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("leader")
    reply = await own_clock(case.case_id, Terms(working=3600 * 8, met_by="reply"))
    (aspect,) = await aspect_ids(case.case_id)
    await aspects.decide_aspect(viewer, aspect, DECIDED, None)
    await cases.close(viewer, case.case_id)
    await desk.work()
    found = await clocks(case.case_id)
    assert (found["acknowledge", ""]["state"], found["answer", ""]["state"]) == ("stopped", "met")
    await cases.reopen(viewer, case.case_id, "The customer called.")
    await desk.work()
    found = await clocks(case.case_id)
    assert (found["acknowledge", ""]["state"], found["answer", ""]["state"]) == ("running", "running")
    assert await db.fetchval("SELECT state FROM core_clock WHERE id = $1", reply) == "stopped"


async def test_somebody_elses_time_runs_on_after_closing_and_ends_by_itself_unmissed(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("leader")
    until = now() + timedelta(days=180)
    theirs = await own_clock(case.case_id, Terms(until=until, met_by="time"), "x.ombudsman")
    (aspect,) = await aspect_ids(case.case_id)
    await aspects.decide_aspect(viewer, aspect, DECIDED, None)
    await messages.write(viewer, case.case_id, "answer", "This is our answer.")
    await cases.close(viewer, case.case_id)
    await desk.work()
    assert await db.fetchval("SELECT state FROM core_clock WHERE id = $1", theirs) == "running"
    with clock.at(until + timedelta(minutes=1)):
        await watching.look({}, None)  # type: ignore[arg-type]
        await watching.look({}, None)  # type: ignore[arg-type]
    row = await db.fetchrow("SELECT * FROM core_clock WHERE id = $1", theirs)
    assert row is not None
    assert (row["state"], row["ended_at"], row["breached_at"]) == ("stopped", until, None)
    assert row["events"][-1]["reason"] == "over"
    told = [each for each in await kinds(case.case_id) if each in {"clock.breached", "clock.stopped"}]
    assert told == ["clock.stopped"]


async def test_a_date_changed_in_the_aspect_moves_its_clock_by_the_name_of_who_did_it(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("agent")
    (aspect,) = await aspect_ids(case.case_id)
    later = now().replace(microsecond=0) + timedelta(days=90)
    await aspects.change(viewer, aspect, {"due_at": later}, None)
    await desk.work()
    row = (await clocks(case.case_id))["answer", "A"]
    assert row["due_at"] == later
    entry = await db.fetchrow("SELECT actor, body FROM core_ledger_entry WHERE kind = 'clock.moved'")
    assert entry is not None
    assert (entry["actor"], entry["body"]["because"]) == (viewer.actor, "changed")


async def test_an_answer_date_moved_by_a_person_keeps_the_one_before_and_moves_the_list_along(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("agent")
    row = (await clocks(case.case_id))["answer", ""]
    later = now().replace(microsecond=0) + timedelta(days=90)
    with pytest.raises(Invalid):
        await acting.move_answer(viewer, row["id"], later, " ")
    await acting.move_answer(viewer, row["id"], later, "The expert's report takes until then.", row["version"])
    assert await db.fetchval("SELECT due_at FROM core_case WHERE id = $1", case.case_id) == later
    reading = await kept.read((await clocks(case.case_id))["answer", ""]["events"])
    assert [line.until or line.at for line in reading.lines if line.code in {"due", "moved"}] == [
        row["due_at"], later, later,
    ]  # fmt: skip
    await desk.work()
    assert (await kinds(case.case_id)).count("clock.moved") == 1
    with pytest.raises(Changed):
        await acting.move_answer(viewer, row["id"], later + SOON, "Again.", row["version"])


async def test_a_clock_is_held_with_a_reason_and_runs_on_with_what_was_left(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("agent")
    clock = await own_clock(case.case_id, Terms(working=3600 * 40, met_by="reply"))
    await acting.pause(viewer, clock, "customer", "Waits for a copy of the contract.")
    row = await db.fetchrow("SELECT * FROM core_clock WHERE id = $1", clock)
    assert row is not None
    assert (row["state"], row["due_at"], row["warn_at"]) == ("paused", None, None)
    with pytest.raises(NotNow):
        await acting.pause(viewer, clock, "customer")
    await acting.resume(viewer, clock)
    row = await db.fetchrow("SELECT * FROM core_clock WHERE id = $1", clock)
    assert row is not None
    assert row["state"] == "running"
    assert row["due_at"] is not None
    assert (await kinds(case.case_id))[-2:] == ["clock.paused", "clock.resumed"]
    with pytest.raises(Invalid, match="why"):
        await acting.pause(viewer, clock, "holiday")
    with pytest.raises(Invalid):
        await acting.pause(viewer, clock, "other", "")


async def test_nothing_holds_a_regulators_clock_and_the_refusal_says_why(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("agent")
    for row in (await clocks(case.case_id)).values():
        with pytest.raises(NotNow, match="regulator"):
            await acting.pause(viewer, row["id"], "customer")
    with pytest.raises(Exception, match="core_clock_regulatory_ok"):
        await db.execute("UPDATE core_clock SET state = 'paused'")


async def test_who_may_only_read_holds_no_clock(desk: Desk) -> None:
    case = await filed(desk)
    clock = await own_clock(case.case_id, Terms(working=3600 * 40, met_by="reply"))
    with pytest.raises(Exception, match=r"roles do not allow|no case"):
        await acting.pause(await desk.viewer("quality"), clock, "customer")


async def test_clocks_of_an_aspect_about_a_member_of_staff_are_hidden_from_them(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The clerk was rude.")
    await desk.viewer("agent")
    about = await desk.user("clerk", "agent")
    _, second = await aspect_ids(case.case_id)
    await aspects.concern(await desk.viewer("leader"), second, about)
    row = (await clocks(case.case_id))["answer", "B"]
    clerk = await desk.viewer("clerk")
    with pytest.raises(NotFound):
        await acting.move_answer(clerk, row["id"], now() + timedelta(days=90), "Later.")
    with pytest.raises(NotFound):
        await acting.wanted_today(clerk, row["id"])


async def test_a_warning_and_a_breach_are_told_once_and_the_owner_hears_of_both(desk: Desk) -> None:
    case = await filed(desk)
    viewer = await desk.viewer("agent")
    await cases.take(viewer, case.case_id)
    received = await db.fetchval("SELECT received_at FROM core_case WHERE id = $1", case.case_id)
    terms = Terms(until=now() + timedelta(days=10), met_by="reply", warn=(1, 2, 99))
    await db.execute("UPDATE core_case SET received_at = $2 WHERE id = $1", case.case_id, received - timedelta(days=9))
    clock = await own_clock(case.case_id, terms)
    assert await watching.warn() == 1, "of two that passed unseen, the last alone"
    assert await watching.warn() == 0
    warned = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'clock.warned'")
    assert warned["step"] == 2
    await db.execute("UPDATE core_clock SET due_at = now() - interval '1 minute' WHERE id = $1", clock)
    assert await watching.tell_late() == 1
    assert await watching.tell_late() == 0
    await desk.work()
    assert [each for each in await kinds(case.case_id) if each in {"clock.warned", "clock.breached"}] == [
        "clock.warned", "clock.breached",
    ]  # fmt: skip
    told = await db.fetch("SELECT kind FROM core_notice WHERE user_id = $1 ORDER BY kind", viewer.user_id)
    assert [row["kind"] for row in told] == ["nearing", "overdue"]


async def test_of_a_breach_about_a_member_of_staff_they_are_not_told(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The leader was rude.")
    about = await desk.user("boss", "leader")
    other = await desk.user("chief", "leader")
    _, second = await aspect_ids(case.case_id)
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE id = $1", second, about)
    row = (await clocks(case.case_id))["answer", "B"]
    await acting.move_answer(await desk.viewer("leader"), row["id"], now() + SOON, "Urgent.")
    await db.execute("UPDATE core_clock SET due_at = now() - interval '1 minute' WHERE id = $1", row["id"])
    await db.execute("UPDATE core_aspect SET due_at = (SELECT due_at FROM core_clock WHERE id = $2) WHERE id = $1",
                     second, row["id"])  # fmt: skip
    await watching.tell_late()
    await desk.work()
    told = {each["user_id"] for each in await db.fetch("SELECT user_id FROM core_notice WHERE kind = 'overdue'")}
    assert other in told
    assert about not in told


async def test_what_was_answered_in_time_is_no_breach_although_nobody_looked_until_later(desk: Desk) -> None:
    case = await filed(desk, received_at=now() - timedelta(days=1))
    viewer = await desk.viewer("leader")
    (aspect,) = await aspect_ids(case.case_id)
    await aspects.decide_aspect(viewer, aspect, DECIDED, None)
    await db.execute("UPDATE core_clock SET due_at = now() - interval '10 seconds' WHERE key = 'answer'")
    await db.execute("UPDATE core_aspect SET decided_at = decided_at - interval '1 hour'")
    await watching.tell_late()
    assert "clock.breached" not in await kinds(case.case_id)
    assert {row["state"] for key, row in (await clocks(case.case_id)).items() if key[0] == "answer"} == {"met"}


async def test_an_old_complaint_answered_late_shows_its_breach_too(desk: Desk) -> None:
    case = await desk.file(received_at=now() - timedelta(days=200))
    await watching.start_waiting()
    viewer = await desk.viewer("leader")
    (aspect,) = await aspect_ids(case.case_id)
    await aspects.decide_aspect(viewer, aspect, DECIDED, None)
    await desk.work()
    row = (await clocks(case.case_id))["answer", "A"]
    assert (row["state"], row["breached_at"]) == ("met", row["due_at"])
    assert (await kinds(case.case_id, "clock.breached")) == ["clock.breached"] * 2


async def test_merging_stops_the_clocks_of_the_case_that_goes_and_undoing_takes_them_up(desk: Desk) -> None:
    first = await filed(desk, received_at=now() - timedelta(days=5))
    second = await filed(desk)
    viewer = await desk.viewer("leader")
    gone = await merging.merge(viewer, second.case_id, first.case_id, "The same fee.")
    await desk.work()
    assert {row["state"] for row in (await clocks(second.case_id)).values()} == {"stopped"}
    kept_clocks = await clocks(first.case_id)
    assert {each for each in kept_clocks if each[0] == "answer"} == {("answer", ""), ("answer", "A"), ("answer", "B")}
    assert {row["state"] for row in kept_clocks.values()} == {"running"}
    await merging.undo(viewer, gone)
    await desk.work()
    assert {row["state"] for row in (await clocks(second.case_id)).values()} == {"running"}
    assert set(await clocks(second.case_id)) == {("answer", ""), ("answer", "A"), ("acknowledge", "")}
    assert set(await clocks(first.case_id)) == {("answer", ""), ("answer", "A"), ("acknowledge", "")}


async def test_a_split_takes_the_clock_of_its_aspect_along(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The clerk hung up on me.")
    viewer = await desk.viewer("leader")
    _, second = await aspect_ids(case.case_id)
    clock = (await clocks(case.case_id))["answer", "B"]["id"]
    await splitting.split(viewer, case.case_id, [second], "Another team.")
    await watching.start_waiting()
    await desk.work()
    row = await db.fetchrow("SELECT * FROM core_clock WHERE id = $1", clock)
    assert row is not None
    assert row["case_id"] != case.case_id
    assert set(await clocks(case.case_id)) == {("answer", ""), ("answer", "A"), ("acknowledge", "")}
    assert set(await clocks(row["case_id"])) == {("answer", ""), ("answer", "A"), ("acknowledge", "")}


async def test_settling_twice_changes_nothing_and_the_ledger_holds(desk: Desk) -> None:
    case = await filed(desk)
    before, entries = await clocks(case.case_id), await kinds(case.case_id)
    await settle(case.case_id)
    assert await clocks(case.case_id) == before
    assert await kinds(case.case_id) == entries


async def test_the_facts_of_rules_know_the_clocks(desk: Desk) -> None:
    case = await filed(desk)
    (aspect,) = await aspect_ids(case.case_id)
    facts = await providers.facts_of(case.case_id)
    assert set(facts.clocks) == {"answer", f"answer/{aspect}", "acknowledge"}
    assert facts.clocks["answer"].due_at == await db.fetchval("SELECT due_at FROM core_case")


async def test_a_policy_that_changes_leaves_running_clocks_until_a_person_lets_one_go_over(desk: Desk) -> None:
    case = await filed(desk)
    row = (await clocks(case.case_id))["acknowledge", ""]
    unit = await db.fetchval("SELECT unit_id FROM core_case")
    await db.execute(
        "INSERT INTO core_setting (id, key, unit_id, value, changed_at) VALUES (gen_random_uuid(), 'promises', $1, $2, "
        "now())", unit, {"value": {"acknowledge_within_days": 30}},
    )  # fmt: skip
    await settle(case.case_id)
    assert (await clocks(case.case_id))["acknowledge", ""]["due_at"] == row["due_at"]
    await acting.go_over(await desk.viewer("agent"), row["id"])
    after = (await clocks(case.case_id))["acknowledge", ""]
    assert after["due_at"] > row["due_at"]
    assert (row["policy_version"], after["policy_version"]) == (1, 2)
    with pytest.raises(Exception, match="never changes"):
        await db.execute("UPDATE core_clock_policy SET number = 9")


async def test_a_number_of_terms_that_was_rolled_back_is_not_remembered(desk: Desk) -> None:
    ours, theirs = Terms(days=3, met_by="word"), Terms(days=4, met_by="word")
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction():
            assert await kept.number_of("tea", ours) == 1
            assert await kept.number_of("tea", ours) == 1
            raise ZeroDivisionError
    async with db.transaction():
        assert await kept.number_of("tea", theirs) == 1
    async with db.transaction():
        assert await kept.number_of("tea", ours) == 2
    for _ in range(2):  # found, then remembered
        assert (await kept.number_of("tea", theirs), await kept.number_of("tea", ours)) == (1, 2)
    with db.counting() as count:
        await kept.number_of("tea", ours)
    assert count.statements == 0


async def test_a_rule_starts_a_clock_in_working_time_once_and_its_entry_says_why(desk: Desk) -> None:
    case = await filed(desk)
    why = {"rule": "red", "version": 1, "trigger": "case/x/1", "matched": [], "depth": 0}
    change = StartClock(clock="callback", within=3600)
    assert await apply(case.case_id, change, why) == ""
    assert await apply(case.case_id, change, why) == ""
    rows = await db.fetch("SELECT * FROM core_clock WHERE key = 'callback'")
    assert [(row["state"], row["policy"], row["regulatory"]) for row in rows] == [("running", "rule/red", False)]
    entry = await db.fetchrow(
        "SELECT body, cause FROM core_ledger_entry WHERE kind = 'clock.started' AND body->>'clock' = 'callback'"
    )
    assert entry is not None
    assert entry["body"]["because"]["rule"] == "red"
    assert (await providers.facts_of(case.case_id)).clocks["callback"].due_at == rows[0]["due_at"]
    await messages.write(await desk.viewer("agent"), case.case_id, "answer", "I call you at three.")
    await desk.work()
    assert await db.fetchval("SELECT state FROM core_clock WHERE key = 'callback'") == "met"


async def test_a_rule_cannot_start_what_the_desk_keeps_itself_or_nobody_asks_for(desk: Desk) -> None:
    case = await filed(desk)
    why = {"rule": "red", "version": 1, "trigger": "case/x/1", "matched": [], "depth": 0}
    assert "something else" in await apply(case.case_id, StartClock(clock="answer", within=60), why)
    assert "No policy" in await apply(case.case_id, StartClock(policy="gold"), why)


async def test_a_case_that_came_in_closed_gets_no_clocks_and_of_old_breaches_nobody_is_told(desk: Desk) -> None:
    closed = await desk.file()
    viewer = await desk.viewer("leader")
    (aspect,) = await aspect_ids(closed.case_id)
    await aspects.decide_aspect(viewer, aspect, DECIDED, None)
    await cases.close(viewer, closed.case_id)
    old = await desk.file(received_at=now() - timedelta(days=200))
    await cases.take(await desk.viewer("agent"), old.case_id)
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM core_clock") == 0, "the schedule starts them, not an event"
    await watching.start_waiting()
    assert await clocks(closed.case_id) == {}
    assert await watching.tell_late() == 3
    await desk.work()
    assert not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_notice WHERE kind = 'overdue')")


async def test_clocks_that_start_in_one_moment_sort_as_they_were_begun(desk: Desk) -> None:
    case = await filed(desk, *("The fee was taken twice.",) * 6)
    rows = await db.fetch("SELECT id FROM core_clock WHERE case_id = $1 ORDER BY id", case.case_id)
    entries = await db.fetch(
        "SELECT k.id FROM core_ledger_entry e JOIN core_clock k ON k.key = e.body->>'clock' "
        "AND coalesce(k.aspect_id::text, '') = e.body->>'aspect' WHERE e.stream = $1 AND e.kind = 'clock.started' "
        "ORDER BY e.seq",
        f"case/{case.case_id}",
    )
    assert [row["id"] for row in rows] == [row["id"] for row in entries]
    assert len(rows) == 8
