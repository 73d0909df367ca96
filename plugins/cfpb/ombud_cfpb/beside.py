"""Beside a case that came through the bureau: its number there, and how its response stands."""

from collections.abc import Mapping
from typing import Any

from ombud_cfpb import kept
from ombud_cfpb.codes import Unreadable, lists
from ombud_cfpb.deadlines import CHANNEL
from ombud_cfpb.wording import TEXTS
from ombud_plugin_api import CaseView, Context

RESPOND = "cfpb.respond"


async def beside(case: CaseView, context: Context) -> Mapping[str, Any] | None:
    """Nothing for what came another way."""
    if case.channel != CHANNEL or case.partly_hidden:
        return None
    bureau = await kept.of_case(case.id)
    if bureau is None:
        return None
    try:
        known = lists(context.settings)
    except Unreadable:
        return None
    response = known.responses.get(bureau.response) or known.responses.get(bureau.first_code)
    return {
        "texts": TEXTS, "bureau": bureau, "response": response.text if response else "",
        "may_respond": bool(context.may[RESPOND]) and bureau.state in ("new", "draft"), "reference": case.reference,
    }  # fmt: skip
