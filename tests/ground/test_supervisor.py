"""Real processes, really killed: what a supervised desk survives."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from ombud.config import load
from ombud.kernel.database import db
from ombud.kernel.outbox import enqueue_events, enqueue_job
from ombud.kernel.supervisor import as_environment

HERE = Path(__file__).parent


class Desk:
    """A supervised desk in its own folder; `url` is where it serves, once it is ready."""

    def __init__(self, data: Path, role: str, database: str, *more: str) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("OMBUD_")}
        environ |= {"PYTHONPATH": str(HERE), "OMBUD_SERVER_PORT": "0", "OMBUD_DATABASE_URL": database}
        environ |= {"OMBUD_JOBS_THREADS": "2"}
        self.database = database
        self.log = data / "log"
        data.mkdir(exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jobs_desk", "--data", str(data), "--role", role, *more],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.url = ""
        self._connection: psycopg.Connection[Any] | None = None

    def wait_ready(self) -> "Desk":
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Ombud serves on http://127.0.0.1:"), self.log.read_text()
        self.url = line.split()[-1]
        return self

    def get(self, path: str, seconds: float = 10.0) -> str:
        with urllib.request.urlopen(self.url + path, timeout=seconds) as answer:
            return answer.read().decode()

    def pid_of(self, process: str) -> int:
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if process in child.cmdline():
                    return child.pid
        return 0

    def ask(self, sql: str, *args: Any) -> Any:
        """On one connection: a new one costs more than the question, and many ask until something holds."""
        if self._connection is None:
            self._connection = psycopg.connect(self.database, autocommit=True)
        row = self._connection.execute(sql, args).fetchone()
        return row[0] if row else None

    def enqueue(self, job: str, **payload: Any) -> Any:
        async def write() -> Any:
            await db.open(self.database, largest=1)
            try:
                return await enqueue_job(job, payload)
            finally:
                await db.close()

        return asyncio.run(write())

    def noted(self, name: str) -> int:
        return self.ask("SELECT count(*) FROM noted WHERE name = %s", name)

    def end(self) -> int:
        if self._connection is not None:
            self._connection.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def within(seconds: float) -> float:
    """The promised time, longer by as much as the machine has more to do than it has cores."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def until(holds: Callable[[], Any], seconds: float, desk: Desk) -> float:
    """How long it took."""
    begun, seconds = time.monotonic(), within(seconds)
    while time.monotonic() - begun < seconds:
        if holds():
            return time.monotonic() - begun
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s:\n{desk.log.read_text()[-6000:]}")


@pytest.fixture
def start(tmp_path: Path, fresh_database_url: str) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def begin(role: str = "all", *more: str, database: str = fresh_database_url, folder: str = "a") -> Desk:
        desks.append(Desk(tmp_path / folder, role, database, *more))
        return desks[-1]

    yield begin
    for desk in desks:
        desk.end()


@pytest.fixture
def work(start: Callable[..., Desk]) -> Desk:
    desk = start("work")
    until(lambda: "ready: work" in desk.log.read_text(), 15, desk)
    return desk


def test_processes_read_the_settings_of_their_supervisor(tmp_path: Path) -> None:
    given = {"OMBUD_PLUGINS_BLOCKED": "gap,sms", "OMBUD_SERVER_PORT": "8123", "OMBUD_LOG_LEVEL": "error"}
    config = load(data=tmp_path, environ=given)
    url = "postgresql://ombud_app@/ombud?host=/a/b&port=5432"
    read = load(environ=as_environment(config, url))
    assert read == replace(config, database=replace(config.database, url=url))


def test_job_that_kills_its_process_is_parked_after_three_kills_while_others_go_on(work: Desk) -> None:
    deadly = work.enqueue("deadly", name="deadly")
    until(lambda: work.noted("deadly") == 1, 5, work)
    assert until(lambda: work.noted("deadly") == 2, 15, work) < within(5)
    work.enqueue("note", name="innocent")
    until(lambda: work.noted("innocent") == 1, 15, work)
    assert work.noted("deadly") == 2, "the others were to go first"
    until(lambda: work.ask("SELECT state FROM core_delivery WHERE id = %s", deadly) == "parked", 20, work)
    work.enqueue("note", name="later")
    until(lambda: work.noted("later") == 1, 15, work)
    assert work.noted("deadly") == 3
    assert work.ask("SELECT kills FROM core_delivery WHERE id = %s", deadly) == 3
    assert work.ask("SELECT place FROM core_fault WHERE kind = 'parked'") == "job/deadly"


