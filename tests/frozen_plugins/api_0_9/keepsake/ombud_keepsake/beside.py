"""What stands beside a case."""

from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import CaseView, Context

from ombud_keepsake.tables import Note
from ombud_keepsake.wording import TEXTS


async def beside_the_case(case: CaseView, context: Context) -> Mapping[str, Any] | None:
    notes = await Note.count().where(Note.case_id == case.id)
    return {
        "texts": TEXTS, "notes": notes, "matters": len(case.aspects), "words": context.settings["words"],
        "may_write": context.may["case.write"], "viewer": context.viewer_name,
    }
