"""Getting in through the front door: second factor, reset links, sessions, the password once more, throttles."""

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pyotp
import pytest

from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.process import run_with
from ombud.testing_desk import PASSWORD, Browser, Desk
from ombud.trust import second_factor, users

FRESH = "seven bottles on a wall"


async def signs_in(browser: Browser, name: str, password: str = PASSWORD):
    return await browser.submit("/sign-in", {"login": name, "password": password})


async def set_up(browser: Browser, send) -> tuple[pyotp.TOTP, list[str]]:
    """Sets the app up as a person does, by the text beside the picture."""
    await send(browser, "/me/second-factor", "/me/second-factor/begin")
    shown = (await browser.get("/me/second-factor")).text
    phone = pyotp.TOTP(re.search(r"Key for the app[^>]*>([A-Z2-7 ]+)<", shown).group(1).replace(" ", ""))
    done = await send(browser, "/me/second-factor", "/me/second-factor/turn-on", code=phone.at(clock.now()))
    assert done.status_code == 200, done.text
    return phone, re.search(r"Recovery codes\">([a-z0-9\s-]+)<", done.text).group(1).split()


async def test_with_a_second_factor_the_password_leads_to_the_code_and_the_code_to_the_page(desk: Desk, send) -> None:
    agent, elsewhere = await desk.signed_in("agent"), await desk.signed_in("agent")
    before = agent.http.cookies["ombud_session"]
    phone, codes = await set_up(agent, send)
    assert len(codes) == 10
    assert codes[0] not in (await agent.get("/me/second-factor")).text
    assert agent.http.cookies["ombud_session"] != before
    assert (await elsewhere.get("/queues")).headers["location"].startswith("/sign-in")
    fresh = desk.browser()
    answer = await fresh.submit("/sign-in", {"login": "agent", "password": PASSWORD, "next": "/parties"})
    assert answer.headers["location"] == "/sign-in/code?next=/parties"
    assert "ombud_session" not in fresh.http.cookies
    assert (await fresh.get("/queues")).headers["location"].startswith("/sign-in?")
    form = {"next": "/parties"}
    wrong = await fresh.submit("/sign-in/code", {**form, "code": "000000"})
    assert wrong.status_code == 401
    assert "This code does not fit" in wrong.text
    with clock.at(clock.now() + timedelta(seconds=31)):
        right = await fresh.submit("/sign-in/code", {**form, "code": phone.at(clock.now())})
        assert right.headers["location"] == "/parties"
        assert (await fresh.get("/queues/all")).status_code == 200
    again = desk.browser()
    await signs_in(again, "agent")
    assert (await again.submit("/sign-in/code", {"code": codes[0]})).headers["location"] == "/queues"
    assert "9 recovery codes are left" in (await again.get("/me/second-factor")).text


async def test_the_second_step_without_the_first_leads_back_to_it(desk: Desk) -> None:
    browser = desk.browser()
    assert (await browser.get("/sign-in/code?next=/parties")).headers["location"] == "/sign-in?next=/parties"
    sent = await browser.submit("/sign-in/code", {"code": "123456"}, page="/sign-in")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")


