"""Work goes to who suits it best: weighed on a real desk, with routers that help, fail or lie, and never to whom it is
about."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases, queues
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.routing import absences, assigning, profiles, skills
from ombud.desk.routing.assigning import assign_by_routing
from ombud.desk.routing.profiles import ProfileGiven
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import Choice, Proposal, Router
from ombud_plugin_api.facts import Complaint, Matter, PersonGiven, RawReceipt


@pytest.fixture(autouse=True)
async def nobody_else(desk: Any) -> None:
    """Who set the desk up takes no work here, so that each test knows everybody who could."""
    await db.execute("DELETE FROM core_user_role")


async def staff(desk: Any, name: str, *roles: str) -> Any:
    if await db.fetchval("SELECT id FROM core_user WHERE name = $1", name) is None:
        await desk.user(name, *(roles or ("agent",)))
    return await desk.viewer(name)


async def person(desk: Any, name: str, *roles: str, **given: Any) -> UUID:
    viewer = await staff(desk, name, *roles)
    if given:
        await profiles.set_profile(SYSTEM, viewer.user_id, ProfileGiven(**given), 0)
    return viewer.user_id


async def owner_of(case_id: UUID) -> UUID | None:
    return await db.fetchval("SELECT owner_id FROM core_case WHERE id = $1", case_id)


async def aspect_ids(case_id: UUID) -> list[UUID]:
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", case_id)
    return [row["id"] for row in rows]


async def because_of(case_id: UUID, kind: str = "case.assigned") -> dict[str, Any]:
    body = await db.fetchval(
        "SELECT body FROM core_ledger_entry WHERE stream = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1",
        f"case/{case_id}",
        kind,
    )
    return dict(body["because"])


async def test_a_case_goes_to_who_has_the_skill_and_the_entry_says_why(desk: Any) -> None:
    await skills.add(SYSTEM, "fees", "Fees", {"case_type": ["complaint"]})
    await person(desk, "plain"), await person(desk, "busy", skills=("fees",), capacity=0)
    able = await person(desk, "able", skills=("fees",))
    filed = await desk.file("The fee was taken twice.")
    routed = await assign_by_routing(filed.case_id, because={"rule": "assign", "version": 2})
    assert (routed.owner, await owner_of(filed.case_id)) == (able, able)
    assert routed.left == {"full": 1}
    why = await because_of(filed.case_id)
    assert (why["rule"], why["version"]) == ("assign", 2)
    told = {each["key"]: each["value"] for each in why["routing"]["factors"]}
    assert told["skills"] == "1/1"
    assert not (await verify(None, lambda done, total: None)).broken


async def test_work_that_has_an_owner_stays_and_so_does_what_is_closed(desk: Any) -> None:
    await person(desk, "able")
    mine = await staff(desk, "keeper", "agent")
    filed = await desk.file()
    await cases.take(mine, filed.case_id)
    assert (await assign_by_routing(filed.case_id)).owner is None
    assert await owner_of(filed.case_id) == mine.user_id
    assert (await assign_by_routing(UUID(int=5))).owner is None


async def test_languages_absence_and_capacity_count(desk: Any) -> None:
    today = now().date()
    polish = await person(desk, "polish", languages=("pl", "en"))
    await person(desk, "english", languages=("en",))
    first = await desk.file("Opłata pobrana dwa razy.", language="pl")
    assert (await assign_by_routing(first.case_id)).owner == polish
    deputy = await person(desk, "deputy", languages=("pl",))
    viewer = await staff(desk, "polish")
    await absences.add(viewer, polish, today - timedelta(days=1), today + timedelta(days=1), deputy)
    second = await desk.file("Znowu opłata.", language="pl")
    assert (await assign_by_routing(second.case_id)).owner == deputy
    assert (await because_of(second.case_id))["routing"]["factors"][-4]["value"] in {"stand_in", "spoken"}


async def test_the_same_customer_meets_the_same_person(desk: Any) -> None:
    names = [await person(desk, f"one{number}") for number in range(4)]
    before = await desk.file("The fee was taken twice.")
    first = (await assign_by_routing(before.case_id)).owner
    assert first in names
    again = await desk.file("And again.")
    await db.execute(
        "UPDATE core_party SET person_id = (SELECT person_id FROM core_party WHERE case_id = $1) WHERE case_id = $2",
        before.case_id,
        again.case_id,
    )
    assert (await assign_by_routing(again.case_id)).owner == first
    keys = {each["key"]: each["value"] for each in (await because_of(again.case_id))["routing"]["factors"]}
    assert keys["continuity"] == "same"


async def test_work_is_shared(desk: Any) -> None:
    names = {await person(desk, f"one{number}") for number in range(3)}
    got = []
    for number in range(9):
        filed = await desk.file(f"Matter {number}.", name=f"Customer {number}", email=f"c{number}@example.org")
        got.append((await assign_by_routing(filed.case_id)).owner)
    assert {each: got.count(each) for each in names} == dict.fromkeys(names, 3)


async def test_nothing_goes_to_the_person_a_matter_is_about(desk: Any) -> None:
    leader, other = await staff(desk, "leader", "leader"), None
    about = await person(desk, "about", skills=())
    await person(desk, "leaderless", "leader", capacity=0)
    await profiles.set_profile(SYSTEM, leader.user_id, ProfileGiven(capacity=0), 0)
    filed = await desk.file("The fee was taken twice.", "The clerk was rude.")
    fee, rude = await aspect_ids(filed.case_id)
    await aspects.concern(leader, rude, about)
    for aspect in (rude, fee, None):
        routed = await assign_by_routing(filed.case_id, aspect)
        assert routed.owner is None
        assert routed.left["concerned"] == 1
    other = await person(desk, "other")
    assert (await assign_by_routing(filed.case_id, rude)).owner == other
    why = str(await because_of(filed.case_id, "aspect.assigned"))
    assert str(about) not in why, "the entry names whom it was kept from"


async def test_who_is_named_while_routers_think_gets_it_no_more(desk: Any, monkeypatch: Any) -> None:
    """The laws hold at the moment of giving, not at that of weighing."""
    leader = await staff(desk, "leader", "leader")
    await profiles.set_profile(SYSTEM, leader.user_id, ProfileGiven(capacity=0), 0)
    about = await person(desk, "about")
    filed = await desk.file("The clerk was rude.")
    (rude,) = await aspect_ids(filed.case_id)

    async def meanwhile(*given: Any, **more: Any) -> Any:
        await aspects.concern(leader, rude, about)
        return []

    monkeypatch.setattr("ombud.desk.routing.assigning._asked", meanwhile)
    _with(monkeypatch, Router("r", "R", "1", lambda case, choices: []))
    assert (await assign_by_routing(filed.case_id)).owner is None
    assert await owner_of(filed.case_id) is None


async def test_a_confidential_case_goes_only_to_who_may_see_it(desk: Any) -> None:
    await person(desk, "plain")
    filed = await desk.file("A secret.", confidential=True)
    routed = await assign_by_routing(filed.case_id)
    assert (routed.owner, routed.left) == (None, {"confidential": 1})
    trusted = await person(desk, "trusted", "agent", "compliance")
    assert (await assign_by_routing(filed.case_id)).owner == trusted


def _with(monkeypatch: Any, *routers: Router) -> None:
    monkeypatch.setattr(assigning, "_routers", lambda: [(each.key, each) for each in routers])


async def test_a_router_is_heard_and_its_reason_is_kept_sealed(desk: Any, monkeypatch: Any) -> None:
    names = sorted([str(await person(desk, f"one{number}")) for number in range(3)])
    seen: list[Choice] = []

    def propose(case: Any, choices: Any) -> list[Proposal]:
        seen.extend(choices)
        return [Proposal(choice=names[2], score=1, reason="Knows such fees.")]

    _with(monkeypatch, Router("r", "R", "7", propose))
    filed = await desk.file()
    assert str((await assign_by_routing(filed.case_id)).owner) == names[2]
    assert {each.kind for each in seen} == {"person", "queue"}
    why = await because_of(filed.case_id)
    assert {"key": "router:r", "value": "1000", "points": 300} in why["routing"]["factors"]
    assert "Knows such" not in str(why)
    assert await db.fetchval("SELECT count(*) FROM core_sealed WHERE field = 'router.1'") == 1


@pytest.mark.parametrize("answer", ["stranger", "score", "rubbish", "raises"])
async def test_a_router_that_lies_or_fails_has_no_say_and_the_work_goes_on(
    desk: Any, monkeypatch: Any, answer: str
) -> None:
    able = await person(desk, "able")

    def propose(case: Any, choices: Any) -> Any:
        if answer == "raises":
            raise RuntimeError("no idea")
        wrong = {"stranger": Proposal(choice="somebody", score=1), "score": Proposal(choice=str(able), score=7)}
        return [wrong.get(answer, "nobody")]

    _with(monkeypatch, Router("r", "R", "1", propose))
    filed = await desk.file()
    assert (await assign_by_routing(filed.case_id)).owner == able
    assert "router" not in str(await because_of(filed.case_id))


async def test_no_router_hears_of_whom_a_matter_is_about(desk: Any, monkeypatch: Any) -> None:
    leader, about = await staff(desk, "leader", "leader"), await person(desk, "about")
    seen: list[str] = []
    _with(monkeypatch, Router("r", "R", "1", lambda case, choices: seen.extend(each.id for each in choices) or []))
    filed = await desk.file("The clerk was rude.")
    (rude,) = await aspect_ids(filed.case_id)
    await aspects.concern(leader, rude, about)
    await assign_by_routing(filed.case_id, rude)
    assert str(leader.user_id) in seen
    assert str(about) not in seen


async def three_queues() -> dict[str, UUID]:
    made = {}
    for key in ("billing", "conduct", "privacy"):
        given = QueueGiven(key.capitalize(), None, {"category": [key]})
        made[key] = await queue_setup.add(SYSTEM, key, given)
    return made


async def file_three(desk: Any, *categories: str) -> Any:
    from ombud.desk import intake

    complaint = Complaint(
        channel="api", person=PersonGiven(name="Helena Marsh", email="helena@example.org"),
        matters=tuple(Matter(text=f"About {each}.", category=each) for each in categories),
    )  # fmt: skip
    raw = RawReceipt(channel="api", key=",".join(categories), content_type="text/plain", body=b"Three things.")
    return await intake.file(raw, complaint)


async def queues_of(case_id: UUID) -> list[UUID | None]:
    rows = await db.fetch(
        "SELECT coalesce(a.queue_id, c.queue_id) AS queue FROM core_aspect a JOIN core_case c ON c.id = a.case_id "
        "WHERE a.case_id = $1 ORDER BY a.position",
        case_id,
    )
    return [row["queue"] for row in rows]


async def test_three_matters_wait_in_the_queues_of_three_teams(desk: Any) -> None:
    made = await three_queues()
    filed = await file_three(desk, "billing", "conduct", "privacy")
    assert await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id) == made["billing"]
    assert await queues_of(filed.case_id) == list(made.values())
    body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'case.opened'")
    assert [each.get("queue") for each in body["aspects"]] == [None, str(made["conduct"]), str(made["privacy"])]


async def test_a_matter_moves_with_its_case_unless_it_has_a_queue_of_its_own(desk: Any) -> None:
    made = await three_queues()
    leader = await staff(desk, "leader", "leader")
    filed = await file_three(desk, "billing", "conduct", "billing")
    await cases.change(leader, filed.case_id, {"queue_id": made["privacy"]}, 1)
    assert await queues_of(filed.case_id) == [made["privacy"], made["conduct"], made["privacy"]]


async def test_a_new_matter_and_a_new_category_find_their_queue(desk: Any) -> None:
    made = await three_queues()
    agent = await staff(desk, "agent")
    filed = await file_three(desk, "billing")
    rude = await aspects.add(agent, filed.case_id, "The clerk was rude.", category="conduct")
    plain = await aspects.add(agent, filed.case_id, "One more fee.", category="billing")
    assert await queues_of(filed.case_id) == [made["billing"], made["conduct"], made["billing"]]
    await aspects.change(agent, plain, {"category": "privacy"}, 1)
    assert await queues_of(filed.case_id) == [made["billing"], made["conduct"], made["privacy"]]
    await aspects.assign(agent, rude, agent.user_id)
    await aspects.change(agent, rude, {"category": "privacy"}, 2)
    assert (await queues_of(filed.case_id))[1] == made["conduct"], "what somebody has is not taken from them"


async def test_each_matter_is_given_by_itself_and_the_case_closes_only_with_the_last(desk: Any) -> None:
    await three_queues()
    for name in ("one", "two", "three"):
        await person(desk, name)
    filed = await file_three(desk, "billing", "conduct", "privacy")
    ids = await aspect_ids(filed.case_id)
    owners = [(await assign_by_routing(filed.case_id, each)).owner for each in ids]
    assert len(set(owners)) == 3
    assert await owner_of(filed.case_id) is None
    for number, (aspect, owner) in enumerate(zip(ids, owners, strict=True)):
        viewer = await staff(desk, {str(owner): name for name, owner in await _named()}[str(owner)])
        with pytest.raises(Exception, match="no outcome yet"):
            await cases.close(viewer, filed.case_id)
        await aspects.decide_aspect(viewer, aspect, aspects.Decision("upheld", f"Reason {number}."), None)
    await cases.close(viewer, filed.case_id)


async def _named() -> list[tuple[str, UUID]]:
    return [(row["name"], row["id"]) for row in await db.fetch("SELECT name, id FROM core_user")]


async def test_a_queue_out_of_use_hands_on_the_matters_that_wait_there_too(desk: Any) -> None:
    made = await three_queues()
    filed = await file_three(desk, "billing", "conduct")
    given = QueueGiven("Conduct", None, {"category": ["conduct"]}, active=False)
    with pytest.raises(Exception, match="One open case waits here"):
        await queue_setup.change(SYSTEM, made["conduct"], given, 1)
    await queue_setup.change(SYSTEM, made["conduct"], given, 1, made["privacy"])
    assert await queues_of(filed.case_id) == [made["billing"], made["privacy"]]


def test_a_matter_goes_elsewhere_only_where_what_it_is_about_makes_the_difference() -> None:
    rows = [
        {"id": UUID(int=1), "key": "a", "position": 1, "unit_id": None, "active": True, "condition": {"category": "x"}},
        {"id": UUID(int=2), "key": "b", "position": 2, "unit_id": None, "active": True, "condition": {}},
    ]  # fmt: skip
    assert queues.elsewhere({}, "", {"category": "x"}, rows) == UUID(int=1)
    assert queues.elsewhere({}, "x", {"category": "x"}, rows) is None
    assert queues.elsewhere({}, "", {"category": "y"}, rows) is None
