"""Keys: the deployment's master keys in a file, and one key per subject in the database, wrapped by the master key.

Subject keys are never cached: each use reads `core_key` again, so a key destroyed in one process is gone in all.
"""

import base64
import hashlib
import logging
import os
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ombud.kernel.clock import now
from ombud.kernel.database import db

log = logging.getLogger(__name__)

SIZE = 32
_NONCE = 12
# Shared by whoever wraps a new subject key, exclusive while a rotation adds a master key (see `rotate_master`).
MASTER_LOCK = 0x6F6D_6B65_79
_HEADING = (
    "# Ombud's master keys, one per line; the last one wraps new keys, earlier ones are left by a rotation.\n"
    "# Keep a copy apart from the database and its backups. Without it nobody can read what the vault holds.\n"
)


class KeyTrouble(RuntimeError):
    """A key is missing or does not fit; the message names the remedy."""


class MasterKeyMissing(KeyTrouble):
    """The database holds keys, but the master key file is not there."""


class WrongMasterKey(KeyTrouble):
    """The master key file does not hold the key that wrapped a row."""


class Destroyed(LookupError):
    """The subject's key was destroyed (the person was erased); the value is gone for good."""


def wrap(key: bytes, data: bytes, label: bytes) -> bytes:
    """AES-256-GCM: 12 bytes of nonce, then ciphertext and tag; the label must be the same to unwrap."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, label)


def unwrap(key: bytes, wrapped: bytes, label: bytes) -> bytes:
    """Raises InvalidTag when key, label or a byte is wrong."""
    return AESGCM(key).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], label)


def master_id(key: bytes) -> str:
    """A name that gives nothing of the key away."""
    return hashlib.sha256(b"ombud-master-key\n" + key).hexdigest()[:16]


class MasterKeys:
    """The key ring of one file. Another process may rotate it, so it is read again when the file changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: dict[str, bytes] = {}
        self._stamp = (0, 0, 0)
        self.refresh()

    @property
    def current(self) -> tuple[str, bytes]:
        """Id and key that wrap what is new."""
        return next(reversed(self._keys.items()))

    @property
    def ids(self) -> list[str]:
        return list(self._keys)

    def key(self, identity: str) -> bytes:
        if identity not in self._keys:
            self.refresh()
        try:
            return self._keys[identity]
        except KeyError:
            raise WrongMasterKey(
                f"{self.path} does not hold master key {identity}, which wrapped keys of this database: "
                "put back the key file that belongs to it"
            ) from None

    def refresh(self) -> None:
        """Reads the file again if it changed since."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            raise MasterKeyMissing(
                f"the master key file {self.path} is not there: put it back from where its copy is kept"
            ) from None
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        if status.st_mode & 0o077:
            log.warning("%s can be read by others on this machine; run: chmod 600 %s", self.path, self.path)
        self._keys = _read_ring(self.path)
        self._stamp = stamp

    def add_fresh(self) -> str:
        """Adds a new key at the end, which makes it the current one."""
        self.refresh()
        key = secrets.token_bytes(SIZE)
        self._replace([*self._keys.values(), key])
        return master_id(key)

    def keep_only(self, identity: str) -> None:
        self._replace([self.key(identity)])

    def _replace(self, keys: Iterable[bytes]) -> None:
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        write_private(draft, _ring_text(keys))
        draft.replace(self.path)
        _sync_folder(self.path.parent)
        self.refresh()


def _ring_text(keys: Iterable[bytes]) -> bytes:
    return (_HEADING + "".join(f"{base64.b64encode(key).decode()}\n" for key in keys)).encode()


def _read_ring(path: Path) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) != SIZE:
            raise WrongMasterKey(f"{path}, line {number}: expected {SIZE} bytes as base64; put back the file's copy")
        keys[master_id(key)] = key
    if not keys:
        raise WrongMasterKey(f"{path} holds no key; put back the file's copy")
    return keys


def write_private(path: Path, data: bytes) -> None:
    """Writes a new file of mode 0600 that is on the disk when this returns; refuses to overwrite."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def create_once(path: Path, data: bytes) -> None:
    """Writes a private file whole or not at all; where another process was first, its file stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(draft, data)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_opened: MasterKeys | None = None


def master() -> MasterKeys:
    """The key ring this process opened at its start."""
    if _opened is None:
        raise KeyTrouble("the master key is not open in this process: call `await keys.open_master(path)` first")
    return _opened


async def open_master(path: Path) -> MasterKeys:
    """Opens the key ring for this process and makes the file on first use; refuses one that does not fit the database.

    Call it after the database was opened and migrated.
    """
    global _opened
    there = path.exists()
    if not there:
        if await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_key WHERE destroyed_at IS NULL)"):
            raise MasterKeyMissing(
                f"the master key file {path} is not there, but the database holds keys wrapped by it: "
                "put the file back from where its copy is kept, or name its place in OMBUD_MASTER_KEY_FILE"
            )
        create_once(path, _ring_text([secrets.token_bytes(SIZE)]))
    ring = MasterKeys(path)
    strange = await db.fetchval(
        "SELECT master_id FROM core_key WHERE destroyed_at IS NULL AND master_id <> ALL($1) LIMIT 1", ring.ids
    )
    if strange is not None:
        ring.key(strange)  # reads the file again, then says what is wrong
    await _name_current(ring.current[0], ring.ids)
    _opened = ring
    return ring


async def _name_current(identity: str, known: Collection[str]) -> None:
    """Names the key that wraps what is new, unless the database names another one of this ring already."""
    await db.execute(
        "INSERT INTO core_master (current) VALUES ($1) ON CONFLICT (one) DO UPDATE SET current = $1 "
        "WHERE core_master.current <> ALL($2)",
        identity,
        known,
    )


def close_master() -> None:
    global _opened
    _opened = None


_HAVE_KEYS = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($1)),
fresh AS (
    INSERT INTO core_key (subject, wrapped, master_id, created_at)
    SELECT given.subject, given.wrapped, $4, $5
    FROM unnest($2::text[], $3::bytea[]) AS given (subject, wrapped), held
    ORDER BY given.subject
    ON CONFLICT (subject) DO NOTHING
    RETURNING subject, wrapped, master_id, destroyed_at
)
SELECT subject, wrapped, master_id, destroyed_at FROM fresh
UNION ALL
SELECT subject, wrapped, master_id, destroyed_at FROM core_key WHERE subject = ANY($2)
"""
_READ_KEYS = "SELECT subject, wrapped, master_id, destroyed_at FROM core_key WHERE subject = ANY($1)"


