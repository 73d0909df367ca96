"""What the supervisor starts first: `python -m ombud.kernel.casting MODULE[:FUNCTION]…` imports (and calls) once what
its other processes need, and then becomes each of them by a fork. It holds no thread, loop or connection, and reads no
settings."""

import argparse
import ctypes
import gc
import importlib
import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from fcntl import F_DUPFD, fcntl
from pathlib import Path

from ombud.kernel import child, starting
from ombud.kernel.mould import READY

ADOPTED = 5.0  # seconds until the supervisor must be the parent of what was forked for it


@dataclass(frozen=True)
class Order:
    """A process that is to be: its arguments, its whole environment, what it prints to, and its sockets by the numbers
    its arguments name."""

    arguments: list[str]
    environ: dict[str, str]
    output: int
    sockets: dict[int, int]


def main() -> None:
    starting.begin()
    asked = _arguments()
    child.die_with(asked.parent)
    _show_as(sys.orig_argv[:-2])  # the room is nothing to look at
    for each in asked.modules:
        module, _, name = each.partition(":")
        found = importlib.import_module(module)
        if name:
            getattr(found, name)()
    if len(os.listdir("/proc/self/task")) > 1:
        sys.exit("A module started a thread when it was imported or called: nothing can be forked here.")
    sys.stdout.flush()  # or each process that is forked would print it once more
    gc.freeze()
    with socket.socket(fileno=asked.line) as line:
        line.send(READY)
        order = _asked_to_become(line)
    if order is not None:
        _become(order, asked.parent)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ombud.kernel.casting", description=__doc__)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")
    parser.add_argument("--line", type=int, required=True, help="descriptor of the socket on which orders come")
    parser.add_argument("--room", help="last: room for the longer command line of a process that was forked")
    return parser.parse_args()


def _asked_to_become(line: socket.socket) -> Order | None:
    """Forks for each order; returns it in the new process, and None in this one once no order can come any more."""
    while True:
        said, descriptors, _, _ = socket.recv_fds(line, 65536, 16)
        if not said:
            return None
        told, output, *sockets = descriptors
        with os.fdopen(told) as file:
            order = json.load(file)
        pid = _fork()
        if pid == 0:
            numbers = dict(zip(order["sockets"], sockets, strict=True))
            return Order(order["arguments"], order["environ"], output, numbers)
        for each in (output, *sockets):
            os.close(each)
        line.send(str(pid).encode())


def _fork() -> int:
    """The number of the new process, whose parent has ended: so the supervisor becomes its parent, and sees its end and
    how it ended. 0 in the new process itself; -1 where the machine has no room for one."""
    reading, writing = os.pipe()
    between = os.fork()
    if between:
        os.close(writing)
        with os.fdopen(reading) as said:
            text = said.read()
        os.waitpid(between, 0)
        return int(text or -1)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            os.write(writing, str(pid).encode())
            os._exit(0)
    os.close(reading)
    os.close(writing)
    return 0


def _become(order: Order, parent: int) -> None:
    until = time.monotonic() + ADOPTED
    while os.getppid() != parent and time.monotonic() < until:
        time.sleep(0.001)
    os.setsid()
    _show_as([sys.executable, "-P", "-m", "ombud.kernel.child", *order.arguments])
    _place({1: order.output, 2: order.output, **order.sockets})
    os.environ.clear()
    os.environ.update(order.environ)
    sys.argv = ["ombud.kernel.child", *order.arguments]
    child.run()


def _place(wanted: dict[int, int]) -> None:
    """Descriptors get the numbers under which their process looks for them, whatever stood there before."""
    above = max(wanted) + 1  # where none of them is in the way of another
    away = {number: fcntl(descriptor, F_DUPFD, above) for number, descriptor in wanted.items()}
    for descriptor in set(wanted.values()):
        os.close(descriptor)
    for number, descriptor in away.items():
        os.dup2(descriptor, number)
        os.close(descriptor)


def _show_as(words: list[str]) -> None:
    """Lists of processes show these words, as they do of a process that was started by them."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begins, ends = int(fields[45]), int(fields[46])
    text = b"\0".join(word.encode() for word in words)[: ends - begins - 1]
    if begins:
        ctypes.memmove(begins, text.ljust(ends - begins, b"\0"), ends - begins)


if __name__ == "__main__":
    main()
