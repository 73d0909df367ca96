"""Makes a backup while the desk serves: the database in one snapshot, what else the data folder holds, a manifest."""

import asyncio
import errno
import hashlib
import platform
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ombud import __version__, speech
from ombud.config import Config
from ombud.config_table import TABLE, as_toml
from ombud.desk.backup.container import DATA, DUMP, FORMAT, JOURNAL, MANIFEST, SECRETS, SETTINGS, SUFFIX, VERSION
from ombud.desk.errors import NotNow
from ombud.desk.privacy import journal
from ombud.desk.transfer.export_file import ExportFile, written_whole
from ombud.kernel import postgres_copy
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.migrations import applied
from ombud.trust import link_signing, signing
from ombud.trust.ledger import NewEntry, append

PART = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
KEY_FILES = ("master.key", link_signing.FILE, signing.FILE)
"""As a backup calls them, whatever the master key's file is called here."""
ELSEWHERE = {
    "postgres": "the database's own files; the dump holds what is in them",
    "run": "sockets and notes of running processes",
    "secrets": "keys; see `keys`",
    "erasures": "the erasure journal; a copy is taken after the dump",
    "restore.json": "the note of an earlier restoration",
}


@dataclass(frozen=True)
class Made:
    """A finished backup, for the words the command ends with."""

    path: Path
    size: int
    sha256: str
    manifest: Mapping[str, Any]


def target(given: Path, config: Config, moment: datetime) -> Path:
    """The file that a path given by a person means. Raises NotNow where nothing can be written there."""
    path = given.expanduser().absolute()
    if path.is_dir():
        path = path / f"ombud-{moment:%Y-%m-%d-%H%M%S}{SUFFIX}"
    if path.exists():
        raise NotNow(f"{path} is there already. Name another file: a backup never takes the place of one.")
    if not path.parent.is_dir():
        raise NotNow(f"There is no folder {path.parent}. Make it first.")
    if path.resolve().is_relative_to(config.data.dir.resolve()):
        raise NotNow(f"{path} lies in the data folder, which it is to save. Name a place on another disk or machine.")
    return path


async def make(config: Config, url: str, path: Path, *, with_keys: bool) -> Made:
    """Writes the whole file or none. `url`: the address of the database's owner; the database is open, at whatever
    version of its tables. Raises NotNow, PostgresError."""
    try:
        with written_whole(path) as file:
            manifest = await _written(config, url, file, with_keys=with_keys)
    except PermissionError as problem:
        raise NotNow(f"{problem.filename or path} may not be read or written. Run as the desk's own user.") from None
    except OSError as problem:
        if problem.errno in FULL:
            raise NotNow(
                f"There is no more room in {path.parent}. Nothing was left there; name a larger disk."
            ) from None
        raise NotNow(f"{path} could not be written: {problem.strerror}. Nothing was left there.") from None
    digest = await asyncio.to_thread(_digest, path)
    await _tell(manifest, digest)
    return Made(path, path.stat().st_size, digest, manifest)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _written(config: Config, url: str, file: ExportFile, *, with_keys: bool) -> dict[str, Any]:
    """In this order: checkpoints that are published must be in the database, so their file is read before it; an
    erasure is in the journal before it is in the database, so the journal is read after it."""
    begun = now()
    database = await _database()
    left_out: list[dict[str, str]] = []
    for name, place in _data_files(config.data.dir, left_out):
        _copy(file, DATA + name, place)
    file.write(SETTINGS, settings_text(config).encode())
    with file.member(DUMP) as member:
        database["program"] = await asyncio.to_thread(postgres_copy.dump, url, database["major"], member.write)
    if (source := journal.path()).exists():
        _copy(file, JOURNAL, source)
    keys = await _keys(config, file, with_keys=with_keys)
    manifest = {
        "format": FORMAT, "version": VERSION, "id": str(new_id()), "made_at": begun.isoformat(),
        "ombud": __version__, "python": platform.python_version(), "database": database,
        "plugins": await _plugins(), "keys": keys, "journal": journal.head(), "left_out": left_out,
        "settings_left_out": [f"{each.section}.{each.name}" for each in _secret_settings()],
        "files": dict(file.files),
    }  # fmt: skip
    file.write(MANIFEST, msgspec.json.format(speech.encoded(manifest), indent=1) + b"\n", listed=False)
    file.close_sums()
    return manifest


