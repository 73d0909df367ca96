"""The last press of the form: files the draft, or shows what keeps it from being filed."""

import re
from typing import Any

from ombud_plugin_api import Conflict, Pages, Platform, Refused, TooMany
from ombud_webform import checking, draft, matters, sending
from ombud_webform.checking import Problems
from ombud_webform.given import Req
from ombud_webform.visiting import Visit, sent_before, show
from ombud_webform.wording import problem

MATTER_FIELD = re.compile(r"matters\.(\d+)\.(text|title)\Z")


async def file_draft(request: Req, platform: Platform, pages: Pages, here: Visit) -> Any:
    if not here.frozen:
        step, problems, opened = wrong_step(here)
        if problems:
            return await show_step(pages, step, here, problems, opened)
        await draft.freeze(here.draft.id)
    frozen = await draft.load(here.draft.id)
    try:
        token = await sending.send(platform, frozen) if frozen is not None else await sent_before(request)
    except Refused as refusal:
        return await _refused(request, pages, here, refusal)
    return pages.go(f"sent/{token}" if token else "")


def wrong_step(here: Visit) -> tuple[str, Problems, str]:
    """The first step that needs a change, its problems, and the matter they are in."""
    opened, problems = matters.first_wrong(here.typed)
    if problems:
        return "matters", problems, opened
    return "about", checking.person(here.typed), ""


async def show_step(pages: Pages, step: str, here: Visit, problems: Problems, opened: str = "") -> Any:
    if step == "matters":
        matter = here.typed.matter(opened) or draft.MatterTyped(id=draft.new_matter_id())
        return await show(pages, step, here, problems, opened=matter)
    more = {"frozen": here.frozen} if step == "check" else {}
    return await show(pages, step, here, problems, **more)


async def _refused(request: Req, pages: Pages, here: Visit, refusal: Refused) -> Any:
    """A twin of this request may have sent the draft; else core does not take it and its writer may change it."""
    token = await sent_before(request)
    if token:
        return pages.go(f"sent/{token}")
    if not isinstance(refusal, Conflict):
        await draft.thaw(here.draft.id)
    return await show_refusal(pages, here, refusal)


async def show_refusal(pages: Pages, here: Visit, refusal: Refused) -> Any:
    """Core's words on the page where the field stands."""
    in_matter = MATTER_FIELD.match(refusal.field)
    if in_matter and int(in_matter[1]) < len(here.typed.matters):
        return await show_step(
            pages, "matters", here, {in_matter[2]: str(refusal)}, here.typed.matters[int(in_matter[1])].id
        )
    if refusal.field.startswith("person."):
        return await show_step(pages, "about", here, {refusal.field.removeprefix("person."): str(refusal)})
    if refusal.field == "documents":
        return await show_step(pages, "files", here, {"documents": str(refusal)})
    if isinstance(refusal, Conflict):
        return await show_step(pages, "check", here, {"send": problem(here.typed.language, "key_used")})
    answer = await show_step(pages, "check", here, {"send": str(refusal)})
    if isinstance(refusal, TooMany):  # the draft waits in this browser until then
        answer.status_code = 429
        answer.headers["retry-after"] = str(refusal.retry_after)
    return answer
