"""The files of an embedded cluster: who they belong to, how the server reaches them, how they are first made."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ombud.kernel import postgres_child

APPLICATION = "ombud_app"
ROLE = "ombud"
DATABASE = "ombud"
FIRST_PRIVATE_UID, PRIVATE_UIDS = 61184, 4336
"""Numbers that systemd sets aside for users without a name."""


class PostgresError(Exception):
    """The embedded database does not run; the text names the reason and the remedy."""


class Owner(NamedTuple):
    """Who the server's files belong to, where root starts it."""

    uid: int
    gid: int


def is_root() -> bool:
    return os.geteuid() == 0


def private_owner(folder: Path) -> Owner:
    """A user without a name, so that no other program runs as it; the same one for the same folder."""
    first = int.from_bytes(hashlib.sha256(os.fsencode(folder)).digest()[:4], "big")
    for step in range(PRIVATE_UIDS):
        uid = FIRST_PRIVATE_UID + (first + step) % PRIVATE_UIDS
        try:
            pwd.getpwuid(uid)
        except KeyError:
            return Owner(uid, uid)
    raise PostgresError("No user number is free to run the embedded database as. Start Ombud as an ordinary user.")


def named_owner() -> Owner:
    """initdb wants a user with a name; the files it makes change hands before they are used."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise PostgresError("There is no user nobody here. Start Ombud as an ordinary user, not as root.") from error
    return Owner(entry.pw_uid, entry.pw_gid)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise PostgresError(
            f"User {os.geteuid()} has no name, so PostgreSQL cannot tell who connects. Add it to /etc/passwd, "
            "start Ombud as a user with a name, or name a server in [database] url of settings.toml."
        ) from error


def give(path: Path, owner: Owner) -> None:
    """The folder and all in it change hands; links themselves, never what they point to."""
    os.chown(path, *owner, follow_symlinks=False)
    for folder, folders, names in os.walk(path):
        for name in (*folders, *names):
            os.chown(os.path.join(folder, name), *owner, follow_symlinks=False)


def keep_owner(path: Path) -> None:
    """What root makes in another user's folder stays usable for that user."""
    if is_root():
        facts = path.parent.stat()
        os.chown(path, facts.st_uid, facts.st_gid, follow_symlinks=False)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def seen_by_server(folder: Path, descriptor: int) -> str:
    """The way to an inherited folder that asks for no right on the folders above it."""
    return f"/proc/self/fd/{descriptor}" if is_root() and sys.platform == "linux" else str(folder)


def as_child(command: list[str], owner: Owner | None, tied: bool) -> list[str]:
    """The command line that drops rights and ties the program to this process before it starts."""
    user = f"{owner.uid}:{owner.gid}" if owner else ""
    parent = str(os.getpid()) if tied else ""
    return [sys.executable, "-I", "-S", postgres_child.__file__, user, parent, *command]


def environment() -> dict[str, str]:
    """Little, so that neither PG… variables nor secrets of ours reach the server."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **kept}


def write_in(cluster: Path, name: str, text: str) -> None:
    """Replaces a file of the cluster; never through a link, because its folder belongs to another user."""
    path = cluster / name
    if not path.is_symlink() and path.is_file() and path.read_text() == text:
        return
    new = cluster / f"{name}.new"
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if is_root():
            facts = cluster.stat()
            os.fchown(file.fileno(), facts.st_uid, facts.st_gid)
    new.replace(path)


def write_access(cluster: Path) -> None:
    """Who may connect, as the kernel tells: the user that runs Ombud, the one the files belong to, and root; each as
    the owner, who migrates, or as the application, which cannot lift the ledger's guards."""
    names = {own_name(), "root"}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(cluster.stat().st_uid).pw_name)
    write_in(cluster, "pg_hba.conf", "local all all peer map=ombud\n")
    pairs = [(name, role) for name in sorted(names) for role in (ROLE, APPLICATION)]
    write_in(cluster, "pg_ident.conf", "".join(f'ombud "{name}" {role}\n' for name, role in pairs))


def create(folder: Path, install: Path, settings: Mapping[str, str], sync: bool, tied: bool) -> None:
    """Makes `folder/cluster` with an empty database; a creation that was broken off leaves nothing that counts."""
    _sweep(folder)
    new = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=folder))  # its own name: an old initdb may still write
    owner = named_owner() if is_root() else None
    if owner:
        os.chown(new, *owner)
    else:
        own_name()
    with opened(new) as descriptor:
        place = seen_by_server(new, descriptor)
        initdb = [str(install / "bin" / "initdb"), "-D", place, f"--username={ROLE}", "--auth=reject"]
        initdb += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb += ["--no-instructions"] if sync else ["--no-instructions", "--no-sync"]
        _run(as_child(initdb, owner, tied), b"", descriptor)
        single = [str(install / "bin" / "postgres"), "--single", "-D", place]
        single += [f"--{name}={value}" for name, value in settings.items()]
        _run(as_child([*single, "postgres"], owner, tied), f"CREATE DATABASE {DATABASE}\n".encode(), descriptor)
    if is_root():
        give(new, private_owner(folder))
    new.rename(folder / "cluster")
    _sweep(folder)  # once more: what an orphan of a killed initdb went on writing while the first sweep was at it
    if sync:
        with opened(folder) as descriptor:
            os.fsync(descriptor)


def _sweep(folder: Path) -> None:
    for half in folder.glob("cluster.new*"):
        shutil.rmtree(half, ignore_errors=True)


def _run(command: list[str], text: bytes, descriptor: int) -> None:
    done = subprocess.run(  # noqa: S603 - our own programs
        command, input=text, capture_output=True, pass_fds=(descriptor,), env=environment(), timeout=300, check=False
    )
    if done.returncode:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise PostgresError(f"The embedded database could not be made.\n{said}\n{remedy(said)}")


def remedy(said: str) -> str:
    """What to do about the best known failures."""
    known = {
        "No space left on device": "Free space on the disk of the data folder.",
        "Permission denied": "Let this user write in the data folder, or start Ombud as the user it belongs to.",
        "may not become user": "Start Ombud as an ordinary user.",
        "could not create shared memory": "Raise the machine's limit on shared memory.",
        "checkpoint record": "The database is damaged: restore a backup into a new data folder.",
        "could not find the database system": "The database is damaged: restore a backup into a new data folder.",
    }
    return next(
        (cure for sign, cure in known.items() if sign in said),
        "If this does not help you, name a server in [database] url of settings.toml.",
    )
