"""How a request ends: decided on the law's grounds once all that was promised is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.privacy.requests import LONG, forgotten, is_erased, note, open_row, people_of
from ombud.desk.writing import update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.policy import Viewer

OUTCOMES = ("granted", "partly", "refused")
MARKS = ("restrict", "object", "opt_out", "limit")
NEEDS_BUNDLE = ("access", "portability")
TELLS = ("correct", "erase", "restrict")
"""Where those who got the data must hear of it (GDPR Art. 19)."""


@dataclass(frozen=True)
class AnswerGiven:
    """`grounds`: keys of the law's grounds; `words`: the reason in the firm's words; `text`: what was answered."""

    outcome: str
    text: str
    grounds: Sequence[str] = ()
    words: str = ""


async def answer(viewer: Viewer, request_id: UUID, given: AnswerGiven, version: int | None) -> None:
    """Decides and closes. Refused until what was promised is done: identity, authority, collection, erasure."""
    text = clean_text(given.text, "answer", longest=LONG)
    words = clean_text(given.words, "grounds_words", longest=2000)
    if given.outcome not in OUTCOMES:
        raise Invalid("Choose what became of the request.", "outcome")
    if not text:
        raise Invalid("Write what you answered. It is the record of the decision.", "answer")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        grounds = _grounds(row["terms"], given, words)
        if given.outcome != "refused":
            await _demand_done(row)
        gone = await is_erased(row["person_id"])
        kept = forgotten(row) if gone else {}
        await update("core_privacy_request", request_id, {
            **kept, "state": "answered", "outcome": given.outcome, "grounds": grounds,
            "grounds_words": "" if gone else words, "answer": "" if gone else text, "answered_at": now(),
            "answered_by": viewer.user_id,
        })  # fmt: skip
        if given.outcome != "refused" and row["does"] in MARKS:
            await _mark(row)
        body = {"outcome": given.outcome, "grounds": [each["key"] for each in grounds], "does": row["does"],
                "late": now() > row["due_at"]}  # fmt: skip
        await note(viewer.actor, row, "privacy.answered", body, {"answer": text, "words": words})


def _grounds(terms: Mapping[str, Any], given: AnswerGiven, words: str) -> list[dict[str, str]]:
    known = {each["key"]: each for each in terms.get("grounds", ())}
    if strange := [each for each in given.grounds if each not in known]:
        raise Invalid(sentence("The law does not know the ground %(r)s.", r=f"{strange[0]!r}"), "grounds")
    chosen = [{name: known[key][name] for name in ("key", "label", "source")} for key in given.grounds]
    if given.outcome == "granted":
        return []
    if not chosen and not words:
        raise Invalid("Choose the ground in the law, or say in words why not all of it is granted.", "grounds")
    return chosen


async def _demand_done(row: Record) -> None:
    if row["identity"] not in {"confirmed", "not_needed"}:
        raise NotNow("Say first how it was made sure that this is the person. Refusing needs no check.")
    if row["agent_name"] and row["agent_result"] != "accepted":
        raise NotNow("Somebody asks for the person. Say first that their authority suffices, or refuse.")
    if row["does"] in {*NEEDS_BUNDLE, "erase", *MARKS} and row["person_id"] is None and row["channel"] != "signal":
        raise NotNow("Say first which person of the desk asks.")
    if row["does"] in NEEDS_BUNDLE and not await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_privacy_collection WHERE request_id = $1 AND people = $2 "
        "AND state = 'complete')",
        row["id"], [str(each) for each in people_of(row)],
    ):  # fmt: skip
        raise NotNow("Collect what is kept first. Every plugin must have answered.")
    if row["does"] == "erase" and not await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_privacy_erasure WHERE request_id = $1 AND state = 'done')", row["id"]
    ):
        raise NotNow("Erase first. The preview shows what goes and what stays.")
    await _demand_worked(row)


async def _demand_worked(row: Record) -> None:
    """What the right promises beside the bundle and the erasure."""
    if row["does"] == "correct" and not await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_privacy_correction WHERE request_id = $1)", row["id"]
    ):
        raise NotNow("Correct the details first. What stood there before is kept with the request.")
    if row["does"] == "review" and row["reviewed_at"] is None:
        raise NotNow("Look at what rules did first, and say what you found.")
    if row["does"] in TELLS and await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_privacy_told WHERE request_id = $1 AND state = 'open')", row["id"]
    ):
        raise NotNow("Somebody who got the data was not told yet. Tell them, or say why that is not needed.")


async def _mark(row: Record) -> None:
    """On every record that is the person: what is restricted is restricted in all their cases."""
    if row["person_id"] is None:
        return
    for person in people_of(row):
        await db.execute(
            "INSERT INTO core_privacy_mark (id, person_id, kind, request_id, since, ended_because) "
            "VALUES ($1, $2, $3, $4, $5, '') ON CONFLICT (person_id, kind) WHERE ended_at IS NULL DO NOTHING",
            new_id(), person, row["does"], row["id"], now(),
        )  # fmt: skip
