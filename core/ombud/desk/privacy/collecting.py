"""Gathers what is kept of a person: core's own tables, every plugin's by its declaration, on or off, and what running
plugins know beside. One source that does not answer stops it, and is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ombud.desk.errors import NotFound, NotNow
from ombud.desk.platform import context_in
from ombud.desk.privacy import automated, bundle, files
from ombud.desk.privacy.holdings import HOLDINGS, Holding
from ombud.desk.privacy.reach import cases_of, demand_reach
from ombud.desk.privacy.requests import HANDLE, lock, people_of, stream
from ombud.desk.redaction import Known, of_others
from ombud.desk.writing import check_version
from ombud.desk.zips import digest
from ombud.kernel.calling import call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.trust import plugin_data, vault
from ombud.trust.ledger import NewEntry, append, open_sealed
from ombud.trust.policy import SYSTEM, Viewer
from ombud_plugin_api import PersonSought

JOB = "privacy.collect"
SECONDS = 60.0
CORE = "core"
WHY = {
    "off": "The plugin is off and keeps something that only it can look up. Turn it on, then ask again.",
    "missing": "The plugin's program is not here. Install it again, then ask again.",
    "rubbish": "It gave something else than a list of plain values.",
    "timeout": "It did not answer in time.",
    "resting": "It rests after repeated faults.",
}


@dataclass
class Gathered:
    """`data`: by source, by table, rows; `files`: (name in the bundle, bytes); `sources`: how each one answered."""

    data: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def missing(self) -> list[dict[str, Any]]:
        return [each for each in self.sources if each["state"] != "answered"]


async def ask(viewer: Viewer, request_id: UUID, version: int | None) -> UUID:
    """Starts a collection in the work process; one that is under way goes on instead."""
    async with db.transaction():
        row = await lock(viewer, request_id)
        check_version("This request", row, version, {})
        people = people_of(row)
        if row["state"] != "open" or not people:
            raise NotNow("Say first which person of the desk asks. A closed request collects nothing.")
        await demand_reach(viewer, HANDLE, people)
        known = await db.fetchval(
            "SELECT id FROM core_privacy_collection WHERE request_id = $1 AND state = 'waiting'", request_id
        )
        if known is not None:
            return UUID(str(known))
        made = new_id()
        await db.execute(
            "INSERT INTO core_privacy_collection (id, request_id, people, state, sources, redactions, size, sha256, "
            "asked_at, asked_by) VALUES ($1, $2, $3, 'waiting', '[]', 0, 0, '', $4, $5)",
            made, request_id, [str(each) for each in people], now(), viewer.user_id,
        )  # fmt: skip
        entry = NewEntry(stream(request_id), "privacy.collection_asked", {"collection": str(made)})
        await append(actor=viewer.actor, entries=[entry])
        await enqueue_job(JOB, {"collection": str(made)}, key=f"collect/{made}")
    return made


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job. Safe to run twice: a collection that ended is left alone."""
    row = await db.fetchrow("SELECT * FROM core_privacy_collection WHERE id = $1", UUID(payload["collection"]))
    if row is None or row["state"] != "waiting":
        return
    people = [UUID(each) for each in row["people"]]
    actor = f"user/{row['asked_by']}" if row["asked_by"] else "system"
    found = await gathered(replace(SYSTEM, actor=actor), people)
    if found.missing:
        await _ended(row, actor, found, {"state": "missing"})
        return
    request = await db.fetchrow("SELECT * FROM core_privacy_request WHERE id = $1", row["request_id"])
    assert request is not None
    redaction = of_others(*await _others(people))
    data = bundle.written(request, found, redaction)
    async with db.transaction():
        kept = await vault.store(f"person/{people[0]}", data)
        await _ended(row, actor, found, {
            "state": "complete", "bundle_id": kept, "size": len(data), "sha256": digest(data),
            "redactions": sum(many for _, _, many in (*redaction.log, *found.left_out)),
        })  # fmt: skip


