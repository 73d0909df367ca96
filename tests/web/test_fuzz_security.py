"""Sign-in, upload, signed links and reset links, thrown rubbish at: an answer in words, in time, and no way in."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import resets

EXAMPLES = 60
SLOWEST = 8.0  # seconds for one answer on a busy machine; about 0.05 on an idle one
KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
    "",
)

anything = some.text(max_size=300)
odd = some.sampled_from(
    ["", "\0", "a\0b", "\ud800", "\u202e", "' OR 1=1 --", "%00", "%s", "{}", "é" * 300, "x" * 5000, "../../etc/passwd",
     "<script>", "١٢٣٤٥٦", "agent", "AGENT ", "agent\u200b", "ａgent", "password", "null", "0", "-1", "//evil.test"]
)  # fmt: skip
words = anything | odd


async def every(strategy: Any, ask: Callable[[Any], Awaitable[None]], examples: int = EXAMPLES) -> None:
    """Runs `ask` on this loop with what hypothesis makes up in a thread of its own."""
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def one(made_up: Any) -> None:
        asyncio.run_coroutine_threadsafe(ask(made_up), loop).result(60)

    await asyncio.to_thread(one)


def form(fields: dict[str, str]) -> bytes:
    """A form as a broken browser may send it: whatever characters, lone surrogates among them."""
    from urllib.parse import quote_from_bytes

    def quoted(text: str) -> str:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"))

    return "&".join(f"{quoted(name)}={quoted(value)}" for name, value in fields.items()).encode()


async def told(began: float, answer: httpx.Response, *refused_with: int) -> None:
    assert answer.status_code < 500, (answer.status_code, answer.text[-500:])
    assert answer.status_code in refused_with, (answer.status_code, answer.headers.get("location"))
    assert time.perf_counter() - began < SLOWEST


async def _post(browser: Browser, path: str, content: bytes, kind: str, token: str) -> httpx.Response:
    headers = {"content-type": kind, "x-csrf-token": token}
    return await browser.http.post(path, content=content, headers=headers)


async def test_nothing_made_up_signs_anybody_in(desk: Desk) -> None:
    await desk.viewer("agent")
    browser = desk.browser()
    token = await browser.token()

    async def ask(made_up: Any) -> None:
        login, password, to, code = made_up
        began = time.perf_counter()
        fields = form({"login": login, "password": password, "next": to})
        answer = await _post(browser, "/sign-in", fields, KINDS[0], token)
        await told(began, answer, 401, 429)
        await told(began, await _post(browser, "/sign-in/code", form({"code": code, "next": to}), KINDS[0], token), 303)
        assert "ombud_session" not in browser.http.cookies

    await every(some.tuples(words, words, words, words), ask)
    assert await db.fetchval("SELECT count(*) FROM core_session") == 0


async def test_a_form_of_any_bytes_and_kind_is_answered_in_words(desk: Desk) -> None:
    await desk.viewer("agent")
    link = await resets.make(await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'"), "system")
    browser = desk.browser()
    token = await browser.token()

    async def ask(made_up: Any) -> None:
        content, kind, path = made_up
        began = time.perf_counter()
        answer = await _post(browser, path, content, kind, token)
        await told(began, answer, 303, 400, 401, 403, 413, 415, 422, 429)

    parts = some.binary(max_size=300).map(
        lambda data: b'--x\r\nContent-Disposition: form-data; name="login"; filename="' + data[:40] + b'"\r\n\r\n'
        + data + b"\r\n--x--\r\n"
    )  # fmt: skip
    bodies = some.binary(max_size=500) | parts | some.sampled_from([b"", b"%ff=%00", b"&" * 5000, b"a" * 100_000])
    paths = some.sampled_from(["/sign-in", "/sign-in/code", f"/reset/{link}", "/preferences", "/sign-out"])
    await every(some.tuples(bodies, some.sampled_from(KINDS), paths), ask)
    assert await resets.read(link)


async def test_no_made_up_link_opens_a_case_or_sets_a_password(desk: Desk) -> None:
    await desk.enable("portal")
    real = (await desk.file("A secret matter.", postcode="EC1A 1BB")).track_url.rsplit("/", 1)[1]
    user_id = await desk.user("agent")
    reset = await resets.make(user_id, "system")
    before = await db.fetchval("SELECT password_hash FROM core_user WHERE id = $1", user_id)
    browser = desk.browser()
    token = await browser.token()

    def spoiled(of: str) -> Any:
        raw = base64.urlsafe_b64decode(of + "=" * (-len(of) % 4))

        def flip(bit: int) -> str:
            place, mask = divmod(bit % (len(raw) * 8), 8)
            changed = raw[:place] + bytes([raw[place] ^ (1 << mask)]) + raw[place + 1 :]
            return base64.urlsafe_b64encode(changed).decode().rstrip("=")

        return some.integers(0, len(raw) * 8 - 1).map(flip) | some.integers(1, len(of) - 1).map(lambda n: of[:n])

    plain = some.text(
        alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=80
    )
    strange = some.sampled_from(
        ["%00", "%ff", "x" * 2000, "..%2f..", "%F0%9F%99%82", "a%0d%0aSet-Cookie:x", real + "=", reset + "="]
    )

    async def ask(forged: str) -> None:
        if forged in {real, reset}:
            return
        began = time.perf_counter()
        for path in (f"/p/portal/{forged}", f"/p/portal/{forged}/documents", f"/p/webform/sent/{forged}"):
            answer = await browser.get(path)
            await told(began, answer, 303, 400, 404, 410)
            assert "secret matter" not in answer.text
        fresh = form({"new": "seven bottles on a wall", "again": "seven bottles on a wall"})
        for answer in (
            await browser.get(f"/reset/{forged}"), await _post(browser, f"/reset/{forged}", fresh, KINDS[0], token)
        ):  # fmt: skip
            await told(began, answer, 400, 404, 429)

    await every(spoiled(real) | spoiled(reset) | plain | strange, ask)
    assert await db.fetchval("SELECT password_hash FROM core_user WHERE id = $1", user_id) == before
    assert (await browser.get(f"/p/portal/{real}")).status_code == 200


@pytest.mark.parametrize("door", ["desk", "portal", "webform"])
async def test_any_file_under_any_name_is_kept_or_refused_in_words_and_given_back_as_it_was(
    desk: Desk, door: str
) -> None:
    for plugin in ("portal", "webform"):
        await desk.enable(plugin)
    filed = await desk.file("The fee was taken twice.", postcode="EC1A 1BB")
    customer, token = filed.track_url.rsplit("/", 1)[1], ""
    browser = await desk.signed_in("leader") if door == "desk" else desk.browser()
    if door == "portal":
        await browser.submit(
            f"/p/portal/{customer}/prove", {"question": "postcode", "answer": "EC1A 1BB", "to": "documents"}
        )
    if door == "webform":
        await browser.submit("/p/webform/matters", {"text": "The fee.", "open": "a", "do": "next"})
    path = {"desk": f"/cases/{filed.reference}/messages", "portal": f"/p/portal/{customer}/documents",
            "webform": "/p/webform/files"}[door]  # fmt: skip
    token = await browser.token("/me/password" if door == "desk" else "/sign-in")
    assert token
    starts = some.sampled_from(
        [b"", b"MZ", b"%PDF-", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"<svg", b"\xff\xfe<\0", b"#!", b"GIF89a",
         b"\x7fELF", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"RIFF....WEBP", b"\x1f\x8b", b"PK\x05\x06"]
    )  # fmt: skip
    data = some.tuples(starts, some.binary(max_size=400)).map(b"".join)
    names = words.map(lambda text: text.encode("utf-8", "replace").decode())
    kinds = some.sampled_from(["image/png", "text/html", "application/pdf", "x/y", "text/html; charset=utf-7"])

    async def ask(made_up: Any) -> None:
        began = time.perf_counter()
        files = [("documents", (name, content, kind)) for name, content, kind in made_up]
        fields = {"_csrf": token, "kind": "note", "text": "See the file.", "do": "upload", "key": ""}
        answer = await browser.http.post(path, data=fields, files=files)
        await told(began, answer, 200, 303, 400, 409, 422, 429)

    await every(some.lists(some.tuples(names, data, kinds), min_size=1, max_size=12), ask, 40)
    rows = await db.fetch("SELECT id, name, content_type FROM core_attachment")
    reader = browser if door == "desk" else await desk.signed_in("leader")
    for row in rows[:60]:
        assert row["name"].isprintable()
        answer = await reader.get(f"/files/{row['id']}")
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"
        shown = answer.headers["content-disposition"].startswith("inline")
        assert not shown or row["content_type"] in {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}
    assert door == "webform" or rows
