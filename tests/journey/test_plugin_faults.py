"""A plugin that does everything wrong, in a page, in a slot and in its handling of events, whether or not it serves one
of core's public addresses: meanwhile every complaint is acknowledged within two seconds, clocked, and in a queue, the
other processes serve on, and the plugin is named where people look."""

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
from served import CERTIFICATES, Served, allowed

from ombud.kernel.postgres import EmbeddedPostgres
from ombud.testing_plugins import Made

pytestmark = pytest.mark.slow
PROMISED = 2.0  # seconds to the acknowledgement
NOWHERE = "no plugin misbehaves"
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
    """As the file says that the test wrote: `slug where how`."""
    slug, place, how = Path(os.environ["NASTY"]).read_text().split(" ", 2)
    if (slug, place) != ("%(slug)s", where):
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


@get("/calm", opt={"public": True})
async def calm() -> str:
    return "all is well"


async def beside(case, context):
    return await misbehave("slot")


@hookimpl
def provide_pages(manifest: api.Manifest) -> list:
    return [go, calm]


@hookimpl
def provide_slots(manifest: api.Manifest) -> list[api.Fill]:
    return [api.Fill("case.side", "%(slug)s/side.html", beside)]


@hookimpl
async def on_event(event: api.Event, platform: api.Platform) -> None:
    await misbehave("event")
