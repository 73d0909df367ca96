"""The search page and its quick answer: what is found, who may find it, and what a failure says."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import pytest

from ombud.desk import messages
from ombud.desk.search import finding as desk_search
from ombud.desk.search import index as search_index
from ombud.desk.search import rows as search_rows
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id

NOTHING = "Nothing found"


async def _unit(key: str) -> None:
    await db.execute(
        "INSERT INTO core_unit (id, kind, key, name, time_zone, currency, country, language, phone, created_at, "
        "version) VALUES ($1, 'team', $2, $2, 'UTC', 'EUR', '', 'en', '', $3, 1)",
        new_id(), key, now(),
    )  # fmt: skip


async def _found(browser, q: str, **more: str) -> str:
    answer = await browser.get("/search", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


async def _note(desk, name: str, case_id: UUID, text: str) -> None:
    await messages.write(await desk.viewer(name), case_id, "note", text)


async def test_a_word_finds_cases_messages_and_people_in_any_inflection_and_marks_them(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file("Złożyłem reklamację opłaty za kartę i czekam.", name="Jan Reklamacki")
    await desk.file("The card was charged twice, and the bank refunded nothing.", name="Ana Lima")
    await _note(desk, "agent", filed.case_id, "Reklamacje tego klienta: proszę o <b>zwrot</b> przez bank.")
    for asked in ("reklamacja", "REKLAMACJE", "reklamacji opłat", "złożyłem", "zlozylem"):
        page = await _found(agent, asked)
        assert filed.reference in page, asked
        assert "Ana Lima" not in page
    page = await _found(agent, "reklamacja")
    assert "<mark>reklamację</mark>" in page
    assert "<mark>Reklamacje</mark>" in page
    assert "&lt;b&gt;zwrot" in page
    assert "Ana Lima" in await _found(agent, "refund charges")
    assert "Jan" in await _found(agent, "Reklamackiego", kind="person")
    assert filed.reference in await _found(agent, filed.reference.lower())
    assert filed.reference in await _found(agent, "reklamacja -charge")
    assert filed.reference not in await _found(agent, "karta -reklamacja", kind="case")
    assert NOTHING in await _found(agent, '"karty opłaty"', kind="case")
    assert filed.reference in await _found(agent, '"reklamacja opłat"', kind="case")


async def test_the_lists_of_cases_and_of_people_find_the_same_words(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file(
        "Złożyłem reklamację.", name="Halina Wójcik", email="halina@example.org", phone="600 700 800"
    )
    other = await desk.file("A charge I do not know.", name="Ana Lima", email="ana@example.org")
    queue = (await agent.get("/queues/all", params={"q": "reklamacja"})).text
    assert filed.reference in queue
    assert other.reference not in queue
    for asked in ("wojcik", "Halina@example.org", "600700800", "wójcika"):
        people = (await agent.get("/parties", params={"q": asked})).text
        assert "Halina Wójcik" in people, asked
        assert "Ana Lima" not in people


async def test_an_agent_of_another_unit_finds_neither_case_nor_message_nor_person(desk):
    await _unit("north")
    await desk.user("norbert", "agent", unit="north")
    norbert, agent = await desk.signed_in("norbert"), await desk.signed_in("agent")
    filed = await desk.file("A singular zeppelin.", name="Zenobia Quill", email="zenobia@example.org")
    for asked in ("zeppelin", "zenobia", "zenobia@example.org", filed.reference):
        assert NOTHING in await _found(norbert, asked)
        assert (await norbert.get("/search/quick", params={"q": asked})).json() == []
        assert filed.reference in await _found(agent, asked) or "Zenobia" in await _found(agent, asked)
        assert (await agent.get("/search/quick", params={"q": asked})).json()


async def test_a_confidential_case_is_found_by_its_owner_and_by_who_may(desk):
    agent, compliance = await desk.signed_in("agent"), await desk.signed_in("compliance")
    filed = await desk.file("A singular zeppelin.", name="Zenobia Quill", confidential=True)
    assert NOTHING in await _found(agent, "zeppelin")
    assert NOTHING in await _found(agent, "zenobia")
    assert filed.reference in await _found(compliance, "zeppelin")
    me = (await desk.viewer("agent")).user_id
    await db.execute("UPDATE core_case SET owner_id = $1", me)
    assert filed.reference in await _found(agent, "zeppelin")


async def test_whom_an_aspect_is_about_finds_the_case_by_its_number_and_names_alone(desk):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The clerk was a gargoyle.", "The fee was a zeppelin.", name="Zenobia Quill")
    me = (await desk.viewer("agent")).user_id
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE position = 1", me)
    await _note(desk, "leader", filed.case_id, "An orchid for the gargoyle.")
    for asked in ("gargoyle", "zeppelin", "orchid", "clerk -orchid"):
        assert NOTHING in await _found(agent, asked), asked
        assert (await agent.get("/search/quick", params={"q": asked})).json() == []
        assert filed.reference not in (await agent.get("/queues/all", params={"q": asked})).text
    assert filed.reference in await _found(leader, "gargoyle")
    page = await _found(agent, filed.reference, kind="case")
    assert filed.reference in page
    assert "gargoyle" not in page
    assert filed.reference in await _found(agent, "zenobia", kind="case")
    # A word that is left out and hidden must not tell by the absence of the case.
    assert filed.reference in await _found(agent, "zenobia -gargoyle", kind="case")


async def test_what_is_masked_cannot_be_found(desk):
    quality = await desk.signed_in("quality")
    filed = await desk.file("A singular zeppelin.", name="Zenobia Quill", email="zen@example.org", phone="600 700 800")
    for asked in ("zen@example.org", "600 700 800", "zen@"):
        assert NOTHING in await _found(quality, asked), asked
    person = await _found(quality, "zenobia", kind="person")
    assert "Quill" in person
    assert "zen@example.org" not in person
    assert "1 case" in (await quality.get("/search/quick", params={"q": "quill"})).text
    await db.execute(
        "UPDATE core_role SET permissions = array_remove(permissions, 'person.read') WHERE key = 'quality'"
    )
    assert NOTHING in await _found(quality, "zenobia")
    assert filed.reference not in (await quality.get("/queues/all", params={"q": "zenobia"})).text
    shown = await _found(quality, "zeppelin")
    assert filed.reference in shown
    assert "Zenobia" not in shown
    assert "Not shown to you" in shown
    refused = await quality.get("/search", params={"q": "x", "kind": "person"})
    assert refused.status_code == 403


async def test_whom_a_complaint_speaks_of_does_not_lead_to_the_case_by_name(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file("The clerk was rude.", name="Ana Lima")
    person = new_id()
    await db.execute(
        "INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, version) "
        "VALUES ($1, 'person', 'Gustav Zeppelin', '', '', '', '', '', $2, 1)", person, now(),
    )  # fmt: skip
    await db.execute(
        "INSERT INTO core_party (id, case_id, person_id, role, authority, created_at) VALUES ($1, $2, $3, $4, '', $5)",
        new_id(), filed.case_id, person, "complained_about", now(),
    )  # fmt: skip
    assert "Gustav" in await _found(agent, "zeppelin", kind="person")
    assert NOTHING in await _found(agent, "zeppelin", kind="case")
    me = (await desk.viewer("agent")).user_id
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1", me)
    assert NOTHING in await _found(agent, "zeppelin", kind="person")


async def test_a_search_that_fails_says_so_and_shows_no_empty_list(desk, monkeypatch):
    agent = await desk.signed_in("agent")
    await desk.file("A singular zeppelin.")
    api = await desk.api("agent")
    await db.execute("ALTER TABLE core_search_state RENAME TO core_search_state_away")
    answer = await agent.get("/search", params={"q": "zeppelin"})
    assert answer.status_code == 503
    assert "The search failed" in answer.text
    assert NOTHING not in answer.text
    assert 'value="zeppelin"' in answer.text
    quick = await agent.get("/search/quick", params={"q": "zeppelin"})
    assert quick.status_code == 503
    assert "not answering" in quick.json()["detail"]
    problem = await api.get("/api/v1/search", params={"q": "zeppelin"})
    assert problem.status_code == 503
    assert "not answering" in problem.json()["detail"]
    assert (await agent.get("/queues/all", params={"q": "zeppelin"})).status_code == 500
    await db.execute("ALTER TABLE core_search_state_away RENAME TO core_search_state")

    async def slow(look, asked):
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setitem(desk_search._READ, "case", slow)
    answer = await agent.get("/search", params={"q": "zeppelin"})
    assert answer.status_code == 503
    assert "took too long" in answer.text


async def test_a_statement_that_is_too_slow_is_stopped_by_the_database(desk, monkeypatch):
    monkeypatch.setattr(desk_search, "SECONDS", 0.2)

    async def slow(look, asked):
        await db.fetch("SELECT pg_sleep(20)")

    monkeypatch.setattr(desk_search, "_READ", {**desk_search._READ, "case": slow})
    agent = await desk.signed_in("agent")
    answer = await agent.get("/search", params={"q": "zeppelin"})
    assert answer.status_code == 503
    assert "took too long" in answer.text


async def test_changes_that_are_not_searchable_yet_are_counted(desk, monkeypatch):
    agent = await desk.signed_in("agent")
    filed = await desk.file("A singular zeppelin.")
    assert filed.reference in await _found(agent, "zeppelin")
    assert await db.fetchval("SELECT count(*) FROM core_search_due") == 0

    async def broken(kind, ids):
        raise ValueError("no words")

    monkeypatch.setattr(search_rows, "of_subjects", broken)
    await db.execute("UPDATE core_case SET title = 'A singular orchid'")
    page = await _found(agent, "orchid")
    assert "1 change is not searchable yet" in page
    assert "Nothing found so far" in page
    assert filed.reference in await _found(agent, "zeppelin")
    assert (await db.fetchrow("SELECT tries, error FROM core_search_due"))["tries"] >= 1
    monkeypatch.undo()
    await db.execute("UPDATE core_search_due SET not_before = NULL")
    page = await _found(agent, "orchid")
    assert filed.reference in page
    assert "not searchable yet" not in page


async def test_a_desk_whose_first_index_is_being_built_says_so(desk):
    agent = await desk.signed_in("agent")
    await db.execute("UPDATE core_search_state SET built_at = NULL, done = 3, total = 9")
    page = await _found(agent, "zeppelin")
    assert "being built for the first time: 3 of 9 records" in page
    assert "Nothing found so far" in page


async def test_pages_of_results_follow_each_other_without_gap_or_repeat(desk):
    agent = await desk.signed_in("agent")
    filed = {(await desk.file(f"A zeppelin, number {n}.", name=f"Person {n:02}")).reference for n in range(28)}
    for kind, ours in (("case", filed), ("message", filed), ("person", None)):
        seen: list[str] = []
        address = f"/search?q={'zeppelin' if kind != 'person' else 'person'}&kind={kind}"
        while address:
            page = (await agent.get(address)).text
            seen += re.findall(r'<h3 class="hit__title"><a href="([^"#?]+)', page)
            following = re.search(r'href="(/search\?[^"]*after=[^"]*)"', page)
            address = following.group(1).replace("&amp;", "&") if following else ""
        assert len(seen) == len(set(seen)) == 28, kind
        assert ours is None or {each.rsplit("/", 1)[1] for each in seen} == ours
    overview = await _found(agent, "zeppelin")
    assert overview.count('class="hit"') == 10
    assert "More: cases" in overview
    assert 'side__count">28<' in overview


async def test_filters_narrow_cases_messages_and_people_alike(desk):
    agent = await desk.signed_in("agent")
    old = await desk.file("A zeppelin.", name="Ana Lima", received_at=now().replace(year=2020))
    new = await desk.file("A zeppelin.", name="Piotr Maj")
    page = await _found(agent, "zeppelin", received_from="2021-01-01")
    assert new.reference in page
    assert old.reference not in page
    assert "Ana" in await _found(agent, "ana", kind="person", received_to="2021-01-01")
    assert NOTHING in await _found(agent, "piotr", kind="person", received_to="2021-01-01")
    assert NOTHING in await _found(agent, "zeppelin", status="closed")
    assert old.reference in await _found(agent, "zeppelin", status="open", queue="new-complaints", unit="main")
    assert "Search without filters" in await _found(agent, "zeppelin", queue="no-such")
    for wrong in ({"received_from": "tomorrow"}, {"status": "lost"}, {"kind": "cat"}, {"after": "x"}, {"unit": "\0"}):
        answer = await agent.get("/search", params={"q": "zeppelin", **wrong})
        assert answer.status_code == 422, wrong
        assert "This cannot be searched for" in answer.text


@pytest.mark.parametrize(
    "q", ["", "\0", "'", '"', "\\", "a & !b | (c) <-> d:*", "%_%", "-", "🙂", "x" * 299, "' OR 1=1 --"]
)
async def test_any_text_gets_an_answer(desk, q):
    agent = await desk.signed_in("agent")
    assert (await agent.get("/search", params={"q": q})).status_code == 200
    assert (await agent.get("/search/quick", params={"q": q})).status_code == 200
    assert (await agent.get("/parties", params={"q": q})).status_code == 200


async def test_a_text_that_is_far_too_long_is_refused_with_the_remedy(desk):
    agent = await desk.signed_in("agent")
    answer = await agent.get("/search", params={"q": "ab" * 5_000})
    assert answer.status_code == 422
    assert "10,000 characters" in answer.text
    assert (await agent.get("/search/quick", params={"q": "ab" * 5_000})).status_code == 422


async def test_an_empty_search_teaches(desk):
    agent = await desk.signed_in("agent")
    assert "Endings and diacritics do not matter" in await _found(agent, "")
    assert "Only what you may see was searched" in await _found(agent, "zeppelin")
    assert 'href="/search"' in (await agent.get("/queues/all")).text


async def test_the_quick_answer_is_a_short_list_of_places(desk):
    agent = await desk.signed_in("agent")
    for n in range(9):
        await desk.file(f"A zeppelin {n}.", name=f"Zeppelin {n}")
    answer = await agent.get("/search/quick", params={"q": "zeppel"})
    rows = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert len(rows) == 8
    assert {row["kind"] for row in rows} == {"case", "person", "message"}
    assert all(set(row) == {"kind", "label", "detail", "href"} and all(row.values()) for row in rows)
    for row in rows:
        assert (await agent.get(row["href"])).status_code == 200
    administrator = await desk.signed_in("administrator")
    assert (await administrator.get("/search/quick", params={"q": "zeppelin"})).json() == []
    assert (await agent.get("/search/quick")).json() == []


async def test_an_old_message_of_a_long_case_leads_to_its_part_of_the_timeline(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file("A singular zeppelin.")
    viewer = await desk.viewer("agent")
    for n in range(120):
        await messages.write(viewer, filed.case_id, "note", f"Note {n}")
    rows = (await agent.get("/search/quick", params={"q": "zeppelin"})).json()
    href = next(row["href"] for row in rows if row["kind"] == "message")
    assert "before" in parse_qs(urlsplit(href).query)
    anchor = UUID(urlsplit(href).fragment.removeprefix("entry-"))
    assert f'id="entry-{anchor}"' in (await agent.get(href)).text


async def test_a_search_takes_as_many_statements_however_much_it_finds(desk):
    agent = await desk.signed_in("agent")
    await desk.file("A zeppelin.", name="Zeppelin")
    few = await _statements(agent)
    for n in range(30):
        await desk.file(f"A zeppelin {n}.", name="Zeppelin")
    assert await _statements(agent) == few
    assert few <= 18


async def _statements(browser) -> int:
    await search_index.catch_up(10_000)
    await browser.get("/search?q=zeppelin")
    with db.counting() as count:
        assert (await browser.get("/search?q=zeppelin")).status_code == 200
    return count.statements
