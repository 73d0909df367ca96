"""The public form through the front door of a real desk."""

import re
from typing import Any

import httpx
import pytest

from ombud.desk.privacy import answering, public, requests
from ombud.desk.privacy.answering import AnswerGiven
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud_plugin_api import RightAsked

HOME = "/p/gdpr/"
NAME, EMAIL = "Zephyrine Quillfeather", "zephyrine@quillfeather.example"


@pytest.fixture
async def form(desk: Desk) -> Browser:
    await desk.enable("gdpr")
    return desk.browser()


async def press(form: Browser, files: Any = None, **typed: Any) -> httpx.Response:
    whole = {"law": "gdpr", "right": "access", "name": NAME, "email": EMAIL, "who": "me", "key": "k1", **typed}
    return await form.submit(HOME, whole, page=f"{HOME}?law=gdpr", files=files)


def said(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", answer.text)


async def test_a_request_is_sent_without_script_and_its_receipt_gives_reference_day_and_address(
    desk: Desk, form: Browser
) -> None:
    there = await form.get("/your-data", follow_redirects=True)
    assert there.url.path == HOME
    assert "United Kingdom" in there.text
    page = await form.get(f"{HOME}?law=gdpr")
    assert "See what you keep of me" in page.text
    assert "<script" not in page.text.split("<main")[1]
    sent = await press(form, words="What do you keep?")
    assert sent.status_code == 303
    receipt = await form.get(sent.headers["location"])
    assert receipt.headers["referrer-policy"] == "no-referrer"
    row = await db.fetchrow("SELECT * FROM core_privacy_request")
    assert row["reference"] in receipt.text
    assert f"/p/gdpr/asked/{sent.headers['location'].rpartition('/')[2]}" in receipt.text
    assert (row["name"], row["contact"], row["channel"], row["kind"]) == (NAME, EMAIL, "form", "access")
    assert row["person_id"] is None, "who that is, is for staff to say"
    officer = await desk.signed_in("compliance")
    assert NAME in (await officer.get("/privacy?which=unknown")).text
    page = said(await officer.get(f"/privacy/{row['id']}"))
    assert "GDPR recorded a request about personal data: access" in page


async def test_what_is_missing_is_said_beside_its_field_and_nothing_typed_is_lost(form: Browser) -> None:
    wrong = await press(form, right="", name="", email="nowhere", words="Every word stays.", who="other")
    assert wrong.status_code == 422
    for words in ("Choose what you ask for.", "Give an e-mail address", "Give your own name.", "Every word stays."):
        assert words in wrong.text
    assert 'href="#email"' in wrong.text
    assert await db.fetchval("SELECT count(*) FROM core_privacy_request") == 0


async def test_the_form_speaks_polish(form: Browser) -> None:
    await form.get("/language/pl", follow_redirects=False)
    page = await form.get(f"{HOME}?law=gdpr")
    assert "Chcę otrzymać dostęp do moich danych" in page.text
    assert '<html lang="pl"' in page.text
    sent = await press(form)
    assert "Otrzymaliśmy Twój wniosek" in (await form.get(sent.headers["location"])).text


async def test_where_nobody_chose_a_language_answers_and_letters_are_in_that_of_the_unit(form: Browser) -> None:
    await db.execute("UPDATE core_unit SET language = 'pl'")
    shown = re.search(r'name="language" value="(\w+)"', (await form.get(f"{HOME}?law=gdpr")).text)
    assert shown is not None
    assert "Wybierz, czego dotyczy wniosek." in (await press(form, right="", language=shown[1])).text
    await press(form, language=shown[1])
    assert await db.fetchval("SELECT language FROM core_privacy_request") == "pl"


async def test_known_and_unknown_people_read_the_same(desk: Desk, form: Browser) -> None:
    await desk.file("A fee.", name=NAME, email=EMAIL)
    known = await form.get((await press(form)).headers["location"])
    strange = await form.get((await press(form, name="Nobody At All", email="n@example.org")).headers["location"])
    tidy = [re.sub(r"PD-\d+|asked/[\w-]+|\w{30,}", "X", said(each).split("<main")[1]) for each in (known, strange)]
    assert tidy[0] == tidy[1]


async def test_one_form_sent_twice_is_one_request_and_another_one_is_another(form: Browser) -> None:
    first, again = await press(form), await press(form)
    other = await press(form, email="other@example.org")
    assert first.headers["location"] == again.headers["location"] != other.headers["location"]
    assert await db.fetchval("SELECT count(*) FROM core_privacy_request") == 2


async def test_an_agent_adds_their_authority_and_programs_are_refused(desk: Desk, form: Browser) -> None:
    program = {"authority": ("letter.exe", b"MZ" + bytes(200), "application/x-msdownload")}
    refused = await press(form, who="other", agent_name="Ida Agent", files=program)
    assert (refused.status_code, "We cannot take the file letter.exe" in refused.text) == (422, True)
    letter = {"authority": ("letter.txt", b"I let Ida ask for me.", "text/plain")}
    sent = await press(form, who="other", agent_name="Ida Agent", files=letter)
    assert sent.status_code == 303
    row = await db.fetchrow("SELECT id, agent_name FROM core_privacy_request")
    assert row["agent_name"] == "Ida Agent"
    officer = await desk.signed_in("compliance")
    page = await officer.get(f"/privacy/{row['id']}")
    assert "letter.txt" in page.text
    assert "Authority not seen yet" in page.text
    file = await db.fetchval("SELECT id FROM core_privacy_file")
    got = await officer.get(f"/privacy/{row['id']}/files/{file}")
    assert (got.content, got.headers["content-disposition"][:10]) == (b"I let Ida ask for me.", "attachment")
    agent = await desk.signed_in("agent")
    assert (await agent.get(f"/privacy/{row['id']}/files/{file}")).status_code == 403


async def test_a_token_that_was_changed_opens_nothing_and_tells_nothing(form: Browser) -> None:
    there = (await press(form)).headers["location"]
    for token in ("nothing", there.rpartition("/")[2][:-2] + "AA", "A" * 43):
        gone = await form.get(f"/p/gdpr/asked/{token}")
        assert gone.status_code == 404
        assert "opens no request" in gone.text


async def test_without_a_way_to_send_mail_no_code_is_offered(form: Browser) -> None:
    there = (await press(form)).headers["location"]
    page = await form.get(there)
    assert "Send me a code" not in page.text
    refused = await form.submit(f"{there}/code", {}, page=f"{HOME}?law=gdpr")
    assert refused.status_code == 422
    assert "We cannot send you a code" in refused.text


async def test_too_many_requests_from_one_address_wait_and_keep_what_was_typed(
    desk: Desk, form: Browser, monkeypatch: Any
) -> None:
    from ombud.trust import throttle

    async def full(key: str, limit: int, window: Any) -> None:
        if key.startswith("right/"):
            raise throttle.Throttled(60)

    monkeypatch.setattr(throttle, "hit", full)
    late = await press(form, words="Every word stays.")
    assert (late.status_code, late.headers["retry-after"]) == (429, "60")
    assert "Every word stays." in late.text


class TestMail:
    """With the e-mail plugin, which sends."""

    @pytest.fixture
    async def sending(self, desk: Desk, form: Browser, monkeypatch: Any) -> Browser:
        from ombud.desk.privacy import letters

        async def way(row: Any) -> str:
            return "email" if letters.is_address(row["contact"]) else ""

        monkeypatch.setattr(letters, "way", way)
        return form

    async def test_the_receipt_goes_out_with_the_link_and_confirms_receipt(self, sending: Browser) -> None:
        there = (await press(sending, law="gdpr.uk", right="complaint")).headers["location"]
        row = await db.fetchrow(
            "SELECT m.subject, m.body, o.recipient->>'email' AS email, o.kind, o.state FROM core_outgoing o "
            "JOIN core_message m ON m.id = o.id"
        )
        assert there in row["body"]
        assert (row["email"], row["kind"], row["state"]) == (EMAIL, "privacy", "intended")
        assert await db.fetchval("SELECT acknowledged_at IS NOT NULL FROM core_privacy_request")

    async def test_a_code_shows_that_the_address_is_theirs_and_opens_the_answer(
        self, desk: Desk, sending: Browser
    ) -> None:
        await desk.file("A fee.", name=NAME, email=EMAIL)
        there = (await press(sending, right="objection")).headers["location"]
        await sending.submit(f"{there}/code", {}, page=there)
        body = await db.fetchval("SELECT body FROM core_message WHERE subject LIKE 'Your code%'")
        code = re.search(r"\d{6}", body)[0]  # type: ignore[index]
        other = "000000" if code != "000000" else "111111"
        wrong = await sending.submit(f"{there}/prove", {"code": other}, page=there)
        assert (wrong.status_code, "not the code" in wrong.text) == (422, True)
        right = await sending.submit(f"{there}/prove", {"code": f" {code} "}, page=there)
        assert right.status_code == 303
        request_id = await db.fetchval("SELECT id FROM core_privacy_request")
        officer = await desk.signed_in("compliance")
        person = await db.fetchval("SELECT id FROM core_person")
        page = await officer.get(f"/privacy/{request_id}")
        assert "the address is theirs, and not who they are" in page.text
        viewer = await desk.viewer("compliance")
        await requests.link_people(viewer, request_id, [person], None)
        assert "It is the address of a chosen record." in (await officer.get(f"/privacy/{request_id}")).text
        await requests.check_identity(viewer, request_id, "confirmed", "The code came back.", None)
        await answering.answer(viewer, request_id, AnswerGiven("granted", "We stopped it."), None)
        token = there.rpartition("/")[2]
        assert "We stopped it." in (await sending.get(there)).text
        assert (await public.follow("gdpr", token)).answer == "", "without the proof the answer stays closed"
        letters = await db.fetch("SELECT DISTINCT person_id FROM core_outgoing WHERE kind = 'privacy'")
        assert [row["person_id"] for row in letters] == [person], "letters go with the person from then on"

    async def test_after_five_wrong_codes_the_right_one_waits_too(self, sending: Browser) -> None:
        there = (await press(sending)).headers["location"]
        answers = [await sending.submit(f"{there}/prove", {"code": "12"}, page=there) for _ in range(6)]
        assert [each.status_code for each in answers] == [422] * 5 + [429]

    async def test_they_take_it_back_once_they_proved_the_address(self, sending: Browser) -> None:
        there = (await press(sending)).headers["location"]
        early = await sending.submit(f"{there}/withdraw", {}, page=there)
        assert early.status_code == 422
        request_id = await db.fetchval("SELECT id FROM core_privacy_request")
        code = public._code(request_id, 0)
        await sending.submit(f"{there}/prove", {"code": code}, page=there)
        assert (await sending.submit(f"{there}/withdraw", {}, page=there)).status_code == 303
        assert await db.fetchval("SELECT state FROM core_privacy_request") == "withdrawn"
        assert "You took this request back." in (await sending.get(there)).text


async def test_a_plugin_records_requests_under_its_own_laws_alone(desk: Desk) -> None:
    await desk.enable("gdpr")
    await desk.enable("ccpa")
    with pytest.raises(Exception, match="Choose what you ask for"):
        await public.ask("gdpr", RightAsked("ccpa", "know", "k", NAME, EMAIL))
    token = await public.ask("ccpa", RightAsked("ccpa", "know", "k", NAME, EMAIL))
    with pytest.raises(Exception, match="not complete"):
        await public.follow("gdpr", token)
    choice = said(await desk.browser().get("/your-data"))
    assert "European Union, Iceland, Liechtenstein, Norway (GDPR); United Kingdom (UK GDPR)" in choice, "two: a choice"
