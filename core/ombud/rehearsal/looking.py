"""`python -m ombud.rehearsal.looking [--upgrade]`: opens the desk that the settings name, upgrades its plugins if asked
to, and prints as JSON who may see which page, how many rows each table holds, how each page answers and how fast."""

import argparse
import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar
from litestar.routes import HTTPRoute

from ombud.app import create_app
from ombud.config import load
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running, standings
from ombud.kernel.migrations import MigrationError, migrate_core
from ombud.kernel.plugins import UnfitError
from ombud.process import run_with
from ombud.rehearsal.comparing import SLOWER_MS
from ombud.start import opened
from ombud.trust import switching, users
from ombud.trust.policy import SYSTEM
from ombud.web.plugin_pages import app_of

ROUNDS = 7
SURELY = 2  # rounds after which a page that took less than half of what counts as slower need not be asked again
NAME = "upgrade-rehearsal"
# What ends the session, never ends, or writes a file of everything is not asked for.
LEFT_OUT = re.compile(r"/(sign-out|live|api/|me/|schema|static|themes|language)|/export|\.zip$|\.csv$")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--upgrade", action="store_true")
    print(json.dumps(asyncio.run(_seen(words.parse_args().upgrade, sys.stdin.readline().strip()))), flush=True)


async def _seen(upgrade: bool, password: str) -> dict[str, Any]:
    """`password`: of somebody with every role, made at the first look. What that look leaves behind is counted with it,
    so that the second one, which counts before it does anything, differs by the upgrade alone."""
    config = load()
    run_with(config)
    upgraded = await _upgraded(config) if upgrade else {}
    async with opened(config, config.database.url, name="ombud rehearsal"):
        counts = await _counts() if upgrade else {}
        if not upgrade:
            roles = [row["key"] for row in await db.fetch("SELECT key FROM core_role")]
            await users.add(NAME, "Rehearsal", "", password, roles, None, "system")
    app = create_app(config)
    async with app.lifespan():
        answers = await _answers(app, password)
        return {
            "plugins": {each.slug: [each.state, each.applied_version, each.problem] for each in await standings()},
            "upgraded": upgraded, "counts": counts or await _counts(), "pages": _pages(app), "answers": answers,
        }  # fmt: skip


async def _upgraded(config: Any) -> dict[str, str]:
    """Brings core and every plugin that is on to what is installed; for each plugin what came of it, empty if well."""
    await db.open(config.database.url, largest=2, name="ombud rehearsal")
    try:
        await migrate_core()
    finally:
        await db.close()
    said = {}
    async with opened(config, config.database.url, name="ombud rehearsal"):
        for each in await standings(config.plugins.blocked):
            if each.state == "upgrade needed":
                said[each.slug] = await _upgrade(each.slug)
    return said


async def _upgrade(slug: str) -> str:
    try:
        await switching.enable(SYSTEM, slug)
    except (UnfitError, MigrationError) as problem:
        return str(problem)
    return ""


async def _counts() -> dict[str, int]:
    rows = await db.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'core_worker' ORDER BY 1"
    )
    return {row["tablename"]: await db.fetchval(f'SELECT count(*) FROM "{row["tablename"]}"') for row in rows}


def _pages(app: Litestar) -> dict[str, str]:
    """Method and path of every page, and who may see it: a permission, or `public`."""
    pages = _guarded(app, "")
    for slug, loaded in running.loaded.items():
        pages |= _guarded(app_of(loaded), f"/p/{slug}")
    return pages


def _guarded(app: Litestar, before: str) -> dict[str, str]:
    found = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                opt = handler.opt
                found[f"{method} {before}{route.path}"] = "public" if opt.get("public") else str(opt.get("permission"))
    return found


async def _answers(app: Litestar, password: str) -> dict[str, tuple[int, float]]:
    """Status and least milliseconds (a busy machine only adds) of every page that needs nothing in its address, of a
    case and of a person. Page after page in each round, so that a busy moment does not fall on all rounds of one; and
    fewer rounds for what is quick, which is nearly all."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as browser:
        await _sign_in(browser, password)
        paths = await _paths(app)
        status = {path: (await browser.get(path)).status_code for path in paths}
        least = dict.fromkeys(paths, float("inf"))
        for turn in range(ROUNDS):
            for path in paths:
                if turn < SURELY or least[path] > SLOWER_MS / 2:
                    least[path] = min(least[path], await _took(browser, path))
        return {path: (status[path], round(least[path], 1)) for path in paths}


async def _sign_in(browser: httpx.AsyncClient, password: str) -> None:
    page = (await browser.get("/sign-in")).text
    found = re.search(r'name="_csrf" value="([^"]+)"', page)
    given = {"_csrf": found.group(1) if found else "", "login": NAME, "password": password}
    answer = await browser.post("/sign-in", data=given)
    if answer.status_code != 303:
        raise SystemExit(f"the rehearsal could not sign in on the copy: {answer.status_code}")


async def _paths(app: Litestar) -> list[str]:
    paths = [page.split(" ")[1] for page in _pages(app) if page.startswith("GET ") and "{" not in page]
    row = await db.fetchrow(
        "SELECT c.reference, p.person_id FROM core_case c JOIN core_party p ON p.case_id = c.id ORDER BY c.id LIMIT 1"
    )
    some = [f"/cases/{row['reference']}", f"/parties/{row['person_id']}"] if row else []
    return sorted({*(path for path in paths if not LEFT_OUT.search(path)), *some, "/queues/all"})


async def _took(browser: httpx.AsyncClient, path: str) -> float:
    """Milliseconds, without those in which the machine was busy with something else: of these only such as lie within
    the time that is measured, or a busy moment right after it would make a slow page a quick one."""
    begun, stood = time.perf_counter(), _stood_in_line()
    await browser.get(path)
    waited = _stood_in_line() - stood
    return max(0.0, (time.perf_counter() - begun) * 1000 - waited)


def _stood_in_line() -> float:
    """Milliseconds for which this thread could have run, had others left it a processor; 0 where nobody counts that."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


if __name__ == "__main__":
    main()
