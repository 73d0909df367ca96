"""Ladders: started by conditions, people and rules; climbed once per step, also after a time in which nobody looked;
ended when somebody answers; and never reaching whom a matter is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases, messages, support
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.engine import folding
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.notices import mine as notices
from ombud.desk.redress import disputes
from ombud.desk.routing import absences, beginning, climbing, laddering, ladders, profiles
from ombud.desk.routing.laddering import After, Content, Starts, Step
from ombud.desk.routing.profiles import ProfileGiven
from ombud.desk.rules import applying
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import read
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import treatment

HOUR = timedelta(hours=1)
THREE = (
    Step("owner", After(60)),
    Step("leader", After(60)),
    Step("role", After(60), "compliance"),
)


async def ladder(key: str = "slow", *steps: Step, starts: Starts | None = None, **more: Any) -> UUID:
    content = Content(steps or THREE, starts or Starts(), **more)
    return await ladders.add(SYSTEM, key, key.capitalize(), None, content)


async def row(case_id: UUID) -> Any:
    return await db.fetchrow(
        "SELECT * FROM core_escalation WHERE case_id = $1 ORDER BY started_at DESC LIMIT 1", case_id
    )


async def reached(case_id: UUID) -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT body FROM core_ledger_entry WHERE stream = $1 AND kind = 'case.escalated' ORDER BY seq",
        f"case/{case_id}",
    )
    return [dict(each["body"]) for each in rows if each["body"]["level"]]


async def owned(desk: Any, *matters: str) -> tuple[Any, Any]:
    agent, filed = await desk.viewer("agent"), await desk.file(*matters)
    await cases.take(agent, filed.case_id)
    return agent, filed


async def test_each_step_is_taken_once_and_after_a_silence_they_follow_with_their_waits(desk: Any) -> None:
    await ladder()
    agent, filed = await owned(desk)
    await climbing.escalate(filed.case_id, "slow", because={"rule": "r", "version": 1})
    assert await climbing.climb_due() == 0
    start = now()
    with clock.at(start + timedelta(days=3)):  # nobody looked for three days
        assert await climbing.climb_due() == 1
        assert await climbing.climb_due() == 0, "two levels were told at once"
    with clock.at(start + timedelta(days=3) + HOUR + timedelta(seconds=1)):
        assert await climbing.climb_due() == 1
    with clock.at(start + timedelta(days=3) + 2 * HOUR + timedelta(seconds=2)):
        assert await climbing.climb_due() == 1
    with clock.at(start + timedelta(days=300)):
        assert await climbing.climb_due() == 0
    told = await reached(filed.case_id)
    assert [each["level"] for each in told] == [1, 2, 3]
    assert told[0]["to_user"] == str(agent.user_id)
    assert (told[1]["to_role"], told[2]["to_role"]) == ("leaders", "compliance")
    assert (await row(filed.case_id))["next_at"] is None
    assert not (await verify(None, lambda done, total: None)).broken


async def test_a_step_that_waits_for_nothing_is_taken_at_once_and_starting_twice_is_starting_once(desk: Any) -> None:
    await ladder("now", Step("owner"))
    _, filed = await owned(desk)
    first = await climbing.escalate(filed.case_id, "now")
    assert await climbing.escalate(filed.case_id, "now") == first
    assert (await row(filed.case_id))["level"] == 1
    assert len(await reached(filed.case_id)) == 1
    with pytest.raises(NotFound, match="no ladder"):
        await climbing.escalate(filed.case_id, "nowhere")


async def test_working_time_counts_where_the_ladder_says_so(desk: Any) -> None:
    """Two working hours from Friday at four are over on Monday at ten, in the unit's usual hours of nine to five."""
    await db.execute("UPDATE core_unit SET time_zone = 'UTC', country = ''")
    await ladder("work", Step("owner", After(120, business=True)))
    with clock.at(datetime(2026, 11, 27, 16, 0, tzinfo=UTC)):
        _, filed = await owned(desk)
        await climbing.escalate(filed.case_id, "work")
    assert (await row(filed.case_id))["next_at"] == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("how", ["answered", "decided", "acknowledged", "closed", "taken_back"])
