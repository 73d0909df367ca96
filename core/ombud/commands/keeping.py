"""`ombud backup` and `ombud restore`."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ombud.config import Config
from ombud.desk.backup import making, restoring, settling
from ombud.desk.backup.container import JOURNAL, Backup
from ombud.desk.backup.container import opened as open_backup
from ombud.desk.errors import NotNow
from ombud.desk.privacy import commands as privacy_commands
from ombud.desk.privacy import journal, replaying
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.postgres import EmbeddedPostgres
from ombud.process import run_with
from ombud.start import migrate_desk, opened
from ombud.trust import ledger_verify

LOUD = "!" * 78


def backup(config: Config, asked: argparse.Namespace) -> int:
    """One file with everything; the desk may serve meanwhile, and need not be up to date with this program."""
    return asyncio.run(_backed_up(config, asked))


async def _backed_up(config: Config, asked: argparse.Namespace) -> int:
    if not config.database.url and not (config.data.dir / "postgres" / "cluster").is_dir():
        raise NotNow(f"There is no desk in {config.data.dir}. Name its folder with --data.")
    path = making.target(asked.target, config, now())
    run_with(config)
    async with _database(config) as url:
        await db.open(url, largest=2, name="ombud backup")
        try:
            made = await making.make(config, url, path, with_keys=asked.with_keys)
        finally:
            await db.close()
    _told(made)
    return 0


def _told(made: making.Made) -> None:
    keys, kept = made.manifest["keys"], made.manifest["journal"]
    print(f"{made.path} is written: {made.size} bytes, SHA-256 {made.sha256}")
    print(keys["note"])
    for each in made.manifest["left_out"]:
        print(f"Left out: {each['path']} ({each['why']})")
    print(
        f"The erasure journal has {kept['lines']} lines. The backup knows of no erasure after it: keep a copy of "
        f"{journal.path()} elsewhere, made after each erasure, and give the newest one when you restore."
    )


@asynccontextmanager
async def _database(config: Config) -> AsyncIterator[str]:
    """The address of the database's owner; an embedded server is joined, or started for the time of the block."""
    if config.database.url:
        yield config.database.url
        return
    embedded = EmbeddedPostgres(config.data.dir / "postgres")
    try:
        yield embedded.start()
    finally:
        embedded.stop()


def restore(config: Config, asked: argparse.Namespace) -> int:
    """A desk from a backup. Whatever can be refused is refused before anything is written."""
    with open_backup(asked.file) as found:
        print(
            f"Backup of {found.manifest['made_at']}, made by Ombud {found.manifest['ombud']}. Checking it.", flush=True
        )
        found.check()
        return asyncio.run(restored(config, found, asked.journal, asked.keys, asked.replace))


async def restored(
    config: Config, found: Backup, given: Path | None = None, keys: Path | None = None, replace: str = ""
) -> int:
    """The parts in order; each may be interrupted, and the same call again goes on."""
    folder = config.data.dir
    restoring.demand_fit(found)
    restoring.demand_folder(config, found)
    how, file = restoring.journal_to_use(config, found, given)
    done = _done(folder, found)
    clear = False
    if config.database.url and not done:
        clear = await restoring.demand_empty(config.database.url, replace)
    missing = restoring.put_keys(config, found, keys)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_with(config)
    if not done:
        restoring.note(folder, found, how)
    stayed = restoring.put_files(config, found) if not done else []
    if file is not None:
        journal.adopt(file)
    async with _database(config) as url:
        if not done:
            # What an interrupted try left in a database of our own goes; one that is not ours was empty, or confirmed.
            await restoring.put_database(found, url, clear=clear or not config.database.url)
            restoring.note(folder, found, how, "database")
        code = await _made_to_forget(config, url, found, how, is_first="settled" not in done)
        restoring.note(folder, found, how, "database", "settled")
    _warned(config, found, how, missing, stayed)
    return code


def _done(folder: Path, found: Backup) -> list[str]:
    """Which parts an earlier call for the same backup finished."""
    was = restoring.noted(folder)
    return list(was.get("done", ())) if was.get("backup") == found.manifest["id"] else []


async def _made_to_forget(config: Config, url: str, found: Backup, how: str, *, is_first: bool) -> int:
    runs_as = await migrate_desk(config, url)
    async with opened(config, runs_as, name="ombud restore"):
        held = await settling.restored(found.manifest, how) if is_first else 0
        replayed = await replaying.replay()
        await replaying.settle(replayed, "" if is_first else how)
        report = await ledger_verify.verify(publish_file=None)
        facts = await _facts()
    print(f"{facts['cases']} cases and {facts['people']} people are back. Everybody must sign in anew; "
          f"{facts['tokens']} API tokens hold as they did then: see whether one was revoked since.")  # fmt: skip
    if held:
        print(f"{held} messages were about to leave when the backup was made. They are held as not certain: say of "
              "each whether it arrived.")  # fmt: skip
    code = privacy_commands.told(replayed)
    if report.broken:
        print(f"The ledger DOES NOT HOLD: {report.broken}", file=sys.stderr)
        return 1
    print(f"The ledger holds: {report.entries} entries in {report.streams} streams, {report.checkpoints} checkpoints.")
    return code


async def _facts() -> Any:
    return await db.fetchrow(
        "SELECT (SELECT count(*) FROM core_case) AS cases, (SELECT count(*) FROM core_person WHERE erased_at IS NULL) "
        "AS people, (SELECT count(*) FROM core_token WHERE revoked_at IS NULL) AS tokens"
    )


def _warned(config: Config, found: Backup, how: str, missing: list[str], stayed: list[str]) -> None:
    for name in missing:
        print(f"{name} was not given. A new one is made; what the old one signed (links to customers) holds no longer.")
    for name in stayed:
        if name != JOURNAL:
            print(f"{name} was there already and stays as it is.")
    if restoring.published_ahead(config, found.manifest):
        print(f"{config.ledger.publish_file} holds checkpoints newer than the backup. Keep that file as proof, and set "
              "ledger.publish_file to a new one before you serve.", file=sys.stderr)  # fmt: skip
    if how == "none":
        print(
            f"{LOUD}\nNO ERASURE JOURNAL WAS GIVEN. Everybody who was erased after {found.manifest['made_at']} is back "
            f"in this desk.\n{settling.REMEDY}\nUntil then its health page and `ombud check` say so.\n{LOUD}",
            file=sys.stderr,
        )
