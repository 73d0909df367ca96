"""Beside a case: its letters, and where they are."""

from collections.abc import Mapping
from typing import Any

from ombud_letters import letters
from ombud_letters.wording import TEXTS
from ombud_plugin_api import CaseView, Context

SHOWN = 5


async def beside_the_case(case: CaseView, context: Context) -> Mapping[str, Any] | None:
    """None where there is no letter that the viewer may read."""
    found = await letters.of_case(case.reference)
    seen = await context.platform.readable([each.message_id for each in found]) if found else frozenset()
    shown = [each for each in found if each.message_id in seen]
    if not shown:
        return None
    return {
        "letters": shown[:SHOWN],
        "more": len(shown) - SHOWN,
        "texts": TEXTS,
        "may_print": context.may["letters.print"],
    }
