"""Plugins: seen, switched, and the commands they bring."""

import argparse
import sys

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.desk.errors import NotNow
from ombud.desk.platform import context_in
from ombud.kernel.lifecycle import running, standings
from ombud.kernel.plugins import UnfitError
from ombud.trust import switching
from ombud.trust.policy import SYSTEM


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

    return with_desk(config, work, plugins=False)


def plugin_disable(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        await switching.disable(SYSTEM, asked.slug)
        print(f"{asked.slug} is off; its data stays.")
        return 0

    return with_desk(config, work, plugins=False)


def plugin_uninstall(config: Config, asked: argparse.Namespace) -> int:
    if asked.delete_data and not asked.yes and input(f"Type {asked.slug} to delete its data for good: ") != asked.slug:
        raise NotNow("Nothing was changed: what you typed is not the plugin's name.")

    async def work() -> int:
        gone = await switching.uninstall(SYSTEM, asked.slug, keep_data=asked.keep_data)
        rows = ", ".join(f"{name} ({count} rows)" for name, count in sorted(gone.rows.items())) or "no tables"
        print(f"{asked.slug} {gone.version} is uninstalled; {'kept' if gone.kept else 'deleted'}: {rows}.")
        return 0

    return with_desk(config, work, plugins=False)


def of_plugin(config: Config, asked: argparse.Namespace) -> int:
    """A command that an installed plugin brought; it runs where the plugin is on."""

    async def work() -> int:
        slug, command = asked.plugin, asked.command
        if slug not in running.loaded:
            raise UnfitError(f"the plugin {slug} is off; switch it on with: ombud plugin enable {slug}")
        context = await context_in(slug, SYSTEM)
        context.say = _say
        return int(await command.run(asked, context))

    return with_desk(config, work)


def _say(done: int, total: int | None, note: str) -> None:
    """Progress on one line of the terminal, or nothing where nobody watches."""
    if sys.stderr.isatty():
        of = f" of {total}" if total else ""
        print(f"\r{done}{of} {note}".ljust(60), end="", file=sys.stderr, flush=True)
