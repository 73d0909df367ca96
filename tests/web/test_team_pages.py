"""What routing knows of staff: skills, languages, capacity, absence; who sets them, and who only their own absence."""

from datetime import date, timedelta

import pytest

from ombud.desk.administration import leaving
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.routing import absences, profiles, skills
from ombud.desk.routing.profiles import ProfileGiven
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM


def _today() -> date:
    return now().date()


async def test_an_administrator_keeps_skills_and_a_leader_gives_them(desk, send):
    administrator, leader = await desk.signed_in("administrator"), await desk.signed_in("leader")
    home = "/administration/skills"
    answer = await send(
        administrator, f"{home}/new", f"{home}/new", key="chargeback", label="Chargebacks", category_more="cards, fees"
    )
    assert answer.status_code == 303
    assert (await send(administrator, f"{home}/new", f"{home}/new", key="chargeback", label="Twice")).status_code == 422
    (skill,) = await skills.all_skills()
    assert skill.needed_by == {"category": ["cards", "fees"]}
    assert skills.needed({"category": "fees"}, [skill]) == {"chargeback"}
    assert (await leader.get(home)).status_code == 403
    agent = (await desk.viewer("agent")).user_id
    page = f"/team/{agent}"
    wrong = await send(leader, page, page, languages="english", capacity="many")
    assert (wrong.status_code, "The capacity is a number" in wrong.text, "english" in wrong.text) == (422, True, True)
    saved = await send(leader, page, page, skills="chargeback", languages="en, pl", capacity="12", day0="9:00-17:00")
    assert saved.status_code == 303
    found = await profiles.profile(SYSTEM, agent)
    assert (found.skills, found.languages, found.capacity) == (("chargeback",), ("en", "pl"), 12)
    assert found.pattern == {"0": [["09:00", "17:00"]]}
    listed = (await leader.get("/team")).text
    assert "Chargebacks" in listed
    assert "0 of 12" in listed
    assert (await (await desk.signed_in("agent")).get("/team")).status_code == 403


async def test_two_leaders_at_one_profile_see_both_sides(desk, send):
    leader = await desk.signed_in("leader")
    agent = (await desk.viewer("agent")).user_id
    page = f"/team/{agent}"
    assert (await send(leader, page, page, capacity="5", version="0")).status_code == 303
    late = await send(leader, page, page, capacity="6", version="0")
    assert late.status_code == 409
    assert (await profiles.profile(SYSTEM, agent)).capacity == 5


async def test_hours_that_overlap_are_refused_beside_their_day(desk):
    leader, agent = await desk.viewer("leader"), (await desk.viewer("agent")).user_id
    given = ProfileGiven(pattern={"1": [["09:00", "13:00"], ["12:00", "17:00"]]})
    with pytest.raises(Invalid) as refused:
        await profiles.set_profile(leader, agent, given, 0)
    assert refused.value.field == "day1"
    with pytest.raises(Invalid, match="Write hours like"):
        profiles.read_hours("nine to five", "day0")
    assert profiles.read_hours("9:00-12:30, 13.00–17:00", "day0") == [["09:00", "12:30"], ["13:00", "17:00"]]


async def test_nobody_leads_in_a_circle(desk):
    await desk.user("upper", "leader"), await desk.user("lower", "leader")
    upper, lower = await desk.viewer("upper"), await desk.viewer("lower")
    await profiles.set_profile(SYSTEM, lower.user_id, ProfileGiven(leader_id=upper.user_id), 0)
    with pytest.raises(Invalid, match="led by the one"):
        await profiles.set_profile(SYSTEM, upper.user_id, ProfileGiven(leader_id=lower.user_id), 0)


async def test_an_agent_writes_down_their_own_absence_and_takes_it_back(desk, send):
    agent = await desk.signed_in("agent")
    await desk.user("stand", "agent")
    me, other = (await desk.viewer("agent")).user_id, (await desk.viewer("stand")).user_id
    first, last = _today().isoformat(), (_today() + timedelta(days=3)).isoformat()
    answer = await send(agent, "/me/absence", "/me/absence", starts_on=first, ends_on=last, stand_in=str(other))
    assert answer.status_code == 303
    twice = await send(agent, "/me/absence", "/me/absence", starts_on=last, ends_on=last)
    assert (twice.status_code, "written down already" in twice.text) == (409, True)
    backwards = await send(agent, "/me/absence", "/me/absence", starts_on=last, ends_on=first)
    assert "lies before the first" in backwards.text
    assert await absences.stand_ins([me]) == {me: other}
    assert await absences.those_away([me, other]) == {me}
    (known,) = await absences.coming(SYSTEM, me)
    assert (await send(agent, "/me/absence", f"/me/absence/{known.id}/back")).status_code == 303
    assert await absences.those_away([me]) == frozenset()
    kinds = await db.fetch("SELECT kind FROM core_ledger_entry WHERE stream = $1 ORDER BY seq", f"user/{me}")
    assert [row["kind"] for row in kinds][-2:] == ["absence.added", "absence.taken_back"]


async def test_an_agent_sets_nothing_for_somebody_else(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    browser = await desk.signed_in("agent")
    day = _today().isoformat()
    other = f"/team/{leader.user_id}/absences"
    refused = await browser.submit(other, {"starts_on": day, "ends_on": day}, page="/me/absence")
    assert refused.status_code == 403
    with pytest.raises(Exception, match="roles do not allow"):
        await absences.add(agent, leader.user_id, _today(), _today(), None)
    assert await db.fetchval("SELECT count(*) FROM core_absence") == 0


async def test_a_leader_of_one_unit_plans_for_nobody_of_another(desk):
    first = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    for key in ("north", "south"):
        await db.execute(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, created_at) "
            "VALUES (gen_random_uuid(), $1, 'team', $2, $2, now())",
            first, key,
        )  # fmt: skip
    await desk.user("northern", "leader", unit="north"), await desk.user("southern", "agent", unit="south")
    northern, southern = await desk.viewer("northern"), await desk.viewer("southern")
    with pytest.raises(NotFound):
        await profiles.profile(northern, southern.user_id)
    assert southern.user_id not in {each.user_id for each in await profiles.team(northern)}


async def test_who_leaves_stands_in_for_nobody_and_leads_nobody(desk):
    await desk.user("gone", "leader")
    agent, gone = await desk.viewer("agent"), await desk.viewer("gone")
    await profiles.set_profile(SYSTEM, agent.user_id, ProfileGiven(leader_id=gone.user_id), 0)
    await absences.add(agent, agent.user_id, _today(), _today(), gone.user_id)
    await leaving.leave(SYSTEM, gone.user_id, None)
    assert await absences.stand_ins([agent.user_id]) == {}
    assert (await profiles.profile(SYSTEM, agent.user_id)).leader_id is None


async def test_a_night_shift_and_an_empty_week_are_read_in_the_persons_zone():
    moment = now().replace(year=2026, month=11, day=23, hour=8, minute=30)  # a Monday, 9:30 in Warsaw
    assert profiles.works_at({}, "UTC", moment)
    assert profiles.works_at({"0": [["09:00", "17:00"]]}, "Europe/Warsaw", moment)
    assert not profiles.works_at({"0": [["09:00", "17:00"]]}, "UTC", moment)
    assert not profiles.works_at({"1": [["09:00", "17:00"]]}, "Europe/Warsaw", moment)
