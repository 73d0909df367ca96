"""The form through the front door of a real desk."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk, running_desk
from ombud.trust import group_settings as settings
from ombud.trust.policy import SYSTEM

STEPS = "/p/webform/"


@pytest.fixture
async def form(desk: Desk) -> Browser:
    await desk.enable("webform")
    return desk.browser()


async def press(form: Browser, step: str, do: str = "next", files: Any = None, **typed: Any) -> httpx.Response:
    return await form.submit(f"{STEPS}{step}", {"do": do, **typed}, page=STEPS, files=files)


async def write_three(form: Browser) -> None:
    await press(form, "matters", "add", open="m1", title="A fee", text="The fee was taken twice.", when="2 October")
    await press(form, "matters", "add", open="m2", text="My visit was cancelled.", wanted=["apology", "money"])
    await press(form, "matters", "next", open="m3", text="My card is blocked.")
    await press(form, "about", name="Helena Marsh", email="helena@example.org", phone="", postcode="EC1A 1BB")


async def cases() -> int:
    return int(await db.fetchval("SELECT count(*) FROM core_case"))


async def test_three_matters_become_three_aspects_of_one_case(desk: Desk, form: Browser) -> None:
    await write_three(form)
    await press(form, "files", files={"documents": ("bill.txt", b"The bill, in words.", "text/plain")})
    check = await form.get(f"{STEPS}check")
    assert "bill.txt" in check.text
    answer = await press(form, "send")
    assert answer.status_code == 303
    page = await form.get(answer.headers["location"])
    rows = await db.fetch("SELECT a.title, a.text FROM core_aspect a ORDER BY position")
    assert [row["title"] for row in rows] == ["A fee", "My visit was cancelled.", "My card is blocked."]
    assert rows[0]["text"] == "The fee was taken twice.\n\nWhen did it happen? 2 October"
    assert rows[1]["text"].endswith("What would put it right? Money back or compensation; An apology")
    reference = await db.fetchval("SELECT reference FROM core_case")
    assert reference in page.text
    assert "You will have our full answer by" in page.text
    assert await db.fetchval("SELECT name FROM core_attachment") == "bill.txt"
    shown = (await (await desk.signed_in("agent")).get(f"/cases/{reference}")).text
    assert "The complaint came in (Complaint form) and became a case" in shown


async def test_the_door_of_core_leads_to_the_form_and_nowhere_once_it_is_off(desk: Desk, form: Browser) -> None:
    there = await form.get("/complain", follow_redirects=True)
    assert there.url.path == STEPS
    assert "What went wrong?" in there.text
    await desk.disable("webform")
    assert (await form.get(STEPS)).status_code == 404
    assert (await form.http.post(f"{STEPS}send", data={})).status_code in {403, 404}


async def test_an_error_keeps_every_word_and_stands_beside_its_field(form: Browser) -> None:
    wrong = await press(form, "matters", "next", open="m1", title="My card", when="Friday", text="")
    assert wrong.status_code == 422
    assert 'href="#text"' in wrong.text
    assert 'id="text-error"' in wrong.text
    assert 'value="My card"' in wrong.text
    assert 'value="Friday"' in wrong.text
    again = await form.get(f"{STEPS}matters?open=m1")
    assert 'value="Friday"' in again.text
    await press(form, "matters", "next", open="m1", title="My card", text="It stopped.")
    wrong = await press(form, "about", name="", email="helena at example", phone="+44 20 7946 0000")
    assert wrong.status_code == 422
    assert 'id="name-error"' in wrong.text
    assert 'id="email-error"' in wrong.text
    assert 'value="+44 20 7946 0000"' in wrong.text


async def test_words_in_the_open_box_survive_change_remove_and_put_back(form: Browser) -> None:
    await press(form, "matters", "add", open="m1", text="The first thing.")
    await press(form, "matters", "change:m1", open="m2", text="The second thing, half written")
    assert "The second thing, half written" in (await form.get(STEPS)).text
    for _ in range(2):  # the same press twice takes out one
        await press(form, "matters", "remove:m1", open="m1", text="The first thing.")
    page = await form.get(STEPS)
    assert "Removed: The first thing." in page.text
    assert "The second thing, half written" in page.text
    await press(form, "matters", "undo")
    assert "Removed" not in (page := await form.get(STEPS)).text
    assert page.text.index("The first thing.") < page.text.index("The second thing")


async def test_a_second_press_of_send_gives_the_same_reference(form: Browser) -> None:
    await write_three(form)
    token = await form.token(STEPS)
    first = await form.http.post(f"{STEPS}send", data={"_csrf": token})
    second = await form.http.post(f"{STEPS}send", data={"_csrf": token})
    assert first.headers["location"] == second.headers["location"]
    assert await cases() == 1


async def test_nothing_of_the_draft_is_left_after_filing(form: Browser) -> None:
    await write_three(form)
    await press(form, "files", files={"documents": ("bill.txt", b"The bill, in words.", "text/plain")})
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/webform'") == 1
    await press(form, "send")
    for table in ("webform_draft", "webform_file"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/webform'") == 0
    fresh = await form.get(STEPS)
    assert "The fee was taken twice" not in fresh.text


async def test_a_filing_cut_short_is_finished_by_the_event(
    desk: Desk, form: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ombud_webform import sending

    await write_three(form)
    await press(form, "files", files={"documents": ("bill.txt", b"The bill, in words.", "text/plain")})

    async def killed(*_: Any) -> None:
        raise SystemError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_forget", killed)
        assert (await press(form, "send")).status_code == 500
    assert await db.fetchval("SELECT count(*) FROM webform_draft") == 1
    change = await press(form, "matters", "next", open="m1", text="Changed after sending")
    assert change.headers["location"] == "/p/webform/check"
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM webform_draft") == 0
    assert await db.fetchval("SELECT count(*) FROM webform_file") == 0
    answer = await press(form, "send")
    reference = await db.fetchval("SELECT reference FROM core_case")
    assert reference in (await form.get(answer.headers["location"])).text
    assert await cases() == 1


async def test_the_bytes_that_core_keeps_make_the_same_complaint(desk: Desk, form: Browser) -> None:
    from ombud.desk import intake
    from ombud_webform.channel import FormChannel

    await write_three(form)
    await press(form, "send")
    raw, _, _ = await intake.load_raw(await db.fetchval("SELECT id FROM core_raw"))
    complaint = FormChannel().parse(raw)
    assert [each.title for each in complaint.matters] == ["A fee", "My visit was cancelled.", "My card is blocked."]
    assert complaint.person.postcode == "EC1A 1BB"
    assert complaint.received_at == await db.fetchval("SELECT received_at FROM core_case")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.pdf", b"", "empty.pdf is empty"),
        ("setup.exe", b"MZ\x90\x00", "setup.exe is a program"),
        ("film.bin", b"x" * 10_000_001, "film.bin is larger than 10 MB"),
    ],
)
async def test_a_file_that_cannot_be_kept_is_named_and_the_others_stay(
    form: Browser, name: str, data: bytes, words: str
) -> None:
    await write_three(form)
    chosen = [("documents", ("bill.txt", b"The bill.", "text/plain")), ("documents", (name, data, "text/plain"))]
    wrong = await press(form, "files", "upload", files=chosen)
    assert wrong.status_code == 422
    assert words in wrong.text
    assert "bill.txt" in (await form.get(f"{STEPS}files")).text


async def test_a_file_can_be_taken_out_again(form: Browser) -> None:
    await write_three(form)
    for _ in range(2):
        await press(form, "files", "upload", files={"documents": ("bill.txt", b"The bill.", "text/plain")})
    page = await form.get(f"{STEPS}files")
    (identity,) = re.findall(r'value="remove:([^"]+)"', page.text)
    await press(form, "files", f"remove:{identity}", files={"documents": ("", b"", "application/octet-stream")})
    assert "bill.txt" not in (await form.get(f"{STEPS}files")).text
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/webform'") == 0


async def test_ten_megabytes_of_text_are_refused_with_the_limit_and_stay_on_the_page(form: Browser) -> None:
    wrong = await press(form, "matters", "next", open="m1", text="word " * 2_000_000)
    assert wrong.status_code == 422
    assert "10,000,000 characters of at most 100,000" in wrong.text
    assert len(wrong.text) > 9_900_000
    assert await cases() == 0


@pytest.mark.parametrize("bad", ["%00", "%FF%FE", "%01"])
async def test_characters_nobody_can_read_are_taken_out_and_said(form: Browser, bad: str) -> None:
    token = await form.token(STEPS)
    answer = await form.http.post(
        f"{STEPS}matters",
        content=f"_csrf={token}&do=next&open=m1&text=The+card{bad}+stopped",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 422
    assert "could not be read and were taken out" in answer.text
    assert "The card stopped" in answer.text
    assert "The card stopped" in (await form.get(f"{STEPS}matters?open=m1")).text


async def test_a_form_that_is_not_ours_changes_nothing(form: Browser) -> None:
    await write_three(form)
    for token in ("", "wrong"):
        assert (await form.http.post(f"{STEPS}send", data={"_csrf": token})).status_code == 403
    assert await cases() == 0
    assert (await press(form, "send")).status_code == 303


async def test_a_draft_opens_only_for_the_browser_that_wrote_it(desk: Desk, form: Browser) -> None:
    await write_three(form)
    identity = await db.fetchval("SELECT id FROM webform_draft")
    stranger = desk.browser()
    stranger.http.cookies.set("ombud_complaint", identity)
    assert "The fee was taken twice" not in (await stranger.get(STEPS)).text
    assert (await stranger.get(f"{STEPS}check")).headers["location"] == STEPS
    assert "HttpOnly" in (await press(desk.browser(), "matters", open="m1", text="x")).headers["set-cookie"]


async def test_the_form_speaks_polish(form: Browser) -> None:
    form.http.cookies.set("ombud_language", "pl")
    assert "Co się stało?" in (await form.get(STEPS)).text
    wrong = await press(form, "matters", "next", open="m1", text="", title="Karta", language="pl")
    assert "Napisz, co się wydarzyło" in wrong.text
    await press(form, "matters", "next", open="m1", text="Karta nie działa.", when="w piątek", language="pl")
    await press(form, "about", name="Ewa Kruk", language="pl")
    answer = await press(form, "send", language="pl")
    assert "Otrzymaliśmy Twoją reklamację" in (await form.get(answer.headers["location"])).text
    assert await db.fetchval("SELECT language FROM core_case") == "pl"
    assert "Kiedy to się stało? w piątek" in await db.fetchval("SELECT text FROM core_aspect")


async def test_an_acknowledgement_opens_only_with_its_token(form: Browser) -> None:
    assert (await form.get(f"{STEPS}sent/unknown")).status_code == 404


async def test_what_nobody_came_back_for_is_swept(desk: Desk, form: Browser) -> None:
    await write_three(form)
    await press(form, "files", "upload", files={"documents": ("bill.txt", b"The bill.", "text/plain")})
    await press(desk.browser(), "matters", open="m1", text="Still being written")
    old = "now() - interval '31 days'"
    await db.execute(f"UPDATE webform_draft SET updated_at = {old} WHERE id = (SELECT draft FROM webform_file)")
    await db.execute(f"UPDATE webform_file SET added_at = {old}")
    await press(desk.browser(), "matters", open="m1", text="A new one starts the sweep")
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM webform_draft") == 2
    assert await db.fetchval("SELECT count(*) FROM webform_file") == 0
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/webform'") == 0
    assert (await form.get(f"{STEPS}check")).headers["location"] == STEPS


async def test_only_so_many_matters_fit_and_the_last_words_stay(form: Browser) -> None:
    await press(form, "matters", "next", open="m0", text="Matter 0.")
    typed = await db.fetchval("SELECT body FROM webform_draft")
    typed["matters"] = [{**typed["matters"][0], "id": f"m{number}"} for number in range(20)]
    await db.execute("UPDATE webform_draft SET body = $1", typed)
    wrong = await press(form, "matters", "next", open="m20", text="One more.")
    assert wrong.status_code == 422
    assert "more do not fit" in wrong.text
    assert "One more." in wrong.text


async def test_a_request_larger_than_the_desk_takes_is_refused_and_the_draft_stays(form: Browser) -> None:
    await write_three(form)
    refused = await press(form, "files", files={"documents": ("film.bin", b"x" * 25_100_000, "video/mp4")})
    assert refused.status_code == 413
    assert "larger than this desk takes" in refused.text
    assert "The fee was taken twice." in (await form.get(f"{STEPS}check")).text


async def test_a_broken_multipart_form_is_refused_and_nothing_is_filed(form: Browser) -> None:
    token = await form.token(STEPS)
    body = (
        f'--b\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n{token}\r\n'
        '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nHel'
    ).encode() + b"\xff\xfe\r\n--b--\r\n"
    refused = await form.http.post(STEPS, content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert refused.status_code in {400, 422}
    assert await cases() == 0


async def test_two_presses_at_the_same_moment_make_one_case(form: Browser) -> None:
    await write_three(form)
    await press(form, "files", files={"documents": ("bill.txt", b"The bill, in words.", "text/plain")})
    token = await form.token(STEPS)
    answers = await asyncio.gather(*(form.http.post(f"{STEPS}send", data={"_csrf": token}) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await cases() == 1
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/webform'") == 0


async def test_what_core_refuses_can_be_changed_and_sent(fresh_database_url: str, tmp_path: Path) -> None:
    async with running_desk(fresh_database_url, tmp_path / "desk", OMBUD_LIMITS_TEXT_CHARS="1000") as desk:
        await desk.enable("webform")
        form = desk.browser()
        await write_three(form)
        await press(form, "matters", "next", open="m2", text="My visit was cancelled. " * 100)
        refused = await press(form, "send")
        assert refused.status_code == 422
        assert "of at most 1,000" in refused.text
        assert 'id="text-error"' in refused.text
        assert 'name="open" value="m2"' in refused.text
        await press(form, "matters", "next", open="m2", text="My visit was cancelled.")
        assert (await press(form, "send")).headers["location"].startswith("/p/webform/sent/")
        assert await cases() == 1


async def test_what_was_typed_does_not_stay_in_the_memory_of_the_process(form: Browser) -> None:
    from litestar._parsers import parse_url_encoded_form_data

    before = parse_url_encoded_form_data.cache_info().currsize
    await write_three(form)
    await press(form, "send")
    assert parse_url_encoded_form_data.cache_info().currsize == before


async def choose(key: str = "p-webform", **values: Any) -> None:
    await settings.change(SYSTEM, key, settings.Change(values))


async def test_a_unit_chooses_the_words_the_notice_and_what_people_must_give(form: Browser) -> None:
    await choose(
        intro="We cannot decide on <b>tax</b>.\n\nThe tax office can.", privacy_url="https://modra.example/privacy",
        needed=["phone"],
    )  # fmt: skip
    first = (await form.get(STEPS)).text
    assert "We cannot decide on &lt;b&gt;tax&lt;/b&gt;." in first
    assert "<p>The tax office can.</p>" in first
    await choose(intro_pl="O podatkach nie decydujemy.")
    await form.get("/language/pl")
    assert "O podatkach nie decydujemy." in (await form.get(STEPS)).text
    await form.get("/language/en")
    await press(form, "matters", "next", open="m1", text="The fee was taken twice.")
    about = (await form.get(f"{STEPS}about")).text
    assert 'href="https://modra.example/privacy"' in about
    wrong = await press(form, "about", name="Helena Marsh", email="helena@example.org")
    assert wrong.status_code == 422
    assert "Tell us a phone number on which we reach you." in wrong.text
    assert 'value="helena@example.org"' in wrong.text
    assert (await press(form, "about", name="Helena Marsh", phone="020 7946 0000")).status_code == 303
    assert (await press(form, "send")).headers["location"].startswith("/p/webform/sent/")


async def test_a_unit_that_takes_no_files_has_no_step_for_them(form: Browser) -> None:
    await choose(takes_files=False)
    await press(form, "matters", "next", open="m1", text="The fee was taken twice.")
    assert "Step 2 of 3" in (await form.get(f"{STEPS}about")).text
    answer = await press(form, "about", name="Helena Marsh")
    assert answer.headers["location"] == "/p/webform/check"
    assert (await form.get(f"{STEPS}files")).headers["location"] == "/p/webform/check"
    sent = await press(form, "files", files={"documents": ("bill.txt", b"The bill.", "text/plain")})
    assert "This form takes no files." in sent.text
    check = (await form.get(f"{STEPS}check")).text
    assert "Step 3 of 3" in check
    assert "bill.txt" not in check
    at_once = {"name": "Helena Marsh", "matter": "The fee."}
    refused = await form.submit(STEPS, at_once, files={"documents": ("bill.txt", b"The bill.", "text/plain")})
    assert (refused.status_code, "This form takes no files." in refused.text) == (422, True)
    assert await cases() == 0


async def test_files_are_as_large_and_as_many_as_the_unit_takes(form: Browser) -> None:
    await choose(file_mb=1, most_files=1)
    await press(form, "matters", "next", open="m1", text="The fee was taken twice.")
    large = await press(form, "files", files={"documents": ("big.txt", b"x" * 1_000_001, "text/plain")})
    assert "big.txt is larger than 1 MB." in large.text
    await press(form, "files", "upload", files={"documents": ("one.txt", b"one", "text/plain")})
    many = await press(form, "files", "upload", files={"documents": ("two.txt", b"two", "text/plain")})
    assert "There is room for 1 files." in many.text
    two = [("documents", ("one.txt", b"one", "text/plain")), ("documents", ("two.txt", b"two", "text/plain"))]
    refused = await form.submit(STEPS, {"name": "Helena Marsh", "matter": "The fee."}, files=two)
    assert (refused.status_code, await cases()) == (422, 0)


async def test_drafts_are_kept_as_long_as_the_desk_chose(desk: Desk, form: Browser) -> None:
    await choose(draft_days=2)
    answer = await press(form, "matters", "add", open="m1", text="The fee was taken twice.")
    assert f"Max-Age={2 * 86400}" in answer.headers["set-cookie"]
    assert "You can come back within 2 days" in (await form.get(f"{STEPS}about")).text
    await db.execute("UPDATE webform_draft SET updated_at = updated_at - interval '3 days'")
    await press(desk.browser(), "matters", "add", open="m1", text="Another complaint.")
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM webform_draft") == 1


async def test_its_settings_are_tried_out_in_words(desk: Desk, form: Browser) -> None:
    adam = await desk.signed_in("administrator")
    page = "/settings/p-webform"
    tried = await adam.submit(f"{page}/try", {"set.needed": ["email"], "set.takes_files": "on"}, page=page)
    assert "The form asks for a name, e-mail and leaves the rest open." in tried.text
    tried = await adam.submit(f"{page}/try", {"set.privacy_url": "http://modra.example/privacy"}, page=page)
    assert "Use one with https." in tried.text
    wrong = await adam.submit(f"{page}/try", {"set.privacy_url": "modra.example"}, page=page)
    assert "This does not have the right form." in wrong.text
