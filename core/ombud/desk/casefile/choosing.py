"""What goes into a file and why something is left out: one answer for the preview, the file and its redaction log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.casefile.record import Outsider, Record
from ombud.desk.errors import Invalid
from ombud.desk.trail.timeline import FileShown, Said
from ombud.desk.words import label
from ombud.speech import sentence
from ombud_plugin_api import CaseFileFormat

WHY = {
    "privileged": "Legally privileged",
    "notes": "A note for staff alone",
    "others": "Written by somebody who neither complains nor acts for who does",
    "aspect": "About aspects that are not part of this file",
    "message": "Goes with a message that is left out",
    "chosen": "Left out by who made the file",
    "gone": "Its bytes were erased",
    "names": "Names and contact details of other people",
}
ALWAYS = frozenset({"privileged", "aspect", "message"})  # no tick brings these back


@dataclass(frozen=True)
class Choice:
    """What was ticked: aspects, and items by key (`m:<id>`, `f:<id>`); None where nobody chose yet."""

    aspects: frozenset[UUID]
    items: frozenset[str] | None = None

    @property
    def kept(self) -> dict[str, Any]:
        """As the table keeps it."""
        items = None if self.items is None else sorted(self.items)
        return {"aspects": sorted(str(each) for each in self.aspects), "items": items}


@dataclass(frozen=True)
class Item:
    """A message or a file of the case. `why`: code of WHY, empty where it goes in; `reason`: what the marker wrote;
    `may`: whether a tick decides about it."""

    key: str
    kind: str
    at: datetime
    title: str
    who: str
    about: tuple[str, ...]
    why: str
    reason: str
    said: Said | None = None
    file: FileShown | None = None

    @property
    def included(self) -> bool:
        return not self.why

    @property
    def may(self) -> bool:
        return self.why not in ALWAYS

    @property
    def why_words(self) -> str:
        return WHY.get(self.why, "")


def chosen(record: Record, kept: Mapping[str, Any]) -> Choice:
    """A choice as the table kept it; aspects that left the maker's view meanwhile go out of it."""
    known = {each.id for each in record.view.aspects}
    aspects = frozenset(UUID(each) for each in kept.get("aspects") or ()) & known
    items = kept.get("items")
    return Choice(aspects, None if items is None else frozenset(items))


def choice_of(record: Record, aspects: Collection[str] | None, items: Collection[str] | None) -> Choice:
    """What a form says; all aspects where it says nothing of them. Raises Invalid."""
    known = {str(each.id): each.id for each in record.view.aspects}
    if aspects is None:
        return Choice(frozenset(known.values()), None if items is None else frozenset(items))
    if not set(aspects) <= known.keys():
        raise Invalid("One of these aspects is not in the case any more. Open the page again.", "aspects")
    if not aspects:
        raise Invalid("A file is about something. Tick at least one aspect.", "aspects")
    return Choice(frozenset(known[each] for each in aspects), None if items is None else frozenset(items))


def items_of(record: Record, form: CaseFileFormat, choice: Choice) -> list[Item]:
    """Every message with its files, then files without one, in the order of time; each with why it is left out."""
    found: list[Item] = []
    for said in record.said:
        message = _message(record, form, choice, said)
        found.append(message)
        found += [_file(record, choice, each, said.at, message) for each in said.files]
    found += [_file(record, choice, each, record.view.case.opened_at, None) for each in record.loose]
    return found


def _message(record: Record, form: CaseFileFormat, choice: Choice, said: Said) -> Item:
    key = f"m:{said.id}"
    why = _must(record, choice, said) or _caution(record, form, said, key, choice)
    kind = {"in": "Message to us", "out": "Message from us", "note": "Note"}[said.kind]
    if said.way is not None and said.way.kind == "final_response":
        kind = "Final response"
    title = said.subject or kind
    return Item(
        key, kind, said.at, title, _who(record, form, said), said.about, why, record.marks.get(said.id, ""), said=said
    )


def _must(record: Record, choice: Choice, said: Said) -> str:
    if said.id in record.marks:
        return "privileged"
    letters = {each.letter for each in record.view.aspects if each.id in choice.aspects}
    if said.about and not letters & set(said.about):
        return "aspect"
    return ""


def _caution(record: Record, form: CaseFileFormat, said: Said, key: str, choice: Choice) -> str:
    """What a tick decides: by the profile where nobody chose yet."""
    care = ""
    if said.kind == "note":
        care = "notes"
    elif said.person_id is not None and said.person_id not in record.acting:
        care = "others"
    if choice.items is not None:
        return "" if key in choice.items else care or "chosen"
    return care if care in form.leaves_out else ""


def _file(record: Record, choice: Choice, file: FileShown, at: datetime, message: Item | None) -> Item:
    key, why = f"f:{file.id}", ""
    if file.id in record.marks:
        why = "privileged"
    elif message is not None and message.why:
        why = "message"
    elif choice.items is not None and key not in choice.items:
        why = "chosen"
    about = message.about if message else ()
    who = message.who if message else "Kept with the case"
    return Item(key, "File", at, file.name, who, about, why, record.marks.get(file.id, ""), file=file)


def _who(record: Record, form: CaseFileFormat, said: Said) -> str:
    if said.person_id is None or said.kind in {"note", "out"}:
        staff = said.author if form.staff_names or said.author == "Ombud" else "a member of staff"
        return sentence("As told to %(staff)s", staff=staff) if said.kind == "in" else staff[:1].upper() + staff[1:]
    for each in record.outsiders:
        if each.person_id == said.person_id:
            return label(each.role)
    return said.author


def events_in(record: Record, choice: Choice) -> list[Any]:
    """The entries of the chronology: none about an aspect that is not part of the file."""
    inside = {str(each) for each in choice.aspects}
    outside = {str(each.id) for each in record.view.aspects} - inside
    return [each for each in record.done if not _names(each.body, outside)]


def _names(body: Any, outside: Collection[str]) -> bool:
    text = str(body)
    return any(each in text for each in outside)


def outsiders_in(record: Record, items: Sequence[Item]) -> tuple[Outsider, ...]:
    """Whose names go out of the texts; those whose own messages somebody chose to hand over stay named."""
    written = {each.said.person_id for each in items if each.included and each.said is not None}
    return tuple(each for each in record.outsiders if each.person_id not in written)
