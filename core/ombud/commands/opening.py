"""How a command opens the desk: its database, started at need, and its keys."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from ombud.config import Config
from ombud.desk.errors import NotNow
from ombud.kernel.postgres import EmbeddedPostgres
from ombud.start import migrate_desk, opened, prepare_desk

Work = Callable[[], Awaitable[int]]


@asynccontextmanager
async def desk(
    config: Config, *, as_it_is: bool = False, plugins: bool = True, settings: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """The desk's database and keys, open inside; prepares a desk that nobody started yet, unless `as_it_is`: then it
    gets its tables and nothing in them. Gives the address of the database's owner. `plugins`: as `start.opened`.
    `settings`: of the embedded server, where it does not run yet."""
    folder = config.data.dir / "postgres"
    embedded = None if config.database.url else EmbeddedPostgres(folder, settings=settings)
    url = config.database.url or (embedded.start() if embedded else "")
    try:
        if as_it_is:
            runs_as = await migrate_desk(config, url)
        else:
            prepared = await prepare_desk(config, url)
            tell_admin(prepared.password)
            runs_as = prepared.url
        async with opened(config, runs_as, name="ombud command", plugins=plugins):
            yield url
    finally:
        if embedded is not None:
            embedded.stop()


def with_desk(
    config: Config, work: Work, *, made_before: bool = False, as_it_is: bool = False, plugins: bool = True
) -> int:  # fmt: skip
    """Runs the work in the open desk. `made_before`: refuse instead of making a desk where there is none. `as_it_is`:
    a new desk stays empty, without a first user. `plugins`: False for work that asks none of them for anything."""
    if made_before and not config.database.url and not (config.data.dir / "postgres" / "cluster").is_dir():
        raise NotNow(
            f"There is no desk in {config.data.dir} yet. Make one with: ombud migrate --data {config.data.dir}"
        )

    async def run() -> int:
        async with desk(config, as_it_is=as_it_is, plugins=plugins):
            return await work()

    return asyncio.run(run())


def tell_admin(password: str | None) -> None:
    if password:
        print(f"This desk is new. Sign in as admin with the password {password}\nIt is shown only now.", flush=True)
