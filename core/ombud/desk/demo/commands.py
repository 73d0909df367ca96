"""`ombud demo load | remove` and `ombud export all`: what the command line runs, with database and master key open."""

import sys
import time
from pathlib import Path

from ombud.desk.demo import loading as demo
from ombud.desk.demo import of_plugins
from ombud.desk.demo.firm import LOG_INS, PASSWORD
from ombud.desk.errors import DeskRefusal
from ombud.desk.transfer.export import export_all

_EVERY = 0.5  # seconds between two lines of progress


class Progress:
    """Writes to the terminal's error channel: twice a second where somebody watches, else the end alone."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        watched = sys.stderr.isatty()
        if done >= total or (watched and time.monotonic() - self.last > _EVERY):
            self.last = time.monotonic()
            start = "\r" if watched else ""
            print(
                f"{start}{done} of {total} {self.what}", end="\n" if done >= total else "", file=sys.stderr, flush=True
            )


async def demo_load_command() -> int:
    """Loads the firm and prints its log-ins; 1 where it is there already."""
    try:
        report = await demo.load(Progress("demonstration cases"))
    except DeskRefusal as refusal:
        print(f"Nothing was loaded: {refusal}", file=sys.stderr)
        return 1
    print(
        f"Modra Bank is open: {report.cases} cases, {report.aspects} aspects, {report.messages} messages, "
        f"{report.people} people ({report.seconds:.1f} s)."
    )
    _tell(await of_plugins.load())
    print_log_ins()
    return 0


async def demo_remove_command(with_later: bool) -> int:
    """Removes the firm; 1, with the reason, where it may not go."""
    try:
        report = await demo.remove(with_later=with_later)
    except DeskRefusal as refusal:
        print(f"Nothing was removed: {refusal}", file=sys.stderr)
        return 1
    print(
        f"Modra Bank is gone: {report.cases} cases, {report.people} people, {report.users} log-ins. The ledger keeps "
        "that they were there; the keys of what it sealed are destroyed."
    )
    for each in report.kept:
        print(f"  {each} stays, switched off: other cases refer to it")
    _tell(await of_plugins.remove())
    return 0


def _tell(problems: list[str]) -> None:
    for each in problems:
        print(each, file=sys.stderr)


async def demo_once_command(*, fresh: bool) -> int:
    """At a start with demonstration data: loads it into a fresh desk, and says how to sign in where it is loaded."""
    if fresh:
        return await demo_load_command()
    if await demo.is_loaded():
        print_log_ins()
    return 0


async def export_all_command(path: Path) -> int:
    """Writes the whole desk to the file; 1, with the reason, where that cannot be."""
    try:
        report = await export_all(path, Progress("lines and files"))
    except OSError as error:
        print(f"Nothing was exported: {error}", file=sys.stderr)
        return 1
    print(
        f"{path} holds {report.counts['cases']} cases, {report.attachments + report.raw} files and {report.entries} "
        f"entries of the ledger ({report.bytes / 1e6:.1f} MB). It holds personal data in clear: keep it safe."
    )
    if report.erased:
        print(f"{report.erased} files could not be read any more, because the keys of their people were destroyed.")
    return 0


def print_log_ins() -> None:
    print(f"Demonstration log-ins, all with the password: {PASSWORD}")
    for each in LOG_INS:
        print(f"  {each.name:<8} {each.role:<14} {each.display_name}")
    sys.stdout.flush()