async def test_it_ends_when_answered_and_climbs_no_more(desk: Any, how: str) -> None:
    await ladder()
    agent, filed = await owned(desk)
    leader = await desk.viewer("leader")
    identity = await climbing.escalate(filed.case_id, "slow")
    if how == "answered":
        await messages.write(agent, filed.case_id, "answer", "We paid it back.")
    elif how in {"decided", "closed"}:
        (only,) = await db.fetch("SELECT id FROM core_aspect")
        await aspects.decide_aspect(agent, only["id"], aspects.Decision("upheld", "So it was."), None)
        if how == "closed":
            await cases.close(agent, filed.case_id)
    elif how == "acknowledged":
        await climbing.acknowledge(agent, identity, "I call her at two.")
    else:
        await climbing.take_back(leader, identity, "A mistake.")
    await desk.work()
    with clock.at(now() + timedelta(days=9)):
        assert await climbing.climb_due() == 0
    found = await row(filed.case_id)
    assert (found["state"], found["ended_because"]) == ("ended", how)
    assert not await reached(filed.case_id)
    body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'case.escalation_ended'")
    assert (body["because"], body["ladder"]) == (how, "slow")
    assert "two" not in str(body)


async def test_a_note_or_a_message_of_the_customer_is_no_answer(desk: Any) -> None:
    await ladder()
    agent, filed = await owned(desk)
    await climbing.escalate(filed.case_id, "slow")
    await messages.write(agent, filed.case_id, "note", "Look at this.")
    await messages.write(agent, filed.case_id, "told", "She called again.")
    await desk.work()
    assert (await row(filed.case_id))["state"] == "running"


async def test_a_word_ends_it_only_where_the_ladder_says_so_and_only_by_who_works_on_it(desk: Any) -> None:
    await ladder("strict", ends=("answered",))
    agent, filed = await owned(desk)
    quality = await desk.viewer("quality")
    identity = await climbing.escalate(filed.case_id, "strict")
    with pytest.raises(NotNow, match="A word does not end"):
        await climbing.acknowledge(agent, identity, "Soon.")
    with pytest.raises(NotAllowed):
        await climbing.acknowledge(quality, identity, "Soon.")
    with pytest.raises(NotAllowed):
        await climbing.take_back(agent, identity, "No.")
    with pytest.raises(Invalid):
        await climbing.take_back(await desk.viewer("leader"), identity, " ")


async def test_the_next_level_is_the_owners_leader_and_who_stands_in_for_them(desk: Any) -> None:
    for name in ("boss", "deputy"):
        await desk.user(name, "leader")
    boss, deputy = await desk.viewer("boss"), await desk.viewer("deputy")
    agent, filed = await owned(desk)
    await profiles.set_profile(SYSTEM, agent.user_id, ProfileGiven(leader_id=boss.user_id), 0)
    await ladder("up", Step("leader"), Step("leader", After(60), hand_over=True))
    await climbing.escalate(filed.case_id, "up")
    assert (await reached(filed.case_id))[0]["to_user"] == str(boss.user_id)
    today = now().date()
    await absences.add(boss, boss.user_id, today - timedelta(days=1), today + timedelta(days=3), deputy.user_id)
    with clock.at(now() + 2 * HOUR):
        await climbing.climb_due()
    assert (await reached(filed.case_id))[1]["to_user"] == str(deputy.user_id)
    assert await db.fetchval("SELECT owner_id FROM core_case") == deputy.user_id


async def test_it_never_reaches_whom_a_matter_is_about_by_any_step(desk: Any) -> None:
    for name in ("boss", "upper"):
        await desk.user(name, "leader")
    boss, upper, leader = await desk.viewer("boss"), await desk.viewer("upper"), await desk.viewer("leader")
    agent, filed = await owned(desk, "The fee.", "The leader was rude.")
    await profiles.set_profile(SYSTEM, agent.user_id, ProfileGiven(leader_id=boss.user_id), 0)
    await profiles.set_profile(SYSTEM, boss.user_id, ProfileGiven(leader_id=upper.user_id), 0)
    fee, rude = [each["id"] for each in await db.fetch("SELECT id FROM core_aspect ORDER BY position")]
    await aspects.concern(leader, rude, boss.user_id)
    steps = (Step("leader"), Step("user", After(), str(boss.user_id), hand_over=True), Step("role", After(), "leader"))
    await ladder("up", *steps)
    for matter in (fee, rude, None):
        await climbing.escalate(filed.case_id, "up", matter)
    for _ in range(3):
        await climbing.climb_due()
    told = await reached(filed.case_id)
    assert len(told) == 9
    assert str(boss.user_id) not in str(told)
    assert {each["to_user"] for each in told if each["level"] == 1} == {str(upper.user_id)}
    await desk.work()
    rows = await db.fetch("SELECT DISTINCT user_id FROM core_notice WHERE kind = 'escalated'")
    assert boss.user_id not in {each["user_id"] for each in rows}
    assert upper.user_id in {each["user_id"] for each in rows}
    assert await db.fetchval("SELECT owner_id FROM core_case") == agent.user_id
    with pytest.raises((NotFound, NotAllowed)):
        await climbing.start(boss, filed.case_id, "up")


