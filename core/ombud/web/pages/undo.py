"""Taking a change back: from a toast, the palette, or the page of the change."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, post

from ombud.desk.bulk import plan as bulk
from ombud.desk.bulk import run as bulk_run
from ombud.desk.errors import Invalid, NotNow
from ombud.web.door import viewer_of
from ombud.web.shell import go

Req = Request[Any, Any, Any]


@post("/undo/{bulk_id:uuid}", opt={"permission": "case.read"})
async def take_back(request: Req, bulk_id: UUID) -> Response[None]:
    """Puts back what one case or many had; whoever else changed it since is not overrun, and that is said."""
    viewer = viewer_of(request)
    found = await bulk.find(viewer, bulk_id)
    try:
        await bulk_run.undo(viewer, bulk_id)
    except (NotNow, Invalid) as refusal:
        return go(await _back(viewer, found), str(refusal))
    if _is_one(found):
        rows = await bulk.rows(viewer, bulk_id)
        done = rows and rows[0].state == "undone"
        told = "It is as it was before." if done else rows[0].reason if rows else "You do not see this case any more."
        return go(await _back(viewer, found), told)
    return go(f"/bulk/{bulk_id}", "What could be taken back is taken back.")


def _is_one(found: bulk.Bulk) -> bool:
    return found.single or found.total == 1


async def _back(viewer: Any, found: bulk.Bulk) -> str:
    if not _is_one(found):
        return f"/bulk/{found.id}"
    rows = await bulk.rows(viewer, found.id)
    return f"/cases/{quote(rows[0].reference)}" if rows else "/queues"


handlers = [take_back]