async def _ended(row: Mapping[str, Any], actor: str, found: Gathered, values: Mapping[str, Any]) -> None:
    async with db.transaction():
        wanted = {"sources": found.sources, "finished_at": now(), **values}
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(wanted, 2))
        await db.execute(f"UPDATE core_privacy_collection SET {sets} WHERE id = $1", row["id"], *wanted.values())
        body = {"state": values["state"], "missing": [each["source"] for each in found.missing]}
        await append(actor=actor, entries=[NewEntry(stream(row["request_id"]), "privacy.collected", body)])


async def gathered(viewer: Viewer, people: Sequence[UUID]) -> Gathered:
    """Everything, from every source; outside transactions, since plugins are called."""
    found = Gathered()
    await _core(found, people)
    await _tables_of_plugins(viewer, found, people)
    await _plugins(found, people)
    return found


async def _core(found: Gathered, people: Sequence[UUID]) -> None:
    cases = [each.id for each in await cases_of(people) if each.theirs]
    hidden = await _hidden(cases)
    tables: dict[str, list[dict[str, Any]]] = {}
    for holding in HOLDINGS:
        rows = await db.fetch(_select(holding), list(people), cases, [])
        shown = [_row(holding, row) for row in rows if row["id"] not in hidden]
        if len(shown) < len(rows):
            found.left_out.append(
                (f"core.{holding.label}", "about a member of staff, or privileged", len(rows) - len(shown))
            )
        if shown:
            tables[holding.label] = shown
    tables |= await _history(people)
    if done := await automated.of_people(people):
        tables["what rules did"] = [each.plain for each in done]
    found.data[CORE] = tables
    await files.add(found, people, cases, hidden)
    found.sources.append(_answered(CORE, "Ombud", sum(len(rows) for rows in tables.values())))


def _select(holding: Holding) -> str:
    columns = {"id": "t.id", **{name: f't."{name}"' for name in (*holding.shown, *holding.blank)}}
    if holding.table in {"core_message", "core_attachment", "core_finding", "core_outgoing", "core_aspect"}:
        more = {"core_message": "person_id", "core_attachment": "message_id"}.get(holding.table)
        columns |= {more: f't."{more}"'} if more else {}
    return f"SELECT {', '.join(columns.values())} FROM {holding.table} t WHERE {bound(holding.where)} ORDER BY t.id"


def bound(where: str) -> str:
    """With all three parameters named, which a statement must."""
    return f"({where}) AND $1::uuid[] IS NOT NULL AND $2::uuid[] IS NOT NULL AND $3::uuid[] IS NOT NULL"


INTERNAL = {
    "vault_id",
    "key",
    "fingerprint",
    "principal",
    "sha256",
    "matched_with",
    "account",
    "thread_id",
    "remote_id",
    "trouble",
}


def _row(holding: Holding, row: Mapping[str, Any]) -> dict[str, Any]:
    """What it says, without what is of use to the program alone."""
    wanted = [*holding.shown, *holding.blank]
    return {name: row[name] for name in wanted if name not in INTERNAL and row[name] not in (None, "", {}, [])}


async def _hidden(cases: Sequence[UUID]) -> set[UUID]:
    """Aspects about members of staff and what speaks of these alone, and what is marked as privileged: not the
    customer's to have."""
    rows = await db.fetch(
        "SELECT a.id FROM core_aspect a WHERE a.case_id = ANY($1) AND a.concerns_user_id IS NOT NULL "
        "UNION SELECT e.id FROM core_evidence e JOIN core_aspect a ON a.id = e.aspect_id "
        "WHERE a.case_id = ANY($1) AND a.concerns_user_id IS NOT NULL "
        "UNION SELECT k.id FROM core_task k JOIN core_aspect a ON a.id = k.aspect_id "
        "WHERE a.case_id = ANY($1) AND a.concerns_user_id IS NOT NULL "
        "UNION SELECT f.id FROM core_finding f JOIN core_aspect a ON a.id = f.aspect_id "
        "WHERE a.case_id = ANY($1) AND a.concerns_user_id IS NOT NULL "
        "UNION SELECT m.id FROM core_message m WHERE m.case_id = ANY($1) AND m.direction = 'note' "
        "AND EXISTS (SELECT 1 FROM core_message_aspect pin JOIN core_aspect a ON a.id = pin.aspect_id "
        "WHERE pin.message_id = m.id AND a.concerns_user_id IS NOT NULL) "
        "UNION SELECT p.id FROM core_privileged p WHERE p.case_id = ANY($1) "
        "UNION SELECT p.message_id FROM core_privileged p WHERE p.case_id = ANY($1) AND p.message_id IS NOT NULL "
        "UNION SELECT p.attachment_id FROM core_privileged p WHERE p.case_id = ANY($1) "
        "AND p.attachment_id IS NOT NULL",
        list(cases),
    )
    return {row["id"] for row in rows}


