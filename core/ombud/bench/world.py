"""The firm of a made-up desk: its units, its staff and its queues, the same for every seed."""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import passwords
from ombud.trust.ledger import NewEntry, append
from ombud.trust.permissions import AGENT, LEADER

TOP = "load"
ZONE = "Europe/Warsaw"
USER = "load-agent"
PASSWORD = "a desk of any size"  # noqa: S105 - of a made-up person on a made-up desk
BRANDS = ("north", "south", "west")
TEAMS = ("cards", "loans", "payments")
STAFF = 4  # agents in each team
QUEUES = (
    ("cards", "Cards"), ("loans", "Loans"), ("payments", "Payments"), ("accounts", "Accounts"), ("fraud", "Fraud"),
    ("service", "Service"), ("insurance", "Insurance"), ("reopened", "Reopened"),
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Ids that cases refer to: team units, each with its agents, and queues."""

    teams: tuple[tuple[UUID, tuple[UUID, ...]], ...]
    queues: tuple[UUID, ...]


def named(name: str) -> UUID:
    """The id of a thing of this firm, the same on every desk."""
    return uuid5(NAMESPACE_URL, f"ombud:load/{name}")


def world() -> World:
    places = [f"{brand}-{team}" for brand in BRANDS for team in TEAMS]
    teams = tuple(
        (named(f"unit/{place}"), tuple(named(f"user/{place}-{n}") for n in range(1, STAFF + 1))) for place in places
    )
    return World(teams, tuple(named(f"queue/{key}") for key, _ in QUEUES))


async def is_there() -> bool:
    return bool(await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_unit WHERE key = $1)", TOP))


async def settle() -> None:
    """Writes units, people and queues in one transaction, with their entries."""
    hashed = await passwords.hash_of(PASSWORD)
    async with db.transaction():
        units = _units()
        await db.executemany(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
            f"created_at, version) VALUES ($1, $2, $3, $4, $5, '{ZONE}', 'PLN', 'PL', 'en', '', $6, 1)",
            [(*unit, now()) for unit in units],
        )
        people = _people()
        await db.executemany(
            "INSERT INTO core_user (id, name, display_name, email, password_hash, language, active, created_at, "
            "version) VALUES ($1, $2, $3, '', $4, 'en', TRUE, $5, 1)",
            [(identity, name, name.replace("-", " ").title(), hashed, now()) for identity, name, _ in people],
        )
        roles = [(new_id(), identity, role, unit) for identity, _, unit in people for role in (AGENT, LEADER)]
        await db.executemany("INSERT INTO core_user_role (id, user_id, role, unit_id) VALUES ($1, $2, $3, $4)", roles)
        await db.executemany(
            "INSERT INTO core_queue (id, key, name, condition, position, active) VALUES ($1, $2, $3, $4, $5, TRUE)",
            [(named(f"queue/{key}"), f"load-{key}", name, {"channel": [f"never-{key}"]}, 2000 + place)
             for place, (key, name) in enumerate(QUEUES)],
        )  # fmt: skip
        entries = [NewEntry(f"unit/{unit[0]}", "unit.added", {"key": unit[3], "kind": unit[2]}) for unit in units]
        entries += [NewEntry(f"user/{identity}", "user.added", {}) for identity, _, _ in people]
        await append(actor="system", entries=entries)


def _units() -> list[tuple[UUID, UUID | None, str, str, str]]:
    top = named("unit/top")
    units: list[tuple[UUID, UUID | None, str, str, str]] = [(top, None, "entity", TOP, "Load Bank")]
    for brand in BRANDS:
        above = named(f"unit/{brand}")
        units.append((above, top, "brand", f"load-{brand}", f"Load {brand.title()}"))
        units += [
            (named(f"unit/{brand}-{team}"), above, "team", f"load-{brand}-{team}", f"{brand.title()} {team}")
            for team in TEAMS
        ]
    return units


def _people() -> list[tuple[UUID, str, UUID]]:
    people = [(named(f"user/{USER}"), USER, named("unit/top"))]
    for brand in BRANDS:
        for team in TEAMS:
            place = f"{brand}-{team}"
            people += [
                (named(f"user/{place}-{n}"), f"load-{place}-{n}", named(f"unit/{place}")) for n in range(1, STAFF + 1)
            ]
    return people
