"""Plugins that bring laws by which people may ask for what is kept of them."""

import re
from typing import Any, ClassVar

from ombud_plugin_api.rights import DOES, IDENTITY, PROVENANCE, SPANS, Law, Right, Span
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject

CODE = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?\Z")


class RightsContract(Contract):
    """What plugins that bring rights promise."""

    kind: ClassVar[str] = "rights"
    title: ClassVar[str] = "Plugins that bring rights"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_rights")

    @check(
        "basic-77",
        "Its laws are whole: every right says what core does, every number and ground where it stands and how sure "
        "that is",
        why="Staff tell people a day by which they get an answer. A number without its article cannot be checked by "
        "anybody, and one that is not known to be right must say so, or it will be believed.",
        example='Span(1, "months", "GDPR Art. 12(3)", "secondary")',
        remedy="Give keys that are codes, places by ISO 3166, a source for each span and ground, and a provenance that "
        "is official only where somebody read the law itself.",
    )
    async def laws_are_whole(self) -> None:
        await self.stage.enable()
        laws: list[Any] = list(self.stage.provided.rights)
        if not laws:
            raise Broken("provide_rights gave none")
        if len({each.key for each in laws}) != len(laws):
            raise Broken("two of its laws have one key")
        for law in laws:
            _law(law)


def _law(law: Law) -> None:
    if not law.label.strip() or not law.places or not all(PLACE.match(each) for each in law.places):
        raise Broken(f"the law {law.key} lacks a label, or names a place like {law.places!r:.60}")
    if not law.rights or len({each.key for each in law.rights}) != len(law.rights):
        raise Broken(f"the law {law.key} has no rights, or two of one key")
    for right in law.rights:
        _right(law.key, right)
    for ground in law.grounds:
        if not CODE.match(ground.key) or not ground.source.strip() or ground.provenance not in PROVENANCE:
            raise Broken(f"the ground {ground.key!r} of {law.key} is no code, or lacks its source or provenance")
        if set(ground.against) - set(DOES):
            raise Broken(f"the ground {ground.key} of {law.key} is against what core does not do")


def _right(law: str, right: Right) -> None:
    where = f"{law}/{right.key}"
    if not CODE.match(right.key) or not right.label.strip() or not right.source.strip():
        raise Broken(f"the right {where} is no code, or lacks a label or its source")
    if right.does not in DOES or right.identity not in IDENTITY or right.provenance not in PROVENANCE:
        raise Broken(f"the right {where} says {right.does!r}, {right.identity!r}, {right.provenance!r}")
    for span in (right.answer, right.acknowledge, right.extension):
        if span is not None:
            _span(where, span)


def _span(where: str, span: Span) -> None:
    if span.unit not in SPANS or span.amount < 1 or not span.source.strip() or span.provenance not in PROVENANCE:
        raise Broken(f"a time of {where} is {span.amount} {span.unit!r}, or lacks its source or provenance")
