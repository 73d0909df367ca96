"""A message to a customer is written: by which way, to whom, and when it leaves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import attachments, messages
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.deadlines import received_on
from ombud.desk.errors import Invalid
from ombud.desk.gate import guarding
from ombud.desk.gate.findings import Letter
from ombud.desk.gate.guarding import Passed
from ombud.desk.inbox.threads import remember, thread_id_of
from ombud.desk.matters import asking
from ombud.desk.matters.asking import Asking
from ombud.desk.outgoing import approval, final_response, states
from ombud.desk.outgoing.content import Content
from ombud.desk.outgoing.moving import locked, move, tell, wake
from ombud.desk.outgoing.recipients import Reachable, frozen, reachable
from ombud.desk.outgoing.rules import Rules, rules_in
from ombud.desk.outgoing.ways import CUSTOMERS_PAGE, PAGE, Way, ways_in
from ombud.desk.writing import lock_case, no_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.process import settings
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import Document

LONGEST_SUBJECT = 200
FARTHEST = timedelta(days=366)
_PLACEHOLDER = re.compile(r"\{\{.*?(\}\}|$)|\{%.*?(%\}|$)", re.MULTILINE)


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to send. `recipient`: a party's person, None for the complainant; `leave_at`: not before
    then; `ask`: a second person shall approve it, whatever the rules say; `at_once`: without a hold; `files`: ids of
    files of the case that go along; `asks`: evidence it asks for; `letter_type`: which letter a final response is;
    `override`: why it leaves in spite of the gate."""

    text: str
    kind: str = "reply"
    channel: str = PAGE
    recipient: UUID | None = None
    subject: str = ""
    aspect_ids: Sequence[UUID] = ()
    documents: Sequence[Document] = ()
    files: Sequence[UUID] = ()
    leave_at: datetime | None = None
    ask: bool = False
    at_once: bool = False
    key: str = ""
    language: str = ""
    template_id: UUID | None = None
    robot: bool = False
    asks: Sequence[Asking] = ()
    letter_type: str = ""
    override: str = ""


@dataclass(frozen=True)
class Written:
    """What became of it: its state, and when it leaves if nobody stops it."""

    id: UUID
    state: str
    leave_at: datetime | None


@dataclass(frozen=True)
class Ready:
    """What was asked for, checked as far as it can be without the case; made outside transactions."""

    wanted: Wanted
    text: str
    subject: str
    documents: tuple[Document, ...]
    way: Way
    rules: Rules


async def write(viewer: Viewer, case_id: UUID, wanted: Wanted) -> Written:
    """Writes it down and lets it wait for its time or for approval. The same key in the same case writes it once."""
    ready = await prepare(case_id, wanted)
    async with db.transaction():
        return await write_ready(viewer, case_id, ready)


async def prepare(case_id: UUID, wanted: Wanted) -> Ready:
    """Plugins are asked which of their ways are in use, so never inside a transaction."""
    text = clean_text(wanted.text, "text", longest=settings().limits.text_chars, required=True)
    subject = clean_text(wanted.subject, "subject", longest=LONGEST_SUBJECT)
    if "\n" in subject:
        raise Invalid("A subject is one line.", "subject")
    if wanted.kind not in states.WRITTEN and not wanted.robot:
        raise Invalid("Choose what the message is: a reply, news, a request or the final response.", "letter")
    _refuse_placeholders(text, "text")
    _refuse_placeholders(subject, "subject")
    unit_id = await _unit_of(case_id)
    way = CUSTOMERS_PAGE if wanted.channel == PAGE else _way(await ways_in(unit_id), wanted.channel)
    rules = await rules_in(unit_id)
    wanted = replace(wanted, asks=asking.checked(wanted.asks))
    return Ready(wanted, text, subject, attachments.checked(wanted.documents), way, rules)


def _refuse_placeholders(text: str, field: str) -> None:
    """A text that was begun from a template and not finished does not go to a customer."""
    if found := _PLACEHOLDER.search(text):
        raise Invalid(
            sentence("The text still holds a placeholder: %(found)s. Fill it in or take it out.", found=found[0][:60]),
            field,
        )


