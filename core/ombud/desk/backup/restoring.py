"""Puts a backup back, part by part: what is checked before anything is written, files, and the database."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from ombud.config import Config
from ombud.desk.backup.container import DATA, DUMP, JOURNAL, SECRETS, SETTINGS, Backup
from ombud.desk.backup.making import key_places
from ombud.desk.errors import NotNow
from ombud.desk.privacy import journal, replaying
from ombud.desk.privacy.journal import JournalBroken
from ombud.kernel import postgres_copy
from ombud.kernel.migrations import CORE, known
from ombud.trust import checkpoints
from ombud.trust.checkpoints import PublishedDiffers
from ombud.trust.keys import KeyTrouble, MasterKeys, create_once

NOTE = "restore.json"
AT_HOME = {"secrets", "erasures", "settings.toml", NOTE, "lost+found"}
"""What may lie in the folder of a new desk before it is restored: what does not come with a backup."""
ROLES = ("ombud_ledger", "ombud_app")


def demand_fit(backup: Backup) -> None:
    """Whether this program can bring its database up to date. Raises NotNow."""
    here = known(CORE)
    if set(backup.manifest["database"]["migrations"]) - here:
        raise NotNow(
            f"The backup was made by Ombud {backup.manifest['ombud']}, which is newer than this one. "
            "Install that version, then restore."
        )


def demand_folder(config: Config, backup: Backup) -> None:
    """A folder that is new, or where the same backup was being restored. Raises NotNow."""
    folder = config.data.dir
    if noted(folder).get("backup") == backup.manifest["id"]:
        return
    there = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
    strange = [name for name in there if name not in AT_HOME]
    if strange and not config.database.url:
        raise NotNow(
            f"{folder} is not empty; it holds {', '.join(strange[:3])}. Name a new folder with --data. "
            "Of an earlier desk, only secrets and erasures may lie there already."
        )


def noted(folder: Path) -> dict[str, Any]:
    """How far an earlier try came: {backup, journal, done: [parts]}."""
    try:
        known = json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def note(folder: Path, backup: Backup, journal_was: str, *done: str) -> None:
    draft = folder / f"{NOTE}.new"
    draft.write_text(json.dumps({"backup": backup.manifest["id"], "journal": journal_was, "done": list(done)}))
    draft.replace(folder / NOTE)


def journal_to_use(config: Config, backup: Backup, given: Path | None) -> tuple[str, Path | None]:
    """(given, own or none; the file). Raises NotNow for one that is not this desk's, or that is not understood."""
    own = config.data.dir / journal.FOLDER / journal.NAME
    was = noted(config.data.dir)
    if given is None and was.get("backup") == backup.manifest["id"]:
        return was.get("journal", "none"), None  # the one of the interrupted try lies in its place
    if given is None and not own.is_file():
        return "none", None
    file = given or own
    if not file.is_file():
        raise NotNow(f"There is no file {file}. Name a copy of the erasure journal.")
    try:
        replaying.demand_known(journal.orders(file))
    except JournalBroken as broken:
        raise NotNow(f"The journal does not hold: {broken}") from None
    if not journal.goes_on_from(backup.manifest["journal"], file):
        raise NotNow(
            f"{file} is not the journal of the desk that was backed up, or an older copy of it than the backup has: it "
            f"lacks line {backup.manifest['journal']['lines']} as the backup knows it. Give the newest copy."
        )
    return ("given" if given is not None else "own"), file


def put_keys(config: Config, backup: Backup, folder: Path | None) -> list[str]:
    """Brings the keys to their places, from the folder given or from the backup; those that are there stay. Returns the
    names of those that are missing, which can be done without. Raises NotNow without the master key that fits, before
    anything is written."""
    places = key_places(config)
    master = places["master.key"]
    lying = next((each for each in (master, _in(folder, "master.key", config)) if each and each.exists()), None)
    if lying is not None:
        _demand_opens(lying, backup)
    elif backup.manifest["keys"]["needed"] and not backup.manifest["keys"]["included"]:
        raise NotNow(
            "The keys are not in this backup, and the desk does not start without them: name the folder that holds "
            f"them with --keys FOLDER, or put the master key at {master}."
        )
    for name, place in places.items():
        source = _in(folder, name, config)
        if place.exists():
            continue
        if source is not None and source.is_file():
            create_once(place, source.read_bytes())
        elif SECRETS + name in backup.files:
            create_once(place, backup.read(SECRETS + name))
    return [name for name in backup.manifest["keys"]["files"] if not places[name].exists()]


def _in(folder: Path | None, name: str, config: Config) -> Path | None:
    """Where the folder that was given holds this key; the master key may be called there as it is here."""
    if folder is None:
        return None
    here = folder / config.secrets.master_key_file.name
    return here if name == "master.key" and here.is_file() else folder / name


