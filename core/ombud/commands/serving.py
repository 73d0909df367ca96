"""Serving, migrating, checking."""

import argparse
import asyncio

from ombud.commands.opening import tell_admin, with_desk
from ombud.config import Config
from ombud.desk.errors import NotNow
from ombud.kernel import serving
from ombud.kernel.database import db
from ombud.kernel.health import BAD, GOOD, health, worst
from ombud.kernel.supervisor import Programs, supervise
from ombud.start import opened, prepare_desk
from ombud.web import health_checks
from ombud.web.look import look

PROGRAMS = Programs(
    web="ombud.app:create_app", work="ombud.work:set_up", pages="ombud.app:create_app", beforehand="ombud.app:assemble"
)


def serve(config: Config, asked: argparse.Namespace) -> int:
    """Supervises database, web and work until it is told to stop."""
    runs_as: list[str] = []
    supervise(
        config,
        [asked.role],
        programs=PROGRAMS,
        migrate=lambda url: runs_as.append(asyncio.run(_made_ready(config, url, asked.demo))),
        for_processes=lambda url: runs_as[-1] if runs_as else url,
    )
    return 0


async def _made_ready(config: Config, url: str, with_demo: bool) -> str:
    """Migrates; a fresh desk gets its first user, and the demonstration data where that was asked for. Returns the
    address the processes connect to."""
    prepared = await prepare_desk(config, url)
    tell_admin(prepared.password)
    if with_demo:
        from ombud.desk.demo import commands as demo_commands  # its story is long to import, and most starts need none

        async with opened(config, prepared.url, name="ombud demo"):
            await demo_commands.demo_once_command(fresh=prepared.password is not None)
    return prepared.url


def reload(config: Config, asked: argparse.Namespace) -> int:
    """Asks the `ombud serve` of this folder to replace its processes, and waits until none of the old ones is left."""
    folder = config.data.dir
    try:
        count = serving.replace_processes(folder)
    except serving.NotServed:
        raise NotNow(f"Nobody serves {folder} on this machine. Start it with: ombud serve --data {folder}") from None
    except serving.NotReplaced as trouble:
        raise NotNow(f"{trouble} The log of `ombud serve` says why; what ran before goes on.") from None
    print(f"{count} {'process runs' if count == 1 else 'processes run'} anew.")
    return 0


def migrate(config: Config, asked: argparse.Namespace) -> int:
    """Brings the database up to date and prepares a fresh desk."""

    async def work() -> int:
        version = await db.fetchval("SHOW server_version")
        print(f"The database (PostgreSQL {version}) is up to date.")
        return 0

    return with_desk(config, work, plugins=False)


def check(config: Config, asked: argparse.Namespace) -> int:
    """Looks whether this desk can serve, as its health page does; 1 if something is bad."""

    async def work() -> int:
        health_checks.register()
        look.begin(config.theme.name)
        await look.refresh()
        found = await health.examine(serving=False)
        for each in found:
            if each.finding.state != GOOD:
                print(f"{each.finding.state.upper()}  {each.check.label}: {each.finding.said} {each.finding.remedy}")
        good = sum(each.finding.state == GOOD for each in found)
        print(f"{good} of {len(found)} checks are good.")
        return 1 if worst(found) == BAD else 0

    return with_desk(config, work, made_before=True)
