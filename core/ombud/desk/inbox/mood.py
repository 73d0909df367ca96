"""How heated a customer's message sounds, as scorers suggest it: a cue for people, which decides nothing.

Scorers read only what the customer wrote this time, after the commit and outside transactions. A message that a member
of staff wrote down is theirs, not the customer's, and is never read. Findings hold positions and codes, no words, so
that nothing of them outlives an erased text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.inbox import mood_settings
from ombud.desk.privacy import restricted
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import JobContext, subscribe
from ombud.kernel.settled import SETTLED
from ombud.kernel.writes import Writes
from ombud.trust.ledger import NewEntry, append
from ombud_plugin_api import CustomerWords, Finding, SentimentScorer, Transient
from ombud_plugin_api.correspondence import MOODS

SECONDS = 5.0  # for each scorer
MOST_SPANS, LONGEST_REASON = 50, 200
LONGEST_TEXT = 20_000  # characters that are read; who writes more has shown the tone by then
PATIENCE = 5  # attempts for a scorer that is away for a moment; without it the message stays without a mood


@dataclass(frozen=True)
class Suggested:
    """What one scorer said of one message, checked."""

    slug: str
    scorer: str
    version: str
    mood: str
    score: str
    reason: str
    confidence: Decimal | None
    spans: tuple[tuple[int, int], ...]

    @property
    def value(self) -> dict[str, Any]:
        return {
            "mood": self.mood, "score": self.score, "scorer": self.scorer, "version": self.version,
            "spans": [list(each) for each in self.spans],
        }  # fmt: skip


class Rubbish(ValueError):
    """A scorer's answer is not what the contract promises; the text says where."""


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("mood", ["message.received direction=in"], heard, when=lambda: bool(_scorers()))


def _scorers() -> list[tuple[str, SentimentScorer]]:
    found = [(slug, each) for slug, loaded in running.loaded.items() for each in loaded.sentiment_scorers]
    return sorted(found, key=lambda pair: pair[1].key)


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Asks the scorers about a message that came in; safe to run twice."""
    row = await _message(UUID(event["body"]["message"]))
    if row is None:
        return
    chosen = await mood_settings.known_in(row["unit_id"], row["settled"])
    if not chosen.read:
        return
    words = CustomerWords(text=row["body"][:LONGEST_TEXT], language=row["language"], channel=row["channel"])
    suggested, away = await _asked(_in_order(chosen.order), words)
    if suggested:
        await _keep(row, suggested)
    if away and context.attempt < PATIENCE:
        raise Transient(f"{away}; the tone of a message waits for it")


_MESSAGE = f"""
SELECT {SETTLED} AS settled, m.id, m.case_id, m.raw_id, m.body, m.channel, m.mood,
    coalesce(c.unit_id, m.unit_id) AS unit_id,
    lower(split_part(coalesce(nullif(m.language, ''), nullif(p.language, ''), c.language, ''), '-', 1)) AS language
FROM core_message m LEFT JOIN core_case c ON c.id = m.case_id LEFT JOIN core_person p ON p.id = m.person_id
WHERE m.id = $1 AND m.direction = 'in' AND m.author_id IS NULL AND NOT m.told AND m.robot = ''
    AND m.body <> '' AND NOT {restricted.unread("m.case_id", "m.person_id")}
"""


async def _message(message_id: UUID) -> Record | None:
    """None where it is gone, or not the customer's own words: a machine's, or what staff wrote down."""
    return await db.fetchrow(_MESSAGE, message_id)


def _in_order(order: Sequence[str]) -> list[tuple[str, SentimentScorer]]:
    places = {key: place for place, key in enumerate(order)}
    return sorted(_scorers(), key=lambda pair: places.get(pair[1].key, len(places)))


async def _asked(scorers: Sequence[tuple[str, SentimentScorer]], words: CustomerWords) -> tuple[list[Suggested], str]:
    """What those said that read the language (all, where it is not known), and which one was away, if any."""
    suggested, away = [], ""
    for slug, scorer in scorers:
        if words.language and words.language not in scorer.languages:
            continue
        place = f"score {scorer.key}"
        outcome: Outcome[Any] = await call(slug, scorer.score, words, limit=SECONDS, place=place)
        if outcome.fault is not None:
            if outcome.fault.kind in {"resting", "busy", "transient"}:
                away = f"{scorer.label} is away"
            continue
        try:
            found = checked(slug, scorer, outcome.value, words.text)
        except Rubbish as problem:
            await faults.record(slug, "error", place, str(problem))
            continue
        suggested += [found] if found else []
    return suggested, away


def checked(slug: str, scorer: SentimentScorer, given: Any, text: str) -> Suggested | None:
    """The first finding about mood, cut to size; None where there is none. Raises Rubbish."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, Finding) for each in given):
        raise Rubbish(f"{scorer.key} gave {type(given).__name__}, not a list of findings")
    found = next((each for each in given if each.kind == "mood"), None)
    if found is None:
        return None
    mood = found.value.get("mood")
    if mood not in MOODS:
        raise Rubbish(f"{scorer.key} gave a mood that is none of {', '.join(MOODS)}")
    spans = found.spans[:MOST_SPANS]
    if not all(0 <= start < end <= len(text) for start, end in spans):
        raise Rubbish(f"{scorer.key} points outside the text")
    score = _score(scorer, found.value.get("score", "0"))
    sure = None if found.confidence is None else Decimal(str(min(1.0, max(0.0, found.confidence)))).quantize(_SURE)
    reason = quotes_nothing(found.reason, text, spans)
    return Suggested(slug, scorer.key, scorer.version, str(mood), score, reason, sure, tuple(spans))


