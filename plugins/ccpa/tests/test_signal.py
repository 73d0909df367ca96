"""Global Privacy Control: honoured where it comes, shown as honoured, and kept in the log."""

import csv
import io
from typing import Any

import pytest

from ombud.desk.privacy import signals
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk

ON = {"sec-gpc": "1"}
WORDS = "Your browser sends Global Privacy Control. We honour it"


@pytest.fixture
async def visitor(desk: Desk) -> Browser:
    await desk.enable("ccpa")
    return desk.browser()


async def lines() -> list[Any]:
    return await db.fetch("SELECT signal, laws, browser, person_id FROM core_privacy_signal ORDER BY at")


async def test_the_signal_is_honoured_at_the_first_page_and_said_there(desk: Desk, visitor: Browser) -> None:
    page = await visitor.get("/", headers=ON)
    assert WORDS in page.text
    assert "ombud_gpc" in page.headers["set-cookie"]
    [line] = await lines()
    assert line["signal"] == "gpc"
    assert "ccpa" in line["laws"]
    assert "ccpa.va" not in line["laws"], "not every law knows the signal"
    await visitor.get("/p/ccpa/?law=ccpa", headers=ON)
    assert len(await lines()) == 1, "a browser is written down once"
    assert line["browser"] not in page.headers["set-cookie"], "the log holds a digest"
    entry = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'privacy_signal.honoured'")
    assert entry == 1


async def test_nothing_is_said_or_kept_without_the_signal_or_without_a_law_that_knows_it(desk: Desk) -> None:
    browser = desk.browser()
    assert WORDS not in (await browser.get("/", headers=ON)).text
    assert (await browser.get("/.well-known/gpc.json")).status_code == 404
    await desk.enable("ccpa")
    for headers in ({}, {"sec-gpc": "0"}):
        page = await browser.get("/", headers=headers)
        assert WORDS not in page.text
        assert "ombud_gpc" not in page.headers.get("set-cookie", "")
    assert await lines() == []


async def test_browsers_are_told_that_it_is_honoured(visitor: Browser) -> None:
    told = await visitor.get("/.well-known/gpc.json")
    assert told.headers["content-type"].startswith("application/json")
    assert told.json()["gpc"] is True
    assert len(told.json()["lastUpdate"]) == 10


async def test_who_opens_their_link_with_the_signal_is_opted_out_themselves(desk: Desk, visitor: Browser) -> None:
    await desk.enable("portal")
    filed = await desk.file("A fee.")
    await visitor.get(filed.track_url, headers=ON, follow_redirects=True)
    person = await db.fetchval("SELECT id FROM core_person")
    assert {row["person_id"] for row in await lines()} == {None, person}
    kinds = [row["kind"] for row in await db.fetch("SELECT kind FROM core_privacy_mark WHERE person_id = $1", person)]
    assert kinds == ["opt_out"]
    agent = await desk.signed_in("agent")
    assert "No sale or sharing of their data" in (await agent.get(f"/parties/{person}")).text
    await visitor.get(filed.track_url, headers=ON, follow_redirects=True)
    assert len(await lines()) == 2


async def test_the_signal_of_staff_counts_for_nobody(desk: Desk, visitor: Browser) -> None:
    officer = await desk.signed_in("compliance")
    await officer.get("/privacy", headers=ON)
    assert await lines() == []


async def test_many_browsers_behind_one_address_are_honoured_and_fill_no_table(
    desk: Desk, visitor: Browser, monkeypatch: Any
) -> None:
    monkeypatch.setattr(signals, "PER_HOUR", 2)
    for _ in range(4):
        assert WORDS in (await desk.browser().get("/", headers=ON)).text
    assert len(await lines()) == 2


async def test_the_log_of_opt_outs_has_signals_and_requests_without_names(desk: Desk, visitor: Browser) -> None:
    await visitor.get("/", headers=ON)
    typed = {"law": "ccpa", "right": "opt-out", "name": "Zephyrine Quillfeather", "email": "z@quill.example",
             "who": "me", "key": "k"}  # fmt: skip
    sent = await visitor.submit("/p/ccpa/", typed, page="/p/ccpa/?law=ccpa")
    receipt = await visitor.get(sent.headers["location"])
    assert "it is not made to depend on who you are" in receipt.text
    officer = await desk.signed_in("compliance")
    page = await officer.get("/privacy/opt-outs")
    for words in ("Global Privacy Control", "A browser", "PD-00001", "1 browser in this year"):
        assert words in page.text, words
    assert "Quillfeather" not in page.text
    file = await officer.get("/privacy/log")
    assert "Quillfeather" not in file.text
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [(row["right"], row["manner"], row["by_an_agent"]) for row in rows] == [
        ("Opt out of sale or sharing", "form", "no")
    ]
    assert (await (await desk.signed_in("agent")).get("/privacy/opt-outs")).status_code == 403


async def test_an_opt_out_needs_no_check_and_the_agents_signed_permission_is_enough(desk: Desk) -> None:
    from ombud.desk.privacy import requests
    from ombud.desk.privacy.requests import AuthorityGiven, RequestGiven

    await desk.enable("ccpa")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    viewer = await desk.viewer("compliance")
    made = await requests.record(viewer, RequestGiven("ccpa", "opt-out", unit, name="A", agent_name="Ida Agent"))
    assert await db.fetchval("SELECT identity FROM core_privacy_request") == "not_needed"
    with pytest.raises(Exception, match="may not depend on asking the person"):
        await requests.see_authority(
            viewer, made, AuthorityGiven("Ida", "A letter.", "accepted", ("person_asked",)), None
        )
    await requests.see_authority(viewer, made, AuthorityGiven("Ida", "A letter.", "accepted", ("signature",)), None)
    assert await db.fetchval("SELECT agent_result FROM core_privacy_request") == "accepted"