async def write_ready(viewer: Viewer, case_id: UUID, ready: Ready) -> Written:
    """In the caller's transaction."""
    wanted, way, rules = ready.wanted, ready.way, ready.rules
    case = await lock_case(viewer, "case.write", case_id)
    refuse_closed(case)
    known = await _written_before(case_id, wanted.key)
    if known is not None:
        return known
    zone = await db.fetchval("SELECT time_zone FROM core_unit WHERE id = $1", case["unit_id"])
    whom = await _whom(case_id, wanted.recipient, received_on(now(), zone))
    _refuse_unreachable(way, whom)
    about = dict.fromkeys((*wanted.aspect_ids, *(each.aspect_id for each in wanted.asks)))
    pinned = await messages.seen_aspects(viewer, case_id, list(about))
    files = await _files_of(viewer, case_id, wanted.files)
    outcomes = await final_response.issue(viewer, case) if wanted.kind == "final_response" else ""
    subject = ready.subject or _usual_subject(case, whom)
    passed = await _gated(viewer, case, ready, subject, whom, files)
    why = await approval.needed(case, rules, wanted.kind, asked=wanted.ask) or ("gate" if passed.waits else "")
    state, leave_at = _when(wanted, rules, why, zone)
    identity = await messages.add(
        viewer, case_id, direction="out", channel="desk" if way.key == PAGE else way.key, text=ready.text,
        subject=subject, author_id=None if wanted.robot else viewer.user_id,
        aspect_ids=pinned, key=wanted.key, documents=ready.documents,
        unsent={"way": way.key, "kind": wanted.kind, "state": state, "approval": why},
    )  # fmt: skip
    await _insert(viewer, case, identity, way, whom, wanted, state, leave_at, why, outcomes, files, passed)
    await asking.ask_in_message(viewer, case_id, identity, wanted.asks)
    if passed.why:
        await _tell_let_pass(viewer, case, identity, way, wanted, passed)
    if wanted.at_once and way.key == PAGE and state == states.INTENDED:
        return Written(identity, await _on_the_page(viewer, identity), None)
    if leave_at is not None:
        await wake(identity, leave_at, 1)
    return Written(identity, state, leave_at)


async def _gated(viewer: Viewer, case: Record, ready: Ready, subject: str, whom: Reachable, files: list[str]) -> Passed:
    """A final response goes through the gate, whoever or whatever wrote it."""
    wanted = ready.wanted
    if wanted.kind != guarding.GATED:
        return Passed()
    kept = await db.fetch("SELECT name FROM core_attachment WHERE id = ANY($1::uuid[])", [UUID(each) for each in files])
    letter = Letter(
        text=ready.text, subject=subject, language=wanted.language or whom.known["language"] or case["language"],
        files=tuple(each.name for each in ready.documents) + tuple(row["name"] for row in kept),
        kind=wanted.letter_type or guarding.GATED,
    )  # fmt: skip
    return await guarding.let_through(viewer, case, letter, override=wanted.override, robot=wanted.robot)


async def _tell_let_pass(
    viewer: Viewer, case: Record, identity: UUID, way: Way, wanted: Wanted, passed: Passed
) -> None:
    """That it leaves in spite of the gate, which checks stood in its way, and why."""
    row = {"id": identity, "case_id": case["id"], "channel": way.key, "kind": wanted.kind, "person_id": None,
           "created_by": viewer.user_id}  # fmt: skip
    await tell(viewer.actor, row, "message.gate_overridden", {"checks": list(passed.checks)}, passed.why)


async def _on_the_page(viewer: Viewer, identity: UUID) -> str:
    """The customer's page is ours: what is to stand there at once does so with the commit."""
    for event in (states.TAKE, states.TOOK):
        row = await locked(identity)
        assert row is not None
        state = await move(viewer.actor, row, event)
    return state


def _usual_subject(case: Record, whom: Reachable) -> str:
    words = {"pl": "Reklamacja"}.get(whom.known["language"][:2], "Your complaint")
    return f"{words} {case['reference']}"


async def _unit_of(case_id: UUID) -> UUID:
    found: UUID | None = await db.fetchval("SELECT unit_id FROM core_case WHERE id = $1", case_id)
    if found is None:
        raise no_case(case_id)
    return found


def _way(ways: Sequence[Way], key: str) -> Way:
    for each in ways:
        if each.key == key:
            return each
    raise Invalid("This way of sending is not in use here. Choose one of the list.", "channel")


async def _whom(case_id: UUID, person_id: UUID | None, today: Any) -> Reachable:
    found = await reachable(case_id, today)
    for each in found:
        if person_id in (None, each.person_id):
            return each
    raise Invalid(
        "This person does not speak for the complaint, or not any more. Choose a complainant, or a representative "
        "whose authority holds.", "recipient",
    )  # fmt: skip


def _refuse_unreachable(way: Way, whom: Reachable) -> None:
    missing = way.lacks(whom.known)
    if missing:
        article = "an" if missing[0] in "aeiou" else "a"
        raise Invalid(
            sentence(
                "There is no %(missing)s of this person. Add %(article)s %(missing)s, or choose another way.",
                missing=missing,
                article=article,
            ),
            "channel",
        )