def test_killed_work_process_gives_its_deliveries_back_at_once(work: Desk) -> None:
    for number in range(4):  # more than it has threads: some wait inside it, taken from the broker
        work.enqueue("idle", name=f"idle {number}")
    until(lambda: work.ask("SELECT count(*) FROM noted") == 2, 5, work)
    work.enqueue("note", name="behind")
    first = work.pid_of("work")
    work.ask(
        "UPDATE core_delivery SET event = jsonb_build_object('name', 'again'), subscriber = 'job/note' RETURNING 1"
    )
    os.kill(first, signal.SIGKILL)
    assert until(lambda: work.noted("again") == 5, 8, work) < within(5)
    assert work.pid_of("work") != first


def test_frozen_event_loop_is_killed_named_and_its_job_runs_again(work: Desk) -> None:
    work.enqueue("idle", name="bystander")
    until(lambda: work.noted("bystander") == 1, 5, work)
    work.enqueue("freeze", name="freeze")
    until(lambda: work.noted("freeze") == 1, 5, work)
    assert until(lambda: work.ask("SELECT count(*) FROM core_fault WHERE kind = 'killed'") == 1, 8, work) < within(5)
    assert work.ask("SELECT place FROM core_fault WHERE kind = 'killed'") == "job/freeze jobs_desk:freeze"
    assert "time.sleep(60)" not in work.ask("SELECT slug FROM core_fault WHERE kind = 'killed'")
    until(lambda: work.noted("freeze") == 2, 8, work)


def test_synchronous_call_past_its_limit_ends_the_process_and_is_named(work: Desk) -> None:
    work.enqueue("hold_thread", name="hold")
    until(lambda: work.noted("hold") == 2, 12, work)
    assert work.ask("SELECT place FROM core_fault WHERE slug = 'sleepy' AND kind = 'killed'").endswith(
        "sleep_in_thread"
    )
    assert work.ask("SELECT count(*) FROM core_fault WHERE slug = 'sleepy' AND kind = 'timeout'") == 1


def test_long_job_resumes_where_it_was_when_its_process_was_killed(work: Desk) -> None:
    job = work.enqueue("long_import", total=60)
    until(lambda: work.ask("SELECT count(*) FROM noted") >= 20, 8, work)
    os.kill(work.pid_of("work"), signal.SIGKILL)
    until(lambda: work.ask("SELECT state FROM core_delivery WHERE id = %s", job) == "done", 15, work)
    assert work.ask("SELECT count(*) FROM noted") == 60
    assert work.ask("SELECT count(DISTINCT name) FROM noted") == 60
    assert work.ask("SELECT progress ->> 'done' FROM core_delivery WHERE id = %s", job) == "60"


def test_stopping_puts_a_running_job_back_without_counting_the_attempt(start: Callable[..., Desk]) -> None:
    desk = start("work")
    until(lambda: "ready: work" in desk.log.read_text(), 15, desk)
    desk.enqueue("idle", name="idle")
    until(lambda: desk.noted("idle") == 1, 5, desk)
    assert desk.end() == 0
    with psycopg.connect(desk.database) as connection:
        row = connection.execute(
            "SELECT state, attempts, kills FROM core_delivery WHERE subscriber = 'job/idle'"
        ).fetchone()
        assert row == ("waiting", 0, 0)
        assert connection.execute("SELECT count(*) FROM core_worker").fetchone() == (0,)


def test_another_work_process_takes_over_when_a_whole_machine_falls_silent(start: Callable[..., Desk]) -> None:
    first = start("work", folder="a")
    until(lambda: "ready: work" in first.log.read_text(), 15, first)
    first.enqueue("idle", name="idle")
    until(lambda: first.noted("idle") == 1, 5, first)
    first.ask("UPDATE core_delivery SET subscriber = 'job/note' RETURNING 1")
    second = start("work", folder="b")
    first.process.kill()
    first.process.wait(5)
    until(lambda: first.noted("idle") == 2, 15, second)


def test_web_process_killed_is_back_while_its_socket_never_closes(start: Callable[..., Desk]) -> None:
    desk = start("web").wait_ready()
    first = int(desk.get("/"))
    os.kill(first, signal.SIGKILL)
    begun = time.monotonic()
    assert int(desk.get("/")) != first  # waits in the queue of the socket, is not refused
    assert time.monotonic() - begun < within(4)


