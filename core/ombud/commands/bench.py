"""Load and measurement, for those who want to know how fast a desk of a given size is."""

import argparse
import asyncio

from ombud.bench import load as loading
from ombud.bench.world import PASSWORD, USER
from ombud.commands.opening import desk
from ombud.config import Config
from ombud.kernel.postgres import BULK


def load(config: Config, asked: argparse.Namespace) -> int:
    """Fills an empty desk with made-up cases."""

    async def run() -> int:
        async with desk(config, settings=BULK) as owner_url:
            done = await loading.load(owner_url, asked.cases, asked.seed, loading.progress)
        print(
            f"{done.cases} cases ({done.rows} rows) in {done.seconds:.1f} s, search index and statistics in "
            f"{done.afterwards:.1f} s. "
            f"Sign in as {USER} with the password: {PASSWORD}"
        )
        return 0

    return asyncio.run(run())