async def _history(people: Sequence[UUID]) -> dict[str, list[dict[str, Any]]]:
    """What the ledger sealed for the person: details before and after, words of each step."""
    rows = await db.fetch(
        "SELECT DISTINCT s.stream, s.seq, e.at, e.kind FROM core_sealed s JOIN core_ledger_entry e USING (stream, seq) "
        "WHERE s.subject = ANY($1) ORDER BY e.at, s.stream, s.seq",
        [f"person/{each}" for each in people],
    )
    if not rows:
        return {}
    subjects = {f"person/{each}" for each in people}
    opened: dict[tuple[str, int], dict[str, Any]] = {}
    for each in await open_sealed([(row["stream"], row["seq"]) for row in rows]):
        if each.subject in subjects:
            opened.setdefault((each.stream, each.seq), {})[each.field] = each.value
    lines = [
        {"at": row["at"], "what": row["kind"], **opened[row["stream"], row["seq"]]}
        for row in rows
        if (row["stream"], row["seq"]) in opened
    ]
    return {"history": lines} if lines else {}


async def _tables_of_plugins(viewer: Viewer, found: Gathered, people: Sequence[UUID]) -> None:
    names = {row["slug"]: row["declaration"].get("name", row["slug"])
             for row in await db.fetch("SELECT slug, declaration FROM core_plugin ORDER BY slug")}  # fmt: skip
    held: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for person in people:
        for each in await plugin_data.collect(viewer, person):
            held.setdefault(each.slug, {}).setdefault(each.table, []).extend(dict(row) for row in each.rows)
    for slug, label in names.items():
        tables = held.get(slug, {})
        found.data[slug] = dict(tables)
        found.sources.append(_answered(slug, label, sum(len(rows) for rows in tables.values())))


async def sought(people: Sequence[UUID]) -> list[PersonSought]:
    """As plugins are asked: by core's id, and what they are known by."""
    rows = await db.fetch("SELECT id, name, email, phone FROM core_person WHERE id = ANY($1) ORDER BY id", list(people))
    return [
        PersonSought(
            str(row["id"]),
            row["name"],
            (row["email"],) if row["email"] else (),
            (row["phone"],) if row["phone"] else (),
        )
        for row in rows
    ]


async def _plugins(found: Gathered, people: Sequence[UUID]) -> None:
    for source in await asked(people, "collect"):
        items = source.pop("answer", [])
        known = next((each for each in found.sources if each["source"] == source["source"]), None)
        if known is not None and known["state"] == "answered":
            found.sources.remove(known)
            source["items"] += known["items"]
        found.sources.append(source)
        if items:
            found.data.setdefault(source["source"], {})[source["label"]] = [dict(each) for each in items]


async def asked(people: Sequence[UUID], what: str) -> list[dict[str, Any]]:
    """Every plugin that keeps what its manifest cannot say, asked to `collect` or `erase`. One that is off, gone,
    faulty, resting or late is in the list with why."""
    answers = [*await _silent()]
    who = await sought(people)
    for slug, loaded in sorted(running.loaded.items()):
        for each in loaded.personal_data:
            source: dict[str, Any] = {"source": slug, "label": each.label, "state": "answered", "why": "", "items": 0,
                                      "answer": []}  # fmt: skip
            for person in who:
                context = await context_in(slug, SYSTEM)
                place = f"personal data {what}"
                outcome = await call(slug, getattr(each, what), person, context, limit=SECONDS, place=place)
                if outcome.fault is not None:
                    why = WHY.get(outcome.fault.kind, "It failed. Its faults stand on its page.")
                    source |= {"state": outcome.fault.kind, "why": why}
                    break
                if what == "collect":
                    given: Any = outcome.result
                    if not _plain(given):
                        source |= {"state": "rubbish", "why": WHY["rubbish"]}
                        break
                    source["answer"] += given
                    source["items"] += len(given)
                else:
                    source["items"] += int(outcome.result or 0)
            answers.append(source)
    return answers


