"""Plugins with commands of `ombud`."""

import argparse
import inspect
from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject


class CommandsContract(Contract):
    """What plugins with commands promise."""

    kind: ClassVar[str] = "commands"
    title: ClassVar[str] = "Plugins with commands"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_commands")

    @check(
        "basic-70",
        "Its commands explain themselves and take no place of core's",
        why="A command is found by `--help`. One in a group of core's would stand where administrators trust "
        "core, or not at "
        "all.",
        example='Command("postbox", "count", "Counts the letters in the box.", count)',
        remedy="Choose a group of your own (or `import`), an async run, and help of some words.",
    )
    async def commands_explain_themselves(self) -> None:
        await self.stage.enable()
        for command in self.stage.provided.commands:
            name = f"{command.group} {command.name}"
            if command.group in self.stage.core_commands:
                raise Broken(f"the command {name} stands in a group of core's")
            if len(command.help.split()) < 2:
                raise Broken(f"the command {name} has the help {command.help!r}")
            if not inspect.iscoroutinefunction(command.run):
                raise Broken(f"the command {name} is not asynchronous")
            parser = argparse.ArgumentParser(prog=f"ombud {name}")
            command.configure(parser)
            parser.format_help()
