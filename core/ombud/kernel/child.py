"""What the supervisor starts: `python -m ombud.kernel.child web|doors|pages|work …`. Settings: from the environment."""

import argparse
import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
from uuid import UUID

from ombud.config import load
from ombud.kernel import starting
from ombud.kernel.heartbeat import show_stack_on_request
from ombud.kernel.processes import APART

PR_SET_PDEATHSIG = 1


def main() -> None:
    starting.begin()
    asked = _arguments()
    die_with(asked.parent)
    config = load()
    show_stack_on_request()
    if asked.process != "web":
        limit_memory(config.plugins.memory_mb)
    logging.basicConfig(
        level=config.log.level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S"
    )
    for chatty in ("dramatiq", "psycopg.pool", "apscheduler", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Each process loads its own half only: it is back the sooner when it was killed.
    if asked.process in {"web", *APART}:
        from ombud.kernel.web_process import serve_web

        serve_web(config, asked.app, asked.socket)
    else:
        from ombud.kernel.worker import run_work

        run_work(config, config.database.url, roles=asked.roles.split(","), setting_up=asked.app, worker=asked.worker)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ombud.kernel.child", description=__doc__)
    parser.add_argument("process", choices=("web", *APART, "work"))
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")
    parser.add_argument("--app", default="", help="module:function, the app's factory or what sets work up")
    parser.add_argument("--socket", type=int, default=-1, help="descriptor of the listening socket")
    parser.add_argument("--worker", type=UUID, default=None)
    parser.add_argument("--roles", default="work,schedule")
    return parser.parse_args()


def limit_memory(megabytes: int) -> None:
    """What asks for more gets a MemoryError, a fault like others; without a limit it could take the database's."""
    if megabytes and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 1_000_000, resource.RLIM_INFINITY))


def die_with(parent: int) -> None:
    """Linux ends this process when the thread that started it ends, even by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The supervisor that started this process is gone.")


def run() -> None:
    """What the process does until it ends."""
    try:
        main()
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


if __name__ == "__main__":
    run()