'''
RUNS_IN = {"made-up": "pages", "made-up-door": "doors"}
KILLS = {"sleeps", "spins", "backtracks"}
# What an event's handler answers is nobody's concern, and what a slot does to its process a page does as well.
WAYS = {
    "page": ("raises", "awaits", "sleeps", "spins", "backtracks", "is huge", "is rubbish"),
    "slot": ("raises", "awaits", "spins", "is huge", "is rubbish"),
    "event": ("raises", "sleeps", "spins", "backtracks"),
}


class Beset:
    """A served desk with the nasty plugins on, one case, and somebody who may see it."""

    def __init__(self, desk: Any, mode: Path) -> None:
        self.desk, self.mode = desk, mode
        token = desk.token
        self.api = {"authorization": f"Bearer {token}"}
        desk.start()
        self._database = psycopg.connect(EmbeddedPostgres(desk.data / "postgres").start(), autocommit=True)
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
            f"{self.desk.address}/api/v1/complaints", headers=headers, timeout=10, verify=CERTIFICATES,
            json={"person": {"name": "Ann"}, "matters": [{"text": words}]},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def calm(self, slug: str) -> float:
        """How long the plugin's page took to say that all is well."""
        begun = time.monotonic()
        answer = self.asked(slug)
        assert (answer.status_code, answer.text) == (200, "all is well")
        return time.monotonic() - begun

    def asked(self, slug: str) -> httpx.Response:
        return httpx.get(f"{self.desk.address}/p/{slug}/calm", timeout=60, verify=CERTIFICATES)

    def recover(self) -> None:
        """Back from the trouble before: nothing is written of it, nobody rests, every process answers."""
        self.ask("DELETE FROM core_fault RETURNING 1")
        self.ask("DELETE FROM core_rest RETURNING 1")
        latest = time.monotonic() + allowed(60)
        for slug in RUNS_IN:
            while self.asked(slug).status_code != 200:
                assert time.monotonic() < latest, f"{slug} does not come back"
                time.sleep(0.1)

    def pids(self) -> dict[str, int]:
        return {role: self.desk.process(f"kernel.child {role}").pid for role in ("web", *RUNS_IN.values())}

    def ask(self, sql: str, *args: Any) -> list[Any]:
        return self._database.execute(sql, args).fetchall()

    def close(self) -> None:
        self.browser.close()
        self._database.close()


@pytest.fixture(scope="module")
def beset(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Beset]:
    folder = tmp_path_factory.mktemp("nasty")
    for slug, doors in (("made-up", ""), ("made-up-door", '[doors]\ntrack = "calm"\n')):
        manifest = f'events = ["case.opened"]\n{doors}'
        made = Made(slug, folder / "site", plugin=NASTY, tables=False, manifest=manifest).write()
        (made.folder / "templates" / slug).mkdir(parents=True)
        (made.folder / "templates" / slug / "side.html").write_text("<p>{{ words or 'all is well' }}</p>")
    mode = folder / "mode"
    mode.write_text(NOWHERE)
    desk = Served(folder / "desk", {"PYTHONPATH": str(folder / "site"), "NASTY": str(mode)}, of=prepared)
    for slug in RUNS_IN:
        desk.command("plugin", "enable", slug)
    desk.command("user", "passwd", "admin", "--password-stdin", given="a long and winding word")
    try:
        stage = Beset(desk, mode)
        yield stage
        stage.close()
    finally:
        mode.write_text(NOWHERE)
        desk.stop()


def filed_meanwhile(beset: Beset, name: str, other: str, until: Callable[[], bool]) -> list[float]:
    """A dozen complaints one after another, then a few in each second until the trouble is over, and between them the
    other plugin's page; how long each complaint waited for its acknowledgement."""
    waited: list[float] = []
    latest = time.monotonic() + 60
    while len(waited) < 12 or not until():
        begun = time.monotonic()
        assert beset.file(f"{name} {len(waited)}")["reference"]
        waited.append(time.monotonic() - begun)
        assert beset.calm(other) < allowed(PROMISED)
        assert time.monotonic() < latest, f"{name}: the trouble does not end"
        time.sleep(0.05 if len(waited) < 12 else 0.25)
    return waited


def named(beset: Beset, slug: str) -> bool:
    return bool(beset.ask("SELECT 1 FROM core_fault WHERE slug = %s LIMIT 1", slug))


def in_the_background(call: Callable[[], Any]) -> list[Any]:
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(call())
        except httpx.HTTPError as problem:
            got.append(problem)

    threading.Thread(target=run, daemon=True).start()
    return got


CASES = [(slug, where, how) for slug in RUNS_IN for where, ways in WAYS.items() for how in ways]


@pytest.mark.parametrize(("slug", "where", "how"), CASES)
def test_whatever_a_plugin_does_complaints_are_acknowledged_clocked_and_queued(
    slug: str, where: str, how: str, beset: Beset
) -> None:
    beset.recover()
    cases, pids = beset.ask("SELECT count(*) FROM core_case")[0][0], beset.pids()
    other = next(each for each in RUNS_IN if each != slug)
    beset.mode.write_text(f"{slug} {where} {how}")
    try:
        got = [True]
        if where == "page":
            got = in_the_background(lambda: beset.browser.get(f"/p/{slug}/go"))
        elif where == "slot":
            assert f"{slug.capitalize()} is loading" in beset.browser.get(f"/cases/{beset.case}").text
            got = in_the_background(lambda: beset.browser.get(f"/cases/{beset.case}/slots/{slug}"))
        waited = filed_meanwhile(beset, f"{slug} {where} {how}", other, lambda: bool(got) and named(beset, slug))
    finally:
        beset.mode.write_text(NOWHERE)
    assert max(waited) < allowed(PROMISED)
    rows = beset.ask(
        "SELECT count(*), count(due_at), count(queue_id) FROM core_case WHERE opened_at IS NOT NULL"
    )[0]  # fmt: skip
    assert rows == (cases + len(waited),) * 3
    assert "Last fault" in beset.browser.get("/plugins").text
    assert slug in beset.desk.log
    shown = beset.browser.get(f"/cases/{beset.case}")
    assert shown.status_code == 200
    replaced = {RUNS_IN[slug]} if where != "event" and how in KILLS else set()
    assert {role for role, pid in beset.pids().items() if pid != pids[role]} == replaced
    record(beset, slug, where, how, waited)


def record(beset: Beset, slug: str, where: str, how: str, waited: list[float]) -> None:
    """A line of docs/plugins/faults.md, where `make faults` asks for it."""
    if not (path := os.environ.get("FAULTS_RECORD")):
        return
    kind, place, error = beset.ask("SELECT kind, place, error FROM core_fault WHERE slug = %s ORDER BY at", slug)[0]
    said = error.splitlines()[0].replace("|", "/")[:90]
    line = f"{RUNS_IN[slug]} | {where} | {how} | {len(waited)} | {max(waited):.2f} s | {kind}: {said} | {place}"
    with Path(path).open("a") as file:
        file.write(f"| {line} |\n")
