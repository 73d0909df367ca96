"""What the commands of `ombud` do, each a small function from parsed arguments to an exit code."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from ombud.config import Config
from ombud.desk import demo_commands
from ombud.desk.platform import CoreContext, CorePlatform, Rights
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running, standings
from ombud.kernel.plugins import UnfitError
from ombud.kernel.postgres import EmbeddedPostgres
from ombud.kernel.supervisor import Programs, supervise
from ombud.start import opened, prepare_desk
from ombud.trust import application_role, keys, ledger_commands, switching, tokens, users
from ombud.trust.policy import SYSTEM
from ombud.web import themes

PROGRAMS = Programs(web="ombud.app:create_app", work="ombud.work:set_up")

Work = Callable[[], Awaitable[int]]


@asynccontextmanager
async def desk(config: Config) -> AsyncIterator[None]:
    """The desk's database and keys, open inside; prepares a desk that nobody started yet."""
    embedded = None if config.database.url else EmbeddedPostgres(config.data.dir / "postgres")
    url = config.database.url or (embedded.start() if embedded else "")
    try:
        prepared = await prepare_desk(config, url)
        tell_admin(prepared.password)
        async with opened(config, prepared.url, name="ombud command"):
            yield
    finally:
        if embedded is not None:
            embedded.stop()


def with_desk(config: Config, work: Work) -> int:
    async def run() -> int:
        async with desk(config):
            return await work()

    return asyncio.run(run())


def tell_admin(password: str | None) -> None:
    if password:
        print(f"This desk is new. Sign in as admin with the password {password}\nIt is shown only now.", flush=True)


def serve(config: Config, asked: argparse.Namespace) -> int:
    """Supervises database, web and work until it is told to stop."""
    themes.find(config.theme.name)
    runs_as: list[str] = []
    supervise(
        config,
        [asked.role],
        programs=PROGRAMS,
        migrate=lambda url: runs_as.append(asyncio.run(_made_ready(config, url, asked.demo))),
        for_processes=lambda url: runs_as[-1] if runs_as else url,
    )
    return 0


async def _made_ready(config: Config, url: str, with_demo: bool) -> str:
    """Migrates; a fresh desk gets its first user, and the demonstration data where that was asked for. Returns the
    address the processes connect to."""
    prepared = await prepare_desk(config, url)
    tell_admin(prepared.password)
    if with_demo:
        async with opened(config, prepared.url, name="ombud demo"):
            await demo_commands.demo_once_command(fresh=prepared.password is not None)
    return prepared.url


def migrate(config: Config, asked: argparse.Namespace) -> int:
    """Brings the database up to date and prepares a fresh desk."""

    async def work() -> int:
        version = await db.fetchval("SHOW server_version")
        print(f"The database (PostgreSQL {version}) is up to date.")
        return 0

    return with_desk(config, work)


def check(config: Config, asked: argparse.Namespace) -> int:
    """Looks whether this desk can serve: settings, database, keys, theme, plugins; 1 if something is wrong."""

    async def work() -> int:
        problems = [
            f"plugin {each.slug}: {each.problem}" for each in await standings(config.plugins.blocked) if each.problem
        ]
        parked = await db.fetchval("SELECT count(*) FROM core_delivery WHERE state = 'parked'")
        faulted = await db.fetchval("SELECT count(*) FROM core_raw WHERE status = 'faulted'")
        problems += [f"{parked} pieces of background work are parked"] if parked else []
        problems += [f"{faulted} receipts need a look"] if faulted else []
        themes.find(config.theme.name)
        for problem in problems:
            print(problem)
        print("Settings, database, keys and theme are in order." if not problems else "Everything else is in order.")
        return 1 if problems else 0

    return with_desk(config, work)


def demo_load(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, demo_commands.demo_load_command)


def demo_remove(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: demo_commands.demo_remove_command(asked.with_later))


def export_all(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: demo_commands.export_all_command(asked.output))


def user_add(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        password = _password(asked.password_stdin)
        roles = asked.role or ["agent"]
        await users.add(
            asked.name, asked.display_name or asked.name, asked.email, password, roles, asked.unit, "system"
        )
        print(f"{asked.name} may sign in as {', '.join(roles)}.")
        return 0

    return with_desk(config, work)


def user_passwd(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        await users.set_password(asked.name, _password(asked.password_stdin), "system")
        print(f"{asked.name} has a new password; earlier sessions are ended.")
        return 0

    return with_desk(config, work)


def _password(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise users.BadUser("the two passwords differ; type them again")
    return first


def token_create(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        days = timedelta(days=asked.days) if asked.days else None
        plain = await tokens.create(asked.user, asked.name, asked.scope or None, days, actor="system")
        print("This token is shown only now:", file=sys.stderr)
        print(plain)
        return 0

    return with_desk(config, work)


def plugin_list(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        rows = await standings(config.plugins.blocked)
        width = max((len(each.slug) for each in rows), default=0)
        for each in rows:
            version = each.version or each.applied_version
            print(f"{each.slug:<{width}}  {each.state:<14}  {version:<8}  {each.problem}".rstrip())
        if not rows:
            print("No plugin is installed.")
        return 0

    return with_desk(config, work)


def plugin_enable(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        loaded = await switching.enable(SYSTEM, asked.slug)
        print(f"{asked.slug} {loaded.version} is on.")
        return 0

    return with_desk(config, work)


def plugin_disable(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        await switching.disable(SYSTEM, asked.slug)
        print(f"{asked.slug} is off; its data stays.")
        return 0

    return with_desk(config, work)


def ledger_verify(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: ledger_commands.verify_command(asked.since, config.ledger.publish_file))


def ledger_export(config: Config, asked: argparse.Namespace) -> int:
    publish = config.ledger.publish_file
    return with_desk(config, lambda: ledger_commands.export_command(asked.case, asked.output, publish_file=publish))


def ledger_checkpoint(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: ledger_commands.checkpoint_command(config.ledger.publish_file))


def key_rotate(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        print(f"{await keys.rotate_master()} keys are wrapped by a new master key.")
        return 0

    return with_desk(config, work)


def of_plugin(config: Config, asked: argparse.Namespace) -> int:
    """A command that an installed plugin brought; it runs where the plugin is on."""

    async def work() -> int:
        slug, command = asked.plugin, asked.command
        if slug not in running.loaded:
            raise UnfitError(f"the plugin {slug} is off; switch it on with: ombud plugin enable {slug}")
        context = CoreContext(CorePlatform(slug, SYSTEM), "Ombud", Rights(SYSTEM), say=_say)
        return int(await command.run(asked, context))

    return with_desk(config, work)


def _say(done: int, total: int | None, note: str) -> None:
    """Progress on one line of the terminal, or nothing where nobody watches."""
    if sys.stderr.isatty():
        of = f" of {total}" if total else ""
        print(f"\r{done}{of} {note}".ljust(60), end="", file=sys.stderr, flush=True)


def output_path(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}; make it first")
    return path
