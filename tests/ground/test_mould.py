"""What imports once for all processes of a desk: forked processes are as those that were started by themselves."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ombud.kernel.mould import Cast, Mould
from ombud.kernel.processes import Child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each process starts by itself")

# Stands where `ombud.kernel.child` runs what it was asked for: the tests say what that is.
ASKED = """
import os, sys, signal, time, socket
from ombud.kernel import child
def run():
    exec(os.environ["ASKED"])
child.run = run
"""


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mould]]:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "asked.py").write_text(ASKED)
    made: list[Mould] = []

    def begin(text: str = "", called: str = "more") -> Mould:
        (tmp_path / "more.py").write_text(text)
        made.append(
            Mould({"asked", "more", called}, lambda name, printed: told.append((name, printed.read().decode())))
        )
        made[-1].begin()
        return made[-1]

    told: list[tuple[str, str]] = []
    begin.told = told  # type: ignore[attr-defined]
    yield begin
    for each in made:
        each.end()


def forked(mould: Mould, does: str, *sockets: int, **environ: str) -> Cast:
    until(lambda: not mould.is_coming())
    cast = mould.cast(["web", "--name", "x"], {"ASKED": does, **environ}, sockets)
    assert cast is not None
    return cast


def test_a_forked_process_is_a_child_in_a_session_of_its_own_with_its_own_environment_and_command_line(
    make: Callable[..., Mould],
) -> None:
    mould = make()
    does = "print(os.getppid(), os.getsid(0) == os.getpid(), sorted(os.environ), sys.argv, flush=True); time.sleep(60)"
    cast = forked(mould, does, LC_ALL="C")
    said = cast.stdout.readline().decode().strip()
    assert said == f"{os.getpid()} True ['ASKED', 'LC_ALL'] ['ombud.kernel.child', 'web', '--name', 'x']"
    shown = psutil.Process(cast.pid)
    assert shown.cmdline()[:7] == [sys.executable, "-P", "-m", "ombud.kernel.child", "web", "--name", "x"]
    assert shown.pid in {each.pid for each in psutil.Process().children()}
    assert cast.poll() is None
    cast.kill()
    assert cast.wait(10) == cast.poll() == -signal.SIGKILL
    cast.send_signal(signal.SIGTERM)  # nobody is there any more, and nobody else gets it


def test_what_is_called_beforehand_was_called_once_for_all_of_them(make: Callable[..., Mould]) -> None:
    mould = make("import os\nby = []\ndef prepare(): by.append(os.getpid())", "more:prepare")
    casts = [forked(mould, "import more; print(more.by, os.getpid())") for _ in range(2)]
    assert [each.wait(10) for each in casts] == [0, 0]
    (first, own), (second, other) = [each.stdout.read().decode().split() for each in casts]
    assert first == second
    assert own != other
    assert first not in {f"[{own}]", f"[{other}]", "[]"}


def test_its_end_is_seen_with_its_code_and_all_it_said(make: Callable[..., Mould]) -> None:
    cast = forked(make(), "print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert cast.wait(10) == 7
    assert sorted(cast.stdout.read().decode().split()) == ["err", "out"]
    failing = forked(make(), "raise RuntimeError('because')")
    assert failing.wait(10) == 1
    assert b"RuntimeError: because" in failing.stdout.read()


def test_it_listens_on_the_socket_of_this_process_under_the_same_number(make: Callable[..., Mould]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        does = f"s = socket.socket(fileno={number}); c, _ = s.accept(); c.send(b'hello'); c.close()"
        cast = forked(make(), does, number)
        with socket.create_connection(listening.getsockname(), timeout=20) as asking:
            assert asking.recv(10) == b"hello"
        assert cast.wait(10) == 0


def test_what_was_forked_outlives_the_mould_and_ends_with_the_supervisor_only(make: Callable[..., Mould]) -> None:
    mould = make()
    cast = forked(mould, "child.die_with(os.getppid()); print('on', flush=True); time.sleep(60)")
    assert cast.stdout.readline() == b"on\n"
    mould.end()
    assert mould.cast([], {}, []) is None
    assert cast.poll() is None
    cast.kill()
    cast.wait(10)


def test_one_that_was_killed_comes_again(make: Callable[..., Mould]) -> None:
    mould = make()
    first = forked(mould, "pass")
    assert first.wait(10) == 0
    killed = next(each for each in psutil.Process().children() if "ombud.kernel.casting" in each.cmdline())
    killed.kill()
    until(lambda: killed.status() == psutil.STATUS_ZOMBIE)
    assert mould.is_coming()
    assert forked(mould, "sys.exit(3)").wait(10) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise ImportError('no such thing')", "ImportError: no such thing"),
        ("def prepare(): raise RuntimeError('not to be made')", "RuntimeError: not to be made"),
        ("import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "thread"),
    ],
)
def test_where_it_cannot_import_each_process_starts_by_itself(text: str, words: str, make: Any, tmp_path: Path) -> None:
    mould = make(text, "more:prepare" if "prepare" in text else "more")
    until(lambda: not mould.is_coming())
    assert mould.cast([], {}, []) is None
    until(lambda: make.told)
    assert make.told[0][0] == "imports"
    assert words in make.told[0][1]
    child = Child("web", ["--help"], os.environ, tmp_path, (), mould)
    child.start()
    assert until(lambda: child.bury() is not None)


def test_what_it_prints_goes_on_under_its_name(make: Any) -> None:
    mould = make("import sys; print('careful', file=sys.stderr)")
    until(lambda: not mould.is_coming())
    mould.end()
    assert until(lambda: make.told) == [("imports", "careful\n")]
