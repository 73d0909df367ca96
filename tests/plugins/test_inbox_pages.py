"""The inbox in a browser without scripts: read, decided, taken back; who may not is refused."""

import re
from typing import Any
from uuid import UUID

import pytest

from ombud.desk.colleagues import live
from ombud.desk.inbox import rematching
from ombud.kernel.database import db

HELENA = {"name": "Helena Marsh", "email": "helena@example.org"}
STRANGER = {"name": "Uwe Vogt", "email": "uwe@example.net"}


async def _id(text: str) -> str:
    return str(await db.fetchval("SELECT id FROM core_message WHERE body = $1 AND direction = 'in'", text))


async def _decisions(message_id: str) -> list[tuple[str, str]]:
    rows = await db.fetch("SELECT decision, reason FROM core_triage WHERE message_id = $1 ORDER BY version", message_id)
    return [tuple(row) for row in rows]


async def test_the_inbox_shows_the_oldest_first_and_one_message_beside(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    assert "What comes in by e-mail" in (await agent.get("/inbox")).text
    await wire(STRANGER, "Where is my card?", more={"subject": "Card", "quoted": "-- \nUwe"})
    await wire(HELENA, "You took the fee twice.", more={"subject": "Fee"})
    page = (await agent.get("/inbox")).text
    assert page.index("Uwe Vogt") < page.index("Helena Marsh")
    assert "2 to decide" in page
    assert page.count("data-unread") == 2
    one = (await agent.get(f"/inbox?open={await _id('Where is my card?')}")).text
    assert "Where is my card?" in one
    assert "Older messages and signature" in one
    assert "uwe@example.net" in one
    assert (await agent.get("/inbox?unread=yes")).text.count("data-message=") == 1
    assert await db.fetchval("SELECT read_by FROM core_message WHERE subject = 'Card'") is not None


async def test_one_click_makes_a_case_whose_clock_runs_from_the_moment_the_message_came(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    document = {"name": "bill.txt", "content_type": "text/plain", "data": "aGVsbG8="}
    when = "2026-11-20T08:00:00Z"
    await wire(STRANGER, "You took the fee twice.", id="1@x",
               more={"subject": "Fee", "documents": [document], "received_at": when})  # fmt: skip
    await wire(STRANGER, "And one thing more.", id="2@x", answers=["1@x"], more={"received_at": "2026-11-20T09:00:00Z"})
    message = await _id("You took the fee twice.")
    page = f"/inbox?open={message}"
    answer = await agent.submit(f"/inbox/{message}/case", {"back": "", "next": await _id("And one thing more.")},
                                page=page)  # fmt: skip
    assert answer.headers["location"] == f"/inbox?open={await _id('And one thing more.')}"
    case = await db.fetchrow("SELECT * FROM core_case")
    assert (case["title"], case["received_at"].isoformat()) == ("Fee", "2026-11-20T08:00:00+00:00")
    assert await db.fetchval("SELECT count(*) FROM core_attachment WHERE case_id = $1", case["id"]) == 1
    assert await db.fetchval("SELECT text FROM core_aspect") == "You took the fee twice."
    assert await _decisions(message) == [("complaint", "")]
    again = await agent.submit(f"/inbox/{message}/case", {}, page=page)
    assert again.status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1
    await desk.work()
    later = await db.fetchrow("SELECT case_id, matched_by FROM core_message WHERE body = 'And one thing more.'")
    assert tuple(later) == (case["id"], "thread"), "its own answer follows it into the case"
    shown = (await agent.get(f"/cases/{case['reference']}")).text
    assert "You took the fee twice." in shown
    assert "bill.txt" in shown


async def test_a_case_can_be_looked_through_before_it_is_opened(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    await wire(STRANGER, "The fee. And the tone of your letter.", more={"subject": "AW: Fee"})
    message = await _id("The fee. And the tone of your letter.")
    form = (await agent.get(f"/inbox/{message}/case")).text
    assert 'value="AW: Fee"' in form
    unit = await db.fetchval("SELECT key FROM core_unit")
    typed = {"name": "Uwe Vogt", "email": "uwe@example.net", "phone": "", "unit": unit, "case_type": "complaint",
             "title": "Fee and tone", "matter": ["The fee.", "The tone."], "category": ["", ""]}  # fmt: skip
    wrong = await agent.submit(f"/inbox/{message}/case", {**typed, "name": " "}, page=f"/inbox/{message}/case")
    assert wrong.status_code == 422
    assert "The tone." in wrong.text, "what was typed is kept"
    done = await agent.submit(f"/inbox/{message}/case", {**typed, "go": "case"}, page=f"/inbox/{message}/case")
    reference = await db.fetchval("SELECT reference FROM core_case WHERE title = 'Fee and tone'")
    assert done.headers["location"] == f"/cases/{reference}"
    assert await db.fetchval("SELECT count(*) FROM core_aspect") == 2


async def test_a_message_is_added_to_a_case_and_a_stranger_only_with_a_role_and_a_reason(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    await wire(HELENA, "About my fee.")
    await wire(STRANGER, "I write for her.")
    await wire(STRANGER, f"And once more, for {filed.reference}.")
    mine, his = await _id("About my fee."), await _id("I write for her.")
    to = {"reference": filed.reference, "back": "", "next": ""}
    done = await agent.submit(f"/inbox/{mine}/join", to, page=f"/inbox?open={mine}")
    assert done.status_code == 303
    warned = await agent.submit(f"/inbox/{his}/join", to, page=f"/inbox?open={his}")
    assert warned.status_code == 409
    assert "no party of this case" in warned.text
    assert 'name="role"' in warned.text
    assert await db.fetchval("SELECT case_id FROM core_message WHERE id = $1", his) is None
    bare = await agent.submit(f"/inbox/{his}/join", {**to, "role": "representative", "why": " "},
                              page=f"/inbox?open={his}")  # fmt: skip
    assert (bare.status_code, "Say why this person may write" in bare.text) == (409, True)
    role = {**to, "role": "representative", "why": "Signed letter of 3 May."}
    assert (await agent.submit(f"/inbox/{his}/join", role, page=f"/inbox?open={his}")).status_code == 303
    rows = await db.fetch("SELECT role, authority FROM core_party ORDER BY created_at")
    assert [tuple(row) for row in rows] == [("complainant", ""), ("representative", "Signed letter of 3 May.")]
    await desk.work()
    later = await db.fetchrow("SELECT case_id, matched_by FROM core_message WHERE body LIKE 'And once more, for %'")
    assert tuple(later) == (filed.case_id, "reference"), "what they wrote before is theirs now, too"
    came_in = "SELECT count(*) FROM core_message WHERE case_id = $1 AND direction = 'in'"
    assert await db.fetchval(came_in, filed.case_id) == 4
    assert await _decisions(his) == [("joined", "")]
    nowhere = await agent.submit(f"/inbox/{mine}/join", {**to, "reference": "OMB-11111-1"}, page="/inbox")
    assert nowhere.status_code in {409, 404}


async def test_not_a_complaint_is_recorded_with_its_reason_and_wording_and_can_be_taken_back(
    wire: Any, desk: Any
) -> None:
    agent = await desk.signed_in("agent")
    await wire(STRANGER, "When do you open on Saturday?")
    message = await _id("When do you open on Saturday?")
    page = f"/inbox?open={message}"
    other = await agent.submit(f"/inbox/{message}/aside", {"reason": "other", "words": " "}, page=page)
    assert other.status_code == 422
    said = {"reason": "question", "words": "Asks for hours.", "wording": "not in it"}
    strange = await agent.submit(f"/inbox/{message}/aside", said, page=page)
    assert strange.status_code == 422
    assert "Asks for hours." in strange.text
    done = await agent.submit(f"/inbox/{message}/aside", {**said, "wording": "When do you open"}, page=page)
    assert done.status_code == 303
    row = await db.fetchrow("SELECT * FROM core_triage WHERE message_id = $1", message)
    assert (row["reason"], row["words"], row["wording"], row["rule"]) == (
        "question", "Asks for hours.", "When do you open", "",
    )  # fmt: skip
    assert row["actor"].startswith("user/")
    assert "When do you open" in (await agent.get("/inbox?show=aside")).text
    assert "Nothing to decide" in (await agent.get("/inbox")).text
    assert (await agent.submit(f"/inbox/{message}/undo", {}, page=page)).status_code == 303
    assert await _decisions(message) == [("not_complaint", "question"), ("undone", "")]
    assert await db.fetchval("SELECT waits FROM core_message WHERE id = $1", message)


async def test_a_message_that_was_put_into_the_wrong_case_leaves_it_with_everything(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    document = {"name": "bill.txt", "content_type": "text/plain", "data": "aGVsbG8="}
    await wire(HELENA, f"It is {filed.reference}", more={"documents": [document]})
    message = await _id(f"It is {filed.reference}")
    assert "its reference stands in the text" in (await agent.get(f"/inbox?show=placed&open={message}")).text
    assert (await agent.submit(f"/inbox/{message}/undo", {}, page=f"/inbox?open={message}")).status_code == 303
    row = await db.fetchrow("SELECT * FROM core_message WHERE id = $1", message)
    assert (row["case_id"], row["possible_case_id"], row["waits"]) == (None, filed.case_id, True)
    party = await db.fetchval("SELECT person_id FROM core_party")
    assert row["person_id"] != party
    subjects = await db.fetch(
        "SELECT DISTINCT v.subject FROM core_vault v WHERE v.id IN (SELECT vault_id FROM core_attachment "
        "WHERE message_id = $1 UNION SELECT vault_id FROM core_raw WHERE message_id = $1)",
        row["id"],
    )
    assert [each["subject"] for each in subjects] == [f"person/{row['person_id']}"]
    assert await db.fetchval("SELECT count(*) FROM core_attachment WHERE case_id IS NOT NULL") == 0
    assert "bill.txt" in (await agent.get(f"/inbox?open={message}")).text
    assert not await rematching.place_again(row["id"]), "what a person took out does not go back by itself"


async def test_the_rendering_stands_in_a_frame_that_runs_nothing_and_fetches_nothing(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    await wire(STRANGER, "Hello.", more={"html": "<p>Hello <script>alert(1)</script></p>"})
    message = await _id("Hello.")
    page = await agent.get(f"/inbox?open={message}")
    assert f'<iframe class="rendering" src="/inbox/{message}/html" sandbox=""' in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    shown = await agent.get(f"/inbox/{message}/html")
    rules = shown.headers["content-security-policy"]
    assert "sandbox" in rules
    assert "default-src 'none'" in rules
    assert "script-src" not in rules
    assert "http" not in rules
    raw = await agent.get(f"/inbox/{message}/raw")
    assert b"Hello." in raw.content
    assert raw.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("role", ["quality", "administrator"])
async def test_who_has_no_right_to_the_inbox_sees_nothing_of_it(wire: Any, desk: Any, role: str) -> None:
    await wire(STRANGER, "Secret words.", more={"documents": [
        {"name": "bill.txt", "content_type": "text/plain", "data": "aGVsbG8="}]})  # fmt: skip
    message, file = await _id("Secret words."), await db.fetchval("SELECT id FROM core_attachment")
    browser = await desk.signed_in(role)
    for path in ("/inbox", f"/inbox?open={message}", f"/inbox/{message}/raw", f"/inbox/{message}/html"):
        assert (await browser.get(path)).status_code == 403
    assert (await browser.get(f"/files/{file}")).status_code in {403, 404}
    assert "Uwe" not in (await browser.get("/parties")).text
    agent = await desk.signed_in("agent")
    assert (await agent.get(f"/files/{file}")).content == b"hello"


async def test_the_inbox_of_one_unit_is_not_that_of_another(wire: Any, desk: Any) -> None:
    house = await db.fetchval("SELECT id FROM core_unit")
    for key in ("north", "south"):
        await db.execute(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, language, created_at) "
            "VALUES (gen_random_uuid(), $1, 'team', $2, $2, 'UTC', 'EUR', 'en', now())",
            house, key,
        )  # fmt: skip
    await desk.user("nora", "agent", unit="north")
    await desk.user("sven", "agent", unit="south")
    await wire(STRANGER, "To the north.", more={"unit": "north"})
    message = await _id("To the north.")
    nora, sven = await desk.signed_in("nora"), await desk.signed_in("sven")
    assert "To the north." in (await nora.get(f"/inbox?open={message}")).text
    assert "To the north." not in (await sven.get("/inbox")).text
    assert (await sven.get(f"/inbox?open={message}")).status_code == 404
    assert (await sven.submit(f"/inbox/{message}/aside", {"reason": "praise"}, page="/inbox")).status_code == 404
    assert await _decisions(message) == []


async def test_the_page_takes_few_statements_however_much_came_in(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    for n in range(3):
        wire.lay(STRANGER, f"Message {n}")
    await wire.fetch()
    few = await _statements(agent)
    for n in range(60):
        wire.lay({"name": f"Person {n}", "email": f"p{n}@example.net"}, f"More {n}")
    await wire.fetch()
    page = (await agent.get("/inbox")).text
    assert page.count("data-message=") == 50
    following = re.search(r'href="(/inbox\?after=[^"]+)"', page)
    assert following is not None
    assert (await agent.get(following.group(1))).text.count("data-message=") == 13
    assert await _statements(agent) == few
    assert few <= 6


async def _statements(browser: Any) -> int:
    message = await _id("Message 1")
    await browser.get(f"/inbox?open={message}")
    with db.counting() as count:
        assert (await browser.get(f"/inbox?open={message}")).status_code == 200
    return count.statements


async def test_open_cases_of_the_sender_stand_beside_a_message_that_names_none(desk_with_dummy: Any, wire: Any) -> None:
    filed = await desk_with_dummy.file("The fee was taken twice.")
    await wire({"name": "Helena", "email": "helena@example.org"}, "Any news about it?")
    message = await db.fetchval("SELECT id FROM core_message WHERE case_id IS NULL")
    agent = await desk_with_dummy.signed_in("agent")
    page = (await agent.get(f"/inbox?open={message}")).text
    assert "Open cases that may be about the same" in page
    assert f"/cases/{filed.reference}" in page


async def test_an_open_inbox_hears_of_a_new_message_and_counts_what_is_new_and_gone(wire: Any, desk: Any) -> None:
    agent, quality = await desk.viewer("agent"), await desk.viewer("quality")
    browser = await desk.signed_in("agent")
    await wire(STRANGER, "The first.")
    first = await _id("The first.")
    await wire(HELENA, "The second.")
    second = UUID(await _id("The second."))
    heard = live.read_news([f"i {second}"])
    assert heard is not None
    told = await live.told([agent, quality], heard)
    assert [[each.kind for each in news] for news in told] == [["inbox"], []]
    token = await browser.token("/inbox")

    async def bar(shown: str) -> str:
        answer = await browser.http.post(
            "/live/inbox?show=open", data={"shown": shown, "whole": "1"}, headers={"x-csrf-token": token}
        )
        assert answer.status_code == 200
        return answer.text

    assert "1 new" in await bar(first)
    assert "banner" not in await bar(f"{first} {second}")
    await browser.submit(f"/inbox/{first}/aside", {"reason": "praise"}, page=f"/inbox?open={first}")
    assert "1 gone" in await bar(f"{first} {second}")


async def test_a_search_finds_what_waits_in_the_inbox_for_those_who_may_read_it(wire: Any, desk: Any) -> None:
    await wire(STRANGER, "My umbrella was soaked by your fountain.", more={"subject": "Umbrella"})
    message = await _id("My umbrella was soaked by your fountain.")
    agent, quality = await desk.signed_in("agent"), await desk.signed_in("quality")
    found = (await agent.get("/search?q=umbrella")).text
    assert f"open={message}" in found
    assert "fountain" in found
    assert "fountain" not in (await quality.get("/search?q=umbrella")).text
    assert f"open={message}" not in (await agent.get("/search?q=umbrella&status=open&kind=message")).text
    assert "fountain" in (await agent.get(f"/inbox?show=all&text=umbrella&open={message}")).text


async def test_a_form_that_says_nonsense_of_where_it_came_from_still_decides(wire: Any, desk: Any) -> None:
    agent = await desk.signed_in("agent")
    await wire(STRANGER, "Thanks.")
    message = await _id("Thanks.")
    form = {"reason": "praise", "back": "mood=%ff&show=nowhere", "next": "nobody"}
    answer = await agent.submit(f"/inbox/{message}/aside", form, page=f"/inbox?open={message}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
