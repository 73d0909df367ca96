"""`ombud serve`: keeps the database, the web processes and the work process alive, and kills what is stuck."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import asyncpg
import psycopg
from psycopg.rows import tuple_row

from ombud.config import Config
from ombud.config_table import DERIVED, TABLE
from ombud.kernel import clock, faults, serving, watchdog
from ombud.kernel.heartbeat import OpenCall
from ombud.kernel.ids import new_id
from ombud.kernel.listening import healthy, listen, private_sockets
from ombud.kernel.mould import Mould
from ombud.kernel.postgres import EmbeddedPostgres, PostgresError
from ombud.kernel.processes import APART_VARIABLE, DOORS, PAGES, SOCKETS_VARIABLE, Child, clear, pass_on
from ombud.kernel.requeue import REQUEUE

Role = Literal["web", "work", "schedule", "all"]

TICK = 0.1  # seconds between two looks
STARTING = 60.0  # seconds a process may take before its loop runs
FIRST_STARTS = 3  # a web process that dies so often before it ever answered will not recover
WEB_DRAINS = 6.0
WORK_ENDS = 12.0
WORK_LEAVES = 30.0  # its successor works already: nobody waits for it

log = logging.getLogger("ombud.supervisor")


class CannotServe(Exception):
    """The desk cannot start; the text says why and what to do."""


@dataclass(frozen=True)
class Programs:
    """What the processes run, as `module:name`: the web apps' factories (`pages`: where plugins' pages run in processes
    of their own), and what sets the work process up. `beforehand`: called once for all that answer browsers, before
    the first of them is forked."""

    web: str
    work: str = ""
    pages: str = ""
    beforehand: str = ""

    def modules(self, roles: set[str]) -> set[str]:
        """What processes of these roles import, and what is called where it is imported."""
        browsers = {"ombud.kernel.web_process", self.web, self.pages} if "web" in roles else set()
        duties = {"ombud.kernel.worker", self.work} if roles - {"web"} else set()
        called = {self.beforehand} if browsers else set()
        return {each.partition(":")[0] for each in browsers | duties if each} | called - {""}


def supervise(
    config: Config,
    roles: Collection[Role] = frozenset({"all"}),
    *,
    programs: Programs,
    migrate: Callable[[str], None] | None = None,
    for_processes: Callable[[str], str] = str,
) -> None:
    """Serves until SIGTERM or SIGINT, from the main thread; SIGHUP replaces the processes one after another.

    `migrate` is called with the database's address before any process starts. `for_processes` turns that address
    into the one the processes use, such as that of a role with fewer rights. Raises CannotServe if it cannot start.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "supervise() belongs in the main thread: its processes end with the thread that started them"
        )
    Supervisor(config, roles, programs, migrate, for_processes).run()


