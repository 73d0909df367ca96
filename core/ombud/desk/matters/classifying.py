"""What classifiers propose of a message: one finding for each matter they see in it, in positions and codes.

They read only what the customer wrote this time, after the commit and outside transactions. A proposal names a category
and nothing else: no outcome, no redress, no support needs, and it changes no record until a person accepts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import taxonomies
from ombud.desk.inbox.mood import LONGEST_REASON, LONGEST_TEXT, MOST_SPANS, PATIENCE, SECONDS, Rubbish, quotes_nothing
from ombud.desk.privacy import restricted
from ombud.desk.settings.groups import clear_known
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import Delivered, JobContext, handled_alone, in_time, subscribe
from ombud.kernel.settled import SETTLED
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud_plugin_api import CategoryOption, Classifier, Finding, MessageFacts, Transient

MOST = 10  # proposals of one classifier about one message


@dataclass(frozen=True)
class Proposed:
    """One matter a classifier sees, checked."""

    slug: str
    classifier: str
    version: str
    category: str
    reason: str
    confidence: Decimal | None
    spans: tuple[tuple[int, int], ...]

    @property
    def value(self) -> dict[str, Any]:
        return {
            "category": self.category, "classifier": self.classifier, "version": self.version,
            "spans": [list(each) for each in self.spans],
        }  # fmt: skip


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    kinds = ["message.received direction=in"]
    subscribe("classify", kinds, heard, when=lambda: bool(_classifiers()), together=heard_together)


def _classifiers() -> list[tuple[str, Classifier]]:
    found = [(slug, each) for slug, loaded in running.loaded.items() for each in loaded.classifiers]
    return sorted(found, key=lambda pair: pair[1].key)


_MESSAGES = f"""
SELECT {SETTLED} AS settled, m.id, m.case_id, m.body, m.subject, m.channel, c.unit_id,
    lower(split_part(coalesce(nullif(m.language, ''), nullif(p.language, ''), c.language, ''), '-', 1)) AS language
FROM core_message m JOIN core_case c ON c.id = m.case_id LEFT JOIN core_person p ON p.id = m.person_id
WHERE m.id = ANY($1) AND m.direction = 'in' AND m.robot = '' AND m.body <> ''
    AND NOT {restricted.unread("m.case_id", "m.person_id")}
"""
Options = tuple[CategoryOption, ...]


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Asks the classifiers about a message that came into a case; safe to run twice."""
    await handled_alone(heard_together, event, context)


async def heard_together(several: Sequence[Delivered]) -> None:
    """About several messages: one statement reads them, one more for each unit what a matter can be about there."""
    found = await db.fetch(_MESSAGES, [UUID(each.event["body"]["message"]) for each in several])
    rows = {row["id"]: row for row in found}
    options = {unit_id: await _options(unit_id) for unit_id in {row["unit_id"]: None for row in found}}
    for each in in_time(several):
        row = rows.get(UUID(each.event["body"]["message"]))
        if row is None or not options[row["unit_id"]]:
            continue
        try:
            with each.blamed():
                await _hear(row, options[row["unit_id"]], each.context)
        except Exception as error:
            each.failed = error


async def _options(unit_id: UUID) -> Options:
    known = await taxonomies.choices("category", unit_id, taxonomies.today())
    return tuple(CategoryOption(code=each.code, labels=each.labels) for each in known)


async def _hear(row: Record, options: Options, context: JobContext) -> None:
    found, away = [], ""
    for slug, classifier in _classifiers():
        if row["language"] and classifier.languages and row["language"] not in classifier.languages:
            continue
        facts = await _facts(slug, row, options)
        said, absent = await _asked(slug, classifier, facts)
        found += said
        away = absent or away
    if found:
        await _keep(row, found)
    if away and context.attempt < PATIENCE:
        raise Transient(f"{away}; what a message is about waits for it")


