"""A plugin that does everything wrong, in a page, in a slot and in its handling of events: meanwhile every complaint is
acknowledged within two seconds, clocked, and in a queue, and the plugin is named where people look."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from served import Served, allowed

from ombud.kernel.postgres import EmbeddedPostgres
from ombud.testing_plugins import Made

pytestmark = pytest.mark.slow
PROMISED = 2.0  # seconds to the acknowledgement
NASTY = '''
import asyncio
import os
import re
import time
from pathlib import Path

from litestar import get

import ombud_plugin_api as api
from ombud_plugin_api.hooks import hookimpl


async def misbehave(where: str):
    """As the file says that the test wrote: `where how`."""
    place, _, how = Path(os.environ["NASTY"]).read_text().partition(" ")
    if place != where:
        return {}
    if how == "raises":
        raise RuntimeError("nasty on purpose")
    if how == "awaits":
        await asyncio.sleep(600)
    if how == "sleeps":
        time.sleep(600)
    if how == "spins":
        while True:
            pass
    if how == "backtracks":
        re.match(r"(a|a)*$", "a" * 60 + "b")
    if how == "is huge":
        return {"words": "x" * 3_000_000_000}
    if how == "is rubbish":
        return object()
    return {}


@get("/go", opt={"public": True})
async def go() -> dict:
    return await misbehave("page")


async def beside(case, context):
    return await misbehave("slot")


@hookimpl
def provide_pages(manifest: api.Manifest) -> list:
    return [go]


@hookimpl
def provide_slots(manifest: api.Manifest) -> list[api.Fill]:
    return [api.Fill("case.side", "made-up/side.html", beside)]


@hookimpl
async def on_event(event: api.Event, platform: api.Platform) -> None:
    await misbehave("event")
'''
# What an event's handler answers is nobody's concern, and what a slot does to its process a page does as well.
WAYS = {
    "page": ("raises", "awaits", "sleeps", "spins", "backtracks", "is huge", "is rubbish"),
    "slot": ("raises", "awaits", "spins", "is huge", "is rubbish"),
    "event": ("raises", "sleeps", "spins", "backtracks"),
}


class Beset:
    """A served desk with the nasty plugin on, one case, and somebody who may see it."""

    def __init__(self, desk: Any, mode: Path, made: Made) -> None:
        self.desk, self.mode, self.made = desk, mode, made
        token = desk.command("token", "create", "--user", "admin").splitlines()[-1]
        self.api = {"authorization": f"Bearer {token}"}
        desk.start()
        self.case = self.file("a case to look at")["reference"]
        self.browser = httpx.Client(base_url=desk.address, timeout=30)
        self._sign_in()

    def _sign_in(self) -> None:
        page = self.browser.get("/sign-in").text
        csrf = re.search(r'name="_csrf" value="([^"]+)"', page)
        assert csrf
        given = {"_csrf": csrf.group(1), "login": "admin", "password": "a long and winding word"}
        assert self.browser.post("/sign-in", data=given).status_code == 303

    def file(self, words: str) -> dict[str, Any]:
        headers = {**self.api, "idempotency-key": words.replace(" ", "-")}
        answer = httpx.post(
            f"{self.desk.address}/api/v1/complaints", headers=headers, timeout=10,
            json={"person": {"name": "Ann"}, "matters": [{"text": words}]},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def ask(self, sql: str, *args: Any) -> list[Any]:
        with psycopg.connect(EmbeddedPostgres(self.desk.data / "postgres").start(), autocommit=True) as connection:
            return connection.execute(sql, args).fetchall()


@pytest.fixture(scope="module")
def beset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beset]:
    folder = tmp_path_factory.mktemp("nasty")
    made = Made("made-up", folder / "site", plugin=NASTY, tables=False, manifest='events = ["case.opened"]\n').write()
    (made.folder / "templates" / "made-up").mkdir(parents=True)
    (made.folder / "templates" / "made-up" / "side.html").write_text("<p>{{ words or 'all is well' }}</p>")
    mode = folder / "mode"
    mode.write_text("nowhere")
    desk = Served(folder / "desk", {"PYTHONPATH": str(made.site), "NASTY": str(mode)})
    desk.command("migrate")
    desk.command("user", "passwd", "admin", "--password-stdin", given="a long and winding word")
    try:
        yield Beset(desk, mode, made)
    finally:
        mode.write_text("nowhere")
        desk.stop()


def filed_meanwhile(beset: Beset, name: str, until: Callable[[], bool]) -> list[float]:
    """Complaints one after another until the trouble is over; how long each waited for its acknowledgement."""
    waited: list[float] = []
    latest = time.monotonic() + 60
    while len(waited) < 12 or not until():
        begun = time.monotonic()
        assert beset.file(f"{name} {len(waited)}")["reference"]
        waited.append(time.monotonic() - begun)
        assert time.monotonic() < latest, f"{name}: the trouble does not end"
        time.sleep(0.05)
    return waited


def named(beset: Beset) -> bool:
    return bool(beset.ask("SELECT 1 FROM core_fault WHERE slug = 'made-up' LIMIT 1"))


def in_the_background(call: Callable[[], Any]) -> list[Any]:
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(call())
        except httpx.HTTPError as problem:
            got.append(problem)

    threading.Thread(target=run, daemon=True).start()
    return got


@pytest.mark.parametrize(("where", "how"), [(where, how) for where, ways in WAYS.items() for how in ways])
def test_whatever_a_plugin_does_complaints_are_acknowledged_clocked_and_queued(
    where: str, how: str, beset: Beset
) -> None:
    beset.ask("DELETE FROM core_fault RETURNING 1")
    beset.ask("DELETE FROM core_rest RETURNING 1")
    before = beset.ask("SELECT count(*) FROM core_case")[0][0]
    beset.mode.write_text(f"{where} {how}")
    try:
        got = [True]
        if where == "page":
            got = in_the_background(lambda: beset.browser.get("/p/made-up/go"))
        elif where == "slot":
            assert "Made-up is loading" in beset.browser.get(f"/cases/{beset.case}").text
            got = in_the_background(lambda: beset.browser.get(f"/cases/{beset.case}/slots/made-up"))
        waited = filed_meanwhile(beset, f"{where} {how}", lambda: bool(got) and named(beset))
    finally:
        beset.mode.write_text("nowhere")
    assert max(waited) < allowed(PROMISED)
    rows = beset.ask(
        "SELECT count(*), count(due_at), count(queue_id) FROM core_case WHERE opened_at IS NOT NULL"
    )[0]  # fmt: skip
    assert rows == (before + len(waited),) * 3
    assert "Last fault" in beset.browser.get("/plugins").text
    assert "made-up" in beset.desk.log
    shown = beset.browser.get(f"/cases/{beset.case}")
    assert shown.status_code == 200
    record(beset, where, how, waited)


def record(beset: Beset, where: str, how: str, waited: list[float]) -> None:
    """A line of docs/plugins/faults.md, where `make faults` asks for it."""
    if not (path := os.environ.get("FAULTS_RECORD")):
        return
    kind, place, error = beset.ask("SELECT kind, place, error FROM core_fault WHERE slug = 'made-up' ORDER BY at")[0]
    said = error.splitlines()[0].replace("|", "/")[:90]
    with Path(path).open("a") as file:
        file.write(f"| {where} | {how} | {len(waited)} | {max(waited):.2f} s | {kind}: {said} | {place} |\n")
