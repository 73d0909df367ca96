"""Neighbours that misbehave, and the way through the desk that must work beside them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from ombud.kernel.plugins import Loaded
from ombud.testing_desk import Desk

SABOTEUR = "kit-saboteur"
_PACKAGE = "ombud_kit_saboteur"
_MANIFEST = f'''slug = "{SABOTEUR}"
name = "Saboteur"
summary = "Fails in everything it does."
version = "0.1.0"
api = ">=0.9,<0.10"
kinds = ["channel"]
events = ["*"]
'''
_CODE = '''"""Fails in everything it does."""

from litestar import get

from ombud_plugin_api import Fill, Job, hookimpl


class Broken:
    key = "kit-saboteur"
    label = "Broken"
    icon = "mail"

    def parse(self, raw):
        raise RuntimeError("the neighbour fails on purpose")


@get("/", opt={"public": True})
async def page() -> str:
    raise RuntimeError("the neighbour fails on purpose")


async def fail(*args):
    raise RuntimeError("the neighbour fails on purpose")


@hookimpl
def provide_pages():
    return [page]


@hookimpl
def provide_channels():
    return [Broken()]


@hookimpl
def provide_jobs():
    return [Job("fail", fail)]


@hookimpl
def provide_slots():
    return [Fill("case.side", "kit-saboteur/none.html", fail)]


@hookimpl
async def on_event(event, platform):
    raise RuntimeError("the neighbour fails on purpose")
'''


@contextmanager
def saboteur(where: Path) -> Iterator[str]:
    """Installed for the length of the block; switching it on is the caller's."""
    home = where / f"neighbour-{uuid4().hex[:8]}"
    package, info = home / _PACKAGE, home / f"{_PACKAGE}-0.1.0.dist-info"
    for folder in (package, info):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text(_CODE)
    (package / "plugin.toml").write_text(_MANIFEST)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_PACKAGE}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[ombud.plugins]\n{SABOTEUR} = {_PACKAGE}.plugin\n")
    sys.path.insert(0, str(home))
    try:
        yield SABOTEUR
    finally:
        sys.path.remove(str(home))
        for name in [each for each in sys.modules if each.split(".")[0] == _PACKAGE]:
            del sys.modules[name]


def raising(loaded: Loaded) -> Mapping[str, Any]:
    """What it provides, each part raising."""

    async def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("it fails on purpose")

    def fail_at_once(*args: Any) -> Any:
        raise RuntimeError("it fails on purpose")

    return _replaced(loaded, fail, fail_at_once)


def hanging(loaded: Loaded) -> Mapping[str, Any]:
    """What it provides, each part never ending; parsing, which is not asynchronous, raises."""

    async def hang(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(3600)

    def fail_at_once(*args: Any) -> Any:
        raise RuntimeError("it fails on purpose")

    return _replaced(loaded, hang, fail_at_once)


def _replaced(loaded: Loaded, run: Callable[..., Any], parse: Callable[..., Any]) -> Mapping[str, Any]:
    class Bad:
        def __init__(self, channel: Any) -> None:
            self.key, self.label, self.icon = channel.key, channel.label, channel.icon
            self.parse = parse

    return {
        "slots": tuple(replace(fill, data=run) for fill in loaded.slots),
        "channels": tuple(Bad(channel) for channel in loaded.channels),
        "jobs": tuple(replace(job, run=run, limit_seconds=0.2) for job in loaded.jobs),
        "on_event": run if loaded.on_event else None,
    }


def slot_pages(reference: str) -> dict[str, str]:
    """A page of core's for each slot."""
    return {"case.side": f"/cases/{reference}", "front.door": "/"}


async def desk_survives(desk: Desk, agent: Any, visitor: Any, slug: str) -> str:
    """Files a complaint, opens its page, takes it and opens the front page; what went wrong, or nothing."""
    try:
        filed = await asyncio.wait_for(desk.file("The fee was taken twice.", name="Nora Bystander"), 10)
    except Exception as problem:
        return f"a complaint cannot be filed: {type(problem).__name__}: {problem}"
    for who, path in ((agent, f"/cases/{filed.reference}"), (agent, "/queues/all"), (visitor, "/")):
        try:
            answer = await asyncio.wait_for(who.get(path), 8)
        except TimeoutError:
            return f"{path} does not answer within 8 s"
        if answer.status_code != 200:
            return f"{path} answers {answer.status_code}"
    return ""
