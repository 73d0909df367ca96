"""Plugins that fill slots of core's pages."""

from typing import ClassVar

from ombud_plugin_api.slots import SLOTS
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject


class SlotsContract(Contract):
    """What plugins that fill slots promise."""

    kind: ClassVar[str] = "slots"
    title: ClassVar[str] = "Plugins in slots"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_slots")

    @check(
        "basic-50",
        "What it shows in slots is drawn, for every case",
        why="A slot that fails says so on every case page of everybody.",
        example='Fill("case.side", "postbox/side.html", beside_the_case)',
        remedy="Return None where there is nothing to show, and give the template every variable it names.",
    )
    async def slots_are_drawn(self) -> None:
        await self.stage.enable()
        for fill in self.stage.provided.slots:
            if fill.slot not in SLOTS:
                raise Broken(f"there is no slot {fill.slot!r}")
            if not (self.plugin.folder / "templates" / fill.template).is_file():
                raise Broken(f"the template {fill.template} is not there")
        for slot, problem in await self.stage.slot_answers():
            if problem:
                raise Broken(f"its part of {slot} fails: {problem}")