async def test_the_picture_is_a_file_of_the_desk_and_gone_when_it_is_done(desk: Desk, send) -> None:
    agent = await desk.signed_in("agent")
    assert (await agent.get("/me/second-factor/qr.svg")).status_code == 404
    await send(agent, "/me/second-factor", "/me/second-factor/begin")
    picture = await agent.get("/me/second-factor/qr.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert picture.headers["cache-control"] == "no-store"
    assert b"<script" not in picture.content
    assert b"style=" not in picture.content
    wrong = await send(agent, "/me/second-factor", "/me/second-factor/turn-on", code="12")
    assert wrong.status_code == 422
    assert "This code does not fit" in wrong.text


async def test_turning_it_off_takes_password_and_code(desk: Desk, send) -> None:
    agent = await desk.signed_in("agent")
    phone, codes = await set_up(agent, send)
    off = "/me/second-factor/turn-off"
    wrong = await send(agent, "/me/second-factor", off, password="not it at all", code=codes[0])
    assert "This is not your password" in wrong.text
    assert (await send(agent, "/me/second-factor", off, password=PASSWORD, code="000000")).status_code == 422
    assert (await send(agent, "/me/second-factor", off, password=PASSWORD, code=codes[0])).status_code == 303
    assert (await signs_in(desk.browser(), "agent")).headers["location"] == "/queues"
    assert phone


async def test_a_role_that_needs_a_factor_is_led_to_it_and_reaches_nothing_else(desk: Desk, send) -> None:
    filed = await desk.file()
    usual = desk.config
    run_with(replace(usual, sign_in=replace(usual.sign_in, second_factor_roles=("agent",))))
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    for path in (
        "/queues",
        "/queues/all",
        f"/cases/{filed.reference}",
        "/me/tokens",
        "/me/password",
        "/administration",
    ):
        answer = await agent.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me/second-factor"), path
    token = await agent.token("/me/second-factor")
    refused = await agent.http.post(f"/cases/{filed.reference}/take", data={"_csrf": token})
    assert refused.headers["location"] == "/me/second-factor"
    api = await agent.get("/api/v1/cases")
    assert api.status_code == 403
    assert "second factor" in api.json()["detail"]
    assert await db.fetchval("SELECT owner_id FROM core_case") is None
    assert "Your role needs a second factor" in (await agent.get("/me/second-factor")).text
    await set_up(agent, send)
    assert (await agent.get("/queues/all")).status_code == 200
    assert (await leader.get("/queues/all")).status_code == 200


async def test_an_administrator_hands_a_link_over_and_its_holder_sets_a_password(desk: Desk, send) -> None:
    boss = await desk.signed_in("administrator")
    ana = await desk.user("ana", "agent")
    here = f"/users/{ana}"
    made = await send(boss, f"{here}/access", f"{here}/reset-link")
    link = re.search(r"http://desk\.test(/reset/[\w-]+)", made.text).group(1)
    assert link not in (await boss.get(f"{here}/access")).text
    assert "A link is open" in (await boss.get(f"{here}/access")).text
    holder = desk.browser()
    shown = await holder.get(link)
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert 'value="ana"' in shown.text
    assert 'action="/reset/' in shown.text
    differing = await holder.submit(link, {"new": FRESH, "again": "other"})
    assert (differing.status_code, "differ" in differing.text) == (422, True)
    weak = await holder.submit(link, {"new": "password", "again": "password"})
    assert (weak.status_code, "at least 15" in weak.text) == (422, True)
    done = await holder.submit(link, {"new": FRESH, "again": FRESH})
    assert done.headers["location"] == "/sign-in"
    assert (await signs_in(desk.browser(), "ana", FRESH)).headers["location"] == "/queues"
    assert (await signs_in(desk.browser(), "ana")).status_code == 401
    again, unknown = await holder.get(link), await holder.get("/reset/" + "x" * 43)
    assert again.status_code == unknown.status_code == 404
    assert again.text == unknown.text


async def test_a_new_person_is_invited_and_a_link_can_be_taken_back(desk: Desk, send) -> None:
    boss = await desk.signed_in("administrator")
    ana = await users.add("ana", "Ana", "", None, ["agent"], None, "system")
    made = await send(boss, f"/users/{ana}/access", f"/users/{ana}/reset-link")
    link = re.search(r"http://desk\.test(/reset/[\w-]+)", made.text).group(1)
    assert "Welcome to the complaints desk" in (await desk.browser().get(link)).text
    await send(boss, f"/users/{ana}/access", f"/users/{ana}/reset-link/take-back")
    assert (await desk.browser().get(link)).status_code == 404


async def test_an_administrator_of_one_unit_helps_nobody_who_works_elsewhere_or_may_do_more(desk: Desk) -> None:
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) SELECT gen_random_uuid(), id, 'brand', 'north', 'North', 'UTC', 'EUR', '', 'en', '', "
        "now(), 1 FROM core_unit LIMIT 1"
    )
    await desk.user("norbert", "administrator", unit="north")
    ana, everywhere = await desk.user("ana", "administrator", unit="north"), await desk.user("eva", "administrator")
    reader = await desk.user("ron", "agent", unit="north")  # may read cases, which norbert may not
    norbert = await desk.signed_in("norbert")
    assert (await norbert.get(f"/users/{ana}/access")).status_code == 200
    for user_id, status in ((everywhere, 404), (reader, 403)):
        assert (await norbert.get(f"/users/{user_id}/access")).status_code == status
        for what in ("reset-link", "sessions/end", "second-factor/remove", "reset-link/take-back"):
            answer = await norbert.submit(f"/users/{user_id}/{what}", {}, page="/me/password")
            assert answer.status_code == status, what
    assert await db.fetchval("SELECT count(*) FROM core_reset") == 0


