"""What a fresh desk has, so that a complaint filed a second after the start arrives somewhere."""

import secrets

from ombud.desk import taxonomies
from ombud.desk.rules import versions as rules
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import roles, users
from ombud.trust.ledger import NewEntry, append
from ombud.trust.permissions import ROLES

NAME = "Our organisation"  # of the first unit, until somebody names it
LOCK = 0x6669_7273_74  # "first": two processes that start at once prepare the desk once


async def prepare() -> str | None:
    """Makes what is missing of first unit, case type, queue and roles; returns the password of `admin` if it was
    made now (the only moment it is known)."""
    if await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_user)"):
        await roles.install_defaults()
        await taxonomies.install_defaults()
        await rules.install_defaults()
        return None
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        if await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_user)"):
            return None
        await _unit()
        await _case_type()
        await _queue()
        await roles.install_defaults()
        await taxonomies.install_defaults()
        await rules.install_defaults()
        password = secrets.token_urlsafe(12)
        await users.add("admin", "Administrator", "", password, [role.key for role in ROLES], None, "system")
        return password


async def _unit() -> None:
    identity = new_id()
    await db.execute(
        "INSERT INTO core_unit (id, kind, key, name, time_zone, currency, country, language, phone, created_at, "
        "version) VALUES ($1, 'entity', 'main', $3, 'UTC', 'EUR', '', 'en', '', $2, 1) "
        "ON CONFLICT DO NOTHING",
        identity,
        now(),
        NAME,
    )
    await append(
        actor="system", entries=[NewEntry(f"unit/{identity}", "unit.added", {"key": "main", "kind": "entity"})]
    )


async def _case_type() -> None:
    await db.execute(
        "INSERT INTO core_case_type (key, label, fields, active) VALUES ('complaint', 'Complaint', '{}', TRUE) "
        "ON CONFLICT DO NOTHING"
    )


async def _queue() -> None:
    await db.execute(
        "INSERT INTO core_queue (id, key, name, condition, position, active) "
        "VALUES ($1, 'new-complaints', 'New complaints', '{}', 1000, TRUE) ON CONFLICT DO NOTHING",
        new_id(),
    )
