"""Plugins that bring complaints in bulk."""

from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, NotTried, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject


class ImporterContract(Contract):
    """What plugins of kind `importer` promise."""

    kind: ClassVar[str] = "importer"
    title: ClassVar[str] = "Plugins that import"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return "importer" in plugin.kinds

    @check(
        "sound-30",
        "A file that is imported again makes no complaint a second time",
        why="Imports are repeated: after a crash, with a longer file, by a colleague. A complaint that counts "
        "twice is reported "
        "to the regulator twice.",
        example="RawReceipt(channel=…, key=the id in the file, …)",
        remedy="Make the key of each receipt from the id in the file, or from the whole row.",
    )
    async def imported_again_makes_nothing(self) -> None:
        await self.stage.enable()
        person = Marked.person(51)
        for _ in range(2):
            if not await self.own.door(self.stage, self.plugin, person):
                raise NotTried("nothing came in by its door: write `door` in its tests/test_contract.py")
            await self.stage.work()
        if (made := await self.stage.cases(person)) != 1:
            raise Broken(f"one complaint, imported twice, makes {made} cases")
