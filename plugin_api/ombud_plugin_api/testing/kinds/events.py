"""Plugins that hear events: safe to run twice, and honest about what passes."""

from typing import Any, ClassVar

from ombud_plugin_api.errors import Transient
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject


class EventsContract(Contract):
    """What plugins that hear events promise."""

    kind: ClassVar[str] = "events"
    title: ClassVar[str] = "Plugins that hear events"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("on_event")

    @check(
        "sound-10",
        "An event that comes twice has one effect",
        why="Deliveries are repeated after a crash; whoever counts, sends or writes must not do it again.",
        example="if await Note.exists().where(Note.event == event.id):\n    return",
        remedy="Remember event.id where the effect is written, in the same transaction.",
    )
    async def twice_is_once(self) -> None:
        for event in await self._heard(Marked.person(31)):
            first = await self.stage.hear(event)
            if isinstance(first, Exception):
                raise Broken(f"{event.kind} raises {type(first).__name__}: {first}")
            before = await self._rows()
            again = await self.stage.hear(event)
            if isinstance(again, Exception):
                raise Broken(f"{event.kind}, coming again, raises {type(again).__name__}: {again}")
            if await self._rows() != before:
                raise Broken(f"{event.kind}, coming again, changes what it keeps")

    @check(
        "sound-11",
        "What fails for a while is left to be tried again",
        why="Core repeats a delivery that raises `Transient`. A plugin that swallows it has lost the event for good.",
        example="await platform.start_job(…)     # let its Transient pass",
        remedy="Catch the errors you can answer (Refused, BadLink) and no others.",
    )
    async def transient_faults_pass(self) -> None:
        for event in await self._heard(Marked.person(32)):
            with self.stage.trouble("*") as called:
                problem = await self.stage.hear(event)
            if called and not isinstance(problem, Transient):
                met = f"makes {type(problem).__name__} of it" if problem else "goes on as if nothing had happened"
                raise Broken(f"{event.kind}: platform.{called[0]} raises Transient and the plugin {met}")

    async def _heard(self, person: Marked) -> list[Any]:
        await self.stage.enable()
        await self.stage.file(person)
        events = await self.stage.events(self.plugin.manifest.events)
        return list(events[-3:])

    async def _rows(self) -> list[object]:
        return [sorted(map(repr, await self.stage.rows(table))) for table in await self.stage.tables()]
