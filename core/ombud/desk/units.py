"""Units: the tree of legal entity, brand and team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from ombud.kernel.database import db
from ombud.kernel.settled import Memory


@dataclass(frozen=True)
class UnitFacts:
    """What intake and customer pages need of a unit."""

    id: UUID
    key: str
    name: str
    time_zone: str
    currency: str
    language: str
    phone: str
    country: str


_COLUMNS = "id, key, name, time_zone, currency, language, phone, country"


async def first() -> UnitFacts:
    """The unit that takes what names none: the oldest legal entity."""
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1")
    if row is None:
        raise LookupError("this desk has no unit yet; run `ombud migrate` to prepare it")
    return UnitFacts(**dict(row))


async def by_key(key: str) -> UnitFacts | None:
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM core_unit WHERE key = $1", key)
    return UnitFacts(**dict(row)) if row else None


_COUNTRY = """
WITH RECURSIVE up AS (SELECT parent_id, country, 0 AS far FROM core_unit WHERE id = $1
    UNION SELECT u.parent_id, u.country, up.far + 1 FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT country FROM up WHERE country <> '' ORDER BY far LIMIT 1
"""


async def country_of(unit_id: UUID) -> str:
    """The unit's own, or that of the nearest above it that has one; empty where nobody said."""
    return str(await db.fetchval(_COUNTRY, unit_id) or "")


_countries: Memory[UUID, str] = Memory(1000)
_parents: Memory[None, Mapping[str, str]] = Memory(1)
_from_above: Memory[None, Sequence[UnitFacts]] = Memory(1)


async def country_known(unit_id: UUID, settled: int) -> str:
    """The same from memory, as long as the number holds under which it was read (`kernel/settled.py`)."""
    return await _countries.of(unit_id, settled, lambda: country_of(unit_id))


async def parents_known(settled: int) -> Mapping[str, str]:
    """Unit → the unit above it, from memory in the same way."""
    return await _parents.of(None, settled, _read_parents)


async def _read_parents() -> Mapping[str, str]:
    rows = await db.fetch("SELECT id, parent_id FROM core_unit")
    return MappingProxyType({str(row["id"]): str(row["parent_id"] or "") for row in rows})


async def from_above_known(settled: int) -> Sequence[UnitFacts]:
    """The same as `from_above`, from memory in the same way."""
    return await _from_above.of(None, settled, from_above)


async def from_above() -> Sequence[UnitFacts]:
    """Those that take new cases, each after the one above it; one without a country has that of the unit above."""
    rows = await db.fetch(
        f"""
        WITH RECURSIVE down AS (
            SELECT id, 0 AS depth, country AS inherited FROM core_unit WHERE parent_id IS NULL
            UNION SELECT u.id, down.depth + 1, coalesce(nullif(u.country, ''), down.inherited)
                FROM core_unit u JOIN down ON u.parent_id = down.id)
        SELECT {_COLUMNS}, inherited FROM core_unit JOIN down USING (id) WHERE active ORDER BY depth, created_at, id
        """
    )
    return tuple(UnitFacts(**{**{name: row[name] for name in _COLUMNS.split(", ")}, "country": row["inherited"]})
                 for row in rows)  # fmt: skip


_CHAIN = """
WITH RECURSIVE up AS (SELECT parent_id, key, 0 AS far FROM core_unit WHERE key = $1
    UNION ALL SELECT u.parent_id, u.key, up.far + 1 FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT key FROM up ORDER BY far
"""


async def chain(key: str) -> tuple[str, ...]:
    """The unit and those above it, nearest first; empty for one there is not."""
    return tuple(row["key"] for row in await db.fetch(_CHAIN, key))
