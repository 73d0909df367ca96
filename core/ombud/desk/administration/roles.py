"""Roles: what each allows, changed by administrators of the whole desk; and why somebody may or may not do a thing."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from ombud.desk.administration.authority import MANAGE, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.staff import in_words
from ombud.desk.writing import check_version
from ombud.kernel.database import db
from ombud.speech import counted, joined, sentence, word
from ombud.trust import roles, users
from ombud.trust.ledger import NewEntry, append
from ombud.trust.permissions import PERMISSIONS
from ombud.trust.policy import Viewer, decide
from ombud.trust.viewers import viewer_of_user

KEY = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
EVERYWHERE = "A role counts wherever somebody holds it"


@dataclass(frozen=True)
class RoleShown:
    """A role with the number of people who hold it somewhere."""

    key: str
    label: str
    permissions: tuple[str, ...]
    active: bool
    version: int
    people: int


async def all_roles() -> list[RoleShown]:
    rows = await db.fetch(
        "SELECT r.key, r.label, r.permissions, r.active, r.version, count(DISTINCT h.user_id) AS people "
        "FROM core_role r LEFT JOIN core_user_role h ON h.role = r.key GROUP BY r.key ORDER BY r.active DESC, r.label"
    )
    return [RoleShown(**{**dict(row), "permissions": tuple(row["permissions"])}) for row in rows]


async def role(key: str) -> RoleShown:
    for each in await all_roles():
        if each.key == key:
            return each
    raise NotFound("There is no such role. The list of roles shows them all.")


async def add(viewer: Viewer, key: str, label: str, permissions: Collection[str]) -> None:
    """A role of the desk's own; the key never changes."""
    await demand_whole_desk(viewer, MANAGE, EVERYWHERE)
    label, wanted = clean_text(label, "label", longest=60, required=True), await _checked(permissions)
    if not KEY.match(key):
        raise Invalid("A key has 2 to 40 small letters, digits or dashes and begins with a letter.", "key")
    async with db.transaction():
        made = await db.execute(
            "INSERT INTO core_role (key, label, permissions, active, version) VALUES ($1, $2, $3, TRUE, 1) "
            "ON CONFLICT (key) DO NOTHING",
            key, label, wanted,
        )  # fmt: skip
        if made == "INSERT 0 0":
            raise Invalid("There is a role with this key already. Choose another key.", "key")
        body = {"role": key, "permissions": wanted}
        await append(actor=viewer.actor, entries=[NewEntry(roles.STREAM, "role.added", body)])


async def change(viewer: Viewer, key: str, label: str, permissions: Collection[str], version: int) -> int:
    """New words or rights for a role, for everybody who holds it. Somebody keeps managing users of the whole desk."""
    await demand_whole_desk(viewer, MANAGE, EVERYWHERE)
    label, wanted = clean_text(label, "label", longest=60, required=True), await _checked(permissions)
    async with in_words(), db.transaction(), users.somebody_left():
        row = await db.fetchrow("SELECT * FROM core_role WHERE key = $1 FOR UPDATE", key)
        if row is None:
            raise NotFound("There is no such role. The list of roles shows them all.")
        held = sorted(row["permissions"])
        check_version("This role", {**dict(row), "permissions": held}, version, {"label": label, "permissions": wanted})
        if (row["label"], held) == (label, wanted):
            return int(row["version"])
        await db.execute(
            "UPDATE core_role SET label = $2, permissions = $3, version = version + 1 WHERE key = $1",
            key, label, wanted,
        )  # fmt: skip
        body = {
            "role": key, "before": {"label": row["label"], "permissions": held},
            "after": {"label": label, "permissions": wanted},
        }  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(roles.STREAM, "role.changed", body)])
        return int(row["version"]) + 1


async def retire(viewer: Viewer, key: str) -> None:
    """Takes a role out of use that nobody holds any more."""
    await demand_whole_desk(viewer, MANAGE, EVERYWHERE)
    async with db.transaction():
        found = await db.fetchrow("SELECT active FROM core_role WHERE key = $1 FOR UPDATE", key)
        if found is None:
            raise NotFound("There is no such role. The list of roles shows them all.")
        people = await db.fetchval("SELECT count(DISTINCT user_id) FROM core_user_role WHERE role = $1", key)
        if people:
            hold = counted(
                "One person holds this role. Give them another one and take this one away, then retire it.",
                "%(num)s people hold this role. Give them another one and take this one away, then retire it.",
                people,
            )
            raise NotNow(hold)
        if found["active"]:
            await _switch(viewer, key, active=False)


