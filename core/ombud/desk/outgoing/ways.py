"""The ways out: core's own, the customer's page, and those that running plugins bring."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from ombud.desk.settings.groups import values_for_plugin
from ombud.kernel.calling import Outcome, call
from ombud.kernel.lifecycle import running
from ombud.kernel.settled import Memory
from ombud.speech import noted, word
from ombud_plugin_api import Deliverer

log = logging.getLogger("ombud.outgoing")

PAGE = "page"
PAGE_WORDS = "Customer's page"
NEEDS = {"email": noted("e-mail address"), "phone": noted("phone number"), "address": noted("postal address")}


@dataclass(frozen=True)
class Way:
    """A way out. `needs`: what must be known of a recipient, empty for the page; `slug`: whose it is."""

    key: str
    label: str
    icon: str
    needs: str = ""
    slug: str = ""

    def lacks(self, recipient: Mapping[str, Any]) -> str:
        """What is missing of a recipient, in words; empty where all is there."""
        return "" if not self.needs or recipient.get(self.needs) else word(NEEDS.get(self.needs, self.needs))


CUSTOMERS_PAGE = Way(PAGE, PAGE_WORDS, "world")


def deliverer(key: str) -> tuple[str, Deliverer] | None:
    """The plugin and its deliverer of this key; None where none runs here."""
    for slug, loaded in running.loaded.items():
        for each in loaded.deliverers:
            if each.key == key:
                return slug, each
    return None


def label_of(key: str) -> str:
    """Words for a way out; the key itself, readable, where its plugin is off."""
    found = deliverer(key)
    if key == PAGE or found is None:
        return word(PAGE_WORDS) if key == PAGE else key.replace("-", " ").replace("_", " ").capitalize()
    return word(found[1].label)


_remembered: Memory[tuple[UUID, tuple[str, ...]], list[Way]] = Memory(1000)


async def ways_known(unit_id: UUID, settled: int) -> list[Way]:
    """What to offer, from memory as long as settings and running plugins are the same; sending asks anew."""
    running_now = tuple(sorted(f"{slug} {loaded.version}" for slug, loaded in running.loaded.items()))
    return await _remembered.of((unit_id, running_now), settled, lambda: ways_in(unit_id))


async def ways_in(unit: UUID | str) -> list[Way]:
    """What can be used in a unit, the page first. Never inside a transaction: plugins are asked."""
    found = [CUSTOMERS_PAGE]
    for slug, loaded in running.loaded.items():
        values = await values_for_plugin(slug, unit) if loaded.deliverers else {}
        for each in loaded.deliverers:
            if await _in_use(slug, each, values):
                found.append(Way(each.key, each.label, each.icon, each.needs, slug))
    return found


async def _in_use(slug: str, each: Deliverer, values: Mapping[str, Any]) -> bool:
    """A deliverer that cannot say so is offered all the same: sending by it will say what is wrong."""
    outcome: Outcome[Any] = await call(
        slug, partial(each.in_use, values), limit=1.0, place=f"deliverer {each.key} in_use"
    )
    return bool(outcome.result) if outcome.ok else True
