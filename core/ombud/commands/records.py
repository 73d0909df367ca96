"""The ledger, the keys, erasures, and cases whose time is over."""

import argparse
import sys

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.trust import keys, ledger_commands


def ledger_verify(config: Config, asked: argparse.Namespace) -> int:
    publish, roots = asked.published or config.ledger.publish_file, config.ledger.roots
    if asked.published and not asked.published.is_file():
        print(f"There is no file {asked.published}. Write the line of the mail into one.", file=sys.stderr)
        return 2
    return with_desk(
        config,
        lambda: ledger_commands.verify_command(asked.since, publish, sealed=asked.sealed, roots=roots),
        plugins=False,
    )


def ledger_export(config: Config, asked: argparse.Namespace) -> int:
    publish = config.ledger.publish_file
    if (asked.since is None) != (asked.until is None) or (asked.case is None) == (asked.since is None):
        print("Name a case, or the first and the last day: --since 2026-01-01 --until 2026-06-30.", file=sys.stderr)
        return 2
    if asked.case is not None:
        case = asked.case
        return with_desk(
            config, lambda: ledger_commands.export_command(case, asked.output, publish_file=publish), plugins=False
        )

    async def period() -> int:
        from ombud.desk.trail import ledger_desk  # the other commands begin without the desk

        since, until = await ledger_desk.bounds(asked.since, asked.until)
        return await ledger_commands.export_period_command(since, until, asked.output, publish_file=publish)

    return with_desk(config, period, plugins=False)


def ledger_checkpoint(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: ledger_commands.checkpoint_command(config.ledger.publish_file), plugins=False)


def key_rotate(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        print(f"{await keys.rotate_master()} keys are wrapped by a new master key.")
        return 0

    return with_desk(config, work, plugins=False)


def privacy_replay(config: Config, asked: argparse.Namespace) -> int:
    """Exit code 1 where the journal does not hold: then nothing was erased by it."""
    from ombud.desk.privacy import commands  # which loads more of the desk than the others need

    return with_desk(config, lambda: commands.replay_command(asked.journal, waived=asked.no_journal))


def retention_preview(config: Config, asked: argparse.Namespace) -> int:
    from ombud.desk.retention import commands

    return with_desk(config, lambda: commands.preview_command(asked.until), made_before=True)


def retention_run(config: Config, asked: argparse.Namespace) -> int:
    from ombud.desk.retention import commands

    return with_desk(config, commands.run_command, made_before=True)