_SURE = Decimal("0.0001")


def _score(scorer: SentimentScorer, given: Any) -> str:
    try:
        score = Decimal(str(given))
    except InvalidOperation:
        score = Decimal("NaN")
    if not score.is_finite() or not -1 <= score <= 1:
        raise Rubbish(f"{scorer.key} gave a score that is no decimal from -1 to 1")
    return str(score.quantize(_SURE).normalize() + 0)


def quotes_nothing(given: str, text: str, spans: Sequence[tuple[int, int]]) -> str:
    """In a sentence, without the customer's words: those stand in the message alone, and go with it."""
    told = given.casefold()
    quoted = any(text[start:end].casefold().strip() in told for start, end in spans if text[start:end].strip())
    return "" if quoted else given.replace("\0", "")[:LONGEST_REASON]


async def _keep(row: Record, suggested: Sequence[Suggested]) -> None:
    first, message_id = suggested[0], row["id"]
    async with db.transaction():
        found = await _locked(message_id)
        if found is None:  # gone meanwhile
            return
        case_id, writes, entries = found["case_id"], Writes(), []
        for each in suggested:
            _put_finding(writes, case_id, message_id, each)
        if found["before"] != first.mood:
            writes.add(["UPDATE core_message SET mood = $2 WHERE id = $1"], message_id, first.mood)
            stream = f"case/{case_id}" if case_id else f"message/{row['raw_id']}"
            body = {"message": str(message_id), "mood": first.mood, "scorer": first.scorer}
            entries.append(NewEntry(stream, "message.mood", body))
        if case_id is not None and found["mood_by"] != "person":
            latest = await db.fetchval(_LATEST, case_id, message_id, first.mood)
            entries += _put_mood(writes, case_id, found["mood"], latest or "")
        await writes.send()
        await append(actor=f"plugin/{first.slug}", entries=entries)


# The order in which all writers lock: the case, then what is in it.
_LOCKED = """
SELECT c.id AS case_id, c.mood, c.mood_by, m.mood AS before FROM core_case c JOIN core_message m ON m.case_id = c.id
WHERE m.id = $1 FOR UPDATE OF c, m
"""
_LOCKED_ALONE = """
SELECT NULL::uuid AS case_id, mood AS before FROM core_message WHERE id = $1 AND case_id IS NULL FOR UPDATE
"""


async def _locked(message_id: UUID) -> Record | None:
    return await db.fetchrow(_LOCKED, message_id) or await db.fetchrow(_LOCKED_ALONE, message_id)


_FINDING = """
INSERT INTO core_finding (id, case_id, message_id, provider, kind, value, confidence, reason, state, created_at)
VALUES ($1, $2, $3, $4, 'mood', $5, $6, $7, 'suggested', $8)
ON CONFLICT (message_id, provider, (value->>'scorer')) WHERE kind = 'mood' AND message_id IS NOT NULL
DO UPDATE SET case_id = excluded.case_id, value = excluded.value, confidence = excluded.confidence,
    reason = excluded.reason
"""


def _put_finding(writes: Writes, case_id: UUID | None, message_id: UUID, found: Suggested) -> None:
    writes.add(
        [_FINDING], new_id(), case_id, message_id, f"plugin/{found.slug}", found.value, found.confidence, found.reason,
        now(),
    )  # fmt: skip


# The latest word of the customer, where one of them ($2) is now heard as $3; of several said at one moment the hottest.
_LATEST = """
SELECT mood FROM (
    SELECT id, said_at, CASE WHEN id = $2 THEN $3 ELSE mood END AS mood
    FROM core_message WHERE case_id = $1 AND direction = 'in' AND author_id IS NULL
) said WHERE mood <> ''
ORDER BY said_at DESC, array_position(ARRAY['angry', 'upset', 'tense', 'calm'], mood), id DESC LIMIT 1
"""


async def settle(case_id: UUID, actor: str = "system") -> None:
    """Gives a case the mood of its customer's latest word, as a suggestion, in the caller's transaction; called also
    when messages join a case or leave it. What a person said of the case stays."""
    await db.execute(
        "UPDATE core_finding f SET case_id = $1 FROM core_message m WHERE m.id = f.message_id AND m.case_id = $1 "
        "AND f.kind = 'mood' AND f.case_id IS DISTINCT FROM $1",
        case_id,
    )
    case = await db.fetchrow("SELECT mood, mood_by FROM core_case WHERE id = $1 FOR UPDATE", case_id)
    if case is None or case["mood_by"] == "person":
        return
    writes = Writes()
    entries = _put_mood(writes, case_id, case["mood"], await db.fetchval(_LATEST, case_id, None, "") or "")
    if entries:
        await writes.send()
        await append(actor=actor, entries=entries)


_CASE_MOOD = "UPDATE core_case SET mood = $2, mood_by = $3, changed_at = $4, version = version + 1 WHERE id = $1"


def _put_mood(writes: Writes, case_id: UUID, before: str, mood: str) -> list[NewEntry]:
    """Gives the case another mood, with the entry that says so; nothing where it is the same."""
    if mood == before:
        return []
    writes.add([_CASE_MOOD], case_id, mood, "suggested" if mood else "", now())
    return [NewEntry(f"case/{case_id}", "case.changed", {"mood": mood, "suggested": True})]
