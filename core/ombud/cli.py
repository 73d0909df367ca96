"""The command `ombud`: reads what was typed and hands it to `commands`; refusals are one clear line on stderr."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ombud import __version__, commands
from ombud.config import Config, ConfigError, load
from ombud.desk.errors import DeskRefusal
from ombud.desk.plugin_work import fit_slugs
from ombud.kernel import plugins
from ombud.kernel.migrations import MigrationError
from ombud.kernel.plugins import UnfitError
from ombud.kernel.postgres import PostgresError
from ombud.kernel.supervisor import CannotServe
from ombud.trust.keys import KeyTrouble
from ombud.trust.passwords import WeakPassword
from ombud.trust.tokens import TokenProblem
from ombud.trust.users import UserProblem
from ombud.web.themes import ThemeError

REFUSALS = (
    CannotServe, ConfigError, DeskRefusal, KeyTrouble, MigrationError, PostgresError, ThemeError, TokenProblem,
    UnfitError, UserProblem, WeakPassword,
)  # fmt: skip

Run = Callable[[Config, argparse.Namespace], int]
CORE_GROUPS = {"serve", "migrate", "check", "demo", "user", "token", "plugin", "ledger", "key", "export"}


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        config_words, asked = _parsed(words)
        return asked.run(_config(config_words), asked)  # type: ignore[no-any-return]
    except REFUSALS as refusal:
        print(f"ombud: {refusal}", file=sys.stderr)
        return 2 if isinstance(refusal, ConfigError) else 1
    except KeyboardInterrupt:
        return 130


def run() -> None:
    sys.exit(main())


def _parsed(words: list[str]) -> tuple[argparse.Namespace, argparse.Namespace]:
    """The options every command has, wherever they stand, and the command's own."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, help="folder of the whole desk: database, files, secrets")
    common.add_argument("--settings", type=Path, help="the settings.toml to read")
    ours, rest = common.parse_known_args(words)
    first = next((word for word in rest if not word.startswith("-")), "")
    parser = _parser(common, with_plugins=first not in CORE_GROUPS, config=lambda: _config(ours))
    asked = parser.parse_args(rest)
    ours.port = getattr(asked, "port", None)
    return ours, asked


def _config(ours: argparse.Namespace) -> Config:
    environ = dict(os.environ)
    if getattr(ours, "port", None) is not None:
        environ["OMBUD_SERVER_PORT"] = str(ours.port)
    return load(settings_file=ours.settings, data=ours.data, environ=environ)


def _parser(common: argparse.ArgumentParser, *, with_plugins: bool, config: Callable[[], Config]) -> Any:
    parser = argparse.ArgumentParser(
        prog="ombud", description="Ombud, open complaint management.", parents=[common], allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"ombud {__version__}")
    groups = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _serving(groups)
    _people(groups)
    _plugins(groups)
    _ledger(groups)
    _data(groups)
    if with_plugins:
        _brought(groups, config())
    return parser


def _command(group: Any, name: str, run: Run) -> argparse.ArgumentParser:
    text = (run.__doc__ or "").split("\n")[0].split(";")[0]
    parser: argparse.ArgumentParser = group.add_parser(name, help=text, description=run.__doc__, allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def _group(groups: Any, name: str, text: str) -> Any:
    return groups.add_parser(name, help=text).add_subparsers(required=True, metavar="WHAT")


def _serving(groups: Any) -> None:
    serve = _command(groups, "serve", commands.serve)
    serve.add_argument("--port", type=int, help="port to listen on; 0 takes any free one")
    serve.add_argument("--demo", action="store_true", help="load demonstration data into a fresh desk")
    serve.add_argument("--role", choices=("all", "web", "work", "schedule"), default="all")
    _command(groups, "migrate", commands.migrate)
    _command(groups, "check", commands.check)


def _people(groups: Any) -> None:
    user = _group(groups, "user", "Add users and set passwords.")
    add = _command(user, "add", commands.user_add)
    add.add_argument("name")
    add.add_argument("--display-name", default="")
    add.add_argument("--email", default="")
    add.add_argument("--role", action="append", help="may be given several times; default: agent")
    add.add_argument("--unit", default=None, help="key of the unit; default: the first")
    passwd = _command(user, "passwd", commands.user_passwd)
    passwd.add_argument("name")
    for each in (add, passwd):
        each.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    token = _group(groups, "token", "Make API tokens.")
    create = _command(token, "create", commands.token_create)
    create.add_argument("--user", required=True)
    create.add_argument("--name", default="command line")
    create.add_argument("--scope", action="append", help="a permission; default: all the user has")
    create.add_argument("--days", type=int, help="the token expires after so many days")


def _plugins(groups: Any) -> None:
    plugin = _group(groups, "plugin", "See and switch plugins.")
    _command(plugin, "list", commands.plugin_list)
    for name, each in (("enable", commands.plugin_enable), ("disable", commands.plugin_disable)):
        _command(plugin, name, each).add_argument("slug")


def _ledger(groups: Any) -> None:
    ledger = _group(groups, "ledger", "Verify, export and checkpoint the ledger.")
    verify = _command(ledger, "verify", commands.ledger_verify)
    verify.add_argument("--since", type=int, metavar="N", help="trust checkpoints up to N and begin after them")
    export = _command(ledger, "export", commands.ledger_export)
    export.add_argument("--case", required=True, metavar="REF")
    export.add_argument("-o", "--output", required=True, type=commands.output_path, metavar="FILE")
    _command(ledger, "checkpoint", commands.ledger_checkpoint)
    key = _group(groups, "key", "Keys of the vault.")
    _command(key, "rotate", commands.key_rotate)


def _data(groups: Any) -> None:
    demo = _group(groups, "demo", "Load and remove demonstration data.")
    _command(demo, "load", commands.demo_load)
    remove = _command(demo, "remove", commands.demo_remove)
    remove.add_argument("--with-later", action="store_true", help="also what was filed into the demo units afterwards")
    export = _group(groups, "export", "Take everything out in open formats.")
    everything = _command(export, "all", commands.export_all)
    everything.add_argument("-o", "--output", required=True, type=commands.output_path, metavar="FILE")


def _brought(groups: Any, config: Config) -> None:
    """The commands of installed plugins, loaded only when no command of core's was typed."""
    found: dict[str, Any] = {}
    installed = plugins.discover(config.plugins.blocked)
    for slug in fit_slugs(config.plugins.blocked):
        for command in plugins.load(installed[slug]).commands:
            group = found.get(command.group) or _group(groups, command.group, f"Brought by the plugin {slug}.")
            found[command.group] = group
            parser = group.add_parser(command.name, help=command.help, description=command.help)
            command.configure(parser)
            parser.set_defaults(run=commands.of_plugin, plugin=slug, command=command)
