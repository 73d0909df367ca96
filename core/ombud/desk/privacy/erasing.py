"""Erasing a person: preview, order, execution in the work process, certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.privacy import collecting, holds, journal, replaying
from ombud.desk.privacy.bundle import plain
from ombud.desk.privacy.destroying import Order, counted, destroy
from ombud.desk.privacy.reach import CaseReached, cases_of, demand_reach
from ombud.desk.privacy.requests import ERASE, lock, people_of, stream
from ombud.desk.search import index as search_index
from ombud.desk.writing import check_version, demand
from ombud.desk.zips import digest
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.speech import joined, sentence
from ombud.trust import plugin_data
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide

JOB = "privacy.erase"
HELD, GROUND, OTHERS = "legal hold", "statutory exception", "somebody else's case as well"


@dataclass(frozen=True)
class Kept:
    """One thing that stays, and why: a legal hold, a ground in the law, or that others take part."""

    what: str
    why: str
    source: str
    case_id: str = ""


@dataclass(frozen=True)
class Preview:
    """What goes and what stays. `open_cases`: references that must be answered, or kept for a reason, before."""

    order: Order
    gone: Sequence[tuple[str, int]]
    plugins: Mapping[str, int]
    asked: Sequence[str]
    kept: Sequence[Kept]
    cases: Sequence[CaseReached]
    open_cases: Sequence[str]
    held: bool

    @property
    def possible(self) -> bool:
        return not self.held and not self.open_cases


async def preview(viewer: Viewer, request_id: UUID, keep: Mapping[UUID, str]) -> Preview:
    """`keep`: cases that a ground of the law keeps, with the ground's key."""
    demand(viewer, ERASE)
    async with db.transaction():
        row = await lock(viewer, request_id, ERASE)
        people = await _demand_people(viewer, row)
        return await planned(people, _grounds(row["terms"], keep))


async def _demand_people(viewer: Viewer, row: Mapping[str, Any]) -> list[UUID]:
    people = people_of(row)
    if not people:
        raise NotNow("Say first which person of the desk asks.")
    if row["does"] != "erase":
        raise NotNow("This request does not ask for erasure. Record one that does.")
    await demand_reach(viewer, ERASE, people)
    return people


def _grounds(terms: Mapping[str, Any], keep: Mapping[UUID, str]) -> dict[UUID, dict[str, str]]:
    known = {each["key"]: each for each in terms.get("grounds", ())}
    if strange := [key for key in keep.values() if key not in known]:
        raise Invalid(sentence("The law does not know the ground %(r)s.", r=f"{strange[0]!r}"), "keep")
    return {case: {name: known[key][name] for name in ("key", "label", "source")} for case, key in keep.items()}


async def planned(people: Sequence[UUID], keep: Mapping[UUID, Mapping[str, str]]) -> Preview:
    """What an erasure of these records would do now."""
    cases = await cases_of(people)
    whole_hold, held = await holds.standing(people)
    kept: list[Kept] = [Kept("everything kept of this person", HELD, "", "")] if whole_hold else []
    for case in cases:
        if case.id in held:
            kept.append(Kept(case.reference, HELD, held[case.id], str(case.id)))
        elif case.id in keep:
            ground = keep[case.id]
            kept.append(Kept(case.reference, GROUND, f"{ground['label']} ({ground['source']})", str(case.id)))
        elif case.others or not case.theirs:
            kept.append(Kept(case.reference, OTHERS, "only what is theirs goes; their name is taken out", str(case.id)))
    lawful = [case.id for case in cases if case.id in held or case.id in keep]
    shared = [case.id for case in cases if case.id not in lawful and (case.others or not case.theirs)]
    going = [case for case in cases if case.id not in lawful and case.id not in shared]
    order = Order(tuple(people), tuple(case.id for case in going), tuple(lawful), tuple(shared))
    plugins: dict[str, int] = {}
    for person in people:
        for table, count in (await plugin_data.counted(person, order.cases, own=order.whole)).items():
            plugins[table] = plugins.get(table, 0) + count
    if lawful:
        kept.append(Kept("name, addresses, and sealed words in the history", "a case is kept", "", ""))
    return Preview(
        order, await counted(order), plugins, await _askers(), kept, cases,
        [case.reference for case in going if case.status != "closed"], bool(whole_hold),
    )  # fmt: skip


async def _askers() -> list[str]:
    rows = await db.fetch("SELECT declaration->>'name' AS name FROM core_plugin WHERE declaration->>'asks' = 'true'")
    return sorted(row["name"] for row in rows)


