"""Whether the act holds for a case: by the country of its unit, or as the settings say."""

from collections.abc import Mapping
from typing import Any

from ombud_pl_complaints.deadlines import PLACES
from ombud_plugin_api import CaseView, Platform, UnitView, holds


async def unit_of(case: CaseView, platform: Platform) -> UnitView:
    """As the units stand now; one that takes no new cases any more is in UTC and in no country."""
    known = {each.key: each for each in await platform.units()}
    return known.get(case.unit, UnitView(key=case.unit, name=case.unit))


async def concerns(case: CaseView, platform: Platform, settings: Mapping[str, Any]) -> bool:
    return holds(PLACES, (await unit_of(case, platform)).country, settings)