def test_frozen_page_names_its_provider_and_the_web_comes_back(start: Callable[..., Desk]) -> None:
    desk = start("web").wait_ready()
    begun = time.monotonic()
    with pytest.raises(OSError):
        desk.get("/freeze")
    assert time.monotonic() - begun < within(5)
    assert int(desk.get("/")) > 0
    until(lambda: desk.ask("SELECT place FROM core_fault WHERE slug = 'icy'") == "jobs_desk:_stand_still", 3, desk)


def asked_apart(desk: Desk, role: str, path: str = "/") -> str:
    """What the process of that role answers on its private socket; empty where it ended before it did."""
    with contextlib.closing(http.client.HTTPConnection("desk.test")) as asking, contextlib.suppress(OSError):
        asking.sock = socket.socket(socket.AF_UNIX)
        asking.sock.settimeout(within(30))
        asking.sock.connect(f"{desk.get('/apart')}/{role}")
        asking.request("GET", path)
        return asking.getresponse().read().decode()
    return ""


@pytest.mark.parametrize(("role", "other"), [("doors", "pages"), ("pages", "doors")])
def test_frozen_page_of_a_process_of_its_own_stops_no_other_and_the_process_is_replaced(
    role: str, other: str, start: Callable[..., Desk]
) -> None:
    desk = start("web", "--pages", "jobs_desk:create_app").wait_ready()
    before = {name: int(asked_apart(desk, name)) for name in (role, other)} | {"web": int(desk.get("/"))}
    assert before == {name: desk.pid_of(name) for name in before}
    answers: list[str] = []
    frozen = threading.Thread(target=lambda: answers.append(asked_apart(desk, role, "/freeze")))
    frozen.start()
    while frozen.is_alive():
        begun = time.monotonic()
        assert int(desk.get("/")) == before["web"]
        assert int(asked_apart(desk, other)) == before[other]
        assert time.monotonic() - begun < within(1)
    assert answers == [""]
    assert int(asked_apart(desk, role)) != before[role]  # who comes meanwhile waits, and is answered
    assert {desk.pid_of("web"), desk.pid_of(other)} == {before["web"], before[other]}
    until(lambda: desk.ask("SELECT place FROM core_fault WHERE slug = 'icy'") == "jobs_desk:_stand_still", 3, desk)


def test_replacing_the_processes_replaces_those_of_plugins_pages_too(start: Callable[..., Desk]) -> None:
    desk = start("web", "--pages", "jobs_desk:create_app").wait_ready()
    before = {asked_apart(desk, "doors"), asked_apart(desk, "pages"), desk.get("/")}
    desk.process.send_signal(signal.SIGHUP)

    def replaced() -> bool:
        return not before & {asked_apart(desk, "doors"), asked_apart(desk, "pages"), desk.get("/")}

    until(replaced, 30, desk)


def said_by(desk: Desk, process: str) -> str:
    return "\n".join(line for line in desk.log.read_text().splitlines() if line.startswith(f"{process} |"))


def test_as_many_processes_answer_forms_as_answer_browsers(start: Callable[..., Desk]) -> None:
    desk = start("web", "--pages", "jobs_desk:create_app", "--web", "2").wait_ready()
    names = ("doors 1", "doors 2", "pages", "web 1", "web 2")
    until(lambda: all("startup complete" in said_by(desk, each) for each in names), 15, desk)


def test_a_machine_that_only_works_has_no_processes_for_pages(start: Callable[..., Desk]) -> None:
    desk = start("work", "--pages", "jobs_desk:create_app")
    until(lambda: "ready: work" in desk.log.read_text(), 15, desk)
    assert not any(map(desk.pid_of, ("doors", "pages", "web")))


def test_web_finishes_what_it_began_when_it_is_asked_to_stop(start: Callable[..., Desk]) -> None:
    desk = start("web").wait_ready()
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        desk.process.terminate()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert desk.process.wait(10) == 0


def test_replacing_the_processes_refuses_no_request_and_puts_running_work_back(start: Callable[..., Desk]) -> None:
    desk = start("all").wait_ready()
    until(lambda: "ready: schedule, work" in desk.log.read_text(), 15, desk)
    desk.enqueue("idle", name="idle")
    until(lambda: desk.noted("idle") == 1, 5, desk)
    before = {desk.pid_of("web"), desk.pid_of("work")}
    desk.process.send_signal(signal.SIGHUP)

    def replaced() -> bool:
        assert int(desk.get("/")) > 0
        return not before & {desk.pid_of("web"), desk.pid_of("work")} and desk.pid_of("work") > 0

    until(replaced, 20, desk)
    until(lambda: desk.noted("idle") == 2, 15, desk)
    assert desk.ask("SELECT kills FROM core_delivery WHERE subscriber = 'job/idle'") == 0


