"""A request about personal data: recorded, identified, acknowledged, extended, withdrawn; each step in the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud import speech
from ombud.desk.checking import checked_moment, clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.privacy import laws, letters
from ombud.desk.privacy.clocks import end_of
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, about_me, decide
from ombud_plugin_api import Law, Right, Span

HANDLE, ERASE = "privacy.handle", "privacy.erase"
CHANNELS = ("letter", "email", "phone", "form", "signal", "person")
RESULTS = ("asked", "confirmed", "failed", "not_needed")
AGENT_RESULTS = ("accepted", "refused")
AGENT_CHECKS = ("document", "signature", "identity", "register", "person_asked")
SHORT, LONG = 300, 20_000


@dataclass(frozen=True)
class RequestGiven:
    """What is written down when a request comes in. `key`: so that one form sent twice is one request."""

    law: str
    kind: str
    unit_id: UUID
    name: str = ""
    contact: str = ""
    words: str = ""
    channel: str = "letter"
    received_at: datetime | None = None
    person_id: UUID | None = None
    agent_name: str = ""
    key: str = ""


def stream(request_id: UUID) -> str:
    return f"privacy/{request_id}"


async def subject_of(request: Mapping[str, Any]) -> str:
    """Whose key seals its words: the person's, where they are known."""
    return f"person/{request['person_id']}" if request["person_id"] else stream(request["id"])


def forgotten(row: Mapping[str, Any]) -> dict[str, str]:
    """What a request of an erased person no longer says once nothing has to be sent there any more."""
    names = ("name", "contact", "words", "agent_name", "agent_authority", "identity_how", "review")
    return {**dict.fromkeys(names, ""), "extended_because": "erased" if row["extended_because"] else ""}


async def is_erased(person_id: UUID | None) -> bool:
    if person_id is None:
        return False
    return bool(await db.fetchval("SELECT erased_at IS NOT NULL FROM core_person WHERE id = $1", person_id))


def frozen(law: Law, right: Right) -> dict[str, Any]:
    """The terms that a request keeps, whatever becomes of the law."""
    spans = {part: speech.builtins_of(getattr(right, part)) for part in laws.PARTS}
    return {
        "law": law.label, "right": right.label, "source": right.source, "identity": right.identity,
        "agent": right.agent, "extension_rule": right.extension_rule, **spans,
        "grounds": [
            speech.builtins_of(each) for each in law.grounds if not each.against or right.does in each.against
        ],
    }  # fmt: skip


def span_of(terms: Mapping[str, Any], part: str) -> Span | None:
    return Span(**terms[part]) if terms.get(part) else None


async def record(viewer: Viewer, given: RequestGiven) -> UUID:
    """Opens a request and starts its clock at the moment it was received; a key used before gives the
    first one's id."""
    demand(viewer, HANDLE)
    if not viewer.may_in(HANDLE, given.unit_id):
        raise NotAllowed("You may not handle requests of this unit. Choose another one.")
    if given.person_id is not None:
        await _demand_person(viewer, given.person_id)
    return await put(viewer.actor, viewer.user_id, given)


async def put(actor: str, user_id: UUID | None, given: RequestGiven) -> UUID:
    """The same for a door of the public, which has no viewer."""
    law, right = await laws.find(given.law, given.kind)
    await laws.demand_holding(law, given.unit_id)
    if given.channel not in CHANNELS:
        raise Invalid("Choose how the request came.", "channel")
    received = checked_moment(given.received_at, "received_at") or now()
    name = clean_text(given.name, "name", longest=SHORT)
    contact = clean_text(given.contact, "contact", longest=SHORT)
    words = clean_text(given.words, "words", longest=LONG)
    agent = clean_text(given.agent_name, "agent_name", longest=SHORT)
    if given.person_id is None and not (name or contact or given.channel == "signal"):
        raise Invalid("Say who asks, or where the answer goes.", "name")
    due = await end_of(right.answer, received, given.unit_id)
    confirm = await end_of(right.acknowledge, received, given.unit_id) if right.acknowledge else None
    identity = "not_needed" if right.identity == "never" else ""
    made = new_id()
    async with db.transaction():
        if given.key:
            await db.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"privacy/{given.key}")
            before = await db.fetchval("SELECT id FROM core_privacy_request WHERE key = $1", given.key)
            if before is not None:
                return UUID(str(before))
        await db.execute("SELECT pg_advisory_xact_lock(hashtext('privacy number'))")
        number = await db.fetchval(
            "SELECT coalesce(max(substring(reference FROM 4)::integer), 0) + 1 FROM core_privacy_request"
        )
        await db.execute(
            "INSERT INTO core_privacy_request (id, reference, unit_id, law, kind, does, person_id, also, name, "
            "contact, "
            "channel, words, key, terms, received_at, due_at, acknowledge_by, identity, identity_how, agent_name, "
            "agent_authority, extended_because, state, outcome, grounds, grounds_words, answer, created_at, "
            "created_by, "
            "version) VALUES ($1, $2, $3, $4, $5, $6, $7, '[]', $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, '', "
            "$18, "
            "'', '', 'open', '', '[]', '', '', $19, $20, 1)",
            made, f"PD-{number:05}", given.unit_id, law.key, right.key, right.does, given.person_id, name, contact,
            given.channel, words, given.key, frozen(law, right), received, due, confirm, identity, agent, now(),
            user_id,
        )  # fmt: skip
        body = {
            "law": law.key, "key": f"{law.key}.{right.key}", "does": right.does, "channel": given.channel,
            "person": str(given.person_id or ""), "unit": str(given.unit_id), "due_at": moment_text(due),
            "received_at": moment_text(received),
        }  # fmt: skip
        row = {"id": made, "person_id": given.person_id}
        await note(actor, row, "privacy.requested", body, {"name": name, "contact": contact, "words": words,
                                                           "agent": agent})  # fmt: skip
    return made


