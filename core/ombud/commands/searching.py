"""The index of the full-text search."""

import argparse
import sys

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.desk.search import build as search_build


def rebuild(config: Config, asked: argparse.Namespace) -> int:
    """Searching goes on meanwhile; the progress is one line that is written over, where there is a terminal."""

    async def tell(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of {total:,} records", end="", file=sys.stderr, flush=True)

    async def work() -> int:
        done = await search_build.rebuild(tell)
        if sys.stderr.isatty():
            print(file=sys.stderr)
        print(f"The search index is built anew: {done:,} records.")
        return 0

    return with_desk(config, work, made_before=True)
