"""How heated a customer's message sounds, as scorers suggest it: a cue for people, which decides nothing.

Scorers read only what the customer wrote this time, after the commit and outside transactions. A message that a member
of staff wrote down is theirs, not the customer's, and is never read. Findings hold positions and codes, no words, so
that nothing of them outlives an erased text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
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
from ombud.kernel.outbox import Delivered, JobContext, handled_alone, in_time, subscribe
from ombud.kernel.settled import SETTLED
from ombud.kernel.writes import Writes
from ombud.speech import sentence
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
    kinds = ["message.received direction=in"]
    subscribe("mood", kinds, heard, when=lambda: bool(_scorers()), together=heard_together)


def _scorers() -> list[tuple[str, SentimentScorer]]:
    found = [(slug, each) for slug, loaded in running.loaded.items() for each in loaded.sentiment_scorers]
    return sorted(found, key=lambda pair: pair[1].key)


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Asks the scorers about a message that came in; safe to run twice."""
    await handled_alone(heard_together, event, context)


async def heard_together(several: Sequence[Delivered]) -> None:
    """About several messages: one statement reads them, one transaction writes down what was said of them."""
    rows = await _messages([UUID(each.event["body"]["message"]) for each in several])
    said: dict[UUID, tuple[Record, list[Suggested]]] = {}
    for each in in_time(several):
        row = rows.get(UUID(each.event["body"]["message"]))
        if row is None:
            continue
        with each.blamed():
            suggested, away = await _heard_in(row)
        if suggested:
            said[row["id"]] = row, suggested
        if away and each.context.attempt < PATIENCE:
            each.failed = Transient(f"{away}; the tone of a message waits for it")
    await _keep_all(list(said.values()))


async def _heard_in(row: Record) -> tuple[list[Suggested], str]:
    chosen = await mood_settings.known_in(row["unit_id"], row["settled"])
    if not chosen.read:
        return [], ""
    words = CustomerWords(text=row["body"][:LONGEST_TEXT], language=row["language"], channel=row["channel"])
    return await _asked(_in_order(chosen.order), words)


_MESSAGES = f"""
SELECT {SETTLED} AS settled, m.id, m.case_id, m.raw_id, m.body, m.channel, m.mood,
    coalesce(c.unit_id, m.unit_id) AS unit_id,
    lower(split_part(coalesce(nullif(m.language, ''), nullif(p.language, ''), c.language, ''), '-', 1)) AS language
FROM core_message m LEFT JOIN core_case c ON c.id = m.case_id LEFT JOIN core_person p ON p.id = m.person_id
WHERE m.id = ANY($1) AND m.direction = 'in' AND m.author_id IS NULL AND NOT m.told AND m.robot = ''
    AND m.body <> '' AND NOT {restricted.unread("m.case_id", "m.person_id")}
"""


async def _messages(message_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Without those that are gone, or not the customer's own words: a machine's, or what staff wrote down."""
    return {row["id"]: row for row in await db.fetch(_MESSAGES, message_ids)}


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
                away = sentence("%(scorer)s is away", scorer=scorer.label)
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


Said = tuple[Record, list[Suggested]]


async def _keep_all(said: Sequence[Said]) -> None:
    """In one transaction for each plugin. A second message of a case, and one whose case somebody works on just now,
    each in its own, so that none waits for another one."""
    of_plugin: dict[str, dict[UUID, Said]] = {}
    alone: list[Said] = []
    for each in said:
        row, suggested = each
        group = of_plugin.setdefault(suggested[0].slug, {})
        if group.setdefault(row["case_id"] or row["id"], each) is not each:
            alone.append(each)
    for group in of_plugin.values():
        done = await _keep_some(list(group.values()), wait=False) if len(group) > 1 else set()
        alone += [each for each in group.values() if each[0]["id"] not in done]
    for each in alone:
        await _keep_some([each], wait=True)


async def _keep_some(said: Sequence[Said], *, wait: bool) -> set[UUID]:
    """The messages that it was written down of; what is gone, or locked where nobody waits, is left out."""
    by_id = {row["id"]: (row, suggested) for row, suggested in said}
    async with db.transaction():
        found = await _locked(list(by_id), wait=wait)
        heard = {each["message_id"]: by_id[each["message_id"]][1][0].mood for each in found}
        latest = await _latest([each["case_id"] for each in found if each["case_id"]], heard)
        writes = Writes()
        _put_findings(writes, [(each, one) for each in found for one in by_id[each["message_id"]][1]])
        entries = _put_messages(writes, found, heard, by_id)
        entries += _put_moods(writes, {each["case_id"]: each for each in found if each["case_id"]}, latest)
        if found:
            await append(actor=f"plugin/{said[0][1][0].slug}", entries=entries, writes=writes)
    return set(heard)


def _put_messages(
    writes: Writes, found: Sequence[Record], heard: Mapping[UUID, str], by_id: Mapping[UUID, Said]
) -> list[NewEntry]:
    """What changes about each message, with the entries that say so."""
    entries, changed = [], {}
    for each in found:
        row, (first, *_) = by_id[each["message_id"]]
        if each["before"] != first.mood:
            changed[row["id"]] = first.mood
            stream = f"case/{each['case_id']}" if each["case_id"] else f"message/{row['raw_id']}"
            body = {"message": str(row["id"]), "mood": first.mood, "scorer": first.scorer}
            entries.append(NewEntry(stream, "message.mood", body))
    if changed:
        writes.add([_MESSAGE_MOODS], list(changed), list(changed.values()))
    return entries


_MESSAGE_MOODS = """
UPDATE core_message SET mood = heard.mood FROM unnest($1::uuid[], $2::text[]) AS heard (id, mood)
WHERE core_message.id = heard.id
"""
# The order in which all writers lock: the case, then what is in it.
_LOCKED = """
SELECT m.id AS message_id, c.id AS case_id, c.mood, c.mood_by, m.mood AS before
FROM core_case c JOIN core_message m ON m.case_id = c.id WHERE m.id = ANY($1) ORDER BY c.id, m.id FOR UPDATE OF c, m
"""
_LOCKED_ALONE = """
SELECT id AS message_id, NULL::uuid AS case_id, mood AS before FROM core_message
WHERE id = ANY($1) AND case_id IS NULL ORDER BY id FOR UPDATE
"""


async def _locked(message_ids: Sequence[UUID], *, wait: bool) -> list[Record]:
    skip = "" if wait else " SKIP LOCKED"
    found = await db.fetch(_LOCKED + skip, message_ids)
    known = {each["message_id"] for each in found}
    rest = [each for each in message_ids if each not in known]
    return [*found, *(await db.fetch(_LOCKED_ALONE + skip, rest) if rest else ())]


_FINDINGS = """
INSERT INTO core_finding (id, case_id, message_id, provider, kind, value, confidence, reason, state, created_at)
SELECT new.id, new.case_id, new.message_id, new.provider, 'mood', new.value, new.confidence, new.reason, 'suggested',
    new.created_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::numeric[], $7::text[],
    $8::timestamptz[]) AS new (id, case_id, message_id, provider, value, confidence, reason, created_at)
