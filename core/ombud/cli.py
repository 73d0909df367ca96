"""The command `ombud`: reads what was typed and hands it to `commands`; refusals are one clear line on stderr."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ombud import __version__
from ombud.config import Config, ConfigError, load
from ombud.kernel import starting

Run = Callable[[Config, argparse.Namespace], int]
CORE_GROUPS = {
    "serve",
    "migrate",
    "check",
    "demo",
    "user",
    "token",
    "plugin",
    "reload",
    "ledger",
    "retention",
    "rules",
    "key",
    "export",
    "backup",
    "restore",
    "bench",
    "search",
}


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        config_words, asked = _parsed(words)
        return _run(_config(config_words), asked)
    except ConfigError as refusal:
        print(f"ombud: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as problem:
        if not _is_refusal(problem):
            raise
        print(f"ombud: {problem}", file=sys.stderr)
        return 1


def _is_refusal(problem: Exception) -> bool:
    """Whether the text was written for the person who typed; the classes are imported only now."""
    from ombud.desk.errors import DeskRefusal
    from ombud.kernel.migrations import MigrationError
    from ombud.kernel.plugins import UnfitError
    from ombud.kernel.postgres import PostgresError
    from ombud.kernel.supervisor import CannotServe
    from ombud.trust.keys import KeyTrouble
    from ombud.trust.passwords import WeakPassword
    from ombud.trust.tokens import TokenProblem
    from ombud.trust.users import UserProblem
    from ombud.web.themes import ThemeError

    told = (CannotServe, DeskRefusal, KeyTrouble, MigrationError, PostgresError, ThemeError, TokenProblem, UnfitError)
    return isinstance(problem, (*told, UserProblem, WeakPassword))


def run() -> None:
    starting.begin()
    sys.exit(main())


def _parsed(words: list[str]) -> tuple[argparse.Namespace, argparse.Namespace]:
    """The options every command has, wherever they stand, and the command's own."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, help="folder of the whole desk: database, files, secrets")
    common.add_argument("--settings", type=Path, help="the settings.toml to read")
    ours, rest = common.parse_known_args(words)
    first = next((word for word in rest if not word.startswith("-")), "")
    brought = first not in CORE_GROUPS and "--version" not in rest
    parser = _parser(common, with_plugins=brought, config=lambda: _config(ours))
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
    _rules(groups)
    ours = {"import": _data(groups)}
    _keeping(groups)
    _bench(groups)
    if with_plugins:
        _brought(groups, config(), ours)
    return parser


def _run(config: Config, asked: argparse.Namespace) -> int:
    module, _, name = asked.run.partition(":")
    function: Run = getattr(importlib.import_module(f"ombud.commands.{module}"), name)
    starting.begun()
    return function(config, asked)


def _command(group: Any, name: str, run: str, text: str) -> argparse.ArgumentParser:
    """`run` names `module:function` in `ombud.commands`, imported when it is typed."""
    parser: argparse.ArgumentParser = group.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def _group(groups: Any, name: str, text: str) -> Any:
    return groups.add_parser(name, help=text).add_subparsers(required=True, metavar="WHAT")


def _serving(groups: Any) -> None:
    serve = _command(groups, "serve", "serving:serve", "Serve the desk until it is told to stop.")
    serve.add_argument("--port", type=int, help="port to listen on; 0 takes any free one")
    serve.add_argument("--demo", action="store_true", help="load demonstration data into a fresh desk")
    serve.add_argument("--role", choices=("all", "web", "work", "schedule"), default="all")
    _command(
        groups, "reload", "serving:reload",
        "Replace the processes of a desk that serves, one after another, so that newly installed code runs.",
    )  # fmt: skip
    _command(groups, "migrate", "serving:migrate", "Bring the database up to date and prepare a fresh desk.")
    _command(groups, "check", "serving:check", "Look whether this desk can serve; exit code 1 if something is bad.")


def _people(groups: Any) -> None:
    user = _group(groups, "user", "Add users, set passwords, help those who cannot get in.")
    add = _command(user, "add", "people:user_add", "Add a user.")
    add.add_argument("name")
    add.add_argument("--display-name", default="")
    add.add_argument("--email", default="")
    add.add_argument("--role", action="append", help="may be given several times; default: agent")
    add.add_argument("--unit", default=None, help="key of the unit; default: the first")
    passwd = _command(user, "passwd", "people:user_passwd", "Set a password.")
    passwd.add_argument("name")
    link = _command(user, "reset-link", "people:reset_link", "Print a link by which the user sets a password, once.")
    link.add_argument("name")
    link.add_argument("--hours", type=int, choices=range(1, 169), default=24, metavar="1..168")
    factor = _command(user, "remove-factor", "people:remove_factor", "Remove the second factor of a lost phone.")
    factor.add_argument("name")
    for each in (add, passwd):
        each.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    token = _group(groups, "token", "Make API tokens.")
    create = _command(token, "create", "people:token_create", "Make an API token, printed alone on the last line.")
    create.add_argument("--user", required=True)
    create.add_argument("--name", default="API token")
    create.add_argument("--scope", action="append", help="a permission; default: all the user has")
    create.add_argument("--days", type=int, help="the token expires after so many days")