def _demand_opens(master: Path, backup: Backup) -> None:
    try:
        held = MasterKeys(master).ids
    except KeyTrouble as trouble:
        raise NotNow(str(trouble)) from None
    if lacking := sorted(set(backup.manifest["keys"]["needed"]) - set(held)):
        raise NotNow(f"{master} does not hold master key {lacking[0]}, which opens this backup. Give the right file.")


def put_files(config: Config, backup: Backup) -> list[str]:
    """Brings what lay in the data folder; what is there already stays, and is returned by name."""
    stayed = []
    wanted = {name: name.removeprefix(DATA) for name in backup.under(DATA)}
    wanted |= {SETTINGS: SETTINGS, JOURNAL: JOURNAL}
    _set_aside(config, backup)
    for name, place in wanted.items():
        if name not in backup.files:
            continue
        to = config.data.dir / place
        if to.exists():
            stayed.append(place)
            continue
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = to.with_name(f".{to.name}.part")
        with backup.open(name) as source, draft.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            while part := source.read(1 << 20):
                file.write(part)
        draft.replace(to)
    return stayed


def _set_aside(config: Config, backup: Backup) -> None:
    """Checkpoints that were published after the backup do not fit the database that comes back: the file is kept under
    another name, as proof of what there was, and the backup's takes its place."""
    path = config.ledger.publish_file
    if not path.is_relative_to(config.data.dir) or not path.exists():
        return
    kept = backup.manifest["database"]["checkpoint"]
    try:
        last = checkpoints.last_published(path)
    except PublishedDiffers:
        last = {"n": -1, "hash": ""}
    if last is None or (kept is not None and last["n"] <= kept["n"]):
        return
    number = 1
    while (aside := path.with_name(f"{path.stem}.before-restore-{number}{path.suffix}")).exists():
        number += 1
    path.rename(aside)


async def demand_empty(url: str, confirmed: str) -> bool:
    """Whether an external database holds something that must go first. `confirmed`: its name, typed by whoever wants
    that. Raises NotNow."""
    connection = await _connected(url)
    try:
        name = await connection.fetchval("SELECT current_database()")
        full = await connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')"
        )
    finally:
        await connection.close()
    if full and confirmed != name:
        raise NotNow(
            f"The database {name} is not empty. Name an empty one; or, if everything in it may go, give "
            f"--replace {name}"
        )
    return bool(full)


async def put_database(backup: Backup, url: str, *, clear: bool) -> None:
    """All of the database or nothing. `clear`: what is in it goes first. Raises NotNow, PostgresError."""
    connection = await _connected(url)
    try:
        version = int(await connection.fetchval("SHOW server_version_num")) // 10000
        if version < backup.manifest["database"]["major"]:
            raise NotNow(
                f"The backup is of PostgreSQL {backup.manifest['database']['major']}, and this server is {version}. "
                "Give a server that is at least as new."
            )
        if clear:
            await _cleared(connection)
        owners, rights, borrowed = await _roles(connection, backup.manifest["database"]["roles"])
        try:
            with backup.open(DUMP) as source:
                await asyncio.to_thread(postgres_copy.pour, source, url, version, owners=owners, rights=rights)
        finally:
            for role in borrowed:
                await connection.execute(
                    f'REASSIGN OWNED BY "{role}" TO CURRENT_USER; DROP OWNED BY "{role}"; DROP ROLE "{role}"'
                )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _connected(url: str) -> Any:
    try:
        return await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError) as problem:
        raise NotNow(f"The database cannot be reached: {problem}. Correct database.url.") from None


async def _cleared(connection: Any) -> None:
    """Every schema that is no system's; the public one is made anew, since a dump takes it for granted."""
    rows = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' ORDER BY 1"
    )
    async with connection.transaction():
        for row in rows:
            await connection.execute(f'DROP SCHEMA "{row["nspname"]}" CASCADE')
        await connection.execute("CREATE SCHEMA public")


async def _roles(connection: Any, needed: Iterable[str]) -> tuple[bool, bool, list[str]]:
    """Whether owners and rights of the backup can be kept here, and the roles that were made for its sake alone. Only a
    superuser can give tables to others."""
    there = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    missing = sorted(set(needed) - there)
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return False, not missing, []
    for role in missing:
        await connection.execute(f'CREATE ROLE "{role}" NOLOGIN')
    return True, True, [role for role in missing if role not in ROLES]


def published_ahead(config: Config, manifest: Mapping[str, Any]) -> bool:
    """Whether checkpoints published elsewhere tell of entries that the backup does not have."""
    try:
        last = checkpoints.last_published(config.ledger.publish_file)
    except PublishedDiffers:
        return True
    kept = manifest["database"]["checkpoint"]
    return last is not None and (kept is None or last["n"] > kept["n"])
