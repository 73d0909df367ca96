"""Beside a case: the extension, that it counts as upheld with the outcome that is proposed, and the ways to record
either. Nothing where the act does not hold."""

from collections.abc import Mapping
from typing import Any

from ombud_pl_complaints import kept
from ombud_pl_complaints.pages import MAY
from ombud_pl_complaints.where import concerns
from ombud_pl_complaints.wording import TEXTS
from ombud_plugin_api import CaseView, Context


async def beside(case: CaseView, context: Context) -> Mapping[str, Any] | None:
    if case.partly_hidden:
        return None
    found = await kept.of_case(case.id)
    if found is None:
        offers = case.status != "closed" and context.may[MAY]
        if not offers or not await concerns(case, context.platform, context.settings):
            return None
    undecided = [each for each in case.aspects if each.status != "closed"]
    may = bool(context.may[MAY]) and case.status != "closed"
    return {
        "texts": TEXTS, "kept": found, "reference": case.reference, "may_record": may,
        "aspects": undecided if found is not None and found.deemed and context.may["case.decide"] else [],
    }  # fmt: skip