def _plugins(groups: Any) -> None:
    plugin = _group(groups, "plugin", "See and switch plugins.")
    _command(plugin, "list", "plugins:plugin_list", "Every plugin and how it stands.")
    _command(plugin, "enable", "plugins:plugin_enable", "Switch a plugin on, or upgrade it.").add_argument("slug")
    _command(plugin, "disable", "plugins:plugin_disable", "Switch a plugin off; its data stays.").add_argument("slug")
    tried = _command(
        plugin, "rehearse", "rehearsing:rehearse",
        "Try the upgrade of every plugin on a copy of the database, and compare before and after; go or no-go.",
    )  # fmt: skip
    tried.add_argument("wheel", nargs="*", type=Path, help="wheels of the versions to try; default: what is installed")
    away = _command(plugin, "uninstall", "plugins:plugin_uninstall", "Take a plugin away from this desk.")
    away.add_argument("slug")
    data = away.add_mutually_exclusive_group(required=True)
    data.add_argument("--keep-data", action="store_true", help="its tables stay, to be found by a later installation")
    data.add_argument("--delete-data", action="store_true", help="its tables, settings and secrets go for good")
    away.add_argument("--yes", action="store_true", help="do not ask for the slug before deleting")
    check = _command(plugin, "check", "kit:plugin_check", "Try a plugin's promises; exit code 1 below basic.")
    check.add_argument("plugin", help="the slug of an installed plugin, the folder of one, or a wheel")
    check.add_argument("--badge", type=Path, metavar="FILE", help="where the badge goes (.svg or .json)")
    check.add_argument(
        "--tier", choices=("basic", "sound", "exemplary"), default="exemplary", help="try up to this tier"
    )
    check.add_argument("--verbose", action="store_true", help="show the log of the desk it runs on")
    new = _command(plugin, "new", "kit:plugin_new", "Write a new plugin that passes the kit.")
    new.add_argument("slug")
    new.add_argument("--kind", choices=_kinds(), required=True)
    new.add_argument("--into", default=".", metavar="FOLDER", help="the folder it is made in")


def _kinds() -> tuple[str, ...]:
    from ombud_plugin_api.scaffold import KINDS

    return tuple(KINDS)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day; write it like 2026-01-31") from None


def _ledger(groups: Any) -> None:
    ledger = _group(groups, "ledger", "Verify, export and checkpoint the ledger.")
    verify = _command(
        ledger,
        "verify",
        "records:ledger_verify",
        "Check entries, chains and checkpoints; exit code 1 if one fails.",
    )
    verify.add_argument("--since", type=int, metavar="N", help="trust checkpoints up to N and begin after them")
    verify.add_argument("--sealed", action="store_true", help="also open every sealed value; takes longer")
    verify.add_argument(
        "--published", type=Path, metavar="FILE", help="compare with this copy, such as one from a mail"
    )
    export = _command(ledger, "export", "records:ledger_export", "Write the signed record of a case or of a period.")
    export.add_argument("--case", metavar="REF")
    export.add_argument("--since", type=_day, metavar="DAY", help="first day of a period, such as 2026-01-01")
    export.add_argument("--until", type=_day, metavar="DAY", help="last day of a period")
    export.add_argument("-o", "--output", required=True, type=_output_path, metavar="FILE")
    _command(ledger, "checkpoint", "records:ledger_checkpoint", "Make and publish a checkpoint now.")
    privacy = _group(groups, "privacy", "Keep erased people erased.")
    words = "Erase again whatever the erasure journal names, after an older backup was put back."
    replay = _command(privacy, "replay", "records:privacy_replay", words)
    which = replay.add_mutually_exclusive_group()
    which.add_argument("--journal", type=Path, metavar="FILE", help="a copy of the journal, newer than the backup")
    which.add_argument("--no-journal", action="store_true", help="say that no newer copy is left anywhere")
    retention = _group(groups, "retention", "Cases whose time is over.")
    words = "Name how many cases are due by each rule, the oldest of them, and what holds some back; changes nothing."
    preview = _command(retention, "preview", "records:retention_preview", words)
    preview.add_argument("--until", type=_day, metavar="DAY", help="as it will be on that day, such as 2027-01-01")
    words = "Destroy every case whose period is over and that nothing holds back. It cannot be taken back."
    _command(retention, "run", "records:retention_run", words)
    key = _group(groups, "key", "Keys of the vault.")
    _command(key, "rotate", "records:key_rotate", "Wrap every key by a new master key.")