async def _demand_person(viewer: Viewer, person_id: UUID) -> None:
    """The viewer may see them, and no aspect of their cases is about the viewer."""
    grant, arguments = decide(viewer, "person.read", "person"), Arguments()
    place = arguments.add(person_id)
    mine = "FALSE" if viewer.system else about_me("y.case_id", arguments.add(viewer.user_id))
    seen = await db.fetchval(
        f"SELECT TRUE FROM core_person p WHERE p.id = {place} AND p.erased_at IS NULL "
        f"AND {grant.where('p', arguments)} "
        f"AND NOT EXISTS (SELECT 1 FROM core_party y WHERE y.person_id = p.id AND {mine})",
        *arguments.values,
    )
    if not seen:
        raise NotFound("There is no such person that you may see. They may have been erased.")


async def lock(viewer: Viewer, request_id: UUID, permission: str = HANDLE) -> Record:
    """The request's row until the commit, where the viewer may have it."""
    demand(viewer, permission)
    grant, arguments = decide(viewer, permission, "privacy"), Arguments()
    place = arguments.add(request_id)
    row = await db.fetchrow(
        f"SELECT r.* FROM core_privacy_request r WHERE r.id = {place} AND {grant.where('r', arguments)} "
        "FOR UPDATE OF r",
        *arguments.values,
    )
    if row is None:
        raise NotFound("There is no such request that you may see. The list shows all there are for you.")
    return row


async def open_row(viewer: Viewer, request_id: UUID, version: int | None) -> Record:
    """The same, where it is still open and as the viewer saw it."""
    row = await lock(viewer, request_id)
    check_version("This request", row, version, {})
    if row["state"] != "open":
        raise NotNow("This request was answered or withdrawn. Record a new one if they ask again.")
    return row


async def note(
    actor: str, row: Mapping[str, Any], kind: str, body: Mapping[str, Any], words: Mapping[str, str] | None = None
) -> None:
    """An entry about a request. Words are sealed for the person; of somebody who was erased none are kept."""
    subject, kept = await subject_of(row), {name: text for name, text in (words or {}).items() if text}
    if kept and await is_erased(row["person_id"]):
        kept = {}
    sealed = {name: Sealed(subject, text) for name, text in kept.items()}
    await append(actor=actor, entries=[NewEntry(stream(row["id"]), kind, body, sealed)])


def people_of(row: Mapping[str, Any]) -> list[UUID]:
    """All records of the person; empty while it is not known who asks."""
    return [row["person_id"], *(UUID(each) for each in row["also"])] if row["person_id"] else []


async def link_people(viewer: Viewer, request_id: UUID, people: Sequence[UUID], version: int | None) -> None:
    """Says which records of the desk are the person who asks; each complaint may have made one of its own. What was
    collected from other records does not count any more."""
    wanted = list(dict.fromkeys(people))
    if not wanted:
        raise Invalid("Choose at least one record.", "person")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if wanted == people_of(row):
            return
        if await is_erased(row["person_id"]):
            raise NotNow("This person was erased for this request. Record another request for other records.")
        for each in wanted:
            await _demand_person(viewer, each)
        also = [str(each) for each in wanted[1:]]
        await update("core_privacy_request", request_id, {"person_id": wanted[0], "also": also})
        await letters.give_to(request_id, wanted[0])
        body = {"people": [str(each) for each in wanted]}
        await note(viewer.actor, {**dict(row), "person_id": wanted[0]}, "privacy.person_known", body)