class Supervisor:
    def __init__(
        self,
        config: Config,
        roles: Collection[Role],
        programs: Programs,
        migrate: Callable[[str], None] | None,
        for_processes: Callable[[str], str],
    ) -> None:
        self.config = config
        self.roles: set[str] = {"web", "work", "schedule"} if "all" in roles else set(roles)
        self.programs = programs
        self._migrate = migrate
        self._for_processes = for_processes
        self._stop = False
        self._ready = threading.Event()
        self._opens = False  # browsers are to be answered here
        self._embedded: EmbeddedPostgres | None = None
        self._url = config.database.url
        self._mould = Mould(programs.modules(self.roles), pass_on)
        self._children: list[Child] = []
        self._dead: list[tuple[UUID, UUID | None]] = []
        self._faults: list[tuple[str, str, str]] = []
        self._outdated: list[Child] = []
        self._successor: Child | None = None  # of the first that is outdated
        self._leaving: list[Child] = []
        self._asked_to_replace = False
        self._looked = time.monotonic()
        self._database_due = 0.0

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._signals())
            stack.enter_context(self._alone())
            stack.callback(self._mould.end)
            self._mould.begin()  # it imports while the database starts
            self._start_database()
            stack.callback(self._stop_database)
            self._bring_up_to_date()
            listening = stack.enter_context(self._listen()) if "web" in self.roles else None
            private = stack.enter_context(private_sockets()) if listening and self.programs.pages else {}
            clear(self.config.data.dir / "run")
            self._children = list(self._plan(listening, private))
            self._opens = listening is not None
            stack.callback(self._stop_children)
            if listening is not None:
                threading.Thread(target=self._announce, args=(listening,), daemon=True).start()
            while not self._stop:
                self._look()
                time.sleep(TICK)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """A second signal does not wait for drains."""

        def stop(number: int, frame: object) -> None:
            if self._stop:
                for child in self._everyone():
                    child.signal(signal.SIGKILL)
            self._stop = True

        def replace_all(number: int, frame: object) -> None:
            self._asked_to_replace = True

        before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, replace_all)
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        folder = self.config.data.dir
        try:
            with serving.alone(folder, self.roles):
                yield
        except serving.Served as other:
            raise CannotServe(
                f"{folder} is served already, by {other.who}. Stop that first, or serve another folder with --data."
            ) from None

    # --- the database ---

    def _start_database(self) -> None:
        if self._url:
            return
        try:
            self._embedded = EmbeddedPostgres(self.config.data.dir / "postgres")
            self._url = self._embedded.start()
        except PostgresError as error:
            raise CannotServe(str(error)) from error

    def _bring_up_to_date(self) -> None:
        if self._migrate is None:
            return
        try:
            self._migrate(self._url)
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            where = "the embedded database" if self._embedded else "the database that database.url names"
            raise CannotServe(
                f"cannot reach {where}: {error}. Check that it runs and that the address is right."
            ) from error

    def _stop_database(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()

    def _look_after_database(self) -> None:
        """Starts the embedded server again; the pools of the processes find it at the same address."""
        if self._embedded is None or time.monotonic() < self._database_due or self._embedded.running():
            return
        self._database_due = time.monotonic() + 1.0
        log.warning("the database died; starting it again")
        try:
            url = self._embedded.start()
        except PostgresError as error:
            log.error("the database does not start: %s", error)
            return
        if url != self._url:
            self._url = url
            self._bring_up_to_date()
            for child in self._everyone():
                child.move(self._for_processes(url))

    # --- the processes ---

    @contextlib.contextmanager
    def _listen(self) -> Iterator[socket.socket]:
        host, port = self.config.server.host, self.config.server.port
        try:
            listening = listen(host, port)
        except OSError as error:
            raise CannotServe(
                f"cannot listen on {host} port {port}: {error.strerror}. "
                "Stop the program that uses it, or choose another port with --port."
            ) from error
        with listening:
            yield listening

    def _plan(self, listening: socket.socket | None, private: Mapping[str, socket.socket]) -> Iterator[Child]:
        """As many for the doors as for the web: a complaint is as much work for one as for the other."""
        folder, count = self.config.data.dir / "run", self.config.server.web_processes
        environ = os.environ | as_environment(self.config, self._for_processes(self._url), listening)
        for role, place in private.items():
            asked = [role, "--app", self.programs.pages, "--socket", str(place.fileno())]
            for name in _numbered(role, count if role == DOORS else 1):
                yield Child(name, asked, environ | {APART_VARIABLE: role}, folder, [place.fileno()], self._mould)
            environ = environ | {SOCKETS_VARIABLE: str(Path(place.getsockname()).parent)}
        if listening is not None:
            number = listening.fileno()
            asked = ["web", "--app", self.programs.web, "--socket", str(number)]
            for name in _numbered("web", count):
                yield Child(name, asked, environ, folder, [number], self._mould)
        duties = sorted(self.roles & {"work", "schedule"})
        if duties:
            asked = ["work", "--app", self.programs.work, "--roles", ",".join(duties)]
            yield Child("work", asked, environ, folder, (), self._mould)

    def _look(self) -> None:
        now = time.monotonic()
        starved, self._looked = now - self._looked > 1.0, now
        self._look_after_database()
        for child in self._everyone():
            if not starved:  # what did not let us run did not let them beat either
                self._judge(child)
            if (code := child.bury()) is not None:
                self._mourn(child, code)
        if not self._mould.is_coming():
            for child in self._children:
                if not child.runs() and self._is_due(child):
                    child.start()
            self._replace_outdated()
        self._book()

    def _is_due(self, child: Child) -> bool:
        """Work and most plugins' pages come after what complaints come by: on few cores the desk serves the sooner."""
        waits = self._opens and not self._ready.is_set() and child.name in {PAGES, "work"}
        return time.monotonic() >= child.due and not waits

    def _everyone(self) -> list[Child]:
        """Those in their places, the one that is about to take another's, those that leave."""
        return [*self._children, *([self._successor] if self._successor else []), *self._leaving]

    def _replace_outdated(self) -> None:
        """One process at a time: its successor starts beside it on the same socket, and when that is ready, it ends."""
        if self._asked_to_replace:
            self._asked_to_replace, self._outdated = False, list(self._children)
            self._mould.begin()  # newly installed code is imported only by another
            return
        if self._successor is not None:
            if self._successor.is_ready():
                self._hand_over(self._outdated.pop(0), self._successor)
        elif self._outdated and not self._leaving and all(child.is_ready() for child in self._children):
            log.info("replacing %s", self._outdated[0].name)
            self._successor = self._outdated[0].successor()
            self._successor.start()

    def _hand_over(self, old: Child, new: Child) -> None:
        self._children[self._children.index(old)], self._successor = new, None
        self._leaving.append(old)
        old.leave(WORK_LEAVES if old.name == "work" else WEB_DRAINS)

    def _mourn(self, child: Child, code: int) -> None:
        child.forget()
        if child.name == "work":
            self._dead.append((child.worker, child.culprit))
        if child in self._leaving:
            self._leaving.remove(child)
            return
        if child is self._successor:
            self._successor, self._outdated = None, []
            log.error("the new process of %s ended before it worked; the one before it goes on", child.name)
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        log.warning("%s ended (%s); starting it again", child.name, how)
        if child.name.startswith("web") and not self._ready.is_set() and child.failures >= FIRST_STARTS:
            raise CannotServe(
                f"The web process ended {child.failures} times before it answered; the lines above say why."
            )

    def _judge(self, child: Child) -> None:
        if not child.runs():
            return
        reading = child.reading()
        verdict = watchdog.judge(reading, time.monotonic_ns())
        if verdict is None:
            if child.age > STARTING and (reading is None or reading.beat == 0):
                self._blame(child, f"did not start within {STARTING:g} s", None, child.stack())
                child.kill()
            return
        stack = child.stack()
        suspects = [verdict.call] if verdict.call else watchdog.blame(reading.calls if reading else (), stack)
        child.kill()
        child.culprit = watchdog.culprit(suspects)
        self._blame(child, verdict.reason, suspects[-1] if suspects else None, stack)

    def _blame(self, child: Child, reason: str, call: OpenCall | None, stack: str) -> None:
        slug, place = (call.slug, call.place) if call else ("core", child.name)
        log.error("killed %s: %s; running: %s of %s\n%s", child.name, reason, place, slug, stack)
        self._faults.append((slug, place, f"{reason}\n{stack}"[:4000]))

    # --- what is written down ---

    def _book(self) -> None:
        """Gives a dead worker's deliveries back and records faults; tried again while the database is away."""
        if not self._dead and not self._faults:
            return
        try:
            with psycopg.connect(self._url, connect_timeout=2, autocommit=True) as connection:
                cursor = psycopg.RawCursor(connection, row_factory=tuple_row)
                while self._dead:
                    worker, culprit = self._dead[0]
                    hit = _first(cursor.execute(REQUEUE, [[worker], culprit]).fetchone())
                    log.info("%s deliveries of the ended work process run again", hit)
                    self._dead.pop(0)
                while self._faults:
                    cursor.execute(faults.RECORD, _fault_row(*self._faults[0]))
                    self._faults.pop(0)
        except psycopg.OperationalError as error:
            log.warning("the database is away, booking waits: %s", str(error).strip())
        except psycopg.Error as error:
            log.error("could not be booked, left to the other workers: %s", error)
            self._dead, self._faults = [], []

    # --- beginning and end ---

    def _announce(self, listening: socket.socket) -> None:
        """Says that the desk serves once it does."""
        host, port = listening.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        while not self._stop:
            if healthy(host, port):
                self._ready.set()
                print(f"Ombud serves on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
                return
            time.sleep(0.1)

    def _stop_children(self) -> None:
        for child in self._everyone():
            child.signal(signal.SIGTERM)
        begun = time.monotonic()
        for child in self._everyone():
            patience = WORK_ENDS if child.name == "work" else WEB_DRAINS
            if not child.end(patience - (time.monotonic() - begun)) and child.name == "work":
                self._dead.append((child.worker, child.culprit))
            child.forget()
        self._book()


def _numbered(role: str, count: int) -> list[str]:
    return [f"{role} {index}" for index in range(1, count + 1)] if count > 1 else [role]


def as_environment(config: Config, url: str, listening: socket.socket | None = None) -> dict[str, str]:
    """The settings as the variables from which a process reads the same ones."""
    if listening is not None and config.server.port == 0:
        port = listening.getsockname()[1]
        config = replace(
            config,
            server=replace(config.server, port=port, base_url=config.server.base_url.removesuffix(":0") + f":{port}"),
        )
    config = replace(config, database=replace(config.database, url=url))
    values = {
        key.variable: _as_text(getattr(getattr(config, section), name))
        for section, keys in TABLE.items()
        for name, key in keys.items()
    }
    # Seconds until the broker's consumers look for a database that was away; its default is three.
    return values | {"dramatiq_restart_delay": "500"}


def environment_beside(config: Config, url: str, first: Sequence[Path] = ()) -> dict[str, str]:
    """For a process that works beside this one on the same desk, and imports what this one can; `first`: folders in
    which it looks before any other."""
    places = [*map(str, first), *filter(None, sys.path)]
    own = {name: value for name, value in os.environ.items() if name not in {SOCKETS_VARIABLE, APART_VARIABLE}}
    return {**own, **as_environment(config, url), "PYTHONPATH": os.pathsep.join(places)}


def _as_text(value: Any) -> str:
    if value == DERIVED:  # a path that nobody set; its own text would be this folder
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _first(row: Sequence[Any] | None) -> Any:
    return row[0] if row else None


def _fault_row(slug: str, place: str, error: str) -> list[Any]:
    return [new_id(), slug, clock.now(), "killed", place, error, ""]