async def test_a_specialist_team_gets_the_case_or_the_one_matter(desk: Any) -> None:
    queue = await queue_setup.add(SYSTEM, "senior", QueueGiven("Senior team", None, {"severity": [4]}))
    await ladder("senior", Step("queue", After(), "senior", hand_over=True))
    agent, filed = await owned(desk, "The fee.", "The data.")
    first, second = [each["id"] for each in await db.fetch("SELECT id FROM core_aspect ORDER BY position")]
    await climbing.escalate(filed.case_id, "senior", second)
    assert await db.fetchval("SELECT queue_id FROM core_aspect WHERE id = $1", second) == queue
    case = await db.fetchrow("SELECT owner_id, queue_id FROM core_case")
    assert case["owner_id"] == agent.user_id
    assert case["queue_id"] != queue
    listed = await list_cases(agent, CaseFilters(queue="senior"))
    assert [each.escalated for each in listed.rows] == [1]
    await climbing.escalate(filed.case_id, "senior")
    case = await db.fetchrow("SELECT owner_id, queue_id FROM core_case")
    assert (case["owner_id"], case["queue_id"]) == (None, queue)
    assert await db.fetchval("SELECT queue_id FROM core_aspect WHERE id = $1", first) is None


async def test_one_matter_ends_its_own_escalation(desk: Any) -> None:
    await ladder()
    agent, filed = await owned(desk, "The fee.", "The data.")
    first, second = [each["id"] for each in await db.fetch("SELECT id FROM core_aspect ORDER BY position")]
    for matter in (first, second):
        await climbing.escalate(filed.case_id, "slow", matter)
    await aspects.decide_aspect(agent, first, aspects.Decision("upheld", "Paid."), None)
    await desk.work()
    rows = await db.fetch("SELECT aspect_id, state FROM core_escalation")
    assert {each["aspect_id"]: each["state"] for each in rows} == {first: "ended", second: "running"}


async def needs(desk: Any, filed: Any) -> None:
    agent = await desk.viewer("agent")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    given = support.Needs(True, False, "Large print.", "consent")
    await support.confirm(agent, filed.case_id, person, given)


async def test_ladders_start_by_severity_mood_confirmed_needs_and_time(desk: Any) -> None:
    await ladder("grave", starts=Starts(severity=3))
    await ladder("red", starts=Starts(mood="upset", support_needs=True))
    await ladder("silent", starts=Starts(of="last_in", after=After(120)))
    plain, grave, angry, both = [await desk.file(f"Matter {n}.") for n in range(4)]
    await db.execute("UPDATE core_case SET severity = 4 WHERE id = $1", grave.case_id)
    await db.execute("UPDATE core_case SET mood = 'angry' WHERE id = ANY($1)", [angry.case_id, both.case_id])
    await needs(desk, both)
    assert await beginning.start_due() == 2
    assert await beginning.start_due() == 0
    rows = await db.fetch("SELECT e.case_id, l.key FROM core_escalation e JOIN core_ladder l ON l.id = e.ladder_id")
    assert {(each["case_id"], each["key"]) for each in rows} == {(grave.case_id, "grave"), (both.case_id, "red")}
    agent = await desk.viewer("agent")
    await messages.write(agent, plain.case_id, "answer", "We are on it.")
    with clock.at(now() + 3 * HOUR):
        assert await beginning.start_due() == 3, "an answered case is not silent, the others are"
        assert await beginning.start_due() == 0
    told = await db.fetchval(
        "SELECT because FROM core_escalation e JOIN core_ladder l ON l.id = e.ladder_id WHERE l.key = 'red'"
    )
    assert told == {"ladder": "red", "matched": {"mood": "upset", "support_needs": True}}