def _plain(given: Any) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(each, Mapping) for each in given)


async def _silent() -> list[dict[str, Any]]:
    """Plugins that would have to be asked, but do not run here."""
    rows = await db.fetch(
        "SELECT slug, wanted_on, declaration FROM core_plugin WHERE declaration->>'asks' = 'true' ORDER BY slug"
    )
    return [
        {"source": row["slug"], "label": row["declaration"].get("name", row["slug"]), "items": 0,
         "state": (kind := "missing" if row["wanted_on"] else "off"), "why": WHY[kind]}
        for row in rows
        if row["slug"] not in running.loaded
    ]  # fmt: skip


def _answered(source: str, label: str, items: int) -> dict[str, Any]:
    return {"source": source, "label": label, "state": "answered", "why": "", "items": items}


async def _others(people: Sequence[UUID]) -> tuple[list[Known], Known]:
    """Everybody else in these cases, members of staff who are complained about among them; and the person."""
    rows = await db.fetch(
        "SELECT DISTINCT p.id, p.name, p.email, p.phone, p.postcode, p.address FROM core_party mine "
        "JOIN core_party y ON y.case_id = mine.case_id JOIN core_person p ON p.id = y.person_id "
        "WHERE mine.person_id = ANY($1)",
        list(people),
    )
    own = [row for row in rows if row["id"] in people]
    staff = await db.fetch(
        "SELECT DISTINCT coalesce(nullif(u.display_name, ''), u.name) AS name, u.email FROM core_party y "
        "JOIN core_aspect a ON a.case_id = y.case_id JOIN core_user u ON u.id = a.concerns_user_id "
        "WHERE y.person_id = ANY($1)",
        list(people),
    )
    others = [
        Known(row["name"], _some(row["email"]), _some(row["phone"]), _some(row["address"], row["postcode"]))
        for row in rows
        if row["id"] not in people
    ]
    others += [Known(row["name"], _some(row["email"])) for row in staff]
    me = Known(
        " ".join(row["name"] for row in own), _some(*(row["email"] for row in own)),
        _some(*(row["phone"] for row in own)), _some(*(x for row in own for x in (row["address"], row["postcode"]))),
    )  # fmt: skip
    return others, me


def _some(*texts: str) -> tuple[str, ...]:
    return tuple(each for each in texts if each)


async def latest(request_id: UUID) -> Mapping[str, Any] | None:
    """The newest collection of a request that the caller may see."""
    row = await db.fetchrow(
        "SELECT c.*, coalesce(nullif(u.display_name, ''), u.name, '') AS by FROM core_privacy_collection c "
        "LEFT JOIN core_user u ON u.id = c.asked_by WHERE c.request_id = $1 "
        "ORDER BY c.asked_at DESC, c.id DESC LIMIT 1",
        request_id,
    )
    return dict(row) if row else None


async def taken(viewer: Viewer, request_id: UUID) -> tuple[str, bytes]:
    """The bundle, for a handler who may reach all of it; taking it is recorded before the first byte."""
    async with db.transaction():
        row = await lock(viewer, request_id)
        found = await latest(request_id)
        if found is None or found["state"] != "complete":
            raise NotFound("Nothing is collected for this request. Collect first; every plugin must answer.")
        await demand_reach(viewer, HANDLE, [UUID(each) for each in found["people"]])
        data = await vault.load(found["bundle_id"])
        entry = NewEntry(stream(request_id), "privacy.bundle_taken", {"sha256": found["sha256"]})
        await append(actor=viewer.actor, entries=[entry])
    return f"{row['reference']}.zip", data