async def order(viewer: Viewer, request_id: UUID, keep: Mapping[UUID, str], version: int | None) -> UUID:
    """Has it done in the work process. Identity must be shown first; nothing is erased where a hold stands."""
    async with db.transaction():
        row = await lock(viewer, request_id, ERASE)
        check_version("This request", row, version, {})
        people = await _demand_people(viewer, row)
        if row["state"] != "open":
            raise NotNow("This request was answered or withdrawn.")
        if row["identity"] not in {"confirmed", "not_needed"}:
            raise NotNow("Say first how it was made sure that this is the person. Nobody is erased by mistake.")
        if row["agent_name"] and row["agent_seen_at"] is None:
            raise NotNow("Somebody asks for the person. Say first what you saw of their authority.")
        grounds = _grounds(row["terms"], keep)
        seen = await planned(people, grounds)
        _demand_possible(seen)
        known = await db.fetchrow(
            "SELECT id, state FROM core_privacy_erasure WHERE request_id = $1 AND state <> 'done' FOR UPDATE",
            request_id,
        )
        made = known["id"] if known else new_id()
        told = {str(case): ground for case, ground in grounds.items()}
        await db.execute(
            "INSERT INTO core_privacy_erasure (id, request_id, people, keep, state, sources, ordered_at, ordered_by, "
            "whole, gone, kept, keys, journal_line, sha256) VALUES ($1, $2, $3, $4, 'waiting', '[]', $5, $6, 0, '{}', "
            "'[]', 0, 0, '') ON CONFLICT (id) DO UPDATE SET keep = $4, people = $3, state = 'waiting', sources = '[]', "
            "ordered_at = $5, ordered_by = $6",
            made, request_id, [str(each) for each in people], told, now(), viewer.actor,
        )  # fmt: skip
        body = {"erasure": str(made), "kept": sorted(told)}
        await append(actor=viewer.actor, entries=[NewEntry(stream(request_id), "privacy.erasure_ordered", body)])
        await enqueue_job(JOB, {"erasure": str(made)}, key=f"erase/{made}")
    return UUID(str(made))


