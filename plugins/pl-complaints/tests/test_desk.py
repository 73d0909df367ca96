"""The act on a desk: where its clock runs, an extension through the page, a case that counts as upheld."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ombud.desk import aspects
from ombud.desk.clocks import watching
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import ledger

MARCH = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
async def warsaw(desk: Desk) -> Desk:
    await db.execute("UPDATE core_unit SET country = 'PL', time_zone = 'Europe/Warsaw'")
    await desk.enable("pl-complaints")
    return desk


async def complaint(desk: Desk) -> Any:
    with clock.at(MARCH):
        filed = await desk.file("The fee was taken twice.", "And the clerk was late.")
        await watching.start_waiting()
    return filed


async def clocks(case_id: Any, state: str = "running") -> list[str]:
    rows = await db.fetch("SELECT key FROM core_clock WHERE case_id = $1 AND state = $2", case_id, state)
    return sorted(row["key"] for row in rows if "." in row["key"])


DISP, ACT = ["fca.eight_weeks", "fca.third_day"], ["pl-complaints.reply"]


async def test_a_complaint_has_the_clocks_of_its_units_country_and_no_others(desk: Desk) -> None:
    for slug in ("fca", "pl-complaints"):
        await desk.enable(slug)
    for country, expected in (("PL", ACT), ("GB", DISP), ("DE", []), ("", [])):
        await db.execute("UPDATE core_unit SET country = $1", country)
        assert await clocks((await complaint(desk)).case_id) == expected, country


async def test_an_administrator_says_otherwise_for_a_unit(desk: Desk) -> None:
    for slug in ("fca", "pl-complaints"):
        await desk.enable(slug)
    await db.execute("UPDATE core_unit SET country = 'PL'")
    for wish, expected in (("always", [*DISP, *ACT]), ("never", ACT)):
        await setting("p-fca", {"applies": wish})
        assert await clocks((await complaint(desk)).case_id) == expected, wish


async def setting(key: str, values: dict[str, Any]) -> None:
    await db.execute("DELETE FROM core_setting WHERE key = $1", key)
    await db.execute(
        "INSERT INTO core_setting (id, key, value, changed_at) VALUES (gen_random_uuid(), $1, $2, now())",
        key, {"value": values},
    )  # fmt: skip


async def due_at(case_id: Any) -> datetime:
    sql = "SELECT due_at FROM core_clock WHERE case_id = $1 AND key = 'pl-complaints.reply'"
    found = await db.fetchval(sql, case_id)
    assert isinstance(found, datetime)
    return found


NOTICE = {
    "cause": "The other bank did not answer.", "circumstances": "Who ordered the transfer.", "until": "2026-04-20",
    "told_on": "2026-03-25",
}  # fmt: skip


async def extend(who: Browser, reference: str, **more: str) -> Any:
    address = f"/p/pl-complaints/cases/{reference}/extend"
    return await who.submit(address, {**NOTICE, **more}, page=address)


async def test_an_extension_that_was_told_moves_the_clock_and_gives_the_words_of_the_notice(warsaw: Desk) -> None:
    filed = await complaint(warsaw)
    agent = await warsaw.signed_in("agent")
    assert (await due_at(filed.case_id)).date().isoformat() == "2026-04-01"
    assert "Record an extension" in (await agent.get(f"/cases/{filed.reference}")).text
    with clock.at(MARCH + timedelta(days=24)):
        assert (await extend(agent, filed.reference)).status_code == 303
        await watching.start_waiting()
    assert (await due_at(filed.case_id)).date().isoformat() == "2026-04-20"
    html = (await agent.get(f"/p/pl-complaints/cases/{filed.reference}/extend")).text
    assert "Odpowiedzi udzielimy do dnia 20.04.2026" in html
    assert "The other bank did not answer." in html
    entries = [each for each in await ledger.read([f"case/{filed.case_id}"]) if each.kind == "pl_complaints.extended"]
    assert [each.body for each in entries] == [{"until": "2026-04-20", "told": "2026-03-25"}], "codes, nobody's words"
    again = await agent.submit(
        f"/p/pl-complaints/cases/{filed.reference}/extend", {**NOTICE, "until": "2026-04-22"}, page="/parties"
    )
    assert again.status_code == 422
    assert (await db.fetchval("SELECT until FROM pl_complaints_case")).isoformat() == "2026-04-20"


REFUSALS = [
    ({"cause": ""}, "Say why the reply takes longer"),
    ({"circumstances": ""}, "Say what has still to be established"),
    ({"until": "soon"}, "Give a day."),
    ({"until": "2026-05-02"}, "within the days of an extension"),
    ({"until": "2026-03-20"}, "within the days of an extension"),
    ({"told_on": "2026-04-02"}, "were over by then"),
    ({"told_on": "2026-02-28"}, "from the receipt of the complaint"),
]


async def test_an_extension_that_the_act_does_not_know_is_refused_with_what_was_typed(warsaw: Desk) -> None:
    filed = await complaint(warsaw)
    agent = await warsaw.signed_in("agent")
    for more, told in REFUSALS:
        answer = await extend(agent, filed.reference, **more)
        assert answer.status_code == 422
        assert told in answer.text
        assert ("Who ordered the transfer." in answer.text) is ("circumstances" not in more)
    assert await db.fetchval("SELECT count(*) FROM pl_complaints_case") == 0


async def test_elsewhere_nothing_is_offered_and_nothing_recorded(warsaw: Desk) -> None:
    await db.execute("UPDATE core_unit SET country = 'GB'")
    filed = await complaint(warsaw)
    agent = await warsaw.signed_in("agent")
    assert "Record an extension" not in (await agent.get(f"/cases/{filed.reference}")).text
    answer = await extend(agent, filed.reference)
    assert "does not hold in the unit" in answer.text
    assert (await agent.get("/p/pl-complaints/cases/OMB-0000/extend")).status_code == 404


async def missed(desk: Desk) -> Any:
    filed = await complaint(desk)
    with clock.at(MARCH + timedelta(days=40)):
        await watching.tell_late()
    await desk.work()
    return filed


async def test_without_a_reply_it_counts_as_upheld_and_a_person_decides(warsaw: Desk) -> None:
    filed = await missed(warsaw)
    leader = await warsaw.signed_in("leader")
    html = (await leader.get(f"/cases/{filed.reference}")).text
    assert "Counts as upheld" in html
    assert "No answer went out by 1 Apr 2026: by law the complaint counts as upheld" in html.replace("\xa0", " ")
    links = re.findall(r'href="(/cases/[^"]+/decide\?outcome=upheld)"', html)
    assert len(links) == 2, "each undecided aspect"
    form = (await leader.get(links[0])).text
    assert re.search(r'<input[^>]*name="outcome"[^>]*value="upheld"[^>]*checked|<option value="upheld" selected', form)
    rows = await db.fetch("SELECT outcome, status FROM core_aspect WHERE case_id = $1", filed.case_id)
    assert {(row["outcome"], row["status"]) for row in rows} == {("", "open")}, "it is a proposal"
    found = [each for each in await ledger.read([f"case/{filed.case_id}"]) if each.kind.startswith("pl_complaints.")]
    assert [(each.kind, each.actor, each.body) for each in found] == [
        ("pl_complaints.deemed_upheld", "plugin/pl-complaints", {"outcome": "upheld", "due": "2026-04-01"}),
    ]  # fmt: skip


async def test_a_letter_that_left_in_time_takes_it_back(warsaw: Desk) -> None:
    filed = await missed(warsaw)
    agent = await warsaw.signed_in("agent")
    address = f"/p/pl-complaints/cases/{filed.reference}/answered"
    late = await agent.submit(address, {"answered_on": "2026-04-02", "answered_how": "Receipt 7"}, page=address)
    assert "to the last day of its reply" in late.text
    nothing = await agent.submit(address, {"answered_on": "2026-03-30", "answered_how": ""}, page=address)
    assert "Say how it is known." in nothing.text
    done = await agent.submit(address, {"answered_on": "2026-03-30", "answered_how": "Receipt 7"}, page=address)
    assert done.status_code == 303
    html = (await agent.get(f"/cases/{filed.reference}")).text
    assert "Answered in time on" in html
    assert "Counts as upheld" not in html
    assert "there is nothing to correct" in (await agent.get(address)).text


async def test_a_desk_that_does_not_want_it_says_nothing(warsaw: Desk) -> None:
    await setting("p-pl-complaints", {"deemed_upheld": False})
    filed = await missed(warsaw)
    assert await db.fetchval("SELECT count(*) FROM pl_complaints_case") == 0
    assert "Counts as upheld" not in (await (await warsaw.signed_in("agent")).get(f"/cases/{filed.reference}")).text


async def test_who_an_aspect_is_about_writes_no_notice(warsaw: Desk) -> None:
    filed = await complaint(warsaw)
    agent = await warsaw.signed_in("agent")
    identity = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    leader = await warsaw.viewer("leader")
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    await aspects.concern(leader, second, identity)
    assert (await agent.get(f"/p/pl-complaints/cases/{filed.reference}/extend")).status_code == 404