@dataclass(frozen=True, slots=True)
class FreshKey:
    """The key of a subject nobody knows yet, for a caller that stores it in a statement of its own, where
    `core_wraps_with(MASTER_LOCK, master_id)` is true; where it is not, a rotation goes on: take `sealing_keys`."""

    subject: str
    key: bytes = field(repr=False)
    wrapped: bytes
    master_id: str


def fresh_keys(subjects: Sequence[str]) -> list[FreshKey]:
    """Makes keys without the database, all under one master key."""
    ring = master()
    ring.refresh()
    identity, top = ring.current
    made = [(subject, secrets.token_bytes(SIZE)) for subject in subjects]
    return [FreshKey(subject, key, wrap_subject(top, subject, key), identity) for subject, key in made]


async def sealing_keys(subjects: Collection[str]) -> dict[str, bytes]:
    """The keys of these subjects, made where there is none yet; raises Destroyed if one was erased.

    Belongs in the transaction that writes what is sealed with them: a key made in one that rolls back is gone.
    """
    ring = master()
    ring.refresh()
    names = sorted(set(subjects))
    identity, top = ring.current
    made = {name: secrets.token_bytes(SIZE) for name in names}
    wrapped = [wrap_subject(top, name, made[name]) for name in names]
    async with db.transaction():
        rows = await db.fetch(_HAVE_KEYS, MASTER_LOCK, names, wrapped, identity, now())
        if len(rows) < len(names):  # another transaction made one meanwhile, which this snapshot could not see
            rows = await db.fetch(_READ_KEYS, names)
        keys = {row["subject"]: _open_key(ring, row) for row in rows}
        ring.refresh()
        if ring.current[0] != identity:  # a rotation began before the lock was ours: nothing new under the old key
            mine = set(wrapped)
            await _rewrap([row for row in rows if row["wrapped"] in mine])
    return keys


