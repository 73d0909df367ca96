"""Signals of browsers: Global Privacy Control, the header `Sec-GPC: 1`, is a request to opt out under laws that say so.

It is honoured on every page of the public as soon as it comes, without a question: the page says so and the log has a
line for the browser. Where the browser leads to somebody (they file a complaint, or open their link), it holds for the
person.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ombud.desk.administration.authority import whole_desk
from ombud.desk.privacy import laws
from ombud.desk.privacy.requests import HANDLE
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import throttle
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide

GPC = "gpc"
STREAM = "setting/privacy-signals"
PER_HOUR = 30  # lines from one address; more browsers there are honoured without a line of their own
MARK = "opt_out"


def honoured_by() -> list[str]:
    """Keys of the laws in force under which the signal is a request."""
    return sorted(law.key for law in laws.brought() if any(right.signal == GPC for right in law.rights))


def digest(secret: str) -> str:
    """What is kept of the random value in a browser's cookie."""
    return hashlib.sha256(f"ombud-gpc-1 {secret}".encode()).hexdigest()


async def of_browser(secret: str, network: str) -> None:
    """Writes the browser into the log, once."""
    if not (under := honoured_by()):
        return
    try:
        await throttle.hit(f"gpc/{network}", PER_HOUR, timedelta(hours=1))
    except throttle.Throttled:
        return
    async with db.transaction():
        await _line(under, digest(secret), None)


async def of_person(person_id: UUID, secret: str = "") -> None:
    """The browser's signal holds for the person it led to: their data is neither sold nor shared."""
    if not (under := honoured_by()):
        return
    async with db.transaction():
        if not await db.fetchval("SELECT TRUE FROM core_person WHERE id = $1 AND erased_at IS NULL", person_id):
            return
        if not await _line(under, digest(secret) if secret else "", person_id):
            return
        await db.execute(
            "INSERT INTO core_privacy_mark (id, person_id, kind, since, ended_because) VALUES ($1, $2, $3, $4, '') "
            "ON CONFLICT (person_id, kind) WHERE ended_at IS NULL DO NOTHING",
            new_id(), person_id, MARK, now(),
        )  # fmt: skip


async def of_complainant(case_id: UUID, secret: str) -> None:
    """Who filed a complaint with the signal on."""
    person = await db.fetchval(
        "SELECT person_id FROM core_party WHERE case_id = $1 AND role = 'complainant' ORDER BY created_at LIMIT 1",
        case_id,
    )
    if person is not None:
        await of_person(person, secret)


async def _line(under: Sequence[str], browser: str, person_id: UUID | None) -> bool:
    where = "(signal, browser) WHERE person_id IS NULL" if person_id is None else "(signal, person_id)"
    made = await db.fetchval(
        "INSERT INTO core_privacy_signal (id, signal, laws, browser, person_id, at) VALUES ($1, $2, $3, $4, $5, $6) "
        f"ON CONFLICT {where} DO NOTHING RETURNING id",
        new_id(), GPC, list(under), browser, person_id, now(),
    )  # fmt: skip
    if made is None:
        return False
    body = {"signal": GPC, "laws": list(under), "line": str(made), "person": str(person_id or "")}
    await append(actor="system", entries=[NewEntry(STREAM, "privacy_signal.honoured", body)])
    return True


async def support() -> Mapping[str, Any] | None:
    """What /.well-known/gpc.json says; None where no law is turned on that knows the signal."""
    if not (under := honoured_by()):
        return None
    slugs = sorted({key.partition(".")[0] for key in under})
    since = await db.fetchval("SELECT min(changed_at) FROM core_plugin WHERE slug = ANY($1)", slugs)
    return {"gpc": True, "lastUpdate": (since or now()).date().isoformat()}


@dataclass(frozen=True)
class OptOut:
    """A line of the log. `how`: gpc, or how the request came; `who`: browser or person; no name."""

    at: datetime
    how: str
    who: str
    laws: tuple[str, ...]
    reference: str = ""
    request_id: UUID | None = None
    done_at: datetime | None = None
    outcome: str = ""


_LOG = """
SELECT s.at, 'gpc' AS how, CASE WHEN s.person_id IS NULL THEN 'browser' ELSE 'person' END AS who, s.laws,
    '' AS reference, NULL::uuid AS request_id, s.at AS done_at, 'granted' AS outcome, s.id
FROM core_privacy_signal s WHERE $1 AND s.at >= $2 AND s.at < $3
UNION ALL SELECT r.received_at, r.channel, 'person', jsonb_build_array(r.law), r.reference, r.id, r.answered_at,
    r.outcome, r.id
FROM core_privacy_request r WHERE r.does IN ('opt_out', 'limit') AND r.received_at >= $2 AND r.received_at < $3
    AND {rows}
ORDER BY 1 DESC, 9 DESC LIMIT {limit}
"""


async def log(viewer: Viewer, year: int, limit: int = 500) -> list[OptOut]:
    """Opt-outs of a year, newest first: by signals and by requests. Signals belong to no unit; whoever handles requests
    of the whole desk sees them."""
    demand(viewer, HANDLE)
    arguments = Arguments(
        await whole_desk(viewer, HANDLE), datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    )
    sql = _LOG.format(rows=decide(viewer, HANDLE, "privacy").where("r", arguments), limit=arguments.add(limit))
    return [
        OptOut(row["at"], row["how"], row["who"], tuple(row["laws"]), row["reference"], row["request_id"],
               row["done_at"], row["outcome"])
        for row in await db.fetch(sql, *arguments.values)
    ]  # fmt: skip


async def counted(year: int) -> int:
    """Browsers whose signal was honoured first in the year."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    sql = "SELECT count(*) FROM core_privacy_signal WHERE person_id IS NULL AND at >= $1 AND at < $2"
    return int(await db.fetchval(sql, start, end))