def test_killed_supervisor_leaves_no_process(start: Callable[..., Desk]) -> None:
    desk = start("all", database="").wait_ready()
    family = psutil.Process(desk.process.pid).children(recursive=True)
    assert len(family) >= 3
    desk.process.kill()
    _, alive = psutil.wait_procs(family, timeout=8)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def test_killed_database_is_restarted_and_the_pools_find_it(start: Callable[..., Desk]) -> None:
    desk = start("all", database="").wait_ready()
    data = desk.log.parent

    def postmaster() -> int:
        with contextlib.suppress(OSError, IndexError, ValueError):
            lines = (data / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) if "ready" in lines[-1] else 0
        return 0

    pid = postmaster()
    until(lambda: "ready: schedule, work" in desk.log.read_text(), 15, desk)
    before = desk.pid_of("work"), desk.pid_of("web")
    assert desk.get("/count") == "0"
    os.kill(pid, signal.SIGKILL)

    def counts() -> bool:
        try:
            return desk.get("/count") == "0"
        except OSError:
            return False

    until(lambda: postmaster() not in {0, pid}, 12, desk)  # a backend of the killed one may answer for a moment
    until(counts, 12, desk)
    place = json.loads((data / "postgres" / "server.json").read_text())["socket"]  # elsewhere where the path is long
    desk.database = f"postgresql://ombud@/ombud?host={place}"
    desk.enqueue("note", name="after")
    until(lambda: desk.noted("after") == 1, 8, desk)
    assert (desk.pid_of("work"), desk.pid_of("web")) == before, desk.log.read_text()


def test_app_that_never_starts_stops_the_desk_with_its_reason(start: Callable[..., Desk]) -> None:
    desk = start("web", "--app", "jobs_desk:broken_app")
    assert desk.process.wait(20) == 1
    assert "this app never starts" in desk.log.read_text()
    assert "ended 3 times before it answered" in desk.log.read_text()


def test_taken_port_is_refused_with_the_remedy(fresh_database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environ = os.environ | {"PYTHONPATH": str(HERE), "OMBUD_SERVER_PORT": str(port)}
        environ["OMBUD_DATABASE_URL"] = fresh_database_url
        told = subprocess.run(
            [sys.executable, "-m", "jobs_desk", "--data", str(tmp_path), "--role", "web"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert told.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in told.stderr
    assert "--port" in told.stderr


def test_unreachable_database_is_named_with_the_remedy(start: Callable[..., Desk]) -> None:
    desk = start("web", database="postgresql://nobody:secret@127.0.0.1:1/none")
    assert desk.process.wait(20) == 1
    assert "cannot reach the database that database.url names" in desk.log.read_text()
    assert "secret" not in desk.log.read_text()


def test_two_schedulers_fire_one_moment_once(start: Callable[..., Desk]) -> None:
    desks = [start("schedule", folder=folder) for folder in "ab"]
    for desk in desks:
        until(lambda desk=desk: "ready: schedule" in desk.log.read_text(), 15, desk)
    fired = "SELECT count(*) FROM core_delivery WHERE subscriber = 'job/core.sweep'"
    past = "now() - interval '5 hours'"
    desks[0].ask(f"UPDATE core_fired SET counts_from = {past}, fire_at = {past} RETURNING 1")
    until(lambda: desks[0].ask(fired) == 1, 5, desks[0])
    time.sleep(2.5)
    assert desks[0].ask(fired) == 1


def test_event_reaches_its_subscriber_in_another_process(work: Desk) -> None:
    async def write() -> None:
        from ombud.kernel.outbox import registry, subscribe

        async def elsewhere(event: dict, context: Any) -> None:
            raise AssertionError("handled in the work process only")

        subscribe("noter", ["case.*"], elsewhere)
        await db.open(work.database, largest=1)
        try:
            async with db.transaction():
                await enqueue_events([{"id": "case/1/1", "kind": "case.opened"}, {"id": "case/1/2", "kind": "other"}])
        finally:
            await db.close()
            registry.subscriptions.pop("noter")

    asyncio.run(write())
    assert until(lambda: work.noted("case.opened") == 1, 5, work) < within(2)