async def restore(viewer: Viewer, key: str) -> None:
    await demand_whole_desk(viewer, MANAGE, EVERYWHERE)
    async with db.transaction():
        found = await db.fetchrow("SELECT active FROM core_role WHERE key = $1 FOR UPDATE", key)
        if found is None:
            raise NotFound("There is no such role. The list of roles shows them all.")
        if not found["active"]:
            await _switch(viewer, key, active=True)


async def _switch(viewer: Viewer, key: str, *, active: bool) -> None:
    await db.execute("UPDATE core_role SET active = $2, version = version + 1 WHERE key = $1", key, active)
    kind = "role.restored" if active else "role.retired"
    await append(actor=viewer.actor, entries=[NewEntry(roles.STREAM, kind, {"role": key})])


async def _checked(permissions: Collection[str]) -> list[str]:
    wanted = sorted(set(permissions))
    if strange := set(wanted) - await roles.known_permissions():
        raise Invalid(
            sentence("There is no right %(strange)s. Open the page again.", strange=joined(sorted(strange))),
            "permissions",
        )
    return wanted


AREAS = {
    "case": "Cases", "person": "People", "support": "Support needs", "intake": "Intake", "queue": "Queues",
    "payment": "Payments", "job": "Jobs", "view": "Views",
    "user": "Users and roles", "token": "API tokens", "plugin": "Plugins", "setting": "Settings", "ledger": "Ledger",
}  # fmt: skip


@dataclass(frozen=True)
class Area:
    """Permissions that belong together, as (key, words)."""

    label: str
    permissions: tuple[tuple[str, str], ...]


async def areas(brought: Mapping[str, str], plugins: Mapping[str, str]) -> list[Area]:
    """All permissions in plain words by area; `brought`: those of plugins with their words; `plugins`: their names."""
    words = {each.key: each.label for each in PERMISSIONS}
    known = [*words, *sorted(await roles.known_permissions() - words.keys() | brought.keys())]
    groups: dict[str, list[tuple[str, str]]] = {}
    for key in known:
        area = key.partition(".")[0]
        title = AREAS.get(area) or word(plugins.get(area) or area.replace("-", " ").capitalize())
        groups.setdefault(title, []).append((key, words.get(key) or brought.get(key) or key))
    return [Area(title, tuple(those)) for title, those in groups.items()]


@dataclass(frozen=True)
class Reason:
    """A role that gives the permission. `held_in`: the unit it is held in, at or above the one asked about."""

    role: str
    held_in: str


@dataclass(frozen=True)
class Answer:
    """Whether somebody may do a thing in a unit. `given_by` says why; `elsewhere`: held where it does not reach;
    `would`: roles that would give it."""

    allowed: bool
    active: bool
    given_by: tuple[Reason, ...]
    elsewhere: tuple[Reason, ...]
    would: tuple[str, ...]


_HELD = """
WITH RECURSIVE up AS (
    SELECT id, parent_id FROM core_unit WHERE id = $3
    UNION ALL SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id
)
SELECT r.label AS role, n.name AS held_in, h.unit_id IN (SELECT id FROM up) AS reaches
FROM core_user_role h JOIN core_role r ON r.key = h.role JOIN core_unit n ON n.id = h.unit_id
WHERE h.user_id = $1 AND $2 = ANY(r.permissions) ORDER BY r.label, n.name
"""


async def explain(user_id: UUID, permission: str, unit_id: UUID) -> Answer:
    """Asks the policy whether the person may, then says which roles make it so, or which would."""
    person = await viewer_of_user(user_id)
    allowed = person is not None and decide(person, permission).allowed and person.may_in(permission, unit_id)
    held = await db.fetch(_HELD, user_id, permission, unit_id)
    would = await db.fetch(
        "SELECT label FROM core_role WHERE active AND $1 = ANY(permissions) ORDER BY label", permission
    )
    return Answer(
        allowed=allowed, active=person is not None,
        given_by=tuple(Reason(row["role"], row["held_in"]) for row in held if row["reaches"]),
        elsewhere=tuple(Reason(row["role"], row["held_in"]) for row in held if not row["reaches"]),
        would=tuple(row["label"] for row in would),
    )  # fmt: skip
