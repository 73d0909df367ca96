"""The complaint's page through the front door of a real desk."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ombud.desk import cases, messages
from ombud.desk.aspects import Decision, RedressGiven, decide_aspect
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import group_settings as settings
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import Document, Filed

BILL = Document(name="bill.txt", content_type="text/plain", data=b"The bill, in words.")


class Customer:
    """Somebody with a link and a browser."""

    def __init__(self, browser: Browser, filed: Filed) -> None:
        self.browser, self.filed = browser, filed
        self.token = filed.track_url.rsplit("/", 1)[-1]
        self.home = f"/p/portal/{self.token}"

    async def page(self, place: str = "") -> httpx.Response:
        return await self.browser.get(f"{self.home}{place}")

    async def press(self, place: str, files: Any = None, **typed: Any) -> httpx.Response:
        return await self.browser.submit(f"{self.home}{place}", typed, page=self.home, files=files)

    async def prove(self, question: str = "postcode", answer: str = "ec1a1bb", to: str = "documents") -> httpx.Response:
        return await self.press("/prove", question=question, answer=answer, to=to)


@pytest.fixture
async def customer(desk: Desk) -> Customer:
    await desk.enable("portal")
    filed = await desk.file(
        "The fee was taken twice.", "My visit was cancelled.", postcode="EC1A 1BB", documents=(BILL,)
    )
    return Customer(desk.browser(), filed)


async def aspect_ids() -> list[Any]:
    return [row["id"] for row in await db.fetch("SELECT id FROM core_aspect ORDER BY position")]


async def test_the_link_of_our_message_shows_each_matter_and_when_we_answer(customer: Customer) -> None:
    page = await customer.browser.get(customer.filed.track_url, follow_redirects=True)
    assert page.url.path == customer.home
    assert page.status_code == 200
    for words in (customer.filed.reference, "1. The fee was taken twice.", "2. My visit was cancelled.", "We have it"):
        assert words in page.text
    assert str(customer.filed.answer_by.year) in page.text
    assert "script" not in page.text.split("<main")[1]


async def test_a_decided_matter_shows_outcome_redress_and_reason_and_nothing_of_the_staff(
    desk: Desk, customer: Customer
) -> None:
    agent = await desk.viewer("agent")
    first, second = await aspect_ids()
    await messages.write(agent, customer.filed.case_id, "note", "The branch manager lies.", documents=(BILL,))
    redress = (RedressGiven("money", Decimal("42.00"), "EUR"), RedressGiven("apology"))
    decision = Decision("upheld", "The second fee was our mistake.", "system_fault", redress)
    await decide_aspect(agent, first, decision, None)
    page = await customer.page()
    assert "Decided: you were right" in page.text
    assert "We pay €42.00." in page.text
    assert "The second fee was our mistake." in page.text
    assert "We have decided part of your complaint" in page.text
    assert "We apologise." in page.text
    for inner in ("branch manager", "system_fault", "System fault", agent.name, "severity", str(second)):
        assert inner not in page.text


async def test_our_answer_is_read_as_it_is_meant_and_what_customers_type_stays_text(
    desk: Desk, customer: Customer
) -> None:
    sent = await customer.press("/say", text="**Hurry** <b>please</b>", key="one")
    assert "We have your message." in (await customer.browser.get(sent.headers["location"])).text
    assert "We have your message." not in (await customer.page()).text
    answer = "Dear Helena,\n\n**A. The fee <i>**\n\nWhat we do:\n\n- \u20ac42.00"
    await messages.write(await desk.viewer("agent"), customer.filed.case_id, "answer", answer)
    page = (await customer.page()).text
    assert "<strong>A. The fee &lt;i&gt;</strong>" in page
    assert "<li>\u20ac42.00</li>" in page
    assert "**Hurry** &lt;b&gt;please&lt;/b&gt;" in page


async def test_a_message_sent_twice_is_said_once(desk: Desk, customer: Customer) -> None:
    page = await customer.page()
    key = re.findall(r'name="key" value="([^"]+)"', page.text)[0]
    for _ in range(2):
        answer = await customer.press("/say", text="The card is still blocked.", key=key)
        assert answer.status_code == 303
    page = await customer.page()
    assert page.text.count("The card is still blocked.") == 1
    agent = await desk.viewer("agent")
    await messages.write(agent, customer.filed.case_id, "answer", "It works again since noon.")
    page = await customer.page()
    assert page.text.index("The card is still blocked.") < page.text.index("It works again since noon.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  ", "Write a few words"),
        ("Still\0blocked", "control characters"),
        ("x" * 100_001, "too long: 100,001 characters"),
    ],
)
async def test_a_message_that_cannot_be_sent_stays_in_its_box(customer: Customer, text: str, words: str) -> None:
    refused = await customer.press("/say", text=text, key="k")
    assert refused.status_code == 422
    assert words in refused.text
    assert text.strip().replace("\0", "") in refused.text.replace("\0", "")
    assert 'name="key" value="k"' in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_message") == 1


async def test_documents_are_shown_after_the_second_factor_alone(customer: Customer) -> None:
    closed = await customer.page("/documents")
    assert closed.headers["location"] == f"{customer.home}/prove?to=documents"
    wrong = await customer.prove(answer="SW1A 2AA")
    assert wrong.status_code == 422
    assert "This is not what you told us" in wrong.text
    assert (await customer.page("/documents")).status_code == 303
    right = await customer.prove()
    assert right.headers["location"] == f"{customer.home}/documents"
    crumb = right.headers["set-cookie"]
    assert "HttpOnly" in crumb
    assert f"Path={customer.home}" in crumb
    assert "Max-Age=1200" in crumb
    page = await customer.page("/documents")
    assert "bill.txt" in page.text
    (there,) = re.findall(r'href="([^"]+/documents/[^"]+)"', page.text)
    document = await customer.browser.get(there)
    assert document.content == BILL.data
    assert document.headers["content-disposition"].startswith("inline")
    assert document.headers["x-content-type-options"] == "nosniff"


async def test_a_proof_ends_after_twenty_minutes_and_opens_no_other_complaint(desk: Desk, customer: Customer) -> None:
    await customer.prove()
    other = Customer(customer.browser, await desk.file("Another matter.", postcode="EC1A 1BB"))
    proof = customer.browser.http.cookies.get("ombud_proof", path=customer.home)
    assert proof
    other.browser.http.cookies.set("ombud_proof", proof, path=other.home, domain="desk.test")
    assert (await other.page("/documents")).status_code == 303
    with clock.at(clock.now() + timedelta(minutes=21)):
        assert (await customer.page("/documents")).status_code == 303


async def test_after_five_wrong_answers_the_right_one_does_not_help(customer: Customer) -> None:
    for _ in range(5):
        assert (await customer.prove(answer="SW1A 2AA")).status_code == 422
    blocked = await customer.prove()
    assert blocked.status_code == 429
    assert "Too many attempts" in blocked.text
    assert (await customer.page("/documents")).status_code == 303
    assert (await customer.page()).status_code == 200


async def test_documents_can_be_added_once_and_programs_are_refused(customer: Customer) -> None:
    letter = {"documents": ("letter.html", b"<script>alert(1)</script>", "text/html")}
    assert (
        (await customer.press("/documents", files=letter, key="k1")).headers["location"].endswith("prove?to=documents")
    )
    await customer.prove()
    refused = await customer.press(
        "/documents", files={"documents": ("setup.exe", b"MZ\x90", "image/png")}, key="k1", text="My letter"
    )
    assert refused.status_code == 422
    assert "setup.exe is a program" in refused.text
    assert "My letter" in refused.text
    assert (await customer.press("/documents", files=None, key="k1")).status_code == 422
    for _ in range(2):
        assert (await customer.press("/documents", files=letter, key="k2")).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_attachment") == 2
    page = await customer.page("/documents")
    there = next(
        each for each in re.findall(r'href="([^"]+/documents/[^"]+)">([^<]+)', page.text) if "letter" in each[1]
    )
    document = await customer.browser.get(there[0])
    assert "text/html" not in document.headers["content-type"]


async def test_what_a_browser_could_run_is_saved_and_not_shown(desk: Desk) -> None:
    await desk.enable("portal")
    pdf = Document(name='a"b\u202e.pdf', content_type="image/png", data=b"%PDF-1.7 with something in it")
    customer = Customer(desk.browser(), await desk.file("x", postcode="EC1A 1BB", documents=(pdf,)))
    await customer.prove()
    (there,) = re.findall(r'href="([^"]+/documents/[^"]+)"', (await customer.page("/documents")).text)
    document = await customer.browser.get(there)
    assert document.headers["content-type"].startswith("application/pdf")
    assert document.headers["content-disposition"].startswith("attachment")
    missing = await customer.page("/documents/00000000-0000-0000-0000-000000000000")
    assert missing.status_code == 404


async def test_a_withdrawn_matter_is_closed_and_the_last_one_resolves_the_case(customer: Customer) -> None:
    first, second = await aspect_ids()
    assert (await customer.page("/withdraw")).headers["location"].endswith("prove?to=withdraw")
    await customer.prove(to="withdraw")
    doubtful = await customer.press("/withdraw", aspect=str(first), reason="They called me.")
    assert doubtful.status_code == 422
    assert "Nothing was withdrawn yet" in doubtful.text
    assert "They called me." in doubtful.text
    assert (await customer.press("/withdraw", aspect="nonsense", sure="yes")).status_code == 422
    done = await customer.press("/withdraw", aspect=str(first), reason="They called me.", sure="yes")
    assert done.headers["location"] == customer.home
    rows = await db.fetch("SELECT status, outcome FROM core_aspect ORDER BY position")
    assert [tuple(row) for row in rows] == [("closed", "withdrawn"), ("open", "")]
    again = await customer.press("/withdraw", aspect=str(first), sure="yes")
    assert again.status_code == 422
    await customer.press("/withdraw", aspect="all", sure="yes")
    assert await db.fetchval("SELECT status FROM core_case") == "resolved"
    page = await customer.page()
    assert page.text.count("You withdrew it") == 2
    assert "We have decided every matter" in page.text
    assert second != first


async def test_links_that_open_nothing_say_what_to_do(desk: Desk, customer: Customer) -> None:
    broken = await customer.browser.get("/p/portal/not-a-token")
    assert broken.status_code == 404
    assert "This link is not complete" in broken.text
    with clock.at(clock.now() + timedelta(days=366)):
        expired = await customer.page()
    assert expired.status_code == 410
    assert "has expired" in expired.text
    start = await customer.browser.get("/p/portal/")
    assert "Open the link from our message" in start.text
    await desk.disable("portal")
    assert (await customer.page()).status_code == 404


async def test_staff_see_the_links_end_one_and_make_another(desk: Desk, customer: Customer) -> None:
    agent = await desk.signed_in("agent")
    case = f"/cases/{customer.filed.reference}"
    panel = (await agent.get(case)).text
    assert "Helena Marsh" in panel
    assert "Works until" in panel
    (link_id,) = re.findall(r"/p/portal/links/([0-9a-f-]+)/revoke", panel)
    about = {"reference": customer.filed.reference}
    made = await agent.submit(f"/p/portal/links/{customer.filed.case_id}/make", about, page=case)
    (address,) = re.findall(r"<pre[^>]*>(http[^<]+)</pre>", made.text)
    revoked = await agent.submit(f"/p/portal/links/{link_id}/revoke", about, page=case)
    assert revoked.headers["location"] == case
    gone = await customer.page()
    assert gone.status_code == 410
    assert "no longer works" in gone.text
    assert (await customer.browser.get(address, follow_redirects=True)).status_code == 200
    assert "Ended on" in (await agent.get(case)).text


async def test_a_case_with_the_panel_of_its_links_takes_few_statements(desk: Desk, customer: Customer) -> None:
    agent = await desk.signed_in("agent")
    case = f"/cases/{customer.filed.reference}"
    await agent.get(case)
    with db.counting() as count:
        assert "Works until" in (await agent.get(case)).text
    assert count.statements <= 12


async def test_only_who_may_change_the_case_touches_its_links(desk: Desk, customer: Customer) -> None:
    address = f"/p/portal/links/{customer.filed.case_id}/make"
    about = {"reference": customer.filed.reference}
    assert (await customer.browser.submit(address, about, page=customer.home)).status_code == 401
    reader = await desk.signed_in("quality")
    assert (await reader.submit(address, about, page="/queues")).status_code == 403
    assert "/p/portal/links/" not in (await reader.get(f"/cases/{customer.filed.reference}")).text
    agent = await desk.signed_in("agent")
    other = await desk.file("Another case.")
    crossed = await agent.submit(address, {"reference": other.reference}, page="/queues")
    assert crossed.status_code == 409
    assert await db.fetchval("SELECT count(*) FROM core_link WHERE case_id = $1", customer.filed.case_id) == 1


async def test_the_portal_speaks_polish(customer: Customer) -> None:
    customer.browser.http.cookies.set("ombud_language", "pl")
    page = await customer.page()
    assert "Otrzymaliśmy Twoją reklamację" in page.text
    refused = await customer.press("/say", text="", language="pl", key="k")
    assert "Napisz kilka słów" in refused.text


def test_both_languages_have_the_same_words() -> None:
    from ombud_portal.wording import TEXTS

    english, polish = TEXTS["en"], TEXTS["pl"]
    assert {part: set(words) for part, words in english.items()} == {part: set(words) for part, words in polish.items()}
    for part, words in english.items():
        for key, sentence in words.items():
            assert sorted(re.findall(r"{\w+}", sentence)) == sorted(re.findall(r"{\w+}", polish[part][key])), (
                part,
                key,
            )


async def test_a_unit_chooses_how_long_an_answer_counts_and_how_it_is_reached(desk: Desk, customer: Customer) -> None:
    unit = await db.fetchval("SELECT unit_id FROM core_case")
    chosen = settings.Change({"proof_minutes": 5, "contact": "Monday to Friday, 8 to 18\nMain Street 1"})
    await settings.change(SYSTEM, "p-portal", chosen, unit)
    page = (await customer.page()).text
    assert "<p>Monday to Friday, 8 to 18</p>" in page
    assert "<p>Main Street 1</p>" in page
    assert "Then this is open for 5 minutes." in (await customer.page("/prove")).text
    answer = await customer.prove()
    assert "Max-Age=300" in answer.headers["set-cookie"]
    assert (await customer.page("/documents")).status_code == 200
    with clock.at(clock.now() + timedelta(minutes=6)):
        assert "/prove" in (await customer.page("/documents")).headers["location"]


async def test_a_unit_may_ask_to_be_written_to_instead_of_a_withdrawal(desk: Desk, customer: Customer) -> None:
    await customer.prove(to="withdraw")
    (first, _) = await aspect_ids()
    await settings.change(SYSTEM, "p-portal", settings.Change({"may_withdraw": False}))
    assert "/withdraw" not in (await customer.page()).text
    refused = await customer.page("/withdraw")
    assert (refused.status_code, "Write to us on the page of your complaint" in refused.text) == (403, True)
    posted = await customer.press("/withdraw", aspect=str(first), sure="yes")
    assert posted.status_code == 403
    assert await db.fetchval("SELECT count(*) FROM core_aspect WHERE status = 'closed'") == 0
    await settings.change(SYSTEM, "p-portal", settings.Change(unset=frozenset({"may_withdraw"})))
    assert (await customer.press("/withdraw", aspect=str(first), sure="yes")).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_aspect WHERE status = 'closed'") == 1


async def test_until_we_write_the_page_names_the_day_by_which_we_promised_to(desk: Desk, customer: Customer) -> None:
    await settings.change(SYSTEM, "promises", settings.Change({"acknowledge_within_days": 3}))
    day = await db.fetchval("SELECT received_on + 3 FROM core_case")
    words = f"You hear from us by {day.day}"
    assert words in (await customer.page()).text.replace("\u00a0", " ")
    agent = await desk.viewer("agent")
    case_id = await db.fetchval("SELECT id FROM core_case")
    await messages.write(agent, case_id, "answer", "We have it.")
    assert words not in (await customer.page()).text.replace("\u00a0", " ")


async def test_who_writes_after_the_decision_is_told_that_it_is_read_and_staff_are_told_to_answer(
    desk: Desk, customer: Customer
) -> None:
    leader, agent = await desk.viewer("leader"), await desk.signed_in("agent")
    case_id, case = await db.fetchval("SELECT id FROM core_case"), f"/cases/{customer.filed.reference}"
    await cases.take(await desk.viewer("agent"), case_id)
    for each in await aspect_ids():
        await decide_aspect(leader, each, Decision("not_upheld", "The contract says so."), None)
    await cases.close(leader, case_id)
    assert "Your complaint is closed" in (await customer.page()).text
    await customer.press("/say", text="That is another contract.")
    assert "We are reading what you wrote" in (await customer.page()).text
    assert "The customer wrote after the decision." in (await agent.get(case)).text
    await messages.write(leader, case_id, "answer", "We read it; it is yours.")
    assert "We have decided every matter" in (await customer.page()).text
    assert "The customer wrote after the decision." not in (await agent.get(case)).text
