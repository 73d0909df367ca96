"""The stream of news: what a browser hears, what it must not hear, and that neither gap nor slowness loses anything."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ombud.desk import aspects, cases, messages
from ombud.kernel import leaving
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import users
from ombud.web import live
from ombud.web.live import hub


class Listening:
    """One open stream; `next` waits for an event that is no repetition of `look`."""

    def __init__(self, desk: Desk, browser: Browser, *, reads: bool = True) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
        self.status = 0
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._text = ""
        self._reads = reads
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/live",
            "raw_path": b"/live", "query_string": b"", "root_path": "", "scheme": "http", "server": ("desk.test", 80),
            "client": ("127.0.0.1", 5), "state": {},
            "headers": [(b"host", b"desk.test"), (b"cookie", cookies.encode()), (b"accept", b"text/event-stream")],
        }  # fmt: skip
        self.task = asyncio.create_task(desk.app(scope, self._receive, self._send))  # type: ignore[arg-type]

    async def _receive(self) -> Any:
        if self._gone.is_set() or not hasattr(self, "_asked"):
            self._asked = True
            return {"type": "http.disconnect"} if self._gone.is_set() else {"type": "http.request", "body": b""}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif not self._reads and self.status == 200:
            await asyncio.sleep(3600)
        else:
            self._chunks.put_nowait(message.get("body", b""))

    async def event(self, within: float = 5.0) -> tuple[str, dict[str, Any]]:
        """The next event: its name (`news` where it has none) and its data."""
        while "\n\n" not in self._text:
            self._text += (await asyncio.wait_for(self._chunks.get(), within)).decode()
        block, _, self._text = self._text.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" not in fields:
            return await self.event(within)
        return fields.get("event", "news"), json.loads(fields["data"])

    async def started(self) -> "Listening":
        assert await self.event() == ("look", {})
        return self

    async def news(self, within: float = 5.0) -> dict[str, Any]:
        name, data = await self.event(within)
        assert name == "news", name
        return data

    async def silent(self, seconds: float = 0.6) -> bool:
        try:
            await self.event(seconds)
        except TimeoutError:
            return True
        return False

    async def close(self) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, 5)


@pytest.fixture
async def listen(desk: Any) -> AsyncIterator[Callable[..., Any]]:
    opened: list[Listening] = []
    settled: list[bool] = []

    async def open_stream(browser: Any, **more: Any) -> Listening:
        stream = Listening(desk, browser, **more)
        opened.append(stream)
        if more:
            return stream
        await stream.started()
        if not settled:  # the process begins to listen at about this moment, and then tells everybody to look
            while not await stream.silent(0.4):
                pass
            settled.append(True)
        return stream

    yield open_stream
    for each in opened:
        if not each.task.done():
            await each.close()


async def test_a_change_is_told_as_ids_and_codes_and_never_in_words(desk: Any, listen: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    stream = await listen(await desk.signed_in("agent"))
    leader = await desk.viewer("leader")
    await messages.write(leader, filed.case_id, "note", "Ask the branch about Helena.")
    told = await stream.news()
    assert told == {
        "case": filed.reference, "kind": "note.written", "seq": told["seq"], "version": told["version"],
        "queue": "new-complaints", "mine": False, "taken": False,
    }  # fmt: skip
    await cases.change(leader, filed.case_id, {"priority": "urgent"}, None)
    assert (await stream.news())["kind"] == "case.changed"
    await cases.take(await desk.viewer("agent"), filed.case_id)
    assert (await stream.news())["mine"] is True


async def test_news_passes_the_policy_of_each_listener(desk: Any, listen: Any) -> None:
    filed = await desk.file("The fee was taken twice.", "The clerk laughed.")
    agent, leader = await listen(await desk.signed_in("agent")), await listen(await desk.signed_in("leader"))
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    await aspects.concern(await desk.viewer("leader"), second, (await desk.viewer("agent")).user_id, None)
    assert (await leader.news())["case"] == filed.reference
    await aspects.change(await desk.viewer("leader"), second, {"priority": "high"}, None)
    assert (await leader.news())["case"] == filed.reference
    assert await agent.silent(), "the member of staff an aspect is about heard of it"
    await cases.set_confidential(await desk.viewer("compliance"), filed.case_id, True, None)
    other = await desk.file("Another matter.")
    assert (await agent.news())["case"] == other.reference


async def test_only_a_signed_in_browser_that_asks_for_events_gets_the_stream(desk: Any) -> None:
    stranger = Listening(desk, desk.browser())
    await asyncio.wait_for(stranger.task, 5)
    assert stranger.status == 303
    agent = await desk.signed_in("agent")
    assert (await agent.get("/live")).status_code == 406
    assert hub.lines == set()


async def test_signing_out_ends_the_stream_with_a_word(desk: Any, listen: Any) -> None:
    browser = await desk.signed_in("agent")
    stream, other = await listen(browser), await listen(await desk.signed_in("leader"))
    await browser.submit("/sign-out", {}, page="/me/password")
    assert await stream.event() == ("ended", {})
    await asyncio.wait_for(stream.task, 3)
    assert await other.silent()


async def test_a_deactivated_user_hears_nothing_more_and_changed_rights_hold_at_once(desk: Any, listen: Any) -> None:
    gone, less = await listen(await desk.signed_in("agent")), await listen(await desk.signed_in("leader"))
    await users.deactivate((await desk.viewer("agent")).user_id, "system")
    assert await gone.event() == ("ended", {})
    await db.execute("DELETE FROM core_user_role WHERE user_id = $1", (await desk.viewer("leader")).user_id)
    assert await less.event() == ("look", {})
    await desk.file("The fee was taken twice.")
    assert await less.silent()


async def test_a_lost_listener_comes_back_and_everybody_looks_again(desk: Any, listen: Any) -> None:
    stream = await listen(await desk.signed_in("agent"))
    assert await db.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'ombud notices' AND datname = current_database()"
    ) == 1  # fmt: skip
    assert await stream.event(10) == ("look", {})
    filed = await desk.file("The fee was taken twice.")
    assert (await stream.news(10))["case"] == filed.reference


async def test_a_browser_that_does_not_read_is_cut_and_the_others_hear_on(
    desk: Any, listen: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(live, "WAITING", 3)
    slow = await listen(await desk.signed_in("agent"), reads=False)
    quick = await listen(await desk.signed_in("leader"))
    filed = await desk.file("The fee was taken twice.")
    viewer = await desk.viewer("leader")
    for number in range(6):
        await messages.write(viewer, filed.case_id, "note", f"Note {number}.")
        await quick.news()
    await asyncio.wait_for(slow.task, 5)
    assert len(hub.lines) == 1


async def test_much_at_once_is_one_look_and_not_a_flood(desk: Any, listen: Any, monkeypatch: Any) -> None:
    stream = await listen(await desk.signed_in("agent"))
    await db.execute("SELECT pg_notify('ombud_live', '*')")
    assert await stream.event() == ("look", {})
    monkeypatch.setattr(live, "MANY", 0)
    await desk.file("The fee was taken twice.", "Nobody called back.", "The app was down.")
    assert await stream.event() == ("look", {})
    assert await stream.silent()


async def test_one_statement_serves_all_listeners_of_a_moment(desk: Any, listen: Any, monkeypatch: Any) -> None:
    for name in ("agent", "leader", "compliance", "quality"):
        for _ in range(3):
            await listen(await desk.signed_in(name))
    counted = []
    real = live.told

    async def counting(viewers: Any, news: Any) -> Any:
        with db.counting() as count:
            answer = await real(viewers, news)
        counted.append((len(viewers), count.statements))
        return answer

    monkeypatch.setattr(live, "told", counting)
    await desk.file("The fee was taken twice.")
    await asyncio.sleep(0.8)
    assert counted
    assert all(each == (4, 1) for each in counted)


async def test_a_stopping_process_ends_its_streams_at_once(desk: Any, listen: Any) -> None:
    stream = await listen(await desk.signed_in("agent"))
    leaving.leave()
    await asyncio.wait_for(stream.task, 1)
    assert hub.lines == set()


async def test_a_session_with_too_many_streams_loses_its_oldest(desk: Any, listen: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "OF_ONE_SESSION", 2)
    browser = await desk.signed_in("agent")
    first = await listen(browser)
    for _ in range(2):
        await listen(browser)
    await asyncio.wait_for(first.task, 3)


async def test_what_a_page_asks_by_itself_does_not_keep_its_reader_signed_in(desk: Any) -> None:
    browser = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    token = await browser.token("/me/password")
    before = await db.fetchval("UPDATE core_session SET seen_at = seen_at - interval '5 minutes' RETURNING seen_at")
    await browser.get(f"/live/cases/{filed.reference}")
    await browser.http.post("/live/queues/all", headers={"x-csrf-token": token})
    await browser.http.post("/live/here", json={"cases": {filed.reference: "viewing"}}, headers={"x-csrf-token": token})
    assert await db.fetchval("SELECT seen_at FROM core_session") == before
    await browser.get(f"/cases/{filed.reference}")
    assert await db.fetchval("SELECT seen_at FROM core_session") > before