async def test_an_administrator_removes_a_lost_phone_and_ends_sessions_and_the_ledger_says_who(
    desk: Desk, send
) -> None:
    agent, boss = await desk.signed_in("agent"), await desk.signed_in("administrator")
    await set_up(agent, send)
    ana = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    await send(boss, f"/users/{ana}/access", f"/users/{ana}/second-factor/remove")
    assert not await second_factor.is_on(ana)
    assert (await agent.get("/queues")).status_code == 303
    back = await desk.signed_in("agent")
    await send(boss, f"/users/{ana}/access", f"/users/{ana}/sessions/end")
    assert (await back.get("/queues")).headers["location"].startswith("/sign-in")
    told = await db.fetch("SELECT kind, actor FROM core_ledger_entry WHERE kind IN ('factor.removed', 'session.ended')")
    admin = await db.fetchval("SELECT id FROM core_user WHERE name = 'administrator'")
    assert {tuple(row.values()) for row in told} == {
        ("factor.removed", f"user/{admin}"), ("session.ended", f"user/{admin}"),
    }  # fmt: skip


async def test_sessions_are_listed_in_words_and_each_can_be_ended(desk: Desk, send) -> None:
    await desk.viewer("agent")
    here, phone, third = desk.browser(), desk.browser(), desk.browser()
    here.http.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    phone.http.headers["user-agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1"
    for each in (here, phone, third):
        await signs_in(each, "agent")
    shown = (await here.get("/me/sessions")).text
    assert "Firefox on Linux" in shown
    assert "Safari on iPhone" in shown
    assert "Unknown browser" in shown
    assert shown.count("This browser") == 1
    assert shown.count("New browser") == 3
    await here.submit("/sign-out", {}, page="/me/password")
    await signs_in(here, "agent")
    assert (await here.get("/me/sessions")).text.count("New browser") == 2  # this one is known now
    theirs = await db.fetchval("SELECT id FROM core_session WHERE agent LIKE '%iPhone%'")
    await here.submit("/me/sessions/end", {"session": theirs}, page="/me/sessions")
    assert (await phone.get("/queues")).status_code == 303
    assert (await third.get("/queues/all")).status_code == 200
    await here.submit("/me/sessions/end-others", {}, page="/me/sessions")
    assert (await third.get("/queues")).status_code == 303
    assert (await here.get("/queues/all")).status_code == 200


async def test_nobody_ends_somebody_elses_session(desk: Desk) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    theirs = await db.fetchval(
        "SELECT s.id FROM core_session s JOIN core_user u ON u.id = s.user_id WHERE name = 'leader'"
    )
    assert (await agent.submit("/me/sessions/end", {"session": theirs}, page="/me/sessions")).status_code == 303
    assert (await leader.get("/queues/all")).status_code == 200


async def test_a_risky_step_asks_for_the_password_once_more_after_a_quarter_of_an_hour(desk: Desk, send) -> None:
    agent = await desk.signed_in("agent")
    with clock.at(clock.now() + timedelta(minutes=16)):
        refused = await send(agent, "/me/tokens", "/me/tokens", name="Nightly export")
        assert refused.status_code == 403
        assert "Nightly export" in refused.text  # what was typed is there to be copied
        assert "/me/confirm?next=" in refused.text
        wrong = await agent.submit("/me/confirm", {"password": "not it at all", "next": "/me/tokens"})
        assert (wrong.status_code, "This is not your password" in wrong.text) == (422, True)
        right = await agent.submit("/me/confirm", {"password": PASSWORD, "next": "/me/tokens"})
        assert right.headers["location"] == "/me/tokens"
        assert "omb_" in (await send(agent, "/me/tokens", "/me/tokens", name="Nightly export")).text


async def test_a_token_cannot_make_tokens_nor_links_nor_change_how_its_user_signs_in(desk: Desk) -> None:
    boss = await desk.api("administrator")
    me = await db.fetchval("SELECT id FROM core_user WHERE name = 'administrator'")
    for path in (
        "/me/tokens",
        f"/users/{me}/reset-link",
        "/me/second-factor/begin",
        f"/users/{me}/second-factor/remove",
    ):
        assert (await boss.post(path, data={"name": "x"})).status_code == 403, path
    assert (await boss.post("/me/confirm", data={"password": PASSWORD})).status_code == 422
    assert await db.fetchval("SELECT count(*) FROM core_token") == 1
    assert await db.fetchval("SELECT count(*) FROM core_reset") == 0


async def test_nobody_is_sent_elsewhere_after_signing_in(desk: Desk) -> None:
    await desk.viewer("agent")
    for to in (
        "//evil.test/x",
        "https://evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "\t//evil.test",
        "///evil.test",
    ):
        answer = await desk.browser().submit("/sign-in", {"login": "agent", "password": PASSWORD, "next": to})
        location = unquote(answer.headers["location"])
        assert location.startswith("/"), to
        assert not location.startswith(("//", "/\\")), to
        assert ":" not in location, to


async def test_wrong_tokens_are_slowed_by_address_and_right_ones_never(desk: Desk) -> None:
    good = await desk.api("leader")
    stranger = desk.browser().http
    seen = [(await stranger.get("/api/v1/me", headers={"authorization": "Bearer omb_x"})) for _ in range(61)]
    assert {each.status_code for each in seen[:60]} == {401}
    assert seen[60].status_code == 429
    assert int(seen[60].headers["retry-after"]) > 0
    assert (await good.get("/api/v1/me")).status_code == 200


@pytest.mark.parametrize("plugin", ["webform"])
async def test_too_many_public_forms_are_told_when_to_try_again_and_keep_the_words(desk: Desk, plugin: str) -> None:
    usual = desk.config
    run_with(replace(usual, limits=replace(usual.limits, forms_per_hour=2)))
    await desk.enable(plugin)
    browser = desk.browser()
    form = {"matter": "x", "text": "The fee was taken twice, and nobody answers.", "do": "next", "open": ""}
    answers = [await browser.submit(f"/p/{plugin}/matters", form) for _ in range(3)]
    assert [each.status_code for each in answers] == [303, 303, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert "nobody answers" in answers[2].text
    agent = await desk.signed_in("agent")
    assert (await agent.submit("/me/sessions/end-others", {}, page="/me/sessions")).status_code == 303


async def test_one_address_files_no_flood_and_what_was_typed_waits(desk: Desk) -> None:
    usual = desk.config
    run_with(replace(usual, limits=replace(usual.limits, filings_per_hour=1)))
    await desk.enable("webform")

    async def files(browser: Browser, text: str, key: str):
        return await browser.submit(
            "/p/webform/", {"name": "Helena", "matter": text, "key": key}, page="/p/webform/matters"
        )

    first, second = desk.browser(), desk.browser()
    assert (await files(first, "One thing.", "k1")).status_code == 303
    assert (await files(first, "One thing.", "k1")).status_code in {303, 429}
    slowed = await files(second, "Another thing that I wrote with care.", "k2")
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) > 0
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1
    assert "written with care" in slowed.text or "wrote with care" in (await second.get("/p/webform/matters")).text
    with clock.at(clock.now() + timedelta(minutes=61)):
        sent = await second.submit("/p/webform/send", {}, page="/p/webform/check")
        assert sent.status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_case") == 2