async def test_a_customer_who_writes_again_and_hears_nothing_is_escalated_again(desk: Any) -> None:
    await ladder("silent", starts=Starts(of="last_in", after=After(120)))
    agent, filed = await owned(desk)
    start = now()
    with clock.at(start + 3 * HOUR):
        assert await beginning.start_due() == 1
        await messages.write(agent, filed.case_id, "answer", "We are on it.")
        await desk.work()
    with clock.at(start + 9 * HOUR):
        assert await beginning.start_due() == 0
        await db.execute(
            "INSERT INTO core_message (id, case_id, channel, direction, body, said_at, recorded_at) "
            "VALUES (gen_random_uuid(), $1, 'email', 'in', 'Well?', $2, $2)",
            filed.case_id, now(),
        )  # fmt: skip
    with clock.at(start + 12 * HOUR):
        assert await beginning.start_due() == 1
    assert await db.fetchval("SELECT count(*) FROM core_escalation") == 2


async def test_what_is_in_dispute_in_all_open_matters_starts_a_ladder_in_its_currency(desk: Any) -> None:
    await ladder("dear", starts=Starts(amount=Decimal(1000), currency="EUR"))
    agent = await desk.viewer("agent")
    _, little, foreign, much = [(await desk.file("The fee.", "The letter.")).case_id for _ in range(4)]
    rows = await db.fetch("SELECT id, case_id FROM core_aspect ORDER BY case_id, position")
    for case_id, amount, currency in ((little, 999, "EUR"), (foreign, 5000, "PLN"), (much, 500, "EUR")):
        for row in [row["id"] for row in rows if row["case_id"] == case_id][: 2 if case_id == much else 1]:
            await disputes.say(agent, row, Decimal(amount), currency, None)
    assert await beginning.start_due() == 1
    assert await db.fetchval("SELECT case_id FROM core_escalation") == much
    facts = folding.fold(await read([f"case/{much}"]))
    assert [(each.amount_in_dispute, each.currency) for each in facts.aspects] == [(Decimal(500), "EUR")] * 2


async def test_a_ladder_of_one_unit_is_for_its_cases_alone(desk: Any) -> None:
    first = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    other = await db.fetchval(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, created_at) "
        "VALUES (gen_random_uuid(), $1, 'team', 'other', 'Other', now()) RETURNING id",
        first,
    )
    content = Content(THREE, Starts(severity=1))
    await ladders.add(SYSTEM, "theirs", "Theirs", other, content)
    filed = await desk.file()
    assert await beginning.start_due() == 0
    with pytest.raises(Invalid, match="another unit"):
        await climbing.escalate(filed.case_id, "theirs")
    assert await ladders.ladders_for(first) == []
    assert await ladders.ladders_for(other) == [("theirs", "Theirs")]


async def test_what_runs_keeps_the_steps_it_began_with(desk: Any) -> None:
    identity = await ladder("slow", Step("owner", After(60)))
    agent, filed = await owned(desk)
    await climbing.escalate(filed.case_id, "slow")
    changed = Content((Step("role", After(60), "compliance"),))
    await ladders.change(SYSTEM, identity, "Slow", True, changed, 1)
    with clock.at(now() + 2 * HOUR):
        await climbing.climb_due()
    assert (await reached(filed.case_id))[0]["to_user"] == str(agent.user_id)
    shown = await ladders.ladder(identity)
    assert (shown.current, shown.content.steps[0].to) == (2, "role")
    await ladders.go_back(SYSTEM, identity, 1, 2)
    shown = await ladders.ladder(identity)
    assert (shown.current, shown.content.steps[0].to) == (3, "owner")
    assert [each.number for each in await ladders.versions(identity)] == [3, 2, 1]


async def test_a_step_that_names_what_is_gone_reaches_whoever_leads(desk: Any) -> None:
    await queue_setup.add(SYSTEM, "senior", QueueGiven("Senior", None, {"severity": [4]}))
    await ladder("senior", Step("queue", After(), "senior"))
    await db.execute("UPDATE core_queue SET active = FALSE WHERE key = 'senior'")
    _, filed = await owned(desk)
    await climbing.escalate(filed.case_id, "senior")
    assert (await reached(filed.case_id))[0]["to_role"] == "leaders"