async def _facts(slug: str, row: Record, options: Options) -> MessageFacts:
    return MessageFacts(
        text=row["body"][:LONGEST_TEXT], subject=row["subject"], language=row["language"], channel=row["channel"],
        categories=options, settings=await clear_known(slug, row["unit_id"], row["settled"]),
    )  # fmt: skip


async def _asked(slug: str, classifier: Classifier, facts: MessageFacts) -> tuple[list[Proposed], str]:
    """What one classifier says, and its name if it is away."""
    place = f"classify {classifier.key}"
    outcome: Outcome[Any] = await call(slug, classifier.classify, facts, limit=SECONDS, place=place)
    if outcome.fault is not None:
        return [], sentence("%(classifier)s is away", classifier=classifier.label) if outcome.fault.kind in {
            "resting",
            "busy",
            "transient",
        } else ""
    try:
        return checked(slug, classifier, outcome.value, facts), ""
    except Rubbish as problem:
        await faults.record(slug, "error", place, str(problem))
        return [], ""


def checked(slug: str, classifier: Classifier, given: Any, facts: MessageFacts) -> list[Proposed]:
    """The findings of kind aspect, one for each category, cut to size; of each only category, passages and reason are
    taken. A category the unit does not have is left out. Raises Rubbish."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, Finding) for each in given):
        raise Rubbish(f"{classifier.key} gave {type(given).__name__}, not a list of findings")
    known, found = {each.code for each in facts.categories}, {}
    for each in given:
        category, spans = str(each.value.get("category", "")), each.spans[:MOST_SPANS]
        if not all(0 <= start < end <= len(facts.text) for start, end in spans):
            raise Rubbish(f"{classifier.key} points outside the text")
        if each.kind != "aspect" or category not in known or category in found:
            continue
        sure = None if each.confidence is None else Decimal(str(min(1.0, max(0.0, each.confidence))))
        reason = quotes_nothing(each.reason, facts.text, spans)[:LONGEST_REASON]
        found[category] = Proposed(
            slug, classifier.key, classifier.version, category, reason, sure and sure.quantize(Decimal("0.0001")),
            tuple(spans),
        )  # fmt: skip
    return list(found.values())[:MOST]


async def _keep(row: Record, proposed: Sequence[Proposed]) -> None:
    """Writes what is new of it: nothing about a category the case has, nothing rejected of this message."""
    async with db.transaction():
        case = await db.fetchrow("SELECT id, status FROM core_case WHERE id = $1 FOR UPDATE", row["case_id"])
        if case is None or case["status"] == "closed":
            return
        have = await db.fetch("SELECT DISTINCT category FROM core_aspect WHERE case_id = $1", case["id"])
        known = {each["category"] for each in have}
        for each in proposed:
            if each.category not in known and await _insert(case["id"], row["id"], each):
                known.add(each.category)


async def _insert(case_id: UUID, message_id: UUID, found: Proposed) -> bool:
    decided = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_finding WHERE message_id = $1 AND kind = 'aspect' "
        "AND value->>'category' = $2)",
        message_id, found.category,
    )  # fmt: skip
    if decided:  # by another classifier, by a person, or by this one before
        return False
    identity = new_id()
    made = await db.execute(
        "INSERT INTO core_finding (id, case_id, message_id, provider, kind, value, confidence, reason, state, "
        "created_at) VALUES ($1, $2, $3, $4, 'aspect', $5, $6, $7, 'suggested', $8) ON CONFLICT DO NOTHING",
        identity, case_id, message_id, f"plugin/{found.slug}", found.value, found.confidence, found.reason, now(),
    )  # fmt: skip
    if made == "INSERT 0 0":
        return False
    body = {
        "finding": str(identity), "message": str(message_id), "category": found.category,
        "classifier": found.classifier, "version": found.version,
    }  # fmt: skip
    await append(actor=f"plugin/{found.slug}", entries=[NewEntry(f"case/{case_id}", "aspect.proposed", body)])
    return True
