"""What a web process hands over to the one that runs a plugin's pages, and what is seen when that gives no answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ombud.kernel.processes import DOORS, SOCKETS_VARIABLE
from ombud.process import run_with
from ombud.testing_desk import Desk
from ombud.testing_plugins import Made
from ombud.web import apart, hop

FORM = "/p/webform/"
WORDS = "The fee was taken twice, and nobody answers."
Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Other:
    """The other process, as far as its socket shows it: answers as it was told, and remembers what it was asked."""

    def __init__(self, answering: Answering) -> None:
        self.heads: list[str] = []
        self.body = b""
        self._answering = answering

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self._answering(reader, writer)
        finally:
            writer.close()

    def header(self, name: str) -> list[str]:
        lines = [line.partition(": ") for line in self.heads[-1].split("\r\n")[1:]]
        return [value for given, _, value in lines if given == name]


def saying(text: str) -> Answering:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return answer


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends as a process does that is killed in the midst of it."""


@pytest.fixture
async def there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[Answering], Any]]:
    """`async with there(answering) as other`: the form's pages are at another process that answers so."""
    await desk.enable("webform")
    with TemporaryDirectory(prefix="ombud-") as folder:
        monkeypatch.setenv(SOCKETS_VARIABLE, folder)

        @asynccontextmanager
        async def running(answering: Answering) -> AsyncIterator[Other]:
            other = Other(answering)
            async with await asyncio.start_unix_server(other.take, Path(folder) / DOORS):
                yield other
            (Path(folder) / DOORS).unlink(missing_ok=True)

        yield running


async def token_of(desk: Desk, browser: Any) -> str:
    """For a form of core's, which holds for the plugin's forms of the same browser too."""
    found = await browser.token("/sign-in")
    assert found
    return str(found)


async def test_a_request_is_handed_over_as_it_came_and_so_is_the_answer(desk: Desk, there: Any) -> None:
    text = (
        "HTTP/1.1 200 OK\ndate: yesterday\ncontent-type: text/plain\nset-cookie: a=1\nset-cookie: b=2\n"
        "transfer-encoding: chunked\n\n5\nhello\n6\n world\n0\n\n"
    )
    async with there(saying(text)) as other:
        answer = await desk.browser().http.get(
            f"{FORM}matters?open=new%2F1", headers={"cookie": "ombud_visit=x", "x-ombud-asks": "6.6.6.6", "te": "gzip"}
        )
    assert (answer.status_code, answer.text) == (200, "hello world")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "date" not in answer.headers, "the server of this process says it"
    assert other.heads[0].startswith(f"GET {FORM}matters?open=new%2F1 HTTP/1.1\r\n")
    assert other.header("cookie") == ["ombud_visit=x"]
    assert other.header("host") == ["desk.test"]
    assert other.header("x-ombud-asks") == ["127.0.0.1"], "what a stranger says of himself is not handed over"
    assert other.header("te") == []


async def test_the_headers_of_every_page_come_with_it(desk: Desk, there: Any) -> None:
    text = "HTTP/1.1 200 OK\ncontent-length: 0\ncontent-security-policy: sandbox\n\n"
    async with there(saying(text)):
        answer = await desk.browser().http.get(FORM)
    assert answer.headers.get_list("content-security-policy") == ["sandbox"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("sized", [True, False])
async def test_a_long_form_streams_through(desk: Desk, there: Any, sized: bool) -> None:
    parts = [bytes([number]) * 70_000 for number in range(40)]
    whole = b"".join(parts)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if sized:
            other.body = await reader.readexactly(len(whole))
        while not sized and (size := int(await reader.readline(), 16)):
            other.body += await reader.readexactly(size)
            await reader.readline()
        await saying("HTTP/1.1 303 See Other\nlocation: sent/x\ncontent-length: 0\n\n")(reader, writer)

    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async with there(answer) as other:
        given = {"content": whole} if sized else {"content": body()}
        got = await desk.browser().http.post(FORM, **given)
    assert (got.status_code, got.headers["location"]) == (303, "sent/x")
    assert other.body == whole


async def test_a_form_that_is_refused_before_it_was_read_gets_its_refusal(desk: Desk, there: Any) -> None:
    text = "HTTP/1.1 413 Too Large\ncontent-length: 9\n\ntoo large"
    async with there(saying(text)):
        answer = await desk.browser().http.post(FORM, content=b"x" * 3_000_000)
    assert (answer.status_code, answer.text) == (413, "too large")


async def test_go_on_is_no_answer(desk: Desk, there: Any) -> None:
    text = "HTTP/1.1 100 Continue\nx: y\n\nHTTP/1.1 204 No Content\nz: 1\n\n"
    async with there(saying(text)):
        answer = await desk.browser().http.post(FORM, content=b"abc", headers={"expect": "100-continue"})
    assert (answer.status_code, answer.headers["z"], "x" in answer.headers) == (204, "1", False)


async def test_head_is_answered_though_nothing_follows_its_length(desk: Desk, there: Any) -> None:
    async with there(saying("HTTP/1.1 200 OK\ncontent-length: 4000\n\n")):
        answer = await desk.browser().http.head(FORM)
    assert (answer.status_code, answer.headers["content-length"]) == (200, "4000")


@pytest.mark.parametrize("files", [None, {"documents": ("bill.pdf", b"%PDF-" * 500_000, "application/pdf")}])
async def test_a_form_without_an_answer_gives_back_what_was_written(desk: Desk, there: Any, files: Any) -> None:
    browser = desk.browser()
    data = {"_csrf": await token_of(desk, browser), "name": "Helena Marsh", "matter": WORDS, "password": "s3cret word"}
    for answering in (nothing, saying("HTTP/1.1 nonsense\n\n"), saying("HTTP/1.1 200 OK\ncontent-le")):
        async with there(answering) as other:
            answer = await browser.http.post(FORM, data=data, files=files)
        assert len(other.heads) == 1, "what was taken once is not sent again"
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == str(apart.AGAIN)
        assert "This page is not answering" in answer.text
        assert WORDS in answer.text
        assert "Helena Marsh" in answer.text
        assert "s3cret" not in answer.text
        assert "Nothing was changed" not in answer.text, "nobody knows"


async def test_a_strangers_form_without_an_answer_counts_for_no_allowance(desk: Desk, there: Any) -> None:
    run_with(replace(desk.config, limits=replace(desk.config.limits, forms_per_hour=1)))
    browser = desk.browser()
    data = {"_csrf": await token_of(desk, browser), "matter": WORDS}
    async with there(nothing):
        assert [(await browser.http.post(FORM, data=data)).status_code for _ in range(3)] == [503] * 3


async def test_a_form_longer_than_this_desk_takes_is_not_kept(desk: Desk, there: Any) -> None:
    async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000_000):
            pass

    browser = desk.browser()
    data = {"_csrf": await token_of(desk, browser), "matter": WORDS + "x" * desk.config.limits.body_mb * 1_000_000}
    async with there(lambda reader, writer: asyncio.wait_for(reads(reader, writer), 0.5)):
        answer = await browser.http.post(FORM, data=data)
    assert answer.status_code == 503
    assert WORDS not in answer.text