async def test_staff_who_were_reached_are_told_once(desk: Any) -> None:
    await ladder("now", Step("owner"))
    agent, filed = await owned(desk)
    await climbing.escalate(filed.case_id, "now")
    await desk.work()
    await desk.work()
    shown, _ = await notices.mine(agent)
    assert [each.text for each in shown if each.kind == "escalated"] == ["is escalated"]


async def test_who_stands_in_is_told_what_the_absent_would_be_told(desk: Any) -> None:
    await desk.user("deputy", "agent")
    agent, filed = await owned(desk)
    deputy, today = await desk.viewer("deputy"), now().date()
    await desk.work()
    await absences.add(agent, agent.user_id, today - timedelta(days=1), today + timedelta(days=1), deputy.user_id)
    await ladder("now", Step("owner"))
    await climbing.escalate(filed.case_id, "now")
    leader = await desk.viewer("leader")
    other = await desk.file("Another.", name="Somebody else", email="else@example.org")
    await cases.assign(leader, other.case_id, agent.user_id)
    await desk.work()
    told = {each.kind for each in (await notices.mine(deputy))[0]}
    assert told == {"assigned", "escalated"}


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (Content(()), "steps"),
        (Content((Step("nobody"),)), "s1.to"),
        (Content((Step("queue"),)), "s1.target"),
        (Content(THREE, ends=()), "ends"),
        (Content(THREE, ends=("never",)), "ends"),
        (Content(THREE, Starts(severity=9)), "severity"),
        (Content(THREE, Starts(mood="blue")), "mood"),
        (Content(THREE, Starts(amount=Decimal(-1), currency="EUR")), "amount"),
        (Content(THREE, Starts(amount=Decimal(5))), "amount"),
        (Content(THREE, Starts(of="birth")), "of"),
        (Content((Step("owner"),) * 9), "steps"),
    ],
)
def test_a_ladder_that_means_nothing_is_refused_with_its_place(content: Content, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        laddering.checked(content)
    assert refused.value.field == field


def test_times_are_read_and_written_as_people_write_them() -> None:
    assert laddering.read_after("2h w", "x") == After(120, True)
    assert laddering.read_after("1 d", "x") == After(1440)
    assert laddering.read_after("", "x") == After(0)
    assert str(After(120, True)) == "after 2 working hours"
    assert str(After(1440)) == "after 1 day"
    assert laddering.write_after(After(90)) == "90m"
    for wrong in ("soon", "2 weeks", "-1h", "h"):
        with pytest.raises(Invalid):
            laddering.read_after(wrong, "x")
    content = Content(THREE, Starts(3, "angry", True, Decimal("99.5"), "EUR", "due", After(60, True)), ("answered",))
    assert laddering.read_content(laddering.coded(content)) == content


async def test_a_rule_escalates_and_lets_routing_choose_and_both_name_it(desk: Any) -> None:
    await ladder("senior", Step("role", After(), "compliance"))
    await db.execute("DELETE FROM core_user_role")
    await desk.user("one", "agent")
    filed = await desk.file()
    why = {"rule": "red", "version": 3, "trigger": f"case/{filed.case_id}/1", "matched": [], "depth": 1}
    for change in (treatment.Escalate(ladder="senior"), treatment.AssignByRouting()):
        assert await applying.apply(filed.case_id, change, why) == ""
    rows = await db.fetch("SELECT kind, body FROM core_ledger_entry WHERE kind IN ('case.escalated', 'case.assigned')")
    assigned = next(each["body"] for each in rows if each["kind"] == "case.assigned")
    assert assigned["because"]["rule"] == "red"
    assert assigned["because"]["routing"]["factors"]
    assert any(
        each["body"].get("because", {}).get("rule") == "red" for each in rows if each["kind"] == "case.escalated"
    )
    assert "nothing to escalate" not in await applying.apply(filed.case_id, treatment.Escalate(ladder="senior"), why)
    assert await applying.apply(filed.case_id, treatment.Escalate(ladder="nowhere"), why)