ON CONFLICT (message_id, provider, (value->>'scorer')) WHERE kind = 'mood' AND message_id IS NOT NULL
DO UPDATE SET case_id = excluded.case_id, value = excluded.value, confidence = excluded.confidence,
    reason = excluded.reason
"""


def _put_findings(writes: Writes, found: Sequence[tuple[Record, Suggested]]) -> None:
    once = {(row["message_id"], each.slug, each.scorer): (row, each) for row, each in found}
    if once:
        moment = now()
        rows, suggested = zip(*once.values(), strict=True)
        writes.add(
            [_FINDINGS], [new_id() for _ in rows], [row["case_id"] for row in rows],
            [row["message_id"] for row in rows], [f"plugin/{each.slug}" for each in suggested],
            [each.value for each in suggested], [each.confidence for each in suggested],
            [each.reason for each in suggested],
            [moment + timedelta(microseconds=place) for place in range(len(rows))],  # in the order they were asked
        )  # fmt: skip


# The latest word of the customer, where one of them ($2) is now heard as $3; of several said at one moment the hottest.
_LATEST = """
SELECT DISTINCT ON (case_id) case_id, mood FROM (
    SELECT m.case_id, m.id, m.said_at, coalesce(heard.mood, m.mood) AS mood FROM core_message m
    LEFT JOIN unnest($2::uuid[], $3::text[]) AS heard (id, mood) ON heard.id = m.id
    WHERE m.case_id = ANY($1) AND m.direction = 'in' AND m.author_id IS NULL
) said WHERE mood <> ''
ORDER BY case_id, said_at DESC, array_position(ARRAY['angry', 'upset', 'tense', 'calm'], mood), id DESC
"""


async def _latest(case_ids: Sequence[UUID], heard: Mapping[UUID, str]) -> dict[UUID, str]:
    """By case; `heard`: moods of messages that are not written down yet."""
    if not case_ids:
        return {}
    rows = await db.fetch(_LATEST, case_ids, list(heard), list(heard.values()))
    return {row["case_id"]: row["mood"] for row in rows}


async def settle(case_id: UUID, actor: str = "system") -> None:
    """Gives a case the mood of its customer's latest word, as a suggestion, in the caller's transaction; called also
    when messages join a case or leave it. What a person said of the case stays."""
    await db.execute(
        "UPDATE core_finding f SET case_id = $1 FROM core_message m WHERE m.id = f.message_id AND m.case_id = $1 "
        "AND f.kind = 'mood' AND f.case_id IS DISTINCT FROM $1",
        case_id,
    )
    case = await db.fetchrow("SELECT mood, mood_by FROM core_case WHERE id = $1 FOR UPDATE", case_id)
    if case is None:
        return
    writes = Writes()
    if entries := _put_moods(writes, {case_id: case}, await _latest([case_id], {})):
        await append(actor=actor, entries=entries, writes=writes)


_CASE_MOODS = """
UPDATE core_case SET mood = new.mood, mood_by = CASE new.mood WHEN '' THEN '' ELSE 'suggested' END, changed_at = $3,
    version = version + 1
FROM unnest($1::uuid[], $2::text[]) AS new (id, mood) WHERE core_case.id = new.id
"""


def _put_moods(writes: Writes, cases: Mapping[UUID, Record], latest: Mapping[UUID, str]) -> list[NewEntry]:
    """Gives cases another mood, with the entries that say so; nothing where it is the same, or where a person said."""
    changed = {
        case_id: latest.get(case_id, "")
        for case_id, case in cases.items()
        if case["mood_by"] != "person" and latest.get(case_id, "") != case["mood"]
    }
    if changed:
        writes.add([_CASE_MOODS], list(changed), list(changed.values()), now())
    return [
        NewEntry(f"case/{case_id}", "case.changed", {"mood": mood, "suggested": True})
        for case_id, mood in changed.items()
    ]
