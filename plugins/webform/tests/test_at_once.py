"""The whole complaint in one request."""

from typing import Any

import httpx
import pytest

from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk

FORM = "/p/webform/"
WORDS = {"name": "Helena Marsh", "email": "helena@example.org", "matter": ["The fee.", "The card."]}


@pytest.fixture
async def form(desk: Desk) -> Browser:
    await desk.enable("webform")
    return desk.browser()


async def post(form: Browser, files: Any = None, **typed: Any) -> httpx.Response:
    return await form.submit(FORM, typed, files=files)


async def test_one_request_files_the_complaint_and_its_key_gives_the_same_reference(form: Browser) -> None:
    files = {"documents": ("bill.txt", b"The bill.", "text/plain")}
    first = await post(form, files=files, key="load-1", **WORDS)
    assert first.status_code == 303
    again = await post(form, files=files, key="load-1", **WORDS)
    assert again.headers["location"] == first.headers["location"]
    reference = await db.fetchval("SELECT reference FROM core_case")
    assert reference in (await form.get(first.headers["location"])).text
    assert await db.fetchval("SELECT count(*) FROM core_aspect") == 2
    assert await db.fetchval("SELECT count(*) FROM core_attachment") == 1
    other = await post(form, key="load-2", **WORDS)
    assert other.headers["location"] != first.headers["location"]
    assert await db.fetchval("SELECT count(*) FROM core_case") == 2


async def test_the_key_may_come_as_a_header(form: Browser) -> None:
    token = await form.token(FORM)
    for _ in range(2):
        answer = await form.http.post(FORM, data={"_csrf": token, **WORDS}, headers={"idempotency-key": "load-9"})
        assert answer.status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1


async def test_without_a_key_the_same_words_from_the_same_browser_count_once(desk: Desk, form: Browser) -> None:
    for _ in range(2):
        assert (await post(form, **WORDS)).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1
    assert (await post(desk.browser(), **WORDS)).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_case") == 2


async def test_a_key_used_with_other_words_is_refused_and_the_words_stay(form: Browser) -> None:
    await post(form, key="load-1", **WORDS)
    refused = await post(form, key="load-1", **{**WORDS, "matter": ["Something else."]})
    assert refused.status_code == 409
    assert "used before with other content" in refused.text
    assert "Something else." in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"matter": ""}, "Tell us what happened"),
        ({"name": " "}, "Tell us your name"),
        ({"email": "nowhere"}, "Write the e-mail address like"),
        ({"matter": "The card\0 stopped."}, "could not be read"),
        ({"matter": "x" * 100_001}, "of at most 100,000"),
        ({"matter": [f"Matter {number}." for number in range(21)]}, "too many matters"),
    ],
)
async def test_what_is_wrong_is_said_on_the_page_where_it_stands_and_the_rest_is_kept(
    form: Browser, change: dict[str, Any], words: str
) -> None:
    refused = await post(form, **{**WORDS, "phone": "020 7946 0000", **change})
    assert refused.status_code == 422
    assert words in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_case") == 0
    assert "020 7946 0000" in (await form.get("/p/webform/about")).text


async def test_a_program_is_refused_by_name(form: Browser) -> None:
    refused = await post(form, files={"documents": ("setup.exe", b"MZ\x90", "application/pdf")}, **WORDS)
    assert refused.status_code == 422
    assert "setup.exe is a program" in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_case") == 0


async def test_a_summary_alone_is_the_one_matter(form: Browser) -> None:
    answer = await post(form, name="Helena Marsh", summary="The fee was taken twice.")
    assert answer.status_code == 303
    assert await db.fetchval("SELECT text FROM core_aspect") == "The fee was taken twice."
