"""Plugins that ask a customer system about people."""

import inspect
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from ombud_plugin_api.crm import DATUM_KINDS, EVIDENCE, SHOWS, Crm, Datum, PersonHints, PersonMatch
from ombud_plugin_api.errors import PluginFault
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

MOST_MATCHES, MOST_DATA = 20, 200


class CrmContract(Contract):
    """What plugins with customer systems promise."""

    kind: ClassVar[str] = "crm"
    title: ClassVar[str] = "Plugins with customer systems"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_crms")

    @check(
        "basic-90",
        "Its customer systems are named by the slug and asked asynchronously",
        why="The key stands beside every answer that core keeps; a method that is not asynchronous holds up all other "
        "work while a host far away thinks.",
        example='Crm("postbox", "Post box", find, history)',
        remedy="Let the key be the slug, or begin with it and a dot, and make find, history and record async.",
    )
    async def systems_are_named(self) -> None:
        await self.stage.enable()
        for crm in self._systems():
            if crm.key != self.plugin.slug and not crm.key.startswith(f"{self.plugin.slug}."):
                raise Broken(f"the customer system {crm.key!r} is not named by the slug {self.plugin.slug}")
            if not crm.label.strip():
                raise Broken(f"the customer system {crm.key} has no label")
            for name in ("find", "history", "record"):
                method = getattr(crm, name)
                if method is not None and not inspect.iscoroutinefunction(method):
                    raise Broken(f"{name} of {crm.key} is not asynchronous")
            if not 0 < crm.fresh_for <= crm.stale_after:
                raise Broken(f"{crm.key} is fresh for {crm.fresh_for} s and stale after {crm.stale_after} s")

    @check(
        "basic-91",
        "Asked about somebody, it gives what core can show, each with source and time, or one of the three errors",
        why="Every datum beside a case says where it stands and how old it is; an answer that says neither is not "
        "shown, and counts as a fault. One that is not set up says so in words that an administrator understands.",
        example='PersonMatch(id="7", name="Ann", source="Contact", fetched_at=datetime.now(UTC), evidence=("email",))',
        remedy="Give source and an aware fetched_at, kinds and evidence of the lists; raise Misconfigured, Transient "
        "or Permanent with a sentence.",
    )
    async def answers_can_be_shown(self) -> None:
        await self.stage.enable()
        person = Marked.person(81)
        for crm in self._systems():
            hints = PersonHints(
                person=UUID(int=81), name=person.name, email=person.email, phone=person.phone, postcode=person.postcode
            )
            matches = await self._asked(crm, "find", hints)
            for match in self._list(crm, "find", matches, PersonMatch, MOST_MATCHES):
                if strange := set(match.evidence) - set(EVIDENCE):
                    raise Broken(f"find of {crm.key} names the evidence {', '.join(sorted(strange))}")
                data = await self._asked(crm, "history", match)
                for datum in self._list(crm, "history", data, Datum, MOST_DATA):
                    if datum.kind not in DATUM_KINDS or datum.shows not in SHOWS:
                        raise Broken(f"history of {crm.key} gives the kind {datum.kind!r}, showing {datum.shows!r}")

    @check(
        "sound-40",
        "A closure that is told twice is recorded once",
        why="Telling is tried again after a fault, and nobody knows whether the first try arrived.",
        example='await put(f"/closures/{key}", …)      # an upsert under the key; not: post("/closures", …)',
        remedy="Write under the key, which stays the same for one case, and return the same id for it.",
    )
    async def told_twice_is_once(self) -> None:
        await self.stage.enable()
        for crm in self._systems():
            if crm.record is None:
                continue
            case = await self.stage.closed_case(Marked.person(82))
            first = await self._asked(crm, "record", case, "kit-key")
            second = await self._asked(crm, "record", case, "kit-key")
            if isinstance(first, msgspec.Struct) and isinstance(second, msgspec.Struct) and first != second:
                raise Broken(f"record of {crm.key} made {first!r:.80} and, told again, {second!r:.80}")

    def _systems(self) -> list[Crm]:
        return list(self.stage.provided.crms)

    async def _asked(self, crm: Crm, method: str, *given: Any) -> Any:
        """What it answers; None where it raises one of the contract's errors, in words."""
        try:
            return await getattr(crm, method)(*given, await self.stage.context())
        except PluginFault as refusal:
            if len(str(refusal).split()) < 3:
                raise Broken(f"{method} of {crm.key} refuses with {str(refusal)!r}, which tells nobody why") from None
            return None
        except Exception as problem:
            raise Broken(f"{method} of {crm.key} raises {type(problem).__name__}: {problem}") from None

    def _list(self, crm: Crm, method: str, given: Any, kind: type[Any], most: int) -> list[Any]:
        if given is None:
            return []
        if not isinstance(given, list | tuple) or not all(isinstance(each, kind) for each in given):
            raise Broken(f"{method} of {crm.key} gives {given!r:.80}; a list of {kind.__name__} is asked for")
        if len(given) > most:
            raise Broken(f"{method} of {crm.key} gives {len(given)}; at most {most} are shown")
        for each in given:
            if not each.source.strip() or each.fetched_at.tzinfo is None:
                raise Broken(f"{method} of {crm.key} gives {each!r:.80} without source or time zone")
        return list(given)
