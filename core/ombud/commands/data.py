"""Demonstration data in and out, everything out, and everything in."""

import argparse

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.desk.demo import commands as demo_commands
from ombud.desk.transfer import commands as import_commands


def demo_load(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, demo_commands.demo_load_command)


def demo_remove(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: demo_commands.demo_remove_command(asked.with_later))


def export_all(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: demo_commands.export_all_command(asked.output))


def import_desk(config: Config, asked: argparse.Namespace) -> int:
    return with_desk(config, lambda: import_commands.import_desk_command(asked.file), as_it_is=True)
