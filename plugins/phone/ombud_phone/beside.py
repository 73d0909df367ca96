"""Beside a case: its recordings, for those who may hear them; and the way to attach one."""

from collections.abc import Mapping
from typing import Any

from ombud_phone import recordings
from ombud_phone.pages import MAY
from ombud_phone.recording_pages import LISTEN
from ombud_phone.settings import recordings_of
from ombud_phone.wording import TEXTS
from ombud_plugin_api import CaseView, Context


async def beside(case: CaseView, context: Context) -> Mapping[str, Any] | None:
    """Nothing where there is no recording and none can be kept."""
    if case.partly_hidden:
        return None
    found = await recordings.of_case(case.id)
    can_add = context.may[MAY] and recordings_of(context.settings).wanted
    if not found and not can_add:
        return None
    return {
        "texts": TEXTS, "recordings": found, "listens": context.may[LISTEN], "can_add": can_add,
        "reference": case.reference,
    }  # fmt: skip
