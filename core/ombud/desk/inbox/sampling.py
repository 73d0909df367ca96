"""Samples of decisions: drawn by lot with a seed, each looked at by somebody else, confirmed or overturned."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import intake
from ombud.desk.checking import checked_complaint, clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.inbox import deciding, decisions, joining, news, rematching
from ombud.desk.inbox.deciding import NewCase
from ombud.desk.inbox.decisions import Decided
from ombud.desk.inbox.figures import REVIEW, DecisionFilters, conditions
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, decide, mask_in

MOST = 200
VERDICTS = ("confirmed", "overturned")
GONE = "There is no such sample that you may see."


@dataclass(frozen=True)
class SampleLine:
    """A sample in a list; `left`: how many of it nobody has looked at yet."""

    id: UUID
    by: str
    at: datetime
    seed: int
    population: int
    size: int
    left: int
    filters: dict[str, str]


@dataclass(frozen=True)
class Drawn:
    """One drawn decision with its message. Who decided is left out: the decision is looked at, not the person."""

    id: UUID
    message_id: UUID
    place: int
    decision: str
    reason: str
    words: str
    wording: str
    rule: str
    at: datetime
    verdict: str
    said: str
    holds: bool
    channel: str
    sender: str | None
    subject: str
    text: str
    came_at: datetime
    case: str


# A decision that holds, on a message that came into the inbox: no newer one on it. Nobody looks at their own.
_POPULATION = """
SELECT t.id FROM core_triage t JOIN core_unit u ON u.id = t.unit_id JOIN core_message m ON m.id = t.message_id
WHERE {wanted} AND {rows} AND m.unit_id IS NOT NULL AND t.actor <> {me}
    AND NOT EXISTS (SELECT 1 FROM core_triage later WHERE later.message_id = t.message_id AND later.version > t.version)
"""


async def draw(viewer: Viewer, filters: DecisionFilters, size: int, seed: int | None = None) -> UUID:
    """Draws so many decisions by lot; the same seed over the same decisions draws the same ones."""
    demand(viewer, REVIEW)
    if not 1 <= size <= MOST:
        raise Invalid(sentence("Draw from 1 to %(most)s decisions.", most=MOST), "size")
    seed = secrets.randbelow(2**31) if seed is None else seed
    arguments = Arguments()
    sql = _POPULATION.format(
        wanted=conditions(viewer, filters, arguments), me=arguments.add(viewer.actor),
        rows=decide(viewer, REVIEW, "message").where("m", arguments),
    )  # fmt: skip
    lot = arguments.add(str(seed))
    async with db.transaction():
        rows = await db.fetch(
            f"WITH population AS ({sql}) SELECT p.id, (SELECT count(*) FROM population) AS population "
            f"FROM population p ORDER BY md5({lot}::text || p.id::text) LIMIT {arguments.add(size)}",
            *arguments.values,
        )
        if not rows:
            raise NotNow("No decision fits, or all that fit are your own. Choose a longer time or another team.")
        sample_id = new_id()
        await db.execute(
            "INSERT INTO core_triage_sample (id, user_id, seed, filters, population, created_at) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            sample_id, viewer.user_id, seed, filters.told(), rows[0]["population"], now(),
        )  # fmt: skip
        await db.execute(
            "INSERT INTO core_triage_review (id, sample_id, triage_id, place, verdict, words) "
            "SELECT gen_random_uuid(), $1, given.id, given.place, '', '' "
            "FROM unnest($2::uuid[]) WITH ORDINALITY AS given (id, place)",
            sample_id,
            [row["id"] for row in rows],
        )
        body = {"sample": str(sample_id), "seed": seed, "size": len(rows), "population": rows[0]["population"],
                "filters": filters.told()}  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(f"triage/{sample_id}", "triage.sampled", body)])
    return sample_id


async def lines(viewer: Viewer) -> list[SampleLine]:
    """The last samples with decisions in units that the viewer may review."""
    demand(viewer, REVIEW)
    rows = await db.fetch(
        "SELECT s.id, coalesce(nullif(w.display_name, ''), w.name) AS by, s.created_at AS at, s.seed, s.population, "
        "s.filters, count(*) AS size, count(*) FILTER (WHERE r.verdict = '') AS left "
        "FROM core_triage_sample s JOIN core_user w ON w.id = s.user_id "
        "JOIN core_triage_review r ON r.sample_id = s.id JOIN core_triage t ON t.id = r.triage_id "
        "WHERE t.unit_id = ANY($1::uuid[]) GROUP BY s.id, w.id ORDER BY s.created_at DESC, s.id DESC LIMIT 20",
        list(viewer.units(REVIEW)),
    )
    return [SampleLine(**dict(row)) for row in rows]


_DRAWN = """
SELECT r.id, r.place, r.verdict, r.words AS said, t.message_id, t.decision, t.reason, t.words, t.wording, t.rule, t.at,
    m.channel, m.sender_name, m.subject, m.body, m.said_at, m.unit_id, coalesce(c.reference, '') AS reference,
    NOT EXISTS (SELECT 1 FROM core_triage later WHERE later.message_id = t.message_id AND later.version > t.version)
        AS holds
