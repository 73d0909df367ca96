"""Changes to routing, ladders and deadlines tried on the past: what would have gone elsewhere, begun or been missed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import cases, messages, trials
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.clocks import trying_settings
from ombud.desk.clocks.settling import settle
from ombud.desk.errors import Invalid
from ombud.desk.routing import absences, profiles, skills, trying, trying_ladders
from ombud.desk.routing.climbed import Ladder
from ombud.desk.routing.laddering import After, Content, Starts, Step
from ombud.desk.routing.profiles import ProfileGiven
from ombud.desk.routing.simulating import Person, Piece, Setup, Simulation
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM

LONG_AGO = timedelta(days=60)
HOUR = timedelta(hours=1)


@pytest.fixture
async def nobody_else(desk: Any) -> None:
    """Only those whom a test names take work."""
    await db.execute("DELETE FROM core_user_role")


async def person(desk: Any, name: str, **given: Any) -> str:
    if await db.fetchval("SELECT id FROM core_user WHERE name = $1", name) is None:
        await desk.user(name, "agent")
    viewer = await desk.viewer(name)
    if given:
        await profiles.set_profile(SYSTEM, viewer.user_id, ProfileGiven(**given), 0)
    return str(viewer.user_id)


async def came(desk: Any, days: float, *matters: str, **about: Any) -> Any:
    with clock.at(now() - timedelta(days=days)):
        return await desk.file(*matters, **about)


def since() -> datetime:
    return now() - LONG_AGO


async def give_out(kind: str, identity: Any, draft: dict[str, Any]) -> trying.TriedRouting:
    return await trying.run(f"{kind}/{identity}", draft, since())


def profile(**given: Any) -> dict[str, Any]:
    return {"skills": [], "languages": [], "capacity": None, "pattern": {}, "time_zone": "", **given}


@pytest.mark.usefixtures("nobody_else")
class TestRouting:
    async def test_a_capacity_that_is_tried_moves_work_to_others_and_changes_nothing(self, desk: Any) -> None:
        ada, bea = await person(desk, "ada"), await person(desk, "bea")
        for day in range(8):
            await came(desk, 20 - day)
        before = await db.fetchval("SELECT count(*) FROM core_ledger_entry")
        tried = await give_out("profile", ada, profile(capacity=1))
        assert tried.pieces == 8
        assert tried.people == {ada: [4, 1], bea: [4, 7]}
        assert tried.changed == 3
        assert [each["owner"] for each in tried.shown] == [[ada, bea]] * 3
        assert tried.why["full"][0] == 0 < tried.why["full"][1]
        assert await db.fetchval("SELECT count(*) FROM core_ledger_entry") == before
        assert await db.fetchval("SELECT count(*) FROM core_case WHERE owner_id IS NOT NULL") == 0

    async def test_what_ended_makes_room_again(self, desk: Any) -> None:
        ada = await person(desk, "ada")
        for day in range(4):
            filed = await came(desk, 20 - day)
            await db.execute(
                "UPDATE core_case SET status = 'closed', closed_at = opened_at + interval '12 hours' WHERE id = $1",
                filed.case_id,
            )
        tried = await give_out("profile", ada, profile(capacity=1))
        assert (tried.people, tried.nobody) == ({ada: [4, 4]}, [0, 0])

    async def test_work_for_which_nobody_has_room_waits(self, desk: Any) -> None:
        ada = await person(desk, "ada")
        for day in range(4):
            await came(desk, 20 - day)
        tried = await give_out("profile", ada, profile(capacity=1))
        assert (tried.people, tried.nobody) == ({ada: [4, 1]}, [0, 3])
        assert [each["owner"] for each in tried.shown] == [[ada, ""]] * 3

    async def test_what_was_open_before_the_time_looked_at_is_carried(self, desk: Any) -> None:
        ada = await person(desk, "ada")
        old = await came(desk, 100)
        await db.execute("UPDATE core_case SET owner_id = $1 WHERE id = $2", UUID(ada), old.case_id)
        await came(desk, 5)
        tried = await give_out("profile", ada, profile(capacity=1))
        assert (tried.pieces, tried.nobody) == (1, [0, 1])

    async def test_a_skill_that_a_matter_would_ask_for_sends_it_to_whoever_has_it(self, desk: Any) -> None:
        skill = await skills.add(SYSTEM, "cards", "Cards", {})
        ada, bea = await person(desk, "ada"), await person(desk, "bea", skills=("cards",))
        for day in range(6):
            filed = await came(desk, 20 - day)
            await db.execute("UPDATE core_aspect SET category = 'cards' WHERE case_id = $1", filed.case_id)
        draft = {"needed_by": {"category": ["cards"]}, "active": True}
        tried = await give_out("skill", skill, draft)
        assert tried.people == {ada: [3, 0], bea: [3, 6]}

    async def test_a_queue_that_would_take_more_shows_what_would_wait_there(self, desk: Any) -> None:
        await person(desk, "ada")
        queue = await queue_setup.add(SYSTEM, "phone-calls", QueueGiven("Calls", None, {"channel": ["phone"]}, True))
        await came(desk, 3)
        await came(desk, 2, channel="phone")
        draft = {"unit_id": "", "condition": {"channel": ["phone", "api"]}, "active": True}
        tried = await give_out("queue", queue, draft)
        assert (tried.moved, tried.queues[str(queue)]) == (1, [1, 2])

    async def test_nothing_changed_gives_the_same_on_both_sides(self, desk: Any) -> None:
        ada, bea = await person(desk, "ada", languages=("pl",)), await person(desk, "bea")
        for day in range(6):
            filed = await came(desk, 20 - day, language="pl" if day % 2 else "en")
            await db.execute("UPDATE core_case SET owner_id = $1 WHERE id = $2", UUID(ada), filed.case_id)
        tried = await give_out("profile", ada, profile(languages=["pl"]))
        assert (tried.changed, tried.moved, tried.shown) == (0, 0, [])
        assert tried.owned == 6
        assert tried.as_it_went == tried.people[ada][0]
        assert sum(tried.people[each][0] for each in (ada, bea)) == 6

    async def test_an_absence_of_then_counts_until_it_was_taken_back(self, desk: Any) -> None:
        ada, bea = await person(desk, "ada"), await person(desk, "bea")
        with clock.at(now() - timedelta(days=30)):
            away = await absences.add(
                SYSTEM, UUID(ada), (now() + timedelta(days=2)).date(), (now() + timedelta(days=25)).date(), None
            )
        for day in (20, 19, 3):
            await came(desk, day)
        with clock.at(now() - timedelta(days=10)):
            await absences.take_back(SYSTEM, UUID(ada), away)
        tried = await give_out("profile", ada, profile())
        assert tried.people == {bea: [2, 2], ada: [1, 1]}

    async def test_one_whom_a_matter_is_about_is_never_chosen(self, desk: Any) -> None:
        ada = await person(desk, "ada")
        filed = await came(desk, 5)
        await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE case_id = $2", UUID(ada), filed.case_id)
        tried = await give_out("profile", ada, profile(capacity=100))
        assert (tried.people, tried.nobody, tried.why) == ({}, [1, 1], {"right": [1, 1]})

    async def test_older_cases_than_the_most_that_are_looked_at_are_told(
        self, desk: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada = await person(desk, "ada")
        monkeypatch.setattr(trying, "MOST", 2)
        for day in range(5):
            await came(desk, 20 - day)
        tried = await give_out("profile", ada, profile())
        assert (tried.pieces, tried.left) == (2, 3)


def test_two_weeks_later_an_earlier_share_counts_no_more() -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    people = {each: Person(each, {"u": (True, False)}) for each in ("a", "b")}
    side = Simulation(Setup(people, (), ()), {"u": ("u",)}, {})

    def piece(at: datetime) -> Piece:
        facts = {"priority": "normal", "case_type": ""}
        return Piece(str(at), "c", "u", at, facts, ("",), "", False, frozenset(), "", at + HOUR, "", "")

    first = piece(start)
    given = side.give(first, side.offer(first))
    _, candidates, _ = side.offer(piece(start + timedelta(days=1)))
    lately = {each.id: (each.recent, each.passed, each.load) for each in candidates}
    other = "b" if given.owner == "a" else "a"
    assert (lately[given.owner], lately[other]) == ((1, 0, 0), (0, 1, 0))
    _, candidates, _ = side.offer(piece(start + timedelta(days=15)))
    assert {(each.recent, each.passed, each.load) for each in candidates} == {(0, 0, 0)}


TELL = (Step("owner", After(60)), Step("leader", After(120)))


async def climb(content: Content, was: Content | None = None) -> trying_ladders.TriedLadder:
    now_it_is = Ladder("slow", was, was is not None, lambda unit: True)
    return await trying_ladders.climb_over(now_it_is, Ladder("slow", content, True, lambda unit: True), since())


class TestLadders:
    async def test_a_new_ladder_tells_whom_it_would_have_reached_and_when(self, desk: Any) -> None:
        agent = await desk.viewer("agent")
        silent, answered = await came(desk, 5), await came(desk, 4)
        with clock.at(now() - timedelta(days=4) + timedelta(minutes=80)):
            await cases.take(agent, answered.case_id)
            await messages.write(agent, answered.case_id, "answer", "We are on it.")
        tried = await climb(Content(TELL, Starts(of="received", after=After(30)), ends=("answered",)))
        assert (tried.cases, tried.began, tried.changed) == (2, [0, 2], 2)
        assert tried.steps[:2] == [[0, 1], [0, 1]], "the second was answered before its first step"
        assert tried.ended == {"answered": [0, 1]}
        shown = {each["case"]: each["would"] for each in tried.shown}
        received = await db.fetchval("SELECT received_at FROM core_case WHERE id = $1", silent.case_id)
        first, second = (datetime.fromisoformat(each) for each in shown[str(silent.case_id)])
        assert first == received + timedelta(minutes=90)
        assert second == first + timedelta(minutes=120)
        assert shown[str(answered.case_id)] == []
        assert await db.fetchval("SELECT count(*) FROM core_escalation") == 0

    async def test_a_quicker_step_counts_on_one_side_only(self, desk: Any) -> None:
        await came(desk, 2)
        starts = Starts(of="received", after=After(30))
        slow, quick = Content((Step("owner", After(5 * 24 * 60)),), starts), Content(TELL[:1], starts)
        tried = await climb(quick, slow)
        assert (tried.began, tried.steps[0]) == ([1, 1], [0, 1])

    async def test_severity_and_mood_start_it_when_they_were_written_down(self, desk: Any) -> None:
        leader = await desk.viewer("leader")
        filed = await came(desk, 5)
        await came(desk, 5)
        with clock.at(now() - timedelta(days=3)):
            await cases.change(leader, filed.case_id, {"severity": 4}, 1)
        tried = await climb(Content(TELL, Starts(severity=3), ends=("answered",)))
        assert tried.began == [0, 1]
        (only,) = tried.shown
        assert only["case"] == str(filed.case_id)
        assert now() - datetime.fromisoformat(only["would"][0]) < timedelta(days=3)

    async def test_a_case_reached_before_its_answer_was_late_is_counted(self, desk: Any) -> None:
        filed = await came(desk, 59)
        due = await db.fetchval("SELECT due_at FROM core_case WHERE id = $1", filed.case_id)
        assert due < now()
        tried = await climb(Content(TELL, Starts(of="received", after=After(0))))
        assert (tried.late, tried.before) == (1, [0, 1])

    async def test_a_ladder_for_other_units_begins_nowhere(self, desk: Any) -> None:
        await came(desk, 5)
        content = Content(TELL, Starts(of="received"))
        nothing = Ladder("slow", None, False, lambda unit: False)
        tried = await trying_ladders.climb_over(nothing, replace(nothing, content=content, active=True), since())
        assert (tried.cases, tried.began) == (1, [0, 0])


LEVELS = "p-sla"


class TestDeadlines:
    async def sla(self, desk: Any, *levels: str) -> None:
        await desk.enable("sla")
        await group_settings.change(SYSTEM, LEVELS, Change(values={"levels": list(levels)}))

    async def tried(self, *levels: str) -> trying_settings.TriedSettings:
        return await trying_settings.run("sla/", {"values": {"levels": list(levels)}}, since())

    async def test_the_same_levels_find_the_same_clocks(self, desk: Any) -> None:
        await self.sla(desk, "any: first 8h, resolution 5d")
        agent = await desk.viewer("agent")
        for days in (9, 3):
            filed = await came(desk, days, "The fee.", "The call.")
            with clock.at(now() - timedelta(days=days) + timedelta(minutes=1)):
                await settle(filed.case_id)
            with clock.at(now() - timedelta(days=days) + timedelta(minutes=5)):
                await cases.take(agent, filed.case_id)
                await messages.write(agent, filed.case_id, "answer", "We are on it.")
                await settle(filed.case_id)
        tried = await self.tried("any: first 8h, resolution 5d")
        assert (tried.clocks, tried.cases) == (6, 2)
        assert (tried.moved, tried.caused, tried.avoided, tried.began, tried.dropped) == (0, 0, 0, 0, 0), tried.shown

    async def test_a_tighter_level_causes_breaches_and_a_wider_one_avoids_them(self, desk: Any) -> None:
        await self.sla(desk, "any: first 16h")
        filed = await came(desk, 6)
        with clock.at(now() - timedelta(days=6) + timedelta(minutes=1)):
            await settle(filed.case_id)
        assert (await self.tried("any: first 16h")).late == [1, 1]
        wider = await self.tried("any: first 400h")
        assert (wider.moved, wider.avoided, wider.late) == (1, 1, [1, 0])
        agent = await desk.viewer("agent")
        due = await db.fetchval("SELECT due_at FROM core_clock WHERE key = 'sla.first_reply'")
        with clock.at(due - timedelta(minutes=5)):
            await cases.take(agent, filed.case_id)
            await messages.write(agent, filed.case_id, "answer", "We are on it.")
            await settle(filed.case_id)
        tighter = await self.tried("any: first 1h")
        assert (tighter.caused, tighter.late) == (1, [0, 1])
        assert tighter.shown[0]["case"] == str(filed.case_id)

    async def test_levels_that_promise_more_or_less_bring_clocks_or_take_them(self, desk: Any) -> None:
        await self.sla(desk, "any: first 16h")
        filed = await came(desk, 6)
        with clock.at(now() - timedelta(days=6) + timedelta(minutes=1)):
            await settle(filed.case_id)
        tried = await self.tried("any: resolution 2d")
        assert (tried.began, tried.dropped, tried.caused, tried.avoided) == (1, 1, 1, 1)

    async def test_a_unit_with_levels_of_its_own_is_left_alone(self, desk: Any) -> None:
        await self.sla(desk, "any: first 16h")
        filed = await came(desk, 6)
        unit = await db.fetchval("SELECT unit_id FROM core_case WHERE id = $1", filed.case_id)
        await group_settings.change(SYSTEM, LEVELS, Change(values={"levels": ["any: first 16h"]}), unit)
        with clock.at(now() - timedelta(days=6) + timedelta(minutes=1)):
            await settle(filed.case_id)
        assert (await self.tried("any: first 1h")).moved == 0
        own = await trying_settings.run(f"sla/{unit}", {"values": {"levels": ["any: first 1h"]}}, since())
        assert own.moved == 1

    async def test_a_plugin_that_gives_rubbish_is_named_and_its_cases_counted(
        self, desk_with_dummy: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await came(desk_with_dummy, 6)
        await came(desk_with_dummy, 5)
        (_, provider), *_ = [each for each in trying_settings.providers() if each[0] == "dummy"]
        broken = replace(provider, due=lambda *given: "soon")
        monkeypatch.setattr(trying_settings, "providers", lambda: [("dummy", broken)])
        tried = await trying_settings.run("dummy/", {"values": {}}, since())
        assert tried.unanswered == {"it gave str, not a list of deadlines": 2}
        assert (tried.clocks, tried.cases) == (0, 0)


async def test_a_trial_that_breaks_off_says_so_and_one_asked_for_far_back_is_refused(desk: Any) -> None:
    with pytest.raises(Invalid, match="from 1 to 36 months"):
        await trials.ask(SYSTEM, "routing", "profile/1", {}, 0)
    await trials.ask(SYSTEM, "deadlines", "sla/not-a-unit", {"values": {}}, 3)
    await desk.work()
    found = await trials.latest("deadlines", "sla/not-a-unit")
    assert found is not None
    assert found.state in {"failed", "running"}
    assert found.tried(trying_settings.TriedSettings) is None
