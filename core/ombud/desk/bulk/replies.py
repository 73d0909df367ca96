"""One text to many customers: in each case a message of its own, by the rules that hold there for any other."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud import speech
from ombud.desk.case_view import case_page
from ombud.desk.checking import clean_text
from ombud.desk.errors import DeskRefusal, Invalid, NotFound, NotNow
from ombud.desk.outgoing import settling, templates, writing
from ombud.desk.outgoing.offer import offer
from ombud.desk.outgoing.states import WRITTEN
from ombud.desk.outgoing.ways import PAGE
from ombud.desk.outgoing.writing import Ready, Wanted
from ombud.kernel.database import db
from ombud.process import settings
from ombud.speech import sentence, word
from ombud.trust.policy import HIDDEN, Viewer

MOST = 200
LETTERS = tuple(each for each in WRITTEN if each != "final_response")


@dataclass(frozen=True)
class Draft:
    """What one case would get. `way`, `to`: in words; `waits`: a second person approves it first."""

    case_id: UUID
    wanted: Wanted
    way: str
    to: str
    waits: bool

    @property
    def hash(self) -> str:
        """Of all that was previewed."""
        what = self.wanted
        content = [what.text, what.subject, what.kind, what.channel, str(what.recipient), self.waits]
        return hashlib.sha256(speech.encoded(content)).hexdigest()

    @property
    def told(self) -> str:
        return (
            sentence("By %(way)s. A second person approves it first.", way=self.way)
            if self.waits
            else sentence("By %(way)s.", way=word(self.way))
        )


async def checked(value: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody typed: a text of their own, or one of the desk's."""
    key = str(value.get("template") or "")
    if key:
        found = next((each for each in await templates.all_newest() if each.key == key and not each.retired), None)
        if found is None or found.kind not in LETTERS:
            raise Invalid("Choose a text of the list. A final response is written case by case.", "template")
        return {"template": key, "ask": bool(value.get("ask"))}
    letter = str(value.get("letter") or "reply")
    if letter not in LETTERS:
        raise Invalid("Choose what the message is. A final response is written case by case.", "letter")
    text = clean_text(str(value.get("text") or ""), "text", longest=settings().limits.text_chars, required=True)
    subject = clean_text(str(value.get("subject") or ""), "subject", longest=writing.LONGEST_SUBJECT)
    return {"template": "", "letter": letter, "text": text, "subject": subject, "ask": bool(value.get("ask"))}


async def draft(
    viewer: Viewer, reference: str, value: Mapping[str, Any], *, key: str = "", preview: bool = True
) -> Draft:
    """The message of one case, outside transactions. Raises a DeskRefusal in words where none can be sent."""
    from ombud.desk.outgoing import beginning  # draws templates, which most changes never do

    view = await case_page(viewer, reference, talk=False)
    if not view.may("answer"):
        raise NotNow(view.why_not("answer"))
    offered = await offer(viewer, view.case)
    if not offered.people:
        raise NotNow("Nobody in this case may be written to. Look at its parties.")
    whom, name, _ = offered.people[0]
    letter, text, subject, template = str(value.get("letter") or ""), value.get("text"), value.get("subject"), None
    language = ""
    if value["template"]:
        try:
            begun = await beginning.begin(
                viewer, view, await beginning.chosen(view, value["template"]), whom, preview=preview
            )
        except NotFound:
            raise NotNow("This text is not meant for this case: another unit, or another case type.") from None
        letter, text, subject = begun.template.kind, begun.text, begun.subject
        template, language = begun.template.id, begun.template.language
    wanted = Wanted(
        text=str(text or ""), kind=letter, channel=offered.usual, recipient=whom, subject=str(subject or ""),
        ask=bool(value["ask"]), key=key, template_id=template, language=language,
    )  # fmt: skip
    names = {each.key: each.label for each in offered.ways} | {PAGE: "the customer's page"}
    waits = wanted.ask or letter in offered.approval
    return Draft(view.case.id, wanted, names.get(offered.usual, offered.usual), _name(name), waits)


def _name(name: str) -> str:
    return "Not shown to you" if name == HIDDEN else name or "Name withheld"


async def judged(viewer: Viewer, bulk_id: UUID, value: Mapping[str, Any]) -> dict[UUID, tuple[str, str, str]]:
    """For each row: state, reason and the hash of what it would get. Nothing is written, no link is made."""
    rows = await db.fetch(
        "SELECT r.id, c.reference FROM core_bulk_row r JOIN core_case c ON c.id = r.case_id WHERE r.bulk_id = $1 "
        f"ORDER BY r.place LIMIT {MOST + 1}",
        bulk_id,
    )
    if len(rows) > MOST:
        raise Invalid(
            sentence("One text goes to at most %(most)s cases at once. Choose fewer cases.", most=MOST), "action"
        )
    found = {}
    for row in rows:
        try:
            one = await draft(viewer, row["reference"], value)
            await writing.prepare(one.case_id, one.wanted)
            found[row["id"]] = ("ready", one.told, one.hash)
        except DeskRefusal as refusal:
            found[row["id"]] = ("cannot", str(refusal), "")
    return found


async def prepared(viewer: Viewer, bulk: Record, row_id: UUID) -> Ready | None:
    """The message of a row, made anew and refused where it is not what was previewed; None where nothing is to do."""
    row = await db.fetchrow(
        "SELECT r.after, c.reference FROM core_bulk_row r JOIN core_case c ON c.id = r.case_id "
        "WHERE r.id = $1 AND r.state = 'ready'",
        row_id,
    )
    if row is None:
        return None
    key = f"bulk/{row_id}"
    one = await draft(viewer, row["reference"], bulk["value"], key=key)
    if one.hash != row["after"].get("hash"):
        raise NotNow("What this message says changed after the preview. Write to this case by itself.")
    real = await draft(viewer, row["reference"], bulk["value"], key=key, preview=False)
    return await writing.prepare(real.case_id, real.wanted)


async def send(viewer: Viewer, case_id: UUID, row_id: UUID, ready: Ready) -> dict[str, str]:
    """In the row's transaction; gives what is needed to take it back."""
    written = await writing.write_ready(viewer, case_id, ready)
    told = {
        "waiting_approval": "It waits for a second person to approve it.", "scheduled": "It leaves in office hours.",
    }  # fmt: skip
    reason = told.get(written.state, "It leaves in a moment.")
    await db.execute("UPDATE core_bulk_row SET reason = $2 WHERE id = $1", row_id, reason)
    return {"message": str(written.id)}


async def back(viewer: Viewer, row: Record) -> None:
    """It does not leave, if it did not yet."""
    await settling.call_back(viewer, UUID(row["after"]["message"]))
