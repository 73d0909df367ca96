"""What plugins add to the demonstration firm, and take away with it: each called alone, after its transaction."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ombud.desk.platform import CoreContext, context_in
from ombud.kernel.calling import Outcome, call
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import DemoData, DemoPerson

SECONDS = 60.0

_PEOPLE = """
SELECT DISTINCT ON (p.id) p.id, p.kind, p.name, p.email, p.phone, p.postcode, u.key AS unit
FROM core_demo_item i JOIN core_person p ON p.id = i.item_id
JOIN core_party y ON y.person_id = p.id AND y.role = 'complainant'
JOIN core_case c ON c.id = y.case_id JOIN core_unit u ON u.id = c.unit_id
WHERE i.kind = 'person' ORDER BY p.id, c.received_at DESC
"""


async def load() -> list[str]:
    """After the firm was loaded. Returns one line for each plugin that failed."""
    people = [DemoPerson(**dict(row)) for row in await db.fetch(_PEOPLE)] if _having() else []
    return await _each("demo load", lambda data, context: data.load(people, context))


async def remove() -> list[str]:
    """After the firm was removed. Returns one line for each plugin that failed."""
    return await _each("demo remove", lambda data, context: data.remove(context))


def _having() -> Sequence[tuple[str, DemoData]]:
    return [(slug, data) for slug, loaded in running.loaded.items() for data in loaded.demo_data]


async def _each(place: str, ask: Callable[[DemoData, CoreContext], Awaitable[None]]) -> list[str]:
    said = []
    for slug, data in _having():
        context = await context_in(slug, SYSTEM)

        async def asked(data: DemoData = data, context: CoreContext = context) -> Any:
            await ask(data, context)

        outcome: Outcome[Any] = await call(slug, asked, limit=SECONDS, place=place)
        if outcome.fault is not None:
            said.append(f"{slug} did not follow ({place}): {outcome.fault.message}")
    return said