async def check_identity(viewer: Viewer, request_id: UUID, result: str, how: str, version: int | None) -> None:
    """How it was made sure that who asks is the person, and what came of it."""
    how = clean_text(how, "how", longest=1000)
    if result not in RESULTS:
        raise Invalid("Choose what came of the check.", "result")
    if not how:
        raise Invalid("Say how: what was asked for or compared, or why no check was needed.", "how")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if result == "not_needed" and row["terms"].get("identity") == "always":
            raise Invalid("This right asks for a check of identity every time.", "result")
        await update("core_privacy_request", request_id, {
            "identity": result, "identity_how": how, "identity_by": viewer.user_id, "identity_at": now(),
        })  # fmt: skip
        await note(viewer.actor, row, "privacy.identity_checked", {"result": result}, {"how": how})


@dataclass(frozen=True)
class AuthorityGiven:
    """What somebody who asks for a person showed: `checks`, codes of AGENT_CHECKS; `until`: how long it holds."""

    name: str
    words: str
    result: str = "accepted"
    checks: Sequence[str] = ()
    until: date | None = None


async def see_authority(viewer: Viewer, request_id: UUID, given: AuthorityGiven, version: int | None) -> None:
    """That somebody acts for the person, what was looked at, and whether it suffices. Where the right depends on no
    check of identity, the person may not be asked to confirm either."""
    name = clean_text(given.name, "agent_name", longest=SHORT, required=True)
    words = clean_text(given.words, "agent_authority", longest=1000, required=True)
    checks = [each for each in AGENT_CHECKS if each in given.checks]
    if given.result not in AGENT_RESULTS:
        raise Invalid("Say whether the authority suffices.", "agent_result")
    if given.result == "accepted" and not checks:
        raise Invalid("Say what you looked at.", "agent_checks")
    if given.result == "accepted" and given.until is not None and given.until < now().date():
        raise Invalid("The authority ended before today. Ask for a new one.", "agent_until")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if row["terms"].get("identity") == "never" and "person_asked" in checks:
            raise Invalid("This right may not depend on asking the person. The signed permission is enough.",
                          "agent_checks")  # fmt: skip
        await update("core_privacy_request", request_id, {
            "agent_name": name, "agent_authority": words, "agent_seen_by": viewer.user_id, "agent_seen_at": now(),
            "agent_result": given.result, "agent_checks": checks, "agent_until": given.until,
        })  # fmt: skip
        body = {"result": given.result, "checks": checks}
        await note(viewer.actor, row, "privacy.authority_seen", body, {"agent": name, "authority": words})


async def acknowledge(viewer: Viewer, request_id: UUID, version: int | None) -> None:
    """That receipt was confirmed to who asks."""
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if row["acknowledged_at"] is not None:
            raise NotNow("It was acknowledged before.")
        await update("core_privacy_request", request_id, {"acknowledged_at": now()})
        await note(viewer.actor, row, "privacy.acknowledged", {})


async def extend(viewer: Viewer, request_id: UUID, because: str, version: int | None) -> None:
    """Once, by as much as the law gives, before the time is over, for a reason that the person was told."""
    because = clean_text(because, "because", longest=2000)
    if not because:
        raise Invalid("Give the reason that you told the person.", "because")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        more, base = span_of(row["terms"], "extension"), span_of(row["terms"], "answer")
        if more is None or base is None:
            raise NotNow("This right knows no extension. Answer in time.")
        if row["extended_at"] is not None:
            raise NotNow("It was extended before, and may be only once.")
        if row["due_at"] < now():
            raise NotNow("The time is over. An extension must be told to the person before it ends.")
        due = await end_of(base, row["received_at"], row["unit_id"], more)
        await update("core_privacy_request", request_id, {
            "extended_at": now(), "extended_because": because, "due_at": due,
        })  # fmt: skip
        await note(viewer.actor, row, "privacy.extended", {"due_at": moment_text(due)}, {"because": because})


async def tell_news(viewer: Viewer, request_id: UUID, words: str, version: int | None) -> None:
    """That who asks was told how it stands, and in which words."""
    words = clean_text(words, "news", longest=LONG)
    if not words:
        raise Invalid("Write what you tell them.", "news")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        await db.execute("UPDATE core_privacy_request SET version = version + 1 WHERE id = $1", request_id)
        await note(viewer.actor, row, "privacy.updated", {}, {"words": words})


async def withdraw(viewer: Viewer, request_id: UUID, version: int | None) -> None:
    """The person took it back."""
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        kept = forgotten(row) if await is_erased(row["person_id"]) else {}
        await update("core_privacy_request", request_id, {**kept, "state": "withdrawn"})
        await note(viewer.actor, row, "privacy.withdrawn", {})