FROM core_triage_review r JOIN core_triage t ON t.id = r.triage_id JOIN core_message m ON m.id = t.message_id
LEFT JOIN core_case c ON c.id = m.case_id
WHERE r.sample_id = {sample} AND t.unit_id = ANY({units}::uuid[]) AND {rows} ORDER BY r.place
"""


async def drawn(viewer: Viewer, sample_id: UUID) -> list[Drawn]:
    """What was drawn, as far as the viewer may see it; raises NotFound where that is nothing."""
    demand(viewer, REVIEW)
    arguments = Arguments()
    sql = _DRAWN.format(
        sample=arguments.add(sample_id), units=arguments.add(list(viewer.units(REVIEW))),
        rows=decide(viewer, REVIEW, "message").where("m", arguments),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    if not rows:
        raise NotFound(GONE)
    return [_drawn(viewer, row) for row in rows]


def _drawn(viewer: Viewer, row: Any) -> Drawn:
    hidden = "name" in mask_in(viewer, row["unit_id"])
    return Drawn(
        id=row["id"], message_id=row["message_id"], place=row["place"], decision=row["decision"], reason=row["reason"],
        words=row["words"], wording=row["wording"], rule=row["rule"], at=row["at"], verdict=row["verdict"],
        said=row["said"], holds=row["holds"], channel=row["channel"], sender=None if hidden else row["sender_name"],
        subject=row["subject"], text=row["body"], came_at=row["said_at"], case=row["reference"],
    )  # fmt: skip


async def review(viewer: Viewer, review_id: UUID, verdict: str, words: str = "") -> UUID:
    """Confirms a drawn decision or overturns it; returns the sample's id. An overturned "no complaint" becomes a case
    whose clock runs from the moment the message came; what was put into a wrong case leaves it."""
    demand(viewer, REVIEW)
    if verdict not in VERDICTS:
        raise Invalid("Say whether the decision was right.", "verdict")
    words = clean_text(words, "words", longest=2000, required=verdict == "overturned")
    async with db.transaction():
        found = await db.fetchrow(
            "SELECT r.*, t.message_id, t.decision, t.version FROM core_triage_review r "
            "JOIN core_triage t ON t.id = r.triage_id WHERE r.id = $1 AND t.unit_id = ANY($2::uuid[]) FOR UPDATE OF r",
            review_id,
            list(viewer.units(REVIEW)),
        )
        if found is None:
            raise NotFound(GONE)
        row = await deciding.lock_message(viewer, found["message_id"], REVIEW)
        newest = await db.fetchval("SELECT max(version) FROM core_triage WHERE message_id = $1", row["id"])
        if found["verdict"] or newest != found["version"]:
            raise NotNow("This decision was looked at or changed meanwhile. Open the sample again.")
        await db.execute(
            "UPDATE core_triage_review SET verdict = $2, words = $3, by = $4, at = $5 WHERE id = $1",
            review_id, verdict, words, viewer.user_id, now(),
        )  # fmt: skip
        body = {"message": str(row["id"]), "sample": str(found["sample_id"]), "decision": found["decision"]}
        sealed = {"words": Sealed(deciding.subject_of_message(row), words)} if words else {}
        entry = NewEntry(deciding.stream_of_message(row), f"triage.{verdict}", body, sealed)
        await append(actor=viewer.actor, entries=[entry])
        if verdict == "overturned":
            await _overturn(viewer, row, found["decision"], words)
    return UUID(str(found["sample_id"]))


async def _overturn(viewer: Viewer, row: Any, decision: str, words: str) -> None:
    if decision == decisions.NOT_COMPLAINT:
        unit = await db.fetchval("SELECT key FROM core_unit WHERE id = $1", row["unit_id"])
        sender = joining.sender_of(row["sender_name"], row["sender_address"])
        types = await db.fetch("SELECT key FROM core_case_type WHERE active ORDER BY key <> 'complaint', key LIMIT 1")
        new = NewCase(unit=unit, case_type=types[0]["key"], name=sender.name, email=sender.email, phone=sender.phone)
        complaint = checked_complaint(deciding.complaint_of(row, new))
        _, receipt, _ = await intake.load_raw(row["raw_id"])
        filed = await intake.open_case(receipt, complaint, actor=viewer.actor, message_id=row["id"])
        await deciding.keep(row, Decided(decisions.COMPLAINT, viewer.actor, words=words, case_id=filed.case_id))
        await rematching.ask(row["id"])
    elif decision == decisions.JOINED:
        case_id = row["case_id"]
        await joining.lock(case_id)
        row = await deciding.leave(viewer, row)
        await deciding.wait_again(row)
        await deciding.keep(row, Decided(decisions.UNDONE, viewer.actor, words=words))
    news.tell(row["id"])