async def opening_keys(subjects: Collection[str]) -> dict[str, bytes]:
    """The keys of those subjects that have one and were not erased."""
    rows = await db.fetch(_READ_KEYS, sorted(set(subjects)))
    return {row["subject"]: _open_key(master(), row) for row in rows if row["destroyed_at"] is None}


def _open_key(ring: MasterKeys, row: asyncpg.Record | Mapping[str, object]) -> bytes:
    subject = str(row["subject"])
    if row["destroyed_at"] is not None or row["wrapped"] is None:
        raise Destroyed(f"the key of {subject} was destroyed; what was sealed for it cannot be read or added to")
    return open_wrapped(ring, subject, str(row["master_id"]), bytes(row["wrapped"]))  # type: ignore[arg-type]


def open_wrapped(ring: MasterKeys, subject: str, identity: str, wrapped: bytes) -> bytes:
    try:
        return unwrap(ring.key(identity), wrapped, _key_label(subject))
    except InvalidTag:
        raise WrongMasterKey(f"the key of {subject} was altered in the database: restore its row") from None


def wrap_subject(master_key: bytes, subject: str, key: bytes) -> bytes:
    """A subject's key as `core_key` holds it."""
    return wrap(master_key, key, _key_label(subject))


def _key_label(subject: str) -> bytes:
    return b"ombud-key-1\n" + subject.encode()


async def destroy(subject: str) -> bool:
    """Destroys a subject's key for good, also one that was never made; False if it was gone already."""
    done = await db.fetchval(
        """INSERT INTO core_key (subject, wrapped, master_id, created_at, destroyed_at) VALUES ($1, NULL, '', $2, $2)
        ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, destroyed_at = $2 WHERE core_key.destroyed_at IS NULL
        RETURNING true""",
        subject,
        now(),
    )
    return bool(done)


async def rotate_master(*, chunk: int = 500) -> int:
    """Wraps every subject's key anew under a fresh master key; returns how many.

    Killed half-way it is resumed by the next call: both keys stay in the file, and valid, until the last row is done.
    """
    ring = master()
    ring.refresh()
    if len(ring.ids) == 1:
        async with db.transaction():  # alone: from here on nobody wraps under the old key
            await db.execute("SELECT pg_advisory_xact_lock($1)", MASTER_LOCK)
            await db.execute("UPDATE core_master SET current = $1", ring.add_fresh())
    else:
        await db.execute("UPDATE core_master SET current = $1", ring.current[0])
    count, last = 0, ""
    while subjects := await _rewrap_chunk(ring.current[0], last, chunk):
        count, last = count + len(subjects), subjects[-1]
    ring.keep_only(ring.current[0])
    return count


async def _rewrap_chunk(identity: str, after: str, chunk: int) -> list[str]:
    async with db.transaction():
        rows = await db.fetch(
            """SELECT subject, wrapped, master_id, destroyed_at FROM core_key
            WHERE subject > $2 AND master_id <> $1 AND destroyed_at IS NULL ORDER BY subject LIMIT $3 FOR UPDATE""",
            identity,
            after,
            chunk,
        )
        await _rewrap(rows)
        return [row["subject"] for row in rows]


async def _rewrap(rows: Collection[asyncpg.Record]) -> None:
    ring = master()
    identity, top = ring.current
    subjects = [row["subject"] for row in rows]
    wrapped = [wrap_subject(top, row["subject"], _open_key(ring, row)) for row in rows]
    await db.execute(
        """UPDATE core_key SET wrapped = fresh.wrapped, master_id = $3
        FROM unnest($1::text[], $2::bytea[]) AS fresh (subject, wrapped)
        WHERE core_key.subject = fresh.subject AND core_key.destroyed_at IS NULL""",
        subjects,
        wrapped,
        identity,
    )
