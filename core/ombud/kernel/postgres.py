"""The embedded PostgreSQL: one server for one folder, started by the process that needs it and gone with it.

Only a Unix socket inside a closed folder leads to it, and PostgreSQL asks the kernel who connects (`peer`).
As root it runs under a number of its own. So that this user needs no way through the folders above (a home of mode
0700), it inherits them open: `/proc/self/fd/N` leads straight there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import psutil

from ombud.kernel import postgres_cluster as files
from ombud.kernel.postgres_cluster import DATABASE, ROLE, Owner, PostgresError
from ombud.kernel.postgres_install import MAJOR, InstallError, installed, reachable_by_all
from ombud.kernel.postgres_process import (
    Postmaster,
    alive,
    end_orphans,
    exclusive,
    postmaster_of,
    take_lock,
    works_on,
)

__all__ = ["EmbeddedPostgres", "PostgresError", "create_database", "drop_database", "url_of"]

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET = 103
PARENT_DEATH_SIGNAL = sys.platform == "linux"
START_SECONDS = 300
"""Long, because a server that was killed first replays what it had not yet written to its tables."""
LEAVE_SECONDS = 20
"""How long a server whose starter is gone may take to stop by itself."""
LOG_BYTES = 5_000_000

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    # A refused row would stand in the log with its names and addresses, where no erasure reaches it.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] %d ",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_wal_size": "512MB",
}
# For one large load into a desk that serves nobody; it survives a power cut as the usual ones do.
BULK = {
    "shared_buffers": "512MB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class EmbeddedPostgres:
    """The server of one folder. `fast` gives up what survives a power cut, for tests; `settings` go before the usual
    ones where this object is what starts it."""

    def __init__(
        self,
        folder: Path,
        *,
        fast: bool = False,
        install: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.cluster = self.folder / "cluster"
        self.log = self.folder / "postgres.log"
        self._fast = fast
        self._settings = SETTINGS | (FAST if fast else {}) | dict(settings or {})
        self._install = install
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._owner_process = 0
        self._url = ""

    @property
    def url(self) -> str:
        """Address of the database, for asyncpg and psycopg alike; PostgresError before `start`."""
        if not self._url:
            raise PostgresError("The embedded database was not started. Call start() first.")
        return self._url

    @property
    def owned(self) -> bool:
        """Whether this object started the server, or took it over from a process that is gone."""
        return self._owner_process == os.getpid()

    @property
    def pid(self) -> int:
        return self._pid

    def start(self) -> str:
        """Starts the server, or joins the one that already runs on the folder; gives its address.

        To start one, call it from the main thread: Linux stops the server when the thread that started it ends.
        """
        self._open_folder()
        try:
            with exclusive(self.folder / "lock", seconds=START_SECONDS):
                files.keep_owner(self.folder / "lock")
                if not self._join():
                    self._clear()
                    self._launch()
        except TimeoutError as error:
            raise PostgresError(f"Another process has been starting {self.folder} for long. End it.") from error
        except PermissionError as error:
            raise PostgresError(f"{error.filename}: {error.strerror}. Run as the user it belongs to.") from error
        except InstallError as error:
            raise PostgresError(str(error)) from error
        return self.url

    def stop(self) -> None:
        """Stops the server if this object owns it; one that another process started runs on."""
        if self.owned and self.running():
            for how, seconds in ((signal.SIGINT, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, how)
                if self._wait_gone(seconds):
                    break
            end_orphans(self.cluster)
        if self.owned:
            self._forget_socket()
        self._owner_process, self._pid, self._url, self._child = 0, 0, "", None

    def running(self) -> bool:
        """Whether the server that `start` gave still lives."""
        if not self._pid or (self._child is not None and self._child.poll() is not None):
            return False
        return works_on(self._pid, self.cluster)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise PostgresError(
                f"{self.folder} cannot be used ({error.strerror}). Run as the user it belongs to, or name another "
                "data folder with --data."
            ) from error

    def _join(self) -> bool:
        """Takes the address of a living server; one that is stopping, or about to, is waited for."""
        begun = time.monotonic()
        while found := postmaster_of(self.cluster):
            known = self._read_note()
            noted = known.get("postmaster") == found.pid
            leaving = not noted or (PARENT_DEATH_SIGNAL and not alive(known["starter"], known["starter_born"]))
            waited = time.monotonic() - begun
            if found.state == "ready" and noted and not (leaving and waited < LEAVE_SECONDS):
                self._take_over(found, known)
                return True
            if waited > (LEAVE_SECONDS if found.state == "ready" else START_SECONDS):
                raise PostgresError(f"Process {found.pid} on {self.cluster} is not ours and does not stop. End it.")
            time.sleep(0.02)
        return False

    def _take_over(self, found: Postmaster, known: dict[str, Any]) -> None:
        same = self.owned and found.pid == self._pid
        orphaned = not alive(known["starter"], known["starter_born"])
        self._owner_process = os.getpid() if same or orphaned else 0
        self._pid = found.pid
        self._url = _address(Path(known["socket"]))
        if orphaned:
            self._write_note(Path(known["socket"]))

    def _clear(self) -> None:
        """Leaves nothing of an earlier server: neither processes nor the file that claims one."""
        claim = self.cluster / "postmaster.pid"
        if self._child is not None:
            self._child.poll()
        if claim.exists() or self._read_note():
            if not end_orphans(self.cluster):
                raise PostgresError(f"Processes of an earlier server hold {self.cluster} and do not end.")
            claim.unlink(missing_ok=True)
        self._forget_socket()

    def _launch(self) -> None:
        if PARENT_DEATH_SIGNAL and threading.current_thread() is not threading.main_thread():
            raise PostgresError("Start the embedded database from the main thread: it stops when its thread ends.")
        install = self._install or installed()
        install = reachable_by_all(install) if files.is_root() else install
        settings = self._settings
        if not self.cluster.exists():
            files.create(self.folder, install, settings, sync=not self._fast, tied=PARENT_DEATH_SIGNAL)
        owner = self._settle_owner()
        self._check_version()
        files.write_access(self.cluster)
        home = self._make_socket_folder(owner)
        told = self._turn_log()
        with files.opened(self.cluster) as cluster, files.opened(home) as socket:
            if not take_lock(cluster, seconds=1):
                raise PostgresError(f"Another server, perhaps in another container, uses {self.cluster}. Stop it.")
            settings |= {"unix_socket_directories": files.seen_by_server(home, socket)}
            command = [str(install / "bin" / "postgres"), "-D", files.seen_by_server(self.cluster, cluster)]
            command += [f"--{name}={value}" for name, value in settings.items()]
            self._child = self._spawn(files.as_child(command, owner, PARENT_DEATH_SIGNAL), (cluster, socket))
        self._pid, self._owner_process = self._child.pid, os.getpid()
        self._write_note(home)
        self._wait_ready(self._child, told)
        self._url = _address(home)

    def _spawn(self, command: list[str], folders: tuple[int, ...]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            files.keep_owner(self.log)
            return subprocess.Popen(  # noqa: S603 - our own programs
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=folders,
                env=files.environment(),
                start_new_session=True,  # Ctrl+C in a terminal reaches Ombud alone, which stops things in order
            )

    def _wait_ready(self, child: subprocess.Popen[bytes], told: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = postmaster_of(self.cluster)
            if found and found.pid == child.pid and found.state == "ready":
                return
            if child.poll() is not None:
                reason = f"The embedded database ended at its start (exit code {child.returncode})."
                break
            if time.monotonic() > deadline:
                reason = f"The embedded database was not ready after {START_SECONDS} s."
                break
            time.sleep(0.01)
        tail = _tail(self.log, told)
        self.stop()
        raise PostgresError(f"{reason}\n{tail}\n{files.remedy(tail)} The whole log: {self.log}")

    def _wait_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _settle_owner(self) -> Owner | None:
        """Root runs the server as the user its files belong to; files of root get a user of their own."""
        facts = self.cluster.stat()
        if not files.is_root():
            if facts.st_uid != os.geteuid():
                name = files.user_name(facts.st_uid)
                raise PostgresError(
                    f"{self.cluster} belongs to {name}. Run as {name}, or give the folder to this user."
                )
            return None
        if facts.st_uid != 0:
            return Owner(facts.st_uid, facts.st_gid)
        owner = files.private_owner(self.folder)
        files.give(self.cluster, owner)
        return owner

    def _check_version(self) -> None:
        try:
            version = (self.cluster / "PG_VERSION").read_text().strip()
        except OSError:
            version = "unknown"
        if version != MAJOR:
            raise PostgresError(
                f"{self.cluster} holds a database of PostgreSQL version {version}, this Ombud runs {MAJOR}. "
                "Move it aside and restore a backup."
            )

    def _make_socket_folder(self, owner: Owner | None) -> Path:
        """Inside the folder, or in a temporary one where the path is too long for a socket."""
        home = self.folder / "socket"
        if len(os.fsencode(home / SOCKET_NAME)) > LONGEST_SOCKET:
            home = self._short_folder()
        shutil.rmtree(home, ignore_errors=True)
        try:
            home.mkdir(mode=0o700)
        except FileExistsError:  # somebody else's, under a name they could guess
            home = Path(tempfile.mkdtemp(prefix="ombud-"))
        if owner:
            os.chown(home, *owner)
        return home

    def _short_folder(self) -> Path:
        """The same at each start, so that the address outlives a restart and open pools find the way back."""
        base = tempfile.gettempdir()
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(base if len(base) < 60 else "/tmp") / f"ombud-{name}"  # noqa: S108

    def _forget_socket(self) -> None:
        note = self.folder / "server.json"
        known = self._read_note()
        if known:
            shutil.rmtree(known["socket"], ignore_errors=True)
        note.unlink(missing_ok=True)

    def _read_note(self) -> dict[str, Any]:
        try:
            known = json.loads((self.folder / "server.json").read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write_note(self, socket: Path) -> None:
        born = psutil.Process().create_time()
        known = {"postmaster": self._pid, "starter": os.getpid(), "starter_born": born, "socket": str(socket)}
        new = self.folder / "server.json.new"
        new.write_text(json.dumps(known))
        new.replace(self.folder / "server.json")

    def _turn_log(self) -> int:
        """Keeps one earlier log; gives the size of the one that goes on."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size < LOG_BYTES:
            return size
        self.log.replace(self.log.with_suffix(".log.1"))
        return 0


def _address(socket: Path) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket), safe='/')}&port={SETTINGS['port']}"


def _tail(log: Path, since: int, lines: int = 15) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(since)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    return ""


def url_of(url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(url)._replace(path="/" + quote(name)).geturl()


def create_database(url: str, name: str, template: str | None = None) -> str:
    """Makes a database on the server of `url`, as a copy of `template` if given; gives its address.

    `url` must not lead to the template: PostgreSQL copies only what nobody is connected to.
    """
    import psycopg
    from psycopg import sql

    command = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        # Files are copied as they are: logging each page would take twice as long, and write as much again.
        command += sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(command)
    return url_of(url, name)


def drop_database(url: str, name: str) -> None:
    """Drops a database if it is there, and ends who is connected to it; `url` must lead to another one."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
