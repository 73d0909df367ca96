"""Everything one has begun to write and not sent, with where it belongs."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.colleagues import drafts
from ombud.desk.colleagues.drafts import Mine
from ombud.speech import sentence
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
ME = {"permission": SIGNED_IN}
SHORT = 400
_KINDS = {"reply": "Answer", "note": "Staff note", "told": "What you were told"}


@get("/me/drafts", opt=ME)
async def my_drafts(request: Req) -> Response[Any]:
    """Newest first."""
    found = await drafts.all_mine(viewer_of(request))
    return await page(request, "pages/drafts.html", here="me", drafts=[_drawn(each) for each in found])


@post("/me/drafts/{draft_id:uuid}/drop", opt=ME)
async def throw_away(request: Req, draft_id: UUID) -> Response[None]:
    gone = await drafts.throw_away(viewer_of(request), draft_id)
    return go("/me/drafts", "The draft is gone." if gone else "That draft was gone already.")


def _drawn(draft: Mine) -> dict[str, Any]:
    what, href, where = _place(draft)
    text = "\n".join(str(each) for name, each in draft.body.items() if _words(name) and each).strip()
    return {
        "id": str(draft.id), "what": what, "where": where, "href": href, "at": draft.updated_at,
        "text": text[:SHORT] + ("…" if len(text) > SHORT else ""),
        "closed": draft.reference is not None and not draft.open,
    }  # fmt: skip


def _words(name: str) -> bool:
    return name.partition(".")[0] in {"text", "reason", "note", "name", "summary", "matter"}


def _place(draft: Mine) -> tuple[str, str, str]:
    """What it is, where it goes on, and where it belongs; no way and no words for a case out of sight."""
    if draft.purpose.startswith(drafts.FILING):
        return "Complaint being written down", f"/cases/new?draft={draft.id}", ""
    if draft.reference is None:
        return "Draft", "", "A case you may not see any more"
    case, where = f"/cases/{quote(draft.reference)}", f"{draft.reference} {draft.title or ''}".strip()
    if draft.purpose.startswith(drafts.DECISION):
        return "Decision", f"{case}/aspects/{draft.aspect_id}/decide", where
    kind = _KINDS.get(draft.body.get("kind", ""), "Text")
    to_person = draft.person and kind == "Answer"
    return sentence("Answer to %(person)s", person=draft.person) if to_person else kind, f"{case}#composer", where


handlers = [my_drafts, throw_away]
