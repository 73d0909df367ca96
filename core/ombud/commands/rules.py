"""`ombud rules …`."""

import argparse

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.desk.rules import commands


def listed(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, commands.list_command, made_before=True)


def replay(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(
        config,
        lambda: commands.replay_command(asked.rule or "", asked.number, asked.months, asked.processes),
        made_before=True,
    )