async def test_a_page_without_an_answer_can_be_asked_for_again(desk: Desk, there: Any) -> None:
    async with there(nothing):
        answer = await desk.browser().http.get(f"{FORM}matters?open=a&b=<c>")
    assert answer.status_code == 503
    assert 'href="/p/webform/matters?open=a&amp;b=' in answer.text
    assert "<c>" not in answer.text
    assert "Try again" in answer.text


async def test_one_that_answers_too_late_is_not_waited_for(
    desk: Desk, there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop, "ANSWERING", 0.2)
    hangs = asyncio.Event()
    async with there(lambda reader, writer: hangs.wait()):
        answer = await desk.browser().http.get(FORM)
        hangs.set()
    assert answer.status_code == 503


async def test_a_process_that_is_not_there_yet_is_waited_for(
    desk: Desk, there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = asyncio.create_task(desk.browser().http.get(FORM))
    await asyncio.sleep(0)
    async with there(saying("HTTP/1.1 200 OK\ncontent-length: 5\n\nhello")):
        assert (await asking).text == "hello"
    monkeypatch.setattr(apart, "STARTING", 0.1)
    answer = await desk.browser().http.get(FORM)
    assert answer.status_code == 503, "nobody came"


async def test_more_than_the_other_process_may_have_open_wait_for_their_turn(
    desk: Desk, there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "STARTING", 0.3)
    wrapped = desk.app.asgi_handler._app
    assert isinstance(wrapped, apart.Apart)
    monkeypatch.setitem(wrapped._turns, DOORS, asyncio.Semaphore(2))
    full, hangs = asyncio.Semaphore(0), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        full.release()
        await hangs.wait()
        await saying("HTTP/1.1 200 OK\ncontent-length: 5\n\nhello")(reader, writer)

    async with there(hold):
        two = [asyncio.create_task(desk.browser().http.get(FORM)) for _ in range(2)]
        for _ in two:
            await full.acquire()
        assert (await desk.browser().http.get(FORM)).status_code == 503
        assert (await desk.browser().http.get("/sign-in")).status_code == 200
        hangs.set()
        assert [(await each).status_code for each in two] == [200, 200]
        assert (await desk.browser().http.get(FORM)).status_code == 200


async def test_who_leaves_before_the_form_is_whole_ends_it_there_too(desk: Desk, there: Any) -> None:
    ended = asyncio.Event()

    async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        ended.set()

    async def receive() -> Any:
        return next(messages)

    messages = iter([{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": FORM, "raw_path": FORM.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("desk.test", 80), "headers": [(b"host", b"desk.test"), (b"content-length", b"100")],
    }  # fmt: skip
    async with there(reads):
        await desk.app(scope, receive, send)
        async with asyncio.timeout(10):
            await ended.wait()
    assert sent == []


async def test_the_address_of_what_is_drawn_instead_leads_nowhere_by_itself(desk: Desk) -> None:
    browser = desk.browser()
    assert (await browser.get("/not-answering")).status_code == 404
    answer = await browser.http.post("/not-answering", headers={"x-csrf-token": await token_of(desk, browser)})
    assert answer.status_code == 404


FAILS = """

@post("/", opt={"public": True})
async def save() -> str:
    raise RuntimeError("nasty on purpose")
"""


async def test_what_fails_while_it_answers_a_form_gives_the_words_back(desk: Desk, made: Made) -> None:
    before, between, after = made.plugin.partition("\n\n@hookimpl\ndef provide_pages")
    made.plugin = f"from litestar import post\n{before}{FAILS}{between}{after.replace('[hello]', '[hello, save]')}"
    made.write()
    await desk.enable("made-up")
    browser = desk.browser()
    data = {"_csrf": await token_of(desk, browser), "matter": WORDS}
    answer = await browser.http.post("/p/made-up/", data=data)
    assert answer.status_code == 500
    assert WORDS in answer.text
