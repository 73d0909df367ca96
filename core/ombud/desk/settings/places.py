"""Where settings hold and who may change them there: the whole desk, or a unit of the tree."""

from dataclasses import dataclass
from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.kernel.database import db
from ombud.trust.group_settings import RIGHT, may_set
from ombud.trust.policy import Viewer

_TREE = """
WITH RECURSIVE tree AS (
    SELECT id, key, name, ARRAY[lower(name), id::text] AS path FROM core_unit WHERE parent_id IS NULL
    UNION ALL
    SELECT u.id, u.key, u.name, tree.path || ARRAY[lower(u.name), u.id::text]
    FROM tree JOIN core_unit u ON u.parent_id = tree.id
)
SELECT id, key, name, array_length(path, 1) / 2 - 1 AS depth FROM tree ORDER BY path
"""


@dataclass(frozen=True)
class Place:
    """A unit, or the whole desk (no id, empty key). `depth`: how far down it stands in the list."""

    id: UUID | None
    key: str
    name: str
    depth: int = 0


DESK = Place(None, "", "The whole desk")


async def places(viewer: Viewer) -> list[Place]:
    """Where this viewer may change settings, in the order of the tree; the whole desk first for who may do so in every
    topmost unit. Two statements."""
    rows = [row for row in await db.fetch(_TREE) if viewer.may_in(RIGHT, row["id"])]
    top = min((row["depth"] for row in rows), default=0)
    units = [Place(row["id"], row["key"], row["name"], row["depth"] - top) for row in rows]
    return [DESK, *units] if await may_set(viewer, None) else units


def place_of(found: list[Place], key: str) -> Place:
    """The place with this key; for an empty one the first. Raises NotFound for what is not this viewer's."""
    if not found:
        raise NotFound("There is no unit whose settings you may change.")
    if not key:
        return found[0]
    for each in found:
        if each.key == key:
            return each
    raise NotFound("There is no such unit whose settings you may change.")


__all__ = ["DESK", "Place", "place_of", "places"]
