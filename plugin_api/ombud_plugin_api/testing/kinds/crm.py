"""Plugins that ask customer systems: what core can show beside a case, and what it can tell of a closed one."""

import inspect
from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject


class CrmContract(Contract):
    """What plugins with customer systems promise."""

    kind: ClassVar[str] = "crm"
    title: ClassVar[str] = "Plugins with customer systems"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_crms")

    @check(
        "basic-90",
        "Its customer systems have words, an icon and asynchronous methods",
        why="Their name stands beside every case, and a method that blocks holds up whatever else works beside it.",
        example='Crm("postbox", "Postbox", find, history)',
        remedy="Give the Crm a label and an icon; write find, history and record as `async def`.",
    )
    async def systems_are_named(self) -> None:
        await self.stage.enable()
        for crm in self.stage.provided.crms:
            if not crm.label.strip() or not crm.icon.strip():
                raise Broken(f"the customer system {crm.key} has the label {crm.label!r} and the icon {crm.icon!r}")
            for method in (crm.find, crm.history, crm.record):
                if method is not None and not inspect.iscoroutinefunction(method):
                    raise Broken(f"{getattr(method, '__name__', 'a method')} of {crm.key} is not asynchronous")

    @check(
        "basic-91",
        "Beside a case stands what it knows, or a fault in words",
        why="Whatever else it answers is a fault that everybody sees who opens a case.",
        example='raise Transient("The customer system does not answer.")',
        remedy="Return PersonMatch and Datum objects, None where it is not used; raise one of the three errors.",
    )
    async def answers_are_as_promised(self) -> None:
        await self.stage.enable()
        filed = await self.stage.file(Marked.person(91))
        browser = await self.stage.signed_in("agent")
        for crm in self.stage.provided.crms:
            path = f"/cases/{filed.reference}/crm/{crm.key}"
            await browser.get(path)
            await self.stage.work()
            answer = await browser.get(path)
            if answer.status_code != 200:
                raise Broken(f"its part of a case answers {answer.status_code}")
            if "answered what nobody here can read" in answer.text:
                raise Broken(f"{crm.key} gave an answer that is not as promised; its faults say what")
