"""The ledger, the keys, and erasures."""

import argparse

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.trust import keys, ledger_commands


def ledger_verify(config: Config, asked: argparse.Namespace) -> int:
    publish = config.ledger.publish_file
    return with_desk(config, lambda: ledger_commands.verify_command(asked.since, publish, sealed=asked.sealed))


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


def privacy_replay(config: Config, asked: argparse.Namespace) -> int:
    """Exit code 1 where the journal does not hold: then nothing was erased by it."""
    from ombud.desk.privacy import commands  # which loads more of the desk than the others need

    return with_desk(config, commands.replay_command)