def _demand_possible(seen: Preview) -> None:
    if seen.held:
        raise NotNow("A legal hold stands on this person. Nothing can be erased until it is lifted.")
    if seen.open_cases:
        raise NotNow(
            sentence(
                "%(open_cases)s is not closed. Answer and close it, or keep it on a ground of the law.",
                open_cases=joined(seen.open_cases[:5]),
            )
        )


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job. Plugins first, outside a transaction; one that does not answer stops it before anything of core goes."""
    row = await db.fetchrow("SELECT * FROM core_privacy_erasure WHERE id = $1", UUID(payload["erasure"]))
    if row is None or row["state"] != "waiting":
        return
    people = [UUID(each) for each in row["people"]]
    grounds = {UUID(case): ground for case, ground in row["keep"].items()}
    seen = await planned(people, grounds)
    if not seen.possible:
        await _stopped(row, [{"source": "core", "label": "Ombud", "state": "refused", "items": 0,
                              "why": "A hold was placed or a case opened meanwhile. See the preview."}])  # fmt: skip
        return
    sources = await collecting.asked(people, "erase") if seen.order.whole else []
    if missing := [each for each in sources if each["state"] != "answered"]:
        await _stopped(row, missing)
        return
    await _execute(row, seen, sources)
    await search_index.up_to_date()


async def _stopped(row: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> None:
    async with db.transaction():
        await db.execute(
            "UPDATE core_privacy_erasure SET state = 'stopped', sources = $2 WHERE id = $1", row["id"], list(sources)
        )
        body = {"erasure": str(row["id"]), "missing": [each["source"] for each in sources]}
        entry = NewEntry(stream(row["request_id"] or row["id"]), "privacy.erasure_stopped", body)
        await append(actor=row["ordered_by"], entries=[entry])


async def _execute(row: Mapping[str, Any], seen: Preview, sources: Sequence[Mapping[str, Any]]) -> None:
    told = {name: [str(each) for each in getattr(seen.order, name)] for name in ("people", "cases", "kept", "shared")}
    line = journal.write("erase", {"erasure": str(row["id"]), **told})
    try:
        async with db.transaction():
            await _locked(seen.order)
            done = await destroy(seen.order, row["ordered_by"])
            kept = [{"what": each.what, "why": each.why, "source": each.source} for each in seen.kept]
            values = {
                "state": "done", "done_at": now(), "whole": int(seen.order.whole), "gone": done.gone, "kept": kept,
                "keys": done.keys, "journal_line": line,
                "sources": [{name: each[name] for name in ("source", "label", "state", "why", "items")}
                            for each in sources],
            }  # fmt: skip
            certificate = written({**dict(row), **values})
            values["sha256"] = digest(certificate)
            sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(values, 2))
            await db.execute(f"UPDATE core_privacy_erasure SET {sets} WHERE id = $1", row["id"], *values.values())
            await _tell(row, seen.order, values)
    except BaseException:
        journal.write("void", {"erasure": str(row["id"])})
        raise
    journal.write("done", {"erasure": str(row["id"])})


async def _locked(wanted: Order) -> None:
    """Nobody places a hold, or opens a case again, while it runs."""
    await db.execute("LOCK TABLE core_privacy_hold IN SHARE MODE")
    whole, held = await holds.standing(wanted.people)
    if whole or set(held) - set(wanted.kept):
        raise NotNow("A legal hold was placed meanwhile. Nothing was erased.")
    rows = await db.fetch("SELECT status FROM core_case WHERE id = ANY($1) ORDER BY id FOR UPDATE", list(wanted.cases))
    if any(row["status"] != "closed" for row in rows):
        raise NotNow("A case was opened again meanwhile. Nothing was erased.")


async def _tell(row: Mapping[str, Any], done: Order, values: Mapping[str, Any]) -> None:
    body = {
        "erasure": str(row["id"]), "whole": done.whole, "tables": values["gone"], "keys": values["keys"],
        "certificate": values["sha256"],
    }  # fmt: skip
    entries = [NewEntry(f"person/{each}", "person.erased", body) for each in done.people]
    entries += [NewEntry(f"case/{each}", "case.erased", {"erasure": str(row["id"])}) for each in done.cases]
    if row["request_id"]:
        entries.append(NewEntry(stream(row["request_id"]), "privacy.erased", body))
    await append(actor=row["ordered_by"], entries=entries)


def written(row: Mapping[str, Any]) -> bytes:
    """The certificate as a file: what was done, when, on whose order, what stays and why. No name and no word of the
    person: their id is all there is left."""
    names = ("id", "request_id", "people", "ordered_at", "ordered_by", "done_at", "gone", "sources", "kept", "keys",
             "journal_line")  # fmt: skip
    content = {"certificate": "erasure", **{name: plain(row[name]) for name in names}, "whole": bool(row["whole"])}
    return msgspec.json.format(speech.encoded(content), indent=2) + b"\n"


@dataclass(frozen=True)
class Certificate:
    """The proof of one erasure, as its page shows it. `fits`: whether the file still has the digest that the ledger
    names."""

    id: UUID
    request_id: UUID | None
    reference: str
    state: str
    ordered_at: datetime
    done_at: datetime | None
    whole: bool
    gone: Mapping[str, int]
    sources: Sequence[Mapping[str, Any]]
    kept: Sequence[Mapping[str, str]]
    keys: int
    journal_line: int
    sha256: str
    by: str
    file: bytes

    @property
    def fits(self) -> bool:
        return digest(self.file) == self.sha256


_ONE = """
SELECT e.*, r.reference, coalesce(nullif(u.display_name, ''), u.name, '') AS by FROM core_privacy_erasure e
JOIN core_privacy_request r ON r.id = e.request_id
LEFT JOIN core_user u ON u.id = substring(e.ordered_by FROM '^user/([0-9a-f-]{36})$')::uuid
"""


async def certificate(viewer: Viewer, erasure_id: UUID) -> Certificate:
    """For whoever may see its request."""
    if not viewer.may(ERASE):
        raise NotAllowed("Your roles do not allow this. Ask an administrator of this desk.")
    grant, arguments = decide(viewer, ERASE, "privacy"), Arguments()
    place = arguments.add(erasure_id)
    row = await db.fetchrow(f"{_ONE} WHERE e.id = {place} AND {grant.where('r', arguments)}", *arguments.values)
    if row is None:
        raise NotFound("There is no such certificate that you may see.")
    return _shown(row)


async def of_request(request_id: UUID) -> list[Certificate]:
    """Those of a request that the caller may see, newest first."""
    rows = await db.fetch(f"{_ONE} WHERE e.request_id = $1 ORDER BY e.ordered_at DESC", request_id)
    return [_shown(row) for row in rows]


def _shown(row: Any) -> Certificate:
    return Certificate(
        row["id"], row["request_id"], row["reference"], row["state"], row["ordered_at"], row["done_at"],
        bool(row["whole"]), row["gone"], row["sources"], row["kept"], row["keys"], row["journal_line"], row["sha256"],
        row["by"], written(row),
    )  # fmt: skip


async def replay() -> int:
    """Erases again what the journal says was erased, after an older backup was restored; returns how many orders had
    something to do."""
    return (await replaying.replay()).again


async def request_line(viewer: Viewer, request_id: UUID) -> dict[str, Any]:
    """What the preview's page says of its request."""
    async with db.transaction():
        row = await lock(viewer, request_id, ERASE)
    return {name: row[name] for name in ("reference", "terms", "version", "identity", "state")}
