"""Plugins that say by when something is due."""

import inspect
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ombud_plugin_api.deadlines import MET_BY, Deadline, Deadlines
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject
from ombud_plugin_api.treatment import AspectFacts, CaseFacts

SECONDS = 0.5
_NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
_PRIORITIES = ("low", "normal", "high", "urgent")


class AlwaysOpen:
    """A calendar that never closes, for trying deadlines without a desk."""

    zone = "UTC"

    def add(self, start: datetime, working: timedelta) -> datetime:
        return start.astimezone(UTC) + working

    def add_days(self, start: datetime, days: int, business: bool) -> datetime:
        day = start.astimezone(UTC).date() + timedelta(days=days)
        return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)

    def between(self, start: datetime, end: datetime) -> timedelta:
        return end - start

    def is_open(self, at: datetime) -> bool:
        return True


def _case(aspects: int = 1, **more: Any) -> CaseFacts:
    many = tuple(
        AspectFacts(id=f"aspect-{number}", position=number + 1, priority=_PRIORITIES[number % 4])
        for number in range(aspects)
    )
    given: dict[str, Any] = {"received_at": _NOON, "opened_at": _NOON, "at": _NOON, "aspects": many, **more}
    return CaseFacts(id="case-1", reference="OMB-1", **given)


def cases() -> tuple[CaseFacts, ...]:
    """A case of each priority and channel, one that waits for a reply, one that was closed, one without an aspect."""
    later = _NOON + timedelta(hours=5)
    return (
        *(_case(2, priority=each, channel="email") for each in _PRIORITIES), _case(channel="phone", case_type="other"),
        _case(last_in_at=later, last_out_at=_NOON, messages_in=2, messages_out=1, at=later),
        _case(status="closed", closed_at=later, at=later), _case(0),
    )  # fmt: skip


class DeadlinesContract(Contract):
    """What plugins that bring deadlines promise."""

    kind: ClassVar[str] = "deadlines"
    title: ClassVar[str] = "Plugins that bring deadlines"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_deadlines")

    @check(
        "basic-88",
        "The same facts get the same deadlines, each said in full; and nothing else happens",
        why="Core asks again whenever something happened in a case and compares the answers with the clocks that run. "
        "One that changes by chance would start and stop them; one that is not said in full starts none, and is a "
        "fault.",
        example='Deadline(clock="reply", label="Reply", met_by="reply", working=timedelta(hours=8))',
        remedy="Give a list of Deadlines, each clock once for the case or an aspect, with exactly one of working, days "
        "and until; read nothing but the facts, the calendar and the settings.",
    )
    async def deadlines_are_pure(self) -> None:
        await self.stage.enable()
        if not self._providers():
            raise Broken("provide_deadlines gave none")
        for provider in self._providers():
            if inspect.iscoroutinefunction(provider.due):
                raise Broken(f"due of {provider.key} is asynchronous; it is pure, and runs in a thread")
            for facts in cases():
                with self.stage.watch() as watched:
                    first, second = self._due(provider, facts), self._due(provider, facts)
                if first != second:
                    raise Broken(f"{provider.key} gives two different answers for the same case")
                if watched.statements or watched.reached:
                    raise Broken(f"{provider.key} asks the database or the network")
                self._lawful(provider, facts, first)

    @check(
        "sound-47",
        "A case with many aspects, or settings that are empty, cost a moment and no error",
        why="Core stops asking after two seconds, and the case stays without the plugin's clocks until something "
        "happens in it again.",
        example="for aspect in facts.aspects: …",
        remedy="Give no deadline where a setting is missing, and look at each aspect once.",
    )
    async def much_and_nothing_are_borne(self) -> None:
        await self.stage.enable()
        for provider in self._providers():
            for facts, settings in ((_case(20), self._settings()), (_case(20), {}), (_case(0), {})):
                started = time.monotonic()
                self._due(provider, facts, settings)
                if (taken := time.monotonic() - started) > SECONDS:
                    raise Broken(f"{provider.key} takes {taken:.1f} seconds over {len(facts.aspects)} aspects")

    def _providers(self) -> list[Deadlines]:
        return list(self.stage.provided.deadlines)

    def _settings(self) -> dict[str, Any]:
        """The plugin's own, as they are where nobody has set any."""
        given: Sequence[Any] = self.stage.provided.settings
        schema = given[0].schema if given else {}
        return {name: rule.get("default") for name, rule in schema.items()}

    def _due(self, provider: Deadlines, facts: CaseFacts, settings: dict[str, Any] | None = None) -> list[Deadline]:
        values = self._settings() if settings is None else settings
        try:
            given: Any = provider.due(facts, AlwaysOpen(), values)
        except Exception as problem:
            raise Broken(f"{provider.key} answers with {type(problem).__name__}: {problem}") from None
        if not isinstance(given, list | tuple) or not all(isinstance(each, Deadline) for each in given):
            raise Broken(f"{provider.key} gives {given!r:.60}; a list of Deadlines is asked for")
        return list(given)

    @staticmethod
    def _lawful(provider: Deadlines, facts: CaseFacts, found: Sequence[Deadline]) -> None:
        if len({(each.clock, each.aspect) for each in found}) != len(found):
            raise Broken(f"{provider.key} gives one clock twice for the case or an aspect")
        for each in found:
            if sum(value is not None for value in (each.working, each.days, each.until)) != 1:
                raise Broken(f"{each.clock} of {provider.key} does not say how long in exactly one way")
            if each.met_by not in MET_BY:
                raise Broken(f"{each.clock} of {provider.key} is met by {each.met_by!r}, none of {', '.join(MET_BY)}")
            if each.aspect and each.aspect not in {aspect.id for aspect in facts.aspects}:
                raise Broken(f"{each.clock} of {provider.key} is of an aspect that the case does not have")
            if not each.label.strip():
                raise Broken(f"{each.clock} of {provider.key} has no label")