async def _database() -> dict[str, Any]:
    """What a restoration must know before it begins. `roles`: who owns things there or may use them."""
    roles = await db.fetch(
        "SELECT DISTINCT r.rolname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "CROSS JOIN LATERAL (SELECT c.relowner AS id UNION SELECT (aclexplode(c.relacl)).grantee) used "
        "JOIN pg_roles r ON r.oid = used.id "
        "WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY 1"
    )
    number = int(await db.fetchval("SHOW server_version_num"))
    last = await db.fetchrow("SELECT n, encode(hash, 'hex') AS hash FROM core_checkpoint ORDER BY n DESC LIMIT 1")
    return {
        "server": str(await db.fetchval("SHOW server_version")), "major": number // 10000,
        "name": await db.fetchval("SELECT current_database()"), "roles": [row["name"] for row in roles],
        "migrations": sorted(await applied("core")),
        "size": await db.fetchval("SELECT pg_database_size(current_database())"),
        "checkpoint": dict(last) if last else None,
    }  # fmt: skip


async def _plugins() -> list[dict[str, Any]]:
    rows = await db.fetch("SELECT slug, applied_version AS version, wanted_on FROM core_plugin ORDER BY slug")
    return [dict(row) for row in rows]


async def _keys(config: Config, file: ExportFile, *, with_keys: bool) -> dict[str, Any]:
    """`needed`: which master keys open what the database holds; an id gives nothing of a key away."""
    needed = await db.fetch("SELECT DISTINCT master_id FROM core_key WHERE destroyed_at IS NULL ORDER BY 1")
    places = key_places(config)
    there = [name for name, place in places.items() if place.exists()]
    if with_keys:
        for name in there:
            _copy(file, SECRETS + name, places[name])
    note = (
        "The keys are in this file: whoever has it reads everything. Keep it as you keep the keys."
        if with_keys
        else "The keys are NOT in this file. Without them nobody reads raw messages, files and sealed words, and the "
        "desk does not start: keep a copy of these files apart from the backups."
    )
    return {"included": with_keys, "files": there, "needed": [row["master_id"] for row in needed], "note": note}


def key_places(config: Config) -> dict[str, Path]:
    """Where each key lies, by the name that a backup gives it."""
    master = config.secrets.master_key_file
    return {name: master if name == KEY_FILES[0] else master.with_name(name) for name in KEY_FILES}


def _data_files(folder: Path, left_out: list[dict[str, str]]) -> Iterator[tuple[str, Path]]:
    """Every ordinary file that is not kept otherwise, whoever put it there."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        top = name.parts[0]
        if top in ELSEWHERE or name.suffix in {".lock", ".pid", ".part"} or str(name) == SETTINGS:
            continue
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            yield name.as_posix(), path
        elif not stat.S_ISDIR(mode):
            left_out.append({"path": name.as_posix(), "why": "a link or a socket, no ordinary file"})
    left_out += [{"path": name, "why": why} for name, why in ELSEWHERE.items() if (folder / name).exists()]


def _copy(file: ExportFile, name: str, place: Path) -> None:
    with place.open("rb") as source, file.member(name) as member:
        while part := source.read(PART):
            member.write(part)


def _secret_settings() -> Iterator[Any]:
    for keys in TABLE.values():
        yield from (each for each in keys.values() if each.secret)


def settings_text(config: Config) -> str:
    """What this desk runs with and is not the default, as a settings file; no secrets, no places of this machine."""
    derived = f"http://{config.server.host}:{config.server.port}"
    lines = ["# As the backed-up desk ran; secrets and places of that machine are left out."]
    for section, keys in TABLE.items():
        chosen = getattr(config, section)
        values = {
            name: getattr(chosen, name)
            for name, key in keys.items()
            if not key.secret and key.type is not Path and getattr(chosen, name) not in (key.default, derived)
        }
        if values:
            lines += ["", f"[{section}]", *(f"{name} = {as_toml(value)}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


async def _tell(manifest: Mapping[str, Any], digest: str) -> None:
    """That everything was taken out is an entry of the ledger; it is in the next backup."""
    body = {"backup": manifest["id"], "sha256": digest, "with_keys": manifest["keys"]["included"]}
    async with db.transaction():
        await append(actor="system", entries=[NewEntry(f"backup/{manifest['id']}", "desk.backed_up", body)])
