"""Taking back what a change of many cases did that no column of a case holds: categories, tags, redress, messages."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from asyncpg import Record

from ombud.desk import aspects, tags
from ombud.desk.bulk import replies
from ombud.desk.errors import NotNow
from ombud.desk.redress import granting, requests
from ombud.kernel.database import db
from ombud.trust.policy import Viewer

WHY = "Taken back with the change of many cases it was given by."


async def categories(viewer: Viewer, row: Record) -> None:
    """Each matter gets the category it had, unless somebody gave it another one since."""
    for aspect, category in row["before"].get("categories", {}).items():
        stands = await db.fetchval("SELECT category FROM core_aspect WHERE id = $1", UUID(aspect))
        if stands != row["after"]["category"]:
            raise NotNow("What a matter is about was changed by somebody since. Open the case to see.")
        await aspects.change(viewer, UUID(aspect), {"category": category}, None)


async def tagged(viewer: Viewer, row: Record) -> None:
    """The tags it got go, those somebody took off meanwhile are gone already."""
    await tags.take_off(viewer, row["case_id"], row["after"].get("tags", []))


async def untagged(viewer: Viewer, row: Record) -> None:
    await tags.put(viewer, row["case_id"], row["before"].get("tags", []))


async def redress(viewer: Viewer, row: Record) -> None:
    """A line that is only promised is reversed by another; one that waits is withdrawn."""
    given = row["after"]
    if "request" in given:
        await requests.withdraw(viewer, UUID(given["request"]), WHY)
    elif "line" in given:
        await granting.undo_redress(viewer, UUID(given["aspect"]), UUID(given["line"]), WHY)


BACK: dict[str, Callable[[Viewer, Record], Awaitable[None]]] = {
    "category": categories, "tag": tagged, "untag": untagged, "redress": redress, "reply": replies.back,
}  # fmt: skip