def _rules(groups: Any) -> None:
    rules = _group(groups, "rules", "The rules there are, and how they would have done on past cases.")
    _command(rules, "list", "rules:listed", "Name every rule, how it stands and what it says.")
    words = "Run a draft, or the rules in force, over past cases; changes nothing. Exit code 1 if something differs."
    replay = _command(rules, "replay", "rules:replay", words)
    replay.add_argument("--rule", metavar="KEY", help="this rule's newest version; without it the rules in force")
    replay.add_argument("--number", type=int, metavar="N", help="another version of it")
    replay.add_argument("--months", type=int, default=3, metavar="N", help="how far back; default 3")
    replay.add_argument("--processes", type=int, default=2, metavar="N", help="default 2")


def _data(groups: Any) -> Any:
    """Returns the group `import`, to which plugins may add."""
    demo = _group(groups, "demo", "Load and remove demonstration data.")
    _command(demo, "load", "data:demo_load", "Load the demonstration firm.")
    remove = _command(demo, "remove", "data:demo_remove", "Remove what was loaded, and nothing else.")
    remove.add_argument("--with-later", action="store_true", help="also what was filed into the demo units afterwards")
    export = _group(groups, "export", "Take everything out in open formats.")
    everything = _command(export, "all", "data:export_all", "Write the whole desk into one ZIP in open formats.")
    everything.add_argument("-o", "--output", required=True, type=_output_path, metavar="FILE")
    search = _group(groups, "search", "The index of the full-text search.")
    _command(search, "rebuild", "searching:rebuild", "Build the index anew beside the one in use, and switch to it.")
    taking_in = _group(groups, "import", "Take data in.")
    whole = _command(taking_in, "desk", "data:import_desk", "Fill an empty desk from what `export all` wrote.")
    whole.add_argument("file", type=Path, metavar="FILE.zip")
    return taking_in


def _keeping(groups: Any) -> None:
    words = "Write the whole desk into one file, from which it can be restored; it may serve meanwhile."
    backup = _command(groups, "backup", "keeping:backup", words)
    backup.add_argument("target", type=Path, metavar="FOLDER|FILE", help="a folder, or a file that is not there yet")
    backup.add_argument("--with-keys", action="store_true", help="the keys as well: whoever has the file reads it all")
    words = "Make a desk from a backup, in a new folder, and erase again whom the erasure journal names."
    restore = _command(groups, "restore", "keeping:restore", words)
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--journal", type=Path, metavar="FILE", help="the newest copy of the erasure journal")
    restore.add_argument(
        "--keys", type=Path, metavar="FOLDER", help="where the keys lie, if they are not in the backup"
    )
    restore.add_argument(
        "--replace", default="", metavar="DATABASE", help="the name of an external database, all of which may go"
    )


def _bench(groups: Any) -> None:
    bench = _group(groups, "bench", "Make desks of any size and measure them.")
    load = _command(bench, "load", "bench:load", "Fill an empty desk with made-up cases.")
    load.add_argument("--cases", type=_positive, required=True, metavar="N")
    load.add_argument("--seed", type=int, default=1, help="the same seed makes the same desk; default 1")


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError("give a whole number from 1 to 10000000")
    return int(text)


def _brought(groups: Any, config: Config, ours: dict[str, Any]) -> None:
    """The commands of installed plugins, loaded only when no command of core's was typed; none replaces one of
    core's."""
    from ombud.desk.plugin_work import fit_slugs
    from ombud.kernel import plugins

    found: dict[str, Any] = dict(ours)
    installed = plugins.discover(config.plugins.blocked)
    for slug in fit_slugs(config.plugins.blocked):
        for command in plugins.load(installed[slug]).commands:
            group = found.get(command.group) or _group(groups, command.group, f"Brought by the plugin {slug}.")
            found[command.group] = group
            if command.name in group.choices:
                continue
            parser = group.add_parser(command.name, help=command.help, description=command.help)
            command.configure(parser)
            parser.set_defaults(run="plugins:of_plugin", plugin=slug, command=command)


def _output_path(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}; make it first")
    return path
