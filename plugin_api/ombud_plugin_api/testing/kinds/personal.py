"""Plugins that keep of people what their manifest cannot say."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ombud_plugin_api.rights import PersonalData, PersonSought
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject

NOBODY = PersonSought(
    "00000000-0000-7000-8000-00000000feed", "Nobody At All", ("nobody@nowhere.invalid",), ("+999000",)
)


class PersonalContract(Contract):
    """What plugins that are asked about people promise."""

    kind: ClassVar[str] = "personal"
    title: ClassVar[str] = "Plugins that are asked about people"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_personal_data")

    @check(
        "basic-78",
        "Asked about somebody it does not know, it gives nothing, and erasing them twice destroys nothing",
        why="Core hands what it gives to the person who asked. Something of another person there is a breach; "
        "something that is not a list of plain values stops the request.",
        example='return [{"note": note.text} for note in notes if note.email in person.emails]',
        remedy="Compare whole addresses and numbers, never parts; give a list of mappings and a number of things "
        "erased.",
    )
    async def nobody_is_nobody(self) -> None:
        await self.stage.enable()
        found: list[PersonalData] = list(self.stage.provided.personal_data)
        if not found:
            raise Broken("provide_personal_data gave none")
        for each in found:
            if not each.label.strip():
                raise Broken("what it keeps has no label")
            given: Any = await self._asked(each.collect, each.label)
            if not isinstance(given, list | tuple) or not all(isinstance(one, Mapping) for one in given):
                raise Broken(f"{each.label} gives {given!r:.60}; a list of mappings is asked for")
            if given:
                raise Broken(f"{each.label} gives {len(given)} things of a person it does not know")
            for _ in range(2):
                gone: Any = await self._asked(each.erase, each.label)
                if not isinstance(gone, int) or isinstance(gone, bool) or gone != 0:
                    raise Broken(f"{each.label} erases {gone!r:.40} things of a person it does not know")

    async def _asked(self, method: Any, label: str) -> Any:
        try:
            return await method(NOBODY, await self.stage.context())
        except Exception as problem:
            raise Broken(f"{label} answers with {type(problem).__name__}: {problem}") from None
