"""The embedded database, with real server processes."""

import asyncio
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from ombud.kernel import postgres, postgres_install
from ombud.kernel.postgres import BULK, EmbeddedPostgres, PostgresError, create_database, drop_database, url_of
from ombud.kernel.postgres_install import installed

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
tied = pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are a thing of Linux")

STARTER = """
import sys, time
from pathlib import Path
from ombud.kernel import postgres
postgres.PARENT_DEATH_SIGNAL = postgres.PARENT_DEATH_SIGNAL and {tied}
server = postgres.EmbeddedPostgres(Path(sys.argv[1]), fast=True)
server.start()
print(server.pid, server.owned, flush=True)
sys.stdin.read()
server.stop()
"""


class Starter:
    """Another process that starts the server of a folder and keeps it until its input ends."""

    def __init__(self, folder: Path, *, tied: bool = True) -> None:
        command = [sys.executable, "-c", STARTER.format(tied=tied), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def told(self) -> tuple[int, bool]:
        assert self.process.stdout
        pid, owned = self.process.stdout.readline().split()
        return int(pid), owned == "True"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def finish(self) -> None:
        self.process.communicate("", timeout=20)


def until(holds: Callable[[], bool], seconds: float = 10) -> float:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begun


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    assert row
    return row[0]


def tell(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def work_until_cut(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")


def socket_of(url: str) -> Path:
    return Path(str(conninfo_to_dict(url)["host"]))


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped desk's database; tests work on copies, because making one takes half a second."""
    folder = tmp_path_factory.mktemp("made") / "postgres"
    with EmbeddedPostgres(folder, fast=True) as server:
        tell(server.url, "CREATE TABLE note (text text)")
        tell(server.url, "INSERT INTO note VALUES ('kept')")
    return folder


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "postgres"
    shutil.copytree(made_once, place)
    yield place
    assert postgres.end_orphans(place / "cluster")


def test_a_first_start_makes_a_durable_utf8_database_for_both_drivers(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        assert [ask(server.url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "data_checksums")] == [
            "on"
        ] * 3
        assert ask(server.url, "SHOW server_version_num").startswith("18")
        assert ask(server.url, "SHOW max_connections") == "100"
        found = "SELECT concat_ws(' ', current_user, datname, pg_encoding_to_char(encoding), datlocprovider, datlocale)"
        assert (
            ask(server.url, f"{found} FROM pg_database WHERE datname = current_database()")
            == "ombud ombud UTF8 b C.UTF-8"
        )
        assert ask(server.url, "SELECT upper('zażółć')") == "ZAŻÓŁĆ"

        async def ask_with_asyncpg() -> object:
            connection = await asyncpg.connect(server.url)
            try:
                return await connection.fetchval("SELECT current_database()")
            finally:
                await connection.close()

        assert asyncio.run(ask_with_asyncpg()) == "ombud"


def test_a_later_start_is_quick_and_finds_what_was_written(folder: Path) -> None:
    begun = time.monotonic()
    with EmbeddedPostgres(folder) as server:
        assert time.monotonic() - begun < 1
        assert ask(server.url, "SELECT text FROM note") == "kept"
        pid = server.pid
        assert server.running()
        assert server.start() == server.url
        assert server.pid == pid
    assert not server.running()
    assert is_gone(pid)
    assert not (folder / "socket").exists()
    with pytest.raises(PostgresError, match="Call start"):
        _ = server.url


def test_settings_for_a_large_load_end_with_that_start_and_give_up_no_safety(folder: Path) -> None:
    names = "{autovacuum,fsync,full_page_writes,wal_level}"
    asked = f"SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name = ANY('{names}')"
    with EmbeddedPostgres(folder, settings=BULK) as server:
        tell(server.url, "INSERT INTO note VALUES ('loaded')")
        assert ask(server.url, asked) == "autovacuum=off fsync=on full_page_writes=on wal_level=minimal"
    with EmbeddedPostgres(folder) as server:
        assert ask(server.url, asked) == "autovacuum=on fsync=on full_page_writes=on wal_level=replica"
        assert ask(server.url, "SELECT count(*) FROM note WHERE text = 'loaded'") == 1


def test_no_port_is_open_and_the_folders_are_closed(folder: Path) -> None:
    with EmbeddedPostgres(folder, fast=True) as server:
        assert psutil.Process(server.pid).net_connections("inet") == []
        assert ask(server.url, "SHOW listen_addresses") == ""
        for path in (folder, folder / "cluster", folder / "socket", folder / "socket" / ".s.PGSQL.5432"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@as_root
def test_another_user_of_the_machine_is_refused_even_with_the_doors_open(folder: Path, tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    home.chmod(0o755)
    place = home / "postgres"
    shutil.move(folder, place)
    psql = str(installed() / "bin" / "psql")
    with EmbeddedPostgres(place, fast=True) as server:

        def try_as_nobody() -> str:
            command = [psql, server.url, "-c", "SELECT 1"]
            done = subprocess.run(
                command,
                user="nobody",
                group=65534,
                extra_groups=[],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
            )
            assert done.returncode != 0
            return done.stderr

        assert "Permission denied" in try_as_nobody()
        for path in (place, place / "socket", place / "socket" / ".s.PGSQL.5432"):
            path.chmod(0o777)
        assert "Peer authentication failed" in try_as_nobody()
    shutil.rmtree(home)


@as_root
def test_under_root_the_server_is_another_user_without_a_name(folder: Path) -> None:
    with EmbeddedPostgres(folder, fast=True) as server:
        uids = psutil.Process(server.pid).uids()
        assert set(uids) == {(folder / "cluster").stat().st_uid}
        assert uids.real >= postgres.files.FIRST_PRIVATE_UID
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
        assert "Groups:\t \n" in status


@as_root
def test_under_root_it_runs_from_a_home_that_only_root_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    package = installed().parent
    shutil.copytree(package, home / package.name, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
    shutil.copytree(package.with_name(f"{package.name}.libs"), home / f"{package.name}.libs")
    cache = Path(tempfile.mkdtemp(dir="/var/tmp"))
    monkeypatch.setattr(postgres_install, "COPY_HOMES", (cache,))
    programs = home / package.name / installed().name
    (beside := cache / "beside").touch(mode=0o600)
    for _ in ("makes the copy", "finds the copy"):
        with EmbeddedPostgres(home / "data" / "postgres", fast=True, install=programs) as server:
            assert psutil.Process(server.pid).exe().startswith(str(cache))
            assert ask(server.url, "SELECT count(*) > 500 FROM pg_timezone_names")
    assert len(list(cache.iterdir())) == 2
    assert beside.stat().st_mode & 0o777 == 0o600, "what else lies there is not gone through at each start"
    cache.chmod(0o777)
    with pytest.raises(PostgresError, match=r"only root may enter.*belongs to this user alone.*Install Ombud outside"):
        EmbeddedPostgres(home / "data" / "postgres", fast=True, install=programs).start()
    shutil.rmtree(cache)


@as_root
def test_root_runs_an_ordinary_users_database_as_that_user_and_leaves_it_usable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534)
    with EmbeddedPostgres(folder, fast=True) as server:
        assert psutil.Process(server.pid).uids().real == 65534
    assert {path.stat().st_uid for path in folder.iterdir()} == {65534}


@as_root
def test_root_never_writes_through_a_link_that_the_server_could_have_planted(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("pg_hba.conf", "pg_hba.conf.new", "pg_ident.conf"):
        (folder / "cluster" / name).unlink(missing_ok=True)
        (folder / "cluster" / name).symlink_to(victim)
    with EmbeddedPostgres(folder, fast=True) as server:
        assert ask(server.url, "SELECT 1") == 1
    assert victim.read_text() == "mine"
    assert victim.stat().st_uid == 0


def ordinary_python() -> str | None:
    same = f"python3.{sys.version_info.minor}"
    reachable = [Path(sys.executable), Path(f"/usr/bin/{same}"), Path(f"/usr/local/bin/{same}")]
    return next(
        (str(p) for p in reachable if p.exists() and all(q.stat().st_mode & 1 for q in p.resolve().parents)), None
    )


@as_root
@pytest.mark.skipif(not ordinary_python(), reason="no Python that another user may run")
def test_an_ordinary_user_needs_nothing_from_root() -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    os.chown(home, 65534, 65534)
    done = subprocess.run(
        [ordinary_python(), "-c", STARTER.format(tied=True), str(home / "postgres")],
        user="nobody",
        group=65534,
        extra_groups=[],
        input="",
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        env={
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if "site-packages" in p or p.endswith("core")),
            "PATH": os.defpath,
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("True\n")
    assert (home / "postgres" / "cluster").stat().st_uid == 65534
    shutil.rmtree(home)


def test_a_killed_postmaster_is_replaced_within_seconds_and_its_orphans_are_ended(folder: Path) -> None:
    first = EmbeddedPostgres(folder)
    first.start()
    tell(first.url, "INSERT INTO note VALUES ('committed')")
    busy = psycopg.connect(first.url, autocommit=True)
    orphan = busy.info.backend_pid
    thread = threading.Thread(target=work_until_cut, args=(busy,), daemon=True)
    thread.start()
    time.sleep(0.2)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: psutil.Process(first.pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_gone(orphan), "a backend that works does not notice that its postmaster is gone"

    begun = time.monotonic()
    with EmbeddedPostgres(folder) as second:  # nobody reaped the first: it is a zombie while this one starts
        assert time.monotonic() - begun < 5
        assert is_gone(orphan)
        assert ask(second.url, "SELECT count(*) FROM note") == 2
        assert not first.running()
    thread.join(5)


def test_start_after_a_kill_works_on_the_same_object_too(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.running())
    server.start()
    assert ask(server.url, "SELECT text FROM note") == "kept"
    server.stop()


def test_a_server_that_someone_else_restarted_is_theirs(folder: Path) -> None:
    server = EmbeddedPostgres(folder, fast=True)
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.running())
    other = Starter(folder)
    pid, owned = other.told()
    assert owned
    server.start()
    assert (server.pid, server.owned) == (pid, False)
    server.stop()
    assert not is_gone(pid)
    other.finish()
    assert is_gone(pid)


@tied
def test_a_killed_parent_takes_the_server_along_and_the_stop_is_clean(folder: Path) -> None:
    starter = Starter(folder)
    pid, owned = starter.told()
    assert owned
    starter.kill()
    until(lambda: is_gone(pid))
    control = str(installed() / "bin" / "pg_controldata")
    state = subprocess.run([control, str(folder / "cluster")], capture_output=True, text=True, check=True).stdout
    assert "Database cluster state:               shut down\n" in state


def test_a_start_right_after_the_parent_was_killed_ends_with_a_server(folder: Path) -> None:
    starter = Starter(folder)
    starter.told()
    starter.kill()
    with EmbeddedPostgres(folder, fast=True) as server:
        assert server.owned
        time.sleep(0.3)
        assert ask(server.url, "SELECT text FROM note") == "kept"


def test_a_server_that_outlived_its_starter_is_taken_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PARENT_DEATH_SIGNAL", False)
    starter = Starter(folder, tied=False)
    pid, _ = starter.told()
    starter.kill()
    with EmbeddedPostgres(folder, fast=True) as server:
        assert (server.pid, server.owned) == (pid, True)
        assert ask(server.url, "SELECT text FROM note") == "kept"
    assert is_gone(pid)


def test_a_second_process_joins_the_running_server_and_leaves_it_running(folder: Path) -> None:
    with EmbeddedPostgres(folder, fast=True) as server:
        guest = Starter(folder)
        assert guest.told() == (server.pid, False)
        guest.finish()
        assert server.running()
        assert ask(server.url, "SELECT text FROM note") == "kept"


def test_two_processes_that_start_one_folder_at_once_get_one_server(tmp_path: Path) -> None:
    starters = [Starter(tmp_path / "new"), Starter(tmp_path / "new")]
    told = [starter.told() for starter in starters]
    assert told[0][0] == told[1][0]
    assert sorted(owned for _, owned in told) == [False, True]
    for _, starter in sorted(zip((owned for _, owned in told), starters, strict=True), key=lambda pair: pair[0]):
        starter.finish()


def test_two_folders_have_two_servers_side_by_side(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    with EmbeddedPostgres(folder, fast=True) as one, EmbeddedPostgres(tmp_path / "other", fast=True) as two:
        tell(one.url, "DELETE FROM note")
        assert ask(two.url, "SELECT text FROM note") == "kept"


@tied
def test_a_start_from_another_thread_is_refused(folder: Path) -> None:
    said: list[str] = []

    def try_it() -> None:
        with pytest.raises(PostgresError) as caught:
            EmbeddedPostgres(folder, fast=True).start()
        said.append(str(caught.value))

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert said == ["Start the embedded database from the main thread: it stops when its thread ends."]


def test_a_path_too_long_for_a_socket_gets_one_in_a_short_place(folder: Path, tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["folder with spaces"] * 8)
    deep.mkdir(parents=True)
    shutil.move(folder, deep / "postgres")
    with EmbeddedPostgres(deep / "postgres", fast=True) as server:
        assert ask(server.url, "SELECT text FROM note") == "kept"
        socket = socket_of(server.url)
        assert len(str(socket)) < 80
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not server.running())
        server.start()
        assert socket_of(server.url) == socket, "open pools find the way back"
        assert ask(server.url, "SELECT text FROM note") == "kept"
    assert not socket.exists()


def test_a_database_that_cannot_start_says_why_and_what_to_do(folder: Path) -> None:
    (folder / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(PostgresError) as caught:
        EmbeddedPostgres(folder, fast=True).start()
    assert "ended at its start (exit code 2)" in str(caught.value)
    assert "could not find the database system" in str(caught.value)
    assert "restore a backup" in str(caught.value)
    assert str(folder / "postgres.log") in str(caught.value)


def test_a_database_of_another_version_is_left_alone(folder: Path) -> None:
    (folder / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresError, match=r"PostgreSQL version 17, this Ombud runs 18\. Move it aside"):
        EmbeddedPostgres(folder, fast=True).start()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("")
    with pytest.raises(PostgresError, match=r"cannot be used .* name another data folder with --data"):
        EmbeddedPostgres(tmp_path / "postgres").start()


def test_a_server_out_of_sight_keeps_the_folder_to_itself(folder: Path) -> None:
    """Its processes may be those of another container; the lock on the folder shows them all the same."""
    descriptor = os.open(folder / "cluster", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(PostgresError, match=r"Another server, perhaps in another container"):
        EmbeddedPostgres(folder, fast=True).start()
    os.close(descriptor)
    with EmbeddedPostgres(folder, fast=True) as server:
        descriptor = os.open(folder / "cluster", os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        assert server.running()


def test_a_creation_that_was_broken_off_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "postgres", fast=True) as server:
        assert ask(server.url, "SELECT current_database()") == "ombud"
    assert not half.exists()


def test_a_parent_killed_while_it_makes_the_database_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    starter = Starter(tmp_path / "postgres")
    until(lambda: any((tmp_path / "postgres").glob("cluster.new*/base")))
    starter.kill()
    assert not (tmp_path / "postgres" / "cluster").exists()
    with EmbeddedPostgres(tmp_path / "postgres", fast=True) as server:
        assert ask(server.url, "SELECT current_database()") == "ombud"
    assert not list((tmp_path / "postgres").glob("cluster.new*"))


def test_the_number_of_a_dead_server_that_now_belongs_to_a_stranger_does_not_matter(folder: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    (folder / "cluster" / "postmaster.pid").write_text(f"{stranger.pid}\n/x\n1\n5432\n\n\n  1 1\nready\n")
    with EmbeddedPostgres(folder, fast=True) as server:
        assert ask(server.url, "SELECT text FROM note") == "kept"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_long_log_is_put_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOG_BYTES", 10)
    (folder / "postgres.log").write_text("an old line\n")
    with EmbeddedPostgres(folder, fast=True):
        assert (folder / "postgres.log.1").read_text() == "an old line\n"


def test_a_database_is_copied_from_a_template_and_dropped_under_its_guests(postgres_url: str) -> None:
    template, name = f"t-{os.getpid()}", f'c "{os.getpid()}'
    tell(create_database(postgres_url, template), "CREATE TABLE note AS SELECT 'copied' AS text")
    try:
        url = create_database(postgres_url, name, template)
        assert url == url_of(postgres_url, name)
        with psycopg.connect(url) as guest:
            assert guest.execute("SELECT text FROM note").fetchone() == ("copied",)
            drop_database(postgres_url, name)
            with pytest.raises(psycopg.OperationalError):
                guest.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)
        drop_database(postgres_url, name)
    finally:
        drop_database(postgres_url, template)


def test_each_test_gets_its_own_copy_of_the_migrated_template(fresh_database_url: str, database_url: str) -> None:
    assert fresh_database_url != database_url
    for url in (fresh_database_url, database_url):
        assert ask(url, "SELECT count(*) FROM migration WHERE app_name = 'core'")
