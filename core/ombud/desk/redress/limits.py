"""How much somebody may grant in a case without a second person: set by role or person, for a unit and all below.

A personal limit counts before those of roles, and what a nearer unit says before what a higher one says. Where nothing
is set, agents may grant 250 and team leaders 2,500 in the unit's own currency, and nothing in another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ombud.desk.administration.authority import SET_UP, demand_in
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.redress.money import checked_amount, checked_currency
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append
from ombud.trust.permissions import AGENT, LEADER
from ombud.trust.policy import Viewer

SHIPPED: Mapping[str, Decimal] = {AGENT: Decimal(250), LEADER: Decimal(2500)}
"""By role, in the currency of the case's unit."""
STREAM = "setting/redress-limits"
NONE = Decimal(0)
UNLIMITED = Decimal("Infinity")


@dataclass(frozen=True)
class Held:
    """A limit that is set. `distance`: how many units above the case's; `personal`: for this very person."""

    role: str
    amount: Decimal
    distance: int
    personal: bool


_UP = """
WITH RECURSIVE up AS (
    SELECT id, parent_id, 0 AS distance FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id, up.distance + 1 FROM core_unit u JOIN up ON u.id = up.parent_id
)
"""
_OF_PERSON = f"""
{_UP}
SELECT (SELECT currency FROM core_unit WHERE id = $1) AS own,
    (SELECT coalesce(array_agg(DISTINCT r.role), '{{}}') FROM core_user_role r JOIN up ON up.id = r.unit_id
     WHERE r.user_id = $2) AS roles,
    coalesce((SELECT jsonb_agg(jsonb_build_array(l.role, l.amount::text, up.distance, l.user_id IS NOT NULL))
     FROM core_redress_limit l JOIN up ON up.id = l.unit_id
     WHERE l.ended_at IS NULL AND l.currency = $3 AND (l.user_id = $2 OR l.role <> '')), '[]') AS held
"""


async def limit_of(viewer: Viewer, unit_id: UUID, currency: str) -> Decimal:
    """What the viewer may grant in one case of the unit, all lines together. One statement."""
    if viewer.user_id is None:
        return UNLIMITED if viewer.system else NONE
    row = await db.fetchrow(_OF_PERSON, unit_id, viewer.user_id, currency)
    assert row is not None
    held = [Held(role, Decimal(amount), distance, personal) for role, amount, distance, personal in row["held"]]
    return weighed(held, row["roles"], currency == row["own"])


def weighed(held: Sequence[Held], roles: Sequence[str], own_currency: bool) -> Decimal:
    """The limit out of all that is set, the person's roles, and whether it is the unit's own currency. Pure."""
    personal = sorted((each for each in held if each.personal), key=lambda each: each.distance)
    if personal:
        return personal[0].amount
    return max((_of_role(held, role, own_currency) for role in roles), default=NONE)


def _of_role(held: Sequence[Held], role: str, own_currency: bool) -> Decimal:
    set_for = sorted((each for each in held if each.role == role), key=lambda each: each.distance)
    if set_for:
        return set_for[0].amount
    return SHIPPED.get(role, NONE) if own_currency else NONE


@dataclass(frozen=True)
class LimitShown:
    """A limit as the administrator's page shows it. `whose`: the name of the role or person."""

    id: UUID
    unit_id: UUID
    unit: str
    role: str
    user_id: UUID | None
    whose: str
    currency: str
    amount: Decimal
    set_by: str
    set_at: datetime


_ALL = """
SELECT l.id, l.unit_id, u.name AS unit, l.role, l.user_id, l.currency, l.amount, l.set_at,
    coalesce(k.label, nullif(w.display_name, ''), w.name, l.role) AS whose,
    coalesce(nullif(b.display_name, ''), b.name, 'Ombud') AS set_by
FROM core_redress_limit l JOIN core_unit u ON u.id = l.unit_id LEFT JOIN core_role k ON k.key = l.role
LEFT JOIN core_user w ON w.id = l.user_id LEFT JOIN core_user b ON b.id = l.set_by
WHERE l.ended_at IS NULL AND l.unit_id = ANY($1) ORDER BY u.name, l.role = '', 8, l.currency
"""


async def all_limits(viewer: Viewer) -> list[LimitShown]:
    """Those that hold in the units the viewer sets up."""
    units = [row["id"] for row in await db.fetch("SELECT id FROM core_unit") if viewer.may_in(SET_UP, row["id"])]
    return [LimitShown(**dict(row)) for row in await db.fetch(_ALL, units)]


async def set_limit(
    viewer: Viewer, unit_id: UUID, *, role: str = "", user_id: UUID | None = None, currency: str, amount: Decimal | None
) -> None:
    """Sets it from now on; the one that held until now ends and stays readable. What waits is judged by the new one."""
    demand_in(viewer, SET_UP, unit_id)
    currency = checked_currency(currency, "currency")
    amount = checked_amount(amount, currency, "amount", or_nothing=True)
    await _known(role, user_id)
    async with db.transaction():
        await db.execute("LOCK TABLE core_redress_limit IN SHARE ROW EXCLUSIVE MODE")
        await db.execute(
            "UPDATE core_redress_limit SET ended_at = $5, ended_by = $6 WHERE ended_at IS NULL AND unit_id = $1 "
            "AND role = $2 AND user_id IS NOT DISTINCT FROM $3 AND currency = $4",
            unit_id, role, user_id, currency, now(), viewer.user_id,
        )  # fmt: skip
        await db.execute(
            "INSERT INTO core_redress_limit (id, unit_id, role, user_id, currency, amount, set_at, set_by) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            new_id(), unit_id, role, user_id, currency, amount, now(), viewer.user_id,
        )  # fmt: skip
        body = {"unit": str(unit_id), "role": role, "user": str(user_id or ""), "currency": currency,
                "amount": f"{amount:f}"}  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "redress_limit.set", body)])


async def _known(role: str, user_id: UUID | None) -> None:
    if bool(role) == bool(user_id):
        raise Invalid("Choose either a role or a person.", "role")
    if role and not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_role WHERE key = $1 AND active)", role):
        raise Invalid("Choose a role of the list.", "role")
    if user_id and not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_user WHERE id = $1 AND active)", user_id):
        raise Invalid("Choose a person of the list.", "user")


async def end_limit(viewer: Viewer, limit_id: UUID) -> None:
    """It holds no longer; what is set above it, or the shipped one, does."""
    async with db.transaction():
        row = await db.fetchrow(
            "SELECT * FROM core_redress_limit WHERE id = $1 AND ended_at IS NULL FOR UPDATE", limit_id
        )
        if row is None or not viewer.may_in(SET_UP, row["unit_id"]):
            raise NotFound("There is no such limit that you administer. The page shows those that hold.")
        await db.execute(
            "UPDATE core_redress_limit SET ended_at = $2, ended_by = $3 WHERE id = $1", limit_id, now(), viewer.user_id
        )
        body = {"unit": str(row["unit_id"]), "role": row["role"], "user": str(row["user_id"] or ""),
                "currency": row["currency"]}  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "redress_limit.ended", body)])