async def _files_of(viewer: Viewer, case_id: UUID, wanted: Sequence[UUID]) -> list[str]:
    """Files of this case that the viewer sees, in the order given."""
    if not wanted:
        return []
    arguments = Arguments(case_id, list(wanted))
    seen = decide(viewer, "case.read", "attachment").where("f", arguments)
    rows = await db.fetch(
        f"SELECT f.id FROM core_attachment f WHERE f.case_id = $1 AND f.id = ANY($2::uuid[]) AND {seen}",
        *arguments.values,
    )
    if {row["id"] for row in rows} != set(wanted):
        raise Invalid("One of the files is not in this case. Open the case again.", "files")
    return [str(each) for each in dict.fromkeys(wanted)]


def _when(wanted: Wanted, rules: Rules, why: str, zone: str) -> tuple[str, datetime | None]:
    moment = now()
    if wanted.leave_at is not None and not moment < wanted.leave_at < moment + FARTHEST:
        raise Invalid("Choose a time that is still to come, within a year.", "leave_at")
    if why:
        return states.WAITING, wanted.leave_at
    if wanted.leave_at is not None:
        return states.SCHEDULED, wanted.leave_at
    if wanted.at_once:
        return states.INTENDED, moment
    leaves = rules.leaves_at(wanted.kind, moment, zone)
    held = moment + timedelta(seconds=rules.holds.get(wanted.kind, 0))
    return (states.SCHEDULED if leaves > held else states.HELD), leaves


async def _insert(
    viewer: Viewer, case: Record, identity: UUID, way: Way, whom: Reachable, wanted: Wanted, state: str,
    leave_at: datetime | None, why: str, outcomes: str, files: list[str], passed: Passed,
) -> None:  # fmt: skip
    thread_id = thread_id_of(identity)
    await db.execute(
        "INSERT INTO core_outgoing (id, case_id, unit_id, channel, kind, person_id, recipient, language, key, "
        "thread_id, answers, state, leave_at, attempts, trouble, detail, remote_id, delivery, delivery_code, "
        "delivery_text, approval, approved_hash, outcomes, documents, template_id, robot, created_by, created_at, "
        "version, letter_type, let_pass, let_pass_why, let_pass_by) VALUES "
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '', '', '', '', '', '', $14, '', $15, $16, $17, "
        "$18, $19, $20, 1, $21, $22, $23, $24)",
        identity, case["id"], case["unit_id"], way.key, wanted.kind, whom.person_id, frozen(way, whom),
        wanted.language or whom.known["language"] or case["language"], f"ombud-{identity}", thread_id,
        await _answered(case["id"]), state, leave_at, why, outcomes, files, wanted.template_id, wanted.robot,
        viewer.user_id, now(), wanted.letter_type, list(passed.keys), passed.why,
        viewer.user_id if passed.why else None,
    )  # fmt: skip
    await remember(identity, thread_id)


_ANSWERED = """
SELECT t.value FROM core_message m JOIN core_thread_id t ON t.message_id = m.id
WHERE m.case_id = $1 AND (m.direction = 'in' OR EXISTS (SELECT 1 FROM core_outgoing o
    WHERE o.id = m.id AND o.state = 'sent'))
ORDER BY m.said_at DESC, m.id DESC, t.at LIMIT 20
"""


async def _answered(case_id: UUID) -> list[str]:
    """What was said before in this case, the newest first."""
    return list(dict.fromkeys(row["value"] for row in await db.fetch(_ANSWERED, case_id)))


async def _written_before(case_id: UUID, key: str) -> Written | None:
    if not key:
        return None
    row = await db.fetchrow(
        "SELECT o.id, o.state, o.leave_at FROM core_outgoing o JOIN core_message m ON m.id = o.id "
        "WHERE m.case_id = $1 AND m.key = $2",
        case_id, key,
    )  # fmt: skip
    return Written(row["id"], row["state"], row["leave_at"]) if row else None


async def content_of(row: Record) -> Content:
    """What a message says as it stands in the database now."""
    rows = await db.fetch(
        "SELECT sha256 FROM core_attachment WHERE message_id = $1 OR id = ANY($2::uuid[]) "
        "ORDER BY message_id IS DISTINCT FROM $1, created_at, id",
        row["id"], [UUID(each) for each in row["documents"]],
    )  # fmt: skip
    files = tuple(each["sha256"] for each in rows)
    return Content(row["channel"], row["kind"], dict(row["recipient"]), row["subject"], row["body"], files)


async def letter_of(row: Record) -> Letter:
    """What a message says as it stands in the database now, as the gate reads it."""
    names = await db.fetch(
        "SELECT name FROM core_attachment WHERE message_id = $1 OR id = ANY($2::uuid[])",
        row["id"], [UUID(each) for each in row["documents"]],
    )  # fmt: skip
    return Letter(
        row["body"], row["subject"], row["language"], tuple(each["name"] for each in names),
        row["letter_type"] or guarding.GATED,
    )  # fmt: skip
