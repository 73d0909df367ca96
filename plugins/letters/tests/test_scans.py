"""Incoming post through its pages: upload, read, look over, split, take in; nothing lost, nothing twice."""

import json
import re
from typing import Any
from uuid import UUID

import papers
import pikepdf
import pytest
from conftest import context

from ombud.desk import intake
from ombud.desk.references import make
from ombud.kernel.database import db
from ombud.trust import vault
from ombud_letters import bounded, ocr, reading, receiving, scans, typesetting
from ombud_letters.channel import LetterChannel, receipt
from ombud_letters.ocr import Program
from ombud_letters.tending import tend
from ombud_plugin_api import Permanent, RawReceipt, Transient

HOME = "/p/letters/scans"
ONE = "Ann Nowak\nBrighton BN1 4GH\n\nThe fee was taken twice."
TWO = "Igor Marsh\n\nNobody answers my letters."


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server without ocrmypdf: files that carry their text give it, pictures have none."""

    async def nothing() -> Program:
        return Program(False)

    monkeypatch.setattr(ocr, "program_of", nothing)


@pytest.fixture
async def leader(letters_desk: Any) -> Any:
    return await letters_desk.signed_in("leader")


async def upload(browser: Any, data: bytes, name: str = "post.pdf", on: str = "2026-01-05") -> Any:
    return await browser.submit(HOME, {"on": on}, files={"scan": (name, data, "application/octet-stream")})


async def read(desk: Any, browser: Any, data: bytes, **more: Any) -> str:
    """The address of the scan, once it is read."""
    page = str((await upload(browser, data, **more)).headers["location"])
    await desk.work()
    return page


async def separator() -> bytes:
    from datetime import UTC, datetime

    return (await typesetting.separator("en", datetime(2026, 1, 1, tzinfo=UTC))).pdf


def forms(html: str) -> list[dict[str, str]]:
    """The letters that are open, as a browser would send them."""
    found = []
    for action, body in re.findall(r'<form class="both__side"[^>]* action="([^"]+)">(.*?)</form>', html, re.S):
        values = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', body))
        text = re.search(r"<textarea [^>]*>\n?(.*?)</textarea>", body, re.S)
        values.pop("_csrf", None)
        found.append({"action": action, **values, "text": text[1].strip() if text else ""})
    return found


async def press(browser: Any, page: str, number: int, step: str, **changes: str) -> Any:
    form = forms((await browser.get(page)).text)[number]
    return await browser.submit(form.pop("action"), {**form, "step": step, **changes}, page=page)


async def messages() -> list[dict[str, Any]]:
    rows = await db.fetch(
        "SELECT m.*, p.name FROM core_message m JOIN core_person p ON p.id = m.person_id "
        "WHERE m.channel = 'letter' AND m.direction = 'in' ORDER BY m.body"
    )
    return [dict(row) for row in rows]


async def test_a_pile_becomes_letters_in_the_inbox_and_nothing_stays_here(
    letters_desk: Any, leader: Any, unread: None
) -> None:
    pile = papers.together(papers.pdf(ONE, "its second page"), await separator(), papers.pdf(TWO), papers.blank())
    page = await read(letters_desk, leader, pile)
    html = (await leader.get(page)).text
    first, second = forms(html)
    assert (first["sender"], first["postcode"], first["received_on"]) == ("Ann Nowak", "BN1 4GH", "2026-01-05")
    assert first["text"].startswith("Ann Nowak")
    assert first["text"].endswith("its second page")
    assert second["sender"] == "Igor Marsh"
    assert "begins after a separator sheet" in html
    assert "separator sheet" in html[html.index("Pages that belong to no letter") :]
    picture = await leader.get(f"{page}/pages/1/page.jpg")
    assert picture.content[:3] == b"\xff\xd8\xff"
    await press(leader, page, 0, "take", text="The fee was taken twice.", subject="Fee")
    await letters_desk.work()
    await press(leader, page, 0, "take", received_on="2026-01-02")
    await letters_desk.work()
    one, two = sorted(await messages(), key=lambda each: each["name"])
    assert (one["name"], one["body"], one["subject"]) == ("Ann Nowak", "The fee was taken twice.", "Fee")
    assert (two["name"], two["said_at"].date().isoformat()) == ("Igor Marsh", "2026-01-02")
    kept = await db.fetchrow("SELECT vault_id, content_type FROM core_attachment WHERE message_id = $1", one["id"])
    assert kept["content_type"] == "application/pdf"
    pdf = await vault.load(kept["vault_id"])
    assert "its second page" in papers.words_of(pdf)
    assert "Igor" not in papers.words_of(pdf)
    assert "All letters of this scan are taken in" in (await leader.get(page)).text
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 0
    assert await db.fetchval("SELECT count(*) FROM letters_page") == 0
    assert "Nowak" not in json.dumps(
        [dict(row) for row in await db.fetch("SELECT * FROM letters_incoming")], default=str
    )
    assert "post.pdf" not in (await leader.get(HOME)).text


async def test_a_person_says_where_a_letter_begins_and_which_pages_are_none_of_it(
    letters_desk: Any, leader: Any, unread: None
) -> None:
    page = await read(letters_desk, leader, papers.pdf(ONE, TWO, "an advertisement"))
    assert len(forms((await leader.get(page)).text)) == 1
    await leader.submit(f"{page}/begin/2", {}, page=page)
    first, second = forms((await leader.get(page)).text)
    assert "Igor" not in first["text"]
    assert second["text"].startswith("Igor Marsh")
    await leader.submit(f"{second['action']}/join", {}, page=page)
    [joined] = forms((await leader.get(page)).text)
    assert joined["text"].index("Ann") < joined["text"].index("Igor")
    await leader.submit(f"{page}/begin/2", {}, page=page)
    await press(leader, page, 1, "page:3")
    html = (await leader.get(page)).text
    assert "Take page 3 in" in html
    await press(leader, page, 1, "take")
    await letters_desk.work()
    [message] = await messages()
    pdf = await db.fetchval("SELECT vault_id FROM core_attachment WHERE message_id = $1", message["id"])
    assert "advertisement" not in papers.words_of(await vault.load(pdf))
    refused = await leader.submit(f"{page}/begin/3", {}, page=page)
    assert refused.status_code == 409
    assert "Something changed meanwhile" in refused.text
    await press(leader, page, 0, "leave")
    assert await db.fetchval("SELECT state FROM letters_scan") == "done"
    assert len(await messages()) == 1


async def test_a_letter_begins_where_a_page_names_another_case(letters_desk: Any, leader: Any, unread: None) -> None:
    one, two = make(7, "OMB"), make(8, "OMB")
    page = await read(letters_desk, leader, papers.pdf(f"About {one}", "more of it", f"About {two}"))
    html = (await leader.get(page)).text
    assert len(forms(html)) == 2
    assert "begins because the page names another case" in html
    assert f"Names {two}" in html


async def test_a_reply_that_names_its_case_is_proposed_to_it(letters_desk: Any, leader: Any, unread: None) -> None:
    filed = await letters_desk.file("The fee.", name="Ann Nowak", email="ann@example.org", postcode="BN1 4GH")
    page = await read(
        letters_desk, leader, papers.pdf(f"Ann Nowak\nBN1 4GH\nYour reference: {filed.reference}\nThank you.")
    )
    await press(leader, page, 0, "take")
    await letters_desk.work()
    [message] = await messages()
    inbox = (await leader.get(f"/inbox?open={message['id']}")).text
    assert filed.reference in inbox


async def test_the_same_file_twice_is_one_scan_and_a_letter_is_taken_in_once(
    letters_desk: Any, leader: Any, unread: None
) -> None:
    data = papers.pdf(ONE)
    first, again = await upload(leader, data), await upload(leader, data, name="again.pdf")
    assert first.headers["location"] == again.headers["location"]
    await letters_desk.work()
    page = first.headers["location"]
    form = forms((await leader.get(page)).text)[0]
    action = form.pop("action")
    for _ in range(2):
        await leader.submit(action, {**form, "step": "take"}, page=page)
    await letters_desk.work()
    assert len(await messages()) == 1
    assert (await upload(leader, data)).headers["location"] == page
    await letters_desk.work()
    assert len(await messages()) == 1


async def test_what_a_colleague_changed_meanwhile_is_not_overwritten_and_what_was_typed_stays(
    letters_desk: Any, leader: Any, unread: None
) -> None:
    page = await read(letters_desk, leader, papers.pdf(ONE))
    form = forms((await leader.get(page)).text)[0]
    action = form.pop("action")
    await press(leader, page, 0, "save", subject="By a colleague")
    late = await leader.submit(action, {**form, "subject": "By me", "step": "take"}, page=page)
    assert late.status_code == 409
    assert "A colleague changed this letter meanwhile" in late.text
    assert 'value="By me"' in late.text
    assert await messages() == []
    assert await db.fetchval("SELECT subject FROM letters_incoming") == "By a colleague"


async def test_a_letter_without_sender_text_or_day_is_refused_with_what_was_typed(
    letters_desk: Any, leader: Any, unread: None
) -> None:
    page = await read(letters_desk, leader, papers.pdf("no name at all, only words"))
    refused = await press(leader, page, 0, "take", sender="", text="", received_on="2126-01-01", subject="Kept")
    assert refused.status_code == 422
    for words in ("Say who wrote", "Type what the letter says", "has not come yet", 'value="Kept"'):
        assert words in refused.text
    both = await leader.submit(f"{page}/take-all", {}, page=page)
    assert both.status_code == 422
    assert "Letter 1 lacks who wrote or what it says." in both.text


async def test_all_letters_are_taken_in_at_once(letters_desk: Any, leader: Any, unread: None) -> None:
    pile = papers.together(papers.pdf(ONE), await separator(), papers.pdf(TWO))
    page = await read(letters_desk, leader, pile)
    assert (await leader.submit(f"{page}/take-all", {}, page=page)).status_code == 303
    await letters_desk.work()
    assert {each["name"] for each in await messages()} == {"Ann Nowak", "Igor Marsh"}


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"%PDF-1.7\nnothing that is a PDF", "broken", "damaged or no PDF"),
        (b"MZ this is a program", "unknown", "neither PDF nor TIFF"),
        (b"\x89PNG\r\n\x1a\n cut off", "unknown", "neither PDF nor TIFF"),
    ],
)
async def test_what_cannot_be_read_is_kept_and_says_why(
    letters_desk: Any, leader: Any, unread: None, data: bytes, reason: str, words: str
) -> None:
    page = await read(letters_desk, leader, data)
    assert await db.fetchval("SELECT reason FROM letters_scan") == reason
    html = (await leader.get(page)).text
    assert words in html
    assert (await leader.get(f"{page}/file")).content == data
    await leader.submit(f"{page}/discard", {}, page=page)
    assert (await leader.get(page)).status_code == 404
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 0


async def test_a_locked_pdf_and_one_of_too_many_pages_say_so(letters_desk: Any, leader: Any, unread: None) -> None:
    from io import BytesIO

    from conftest import choose

    locked = BytesIO()
    with pikepdf.open(BytesIO(papers.pdf(ONE))) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert "locked with a password" in (await leader.get(await read(letters_desk, leader, locked.getvalue()))).text
    await choose(most_pages=2)
    page = await read(letters_desk, leader, papers.pdf("a", "b", "c"))
    assert "It has 3 pages" in (await leader.get(page)).text
    await choose(most_pages=3)
    await leader.submit(f"{page}/read-again", {}, page=page)
    await letters_desk.work()
    assert len(forms((await leader.get(page)).text)) == 1


async def test_pictures_of_all_kinds_are_scans(letters_desk: Any, leader: Any, unread: None) -> None:
    """Without a program that reads they have no text, the page says so, and a person types."""
    for kind, frames, count in (("PNG", 1, 1), ("JPEG", 1, 1), ("TIFF", 3, 3)):
        page = await read(letters_desk, leader, papers.picture(f"A letter as {kind}", kind, frames))
        html = (await leader.get(page)).text
        assert html.count("<img ") == count, kind
        assert "Some pages have no text" in html
        assert "ocrmypdf or Tesseract is not installed" in html
    await press(leader, page, 0, "take", sender="Ann Nowak", text="Typed by hand.")
    await letters_desk.work()
    [message] = await messages()
    assert message["body"] == "Typed by hand."
    assert "Scans are not read here" in (await leader.get(HOME)).text


@pytest.mark.parametrize(
    ("form", "files", "words"),
    [
        ({"on": "2026-01-05"}, {"scan": ("", b"", "x/y")}, "No file came along"),
        ({"on": "2126-01-05"}, {"scan": ("a.pdf", b"%PDF-", "x/y")}, "has not come yet"),
        ({"on": "yesterday"}, {"scan": ("a.pdf", b"%PDF-", "x/y")}, "Give the day as a date"),
        ({"on": "2026-01-05"}, {"scan": ("a.pdf", b"x" * 1_000_001, "x/y")}, "a.pdf is larger than 1 MB"),
    ],
)
async def test_an_upload_that_is_none_is_refused(
    letters_desk: Any, leader: Any, unread: None, form: Any, files: Any, words: str
) -> None:
    from conftest import choose

    await choose(scan_mb=1)
    answer = await leader.submit(HOME, form, files=files)
    assert answer.status_code == 422
    assert words in answer.text
    assert await db.fetchval("SELECT count(*) FROM letters_scan") == 0


class Killed(BaseException):
    """As if the process had gone."""


async def test_a_reading_that_is_killed_goes_on_after_the_pages_it_kept(
    letters_desk: Any, leader: Any, unread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(leader, papers.pdf(*[f"page {number} of the pile" for number in range(1, 11)]))
    scan = await db.fetchval("SELECT id FROM letters_scan")
    kept, read_pages = scans.keep_pages, []

    async def dies(*given: Any) -> None:
        await kept(*given)
        read_pages.append([each.number for each in given[2]])
        if len(read_pages) in {1, 2}:
            raise Killed

    monkeypatch.setattr(scans, "keep_pages", dies)
    for _ in range(2):
        with pytest.raises(Killed):
            await reading.read_scan({"scan": str(scan)}, await context())
    await reading.read_scan({"scan": str(scan)}, await context())
    await reading.read_scan({"scan": str(scan)}, await context())
    assert read_pages == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    texts = [each.text for each in await scans.texts(scan)]
    assert texts == [f"page {number} of the pile" for number in range(1, 11)]
    assert await db.fetchval("SELECT count(*) FROM letters_incoming") == 1
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 1 + 3 + 10


async def test_a_taking_in_that_is_killed_at_any_step_makes_one_message(
    letters_desk: Any, leader: Any, unread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await read(letters_desk, leader, papers.pdf(ONE))
    letter = await db.fetchval("SELECT id FROM letters_incoming")
    form = forms((await leader.get(page)).text)[0]
    action = form.pop("action")
    started = 0

    async def not_started(*_: Any) -> None:
        nonlocal started
        started += 1

    with monkeypatch.context() as patched:
        patched.setattr("ombud_letters.tending.start_taking", not_started)
        await leader.submit(action, {**form, "step": "take"}, page=page)
    assert started == 1
    assert "Being taken in" in (await leader.get(page)).text

    async def dies(*_: Any, **__: Any) -> bool:
        raise Killed

    for name in ("settle_letter", "settle"):
        with monkeypatch.context() as patched:
            patched.setattr(scans, name, dies)
            with pytest.raises(Killed):
                await receiving.take({"letter": str(letter)}, await context())
    await tend({}, await context())
    await letters_desk.work()
    await tend({}, await context())
    assert len(await messages()) == 1
    assert await db.fetchval("SELECT state FROM letters_scan") == "done"
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 0


async def test_what_core_cannot_take_for_a_while_is_taken_later(
    letters_desk: Any, leader: Any, unread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ombud.desk.platform import CorePlatform

    page = await read(letters_desk, leader, papers.pdf(ONE))

    async def away(*_: Any) -> UUID:
        raise Transient("core is away")

    with monkeypatch.context() as patched:
        patched.setattr(CorePlatform, "receive", away)
        await press(leader, page, 0, "take")
        await letters_desk.work()
    assert await messages() == []
    assert await db.fetchval("SELECT state FROM letters_incoming") == "taking"
    await db.execute("UPDATE core_delivery SET available_at = available_at - interval '1 day' WHERE state = 'waiting'")
    await letters_desk.work()
    assert len(await messages()) == 1


async def test_bytes_that_are_no_letter_wait_for_a_person(letters_desk: Any) -> None:
    raw = RawReceipt(channel="letter", key="1", content_type="x/y", body=b"rubbish")
    with pytest.raises(Permanent, match="no letter"):
        LetterChannel().parse(raw)
    got = await intake.receive(raw, principal="plugin/letters")
    assert got.status == "stored"


def test_a_letter_survives_its_bytes_whatever_stands_in_it() -> None:
    text = 'Zażółć\n--ombud-letter\r\nContent-Type: x\n\n"quotes" \\ und \u2028 signs'
    said = {"sender": {"name": "Ann"}, "text": text, "received_at": "2026-01-05T12:00:00+00:00", "read": "machine"}
    raw = receipt("1", said, b"%PDF-\r\n--ombud-letter--\r\n")
    got = LetterChannel().parse(raw)
    assert (got.text, got.sender.name, got.documents[0].data) == (text, "Ann", b"%PDF-\r\n--ombud-letter--\r\n")
    assert raw == receipt("1", said, b"%PDF-\r\n--ombud-letter--\r\n")
    assert [each.key for each in got.marks] == ["ocr"]


async def test_a_program_that_hangs_or_eats_memory_is_ended(tmp_path: Any) -> None:
    import sys

    with pytest.raises(bounded.TooLong):
        await bounded.run(["sleep", "60"], tmp_path, seconds=0.5, megabytes=500)
    greedy = [sys.executable, "-c", "print(len(bytearray(10**9)))"]
    assert (await bounded.run(greedy, tmp_path, seconds=20, megabytes=400)).code != 0
    assert (await bounded.run(greedy, tmp_path, seconds=20, megabytes=4000)).said.strip() == "1000000000"


async def test_nothing_of_the_desks_surroundings_reaches_what_opens_strangers_files(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMBUD_DATABASE_URL", "postgres://secret")
    ended = await bounded.run(["/usr/bin/env"], tmp_path, seconds=10, megabytes=500)
    assert "secret" not in ended.said


async def test_who_may_not_take_in_post_sees_none_of_it(letters_desk: Any, leader: Any, unread: None) -> None:
    page = await read(letters_desk, leader, papers.pdf(ONE))
    quality, nobody = await letters_desk.signed_in("quality"), letters_desk.browser()
    for path in (HOME, page, f"{page}/file", f"{page}/pages/1/page.jpg"):
        assert (await quality.get(path)).status_code == 403, path
        assert (await nobody.get(path)).status_code in {302, 303, 401, 403}, path


async def test_a_letter_nobody_received_is_handed_out_and_destroyed_and_the_others_of_its_scan_stay(
    letters_desk: Any, leader: Any, unread: None
) -> None:
    from ombud_letters import unreceived
    from ombud_plugin_api import PersonSought

    mine, other = "Ann Nowak\nann@example.org\n\nThe fee was taken twice.", f"{TWO}\nigor@example.org"
    pile = papers.together(papers.pdf(mine, "its second page"), await separator(), papers.pdf(other))
    page = await read(letters_desk, leader, pile, name="Ann Nowak.pdf")
    sought = PersonSought("1", "Ann Nowak", ("Ann@example.org",))
    [found] = await unreceived.collect(sought, await context())
    assert "The fee was taken twice." in found["pages"]
    assert "its second page" in found["pages"]
    assert "Igor" not in str(found)
    assert await unreceived.collect(PersonSought("2", "Igor Marsh"), await context()) == [], "a name alone is no proof"
    assert await unreceived.erase(sought, await context()) == 1
    assert await unreceived.erase(sought, await context()) == 0
    for row in await db.fetch("SELECT id FROM core_vault WHERE subject = 'plugin/letters'"):
        data = await vault.load(row["id"])
        assert not data.startswith(b"%PDF") or "Nowak" not in papers.words_of(data)
    assert "Nowak" not in str([dict(row) for row in await db.fetch("SELECT * FROM letters_page")])
    assert "Nowak" not in str([dict(row) for row in await db.fetch("SELECT * FROM letters_scan")])
    await press(leader, page, 0, "take")
    await letters_desk.work()
    [message] = await messages()
    pdf = await db.fetchval("SELECT vault_id FROM core_attachment WHERE message_id = $1", message["id"])
    assert "Nobody answers my letters." in papers.words_of(await vault.load(pdf))
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/letters'") == 0


async def test_while_a_scan_is_being_read_nobody_knows_whose_it_is(letters_desk: Any, leader: Any) -> None:
    from ombud_letters import unreceived
    from ombud_plugin_api import PersonSought

    await upload(leader, papers.pdf(ONE))
    with pytest.raises(Transient, match="Ask again"):
        await unreceived.collect(PersonSought("1", "Ann Nowak", ("ann@example.org",)), await context())
