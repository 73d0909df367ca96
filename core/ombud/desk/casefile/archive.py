"""The ZIP of a case file: an index, numbered documents, a manifest and a list of hashes. It opens without a server."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ombud.desk.case_shown import AspectShown, RedressShown
from ombud.desk.casefile.choosing import WHY, Choice, Item, events_in, items_of, outsiders_in
from ombud.desk.casefile.profiles import Profile, Told
from ombud.desk.casefile.record import Record
from ombud.desk.channels import channel_label
from ombud.desk.file_kinds import kind_of
from ombud.desk.redaction import Redaction, of_others
from ombud.desk.redress.money import text_of
from ombud.desk.trail.history import Happened
from ombud.desk.words import label
from ombud.desk.zips import Zip, digest
from ombud.kernel.database import db
from ombud.speech import reading
from ombud.trust import vault
from ombud.trust.canonical import moment_text
from ombud_plugin_api.casefiles import CASE_FILE_PARTS

FORMAT = "ombud-case-file-1"
TEMPLATES = Path(__file__).parent / "templates"
_RUNS = frozenset({"program", "script", "page"})


@dataclass(frozen=True)
class Listed:
    """A file of the ZIP as the manifest lists it; `number` is 0 for what is no document."""

    path: str
    sha256: str
    size: int
    title: str = ""
    type: str = "text/html"
    number: int = 0


@dataclass
class Made:
    """The ZIP and what the ledger says of it."""

    data: bytes
    manifest_sha256: str
    documents: int
    left_out: int


@dataclass
class Draft:
    """What is being written. `redact` counts as it goes, so the redaction log is drawn last."""

    record: Record
    profile: Profile
    told: Told
    choice: Choice
    items: list[Item]
    redact: Redaction
    maker: str
    head: Mapping[str, Any]
    numbers: dict[str, int] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def day(self, at: datetime) -> str:
        local = at.astimezone(self.record.zone)
        return f"{local.day} {local:%B %Y}"

    def moment(self, at: datetime) -> str:
        return f"{self.day(at)}, {at.astimezone(self.record.zone):%H:%M}"

    def who(self, name: str, actor: str = "") -> str:
        named = self.profile.format.staff_names or not actor.startswith(("user/", "token/"))
        return self.redact(name) if named else "A member of staff"


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.filters["label"] = label
    return found


def begin(
    record: Record, profile: Profile, told: Told, choice: Choice, *, maker: str, head: Mapping[str, Any]
) -> Draft:
    """Numbers what goes in; `head`: the end of the case's stream in the ledger when the record was read."""
    items = items_of(record, profile.format, choice)
    redact = of_others([each.known for each in outsiders_in(record, items)], record.ours)
    draft = Draft(record, profile, told, choice, items, redact, maker, head)
    for number, item in enumerate((each for each in items if each.included), 1):
        draft.numbers[item.key] = number
        draft.paths[item.key] = f"documents/{number:03d}-{_name(draft, item)}"
    return draft


def _name(draft: Draft, item: Item) -> str:
    if item.file is None:
        return f"{_plain(item.kind)}.html"
    path = PurePosixPath(draft.redact(item.file.name))
    ending = re.sub(r"[^a-z0-9.]", "", path.suffix.lower())[:10]
    # What a computer would run, or draw with what is in it, opens as plain text here.
    return f"{_plain(path.stem)}{ending}{'.txt' if kind_of(item.file.content_type) in _RUNS else ''}"


def _plain(words: str) -> str:
    """A name that every file system takes."""
    flat = unicodedata.normalize("NFKD", words.replace("ł", "l").replace("Ł", "L")).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", flat).strip("-").lower()[:60] or "file"


async def pack(draft: Draft) -> Made:
    """Writes all of it; a file whose bytes are gone is in the redaction log instead. Reads the vault file by file."""
    out, listed = Zip(draft.record.at), list[Listed]()

    def put(path: str, data: bytes, **more: Any) -> None:
        listed.append(Listed(path, out.put(path, data), len(data), **more))

    # Files first: one whose bytes are gone is not promised by the page of its message.
    for item in sorted(draft.items, key=lambda each: each.file is None):
        if item.key in draft.numbers:
            await _document(draft, item, put)
    listed.sort(key=lambda each: each.number)
    put("index.html", _index(draft, listed), title="Index")
    put("README.txt", _readme(draft).encode(), title="How to read and check this file", type="text/plain")
    manifest = _manifest(draft, listed)
    put("manifest.json", manifest, type="application/json")
    return Made(out.finish(), digest(manifest), len(draft.numbers), len(left_out(draft)))


async def _document(draft: Draft, item: Item, put: Any) -> None:
    number, path = draft.numbers[item.key], draft.paths[item.key]
    if item.file is None:
        put(path, _message(draft, item), title=draft.redact(item.title), number=number)
        return
    data = await _bytes(item.file.id)
    if data is None:
        draft.lost.add(item.key)
        del draft.numbers[item.key], draft.paths[item.key]
        return
    put(path, data, title=draft.redact(item.title), type=item.file.content_type, number=number)


async def _bytes(attachment_id: UUID) -> bytes | None:
    where = await db.fetchval("SELECT vault_id FROM core_attachment WHERE id = $1", attachment_id)
    try:
        return await vault.load(where) if where else None
    except (vault.NotStored, vault.Destroyed):
        return None


def _draw(template: str, draft: Draft, **context: Any) -> bytes:
    case = draft.record.view.case
    with reading("en"):  # a file for somebody outside, in one language whoever makes it
        words = _environment().get_template(template).render(
            reference=case.reference, label_of=draft.profile.format.label, recipient=draft.told.recipient,
            made=draft.moment(draft.record.at), **context,
        )  # fmt: skip
    return words.encode()


def _message(draft: Draft, item: Item) -> bytes:
    said = item.said
    assert said is not None
    files = [
        {"number": draft.numbers.get(key), "href": PurePosixPath(draft.paths[key]).name if key in draft.paths else "",
         "name": draft.redact(each.name)}
        for each in said.files if (key := f"f:{each.id}")
    ]  # fmt: skip
    way = said.way
    return _draw(
        "message.html", draft, number=draft.numbers[item.key], kind=item.kind, title=draft.redact(item.title),
        who=draft.redact(item.who), at=draft.moment(said.at), channel=channel_label(said.channel),
        recorded=draft.moment(said.recorded_at) if said.recorded_at != said.at else "",
        sent=draft.moment(way.sent_at) if way and way.sent_at else "", about=list(said.about),
        text=draft.redact(said.text), quoted=draft.redact(said.came_in.quoted) if said.came_in else "", files=files,
    )  # fmt: skip


def _index(draft: Draft, listed: Sequence[Listed]) -> bytes:
    form = draft.profile.format
    order = [each for each in form.order if each in CASE_FILE_PARTS]
    order += [] if "redactions" in order else ["redactions"]
    context = {
        "order": order, "cover": _cover(draft), "aspects": _aspects(draft), "events": _chronology(draft),
        "documents": _listed(draft, listed), "trouble": draft.told.trouble,
    }  # fmt: skip
    return _draw("index.html", draft, **context, left=left_out(draft), maker=draft.maker)


def _cover(draft: Draft) -> list[tuple[str, str]]:
    view, redact = draft.record.view, draft.redact
    case = view.case
    acting = [each for each in view.parties if each.person_id in draft.record.acting]
    rows = [
        ("Reference", case.reference), ("Firm", case.unit.name), ("Received", draft.day(case.received_at)),
        ("Closed", draft.day(case.closed_at) if case.closed_at else "Still open"),
        ("Final response sent", draft.day(at) if (at := draft.record.final_response_at) else "None yet"),
    ]  # fmt: skip
    for each in acting:
        details = ", ".join(x for x in (each.name, each.address, each.postcode, each.email, each.phone) if x)
        rows.append((label(each.role), details or "Not shown to who made this file"))
    return [*rows, *((redact(name), redact(words)) for name, words in draft.told.cover)]


def _aspects(draft: Draft) -> list[dict[str, Any]]:
    redact, numbers = draft.redact, draft.numbers
    return [
        {
            "letter": each.letter, "title": redact(each.title), "text": redact(each.text),
            "category": _category(each), "outcome": each.outcome_label or "Not decided yet",
            "reason": redact(each.reason), "cause": each.cause_label,
            "decided": draft.moment(each.decided_at) if each.decided_at else "",
            "by": draft.who(each.decided_by.name, "user/") if each.decided_by else "",
            "redress": [
                {"kind": one.kind_label, "amount": _money(one),
                 "note": redact(one.note), "standing": one.standing, "reversed": one.reverses is not None,
                 "day": draft.day(one.created_at), "paid": _written(one.paid_on)}
                for one in each.redress
            ],
            "evidence": [
                {"what": redact(one.what), "state": label(one.state), "relied": one.relied,
                 "for": redact(one.relied_for), "number": numbers.get(f"f:{one.file.id}") if one.file else None,
                 "sha256": one.sha256}
                for one in draft.record.evidence.get(each.id, ())
            ],
        }
        for each in draft.record.view.aspects if each.id in draft.choice.aspects
    ]  # fmt: skip


def _category(each: AspectShown) -> str:
    return each.category_words or (label(each.category) if each.category else "")


def _money(one: RedressShown) -> str:
    return f"{text_of(one.amount, one.currency)} {one.currency}" if one.amount is not None else ""


def _written(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else ""


def _chronology(draft: Draft) -> list[dict[str, Any]]:
    """What was said and done in one order; what is left out of the documents is told as a gap."""
    lines = [(each.at, 0, each.id, _happened(draft, each)) for each in events_in(draft.record, draft.choice)]
    for item in draft.items:
        if item.said is None:
            continue
        number = draft.numbers.get(item.key)
        words = f"{item.kind}: {draft.redact(item.title)}" if number else f"{item.kind}, left out of this file"
        line = {"at": draft.moment(item.at), "words": words if item.kind != item.title else item.kind,
                "who": draft.redact(item.who) if number else "", "number": number,
                "href": draft.paths.get(item.key, "")}  # fmt: skip
        if not number:
            line["words"] = f"{item.kind}, left out of this file"
        lines.append((item.at, 1, item.said.id.int, line))
    return [line for *_, line in sorted(lines, key=lambda each: each[:3])]


def _happened(draft: Draft, each: Happened) -> dict[str, Any]:
    values = dict(each.phrase.values)
    if not draft.profile.format.staff_names:
        if "actor" in values and each.actor.startswith(("user/", "token/")):
            values["actor"] = "A member of staff"
        values |= {name: "A member of staff" for name in ("owner", "to", "about") if values.get(name)}
    words = each.phrase.text % values if values else each.phrase.text
    return {"at": draft.moment(each.at), "words": draft.redact(words), "who": draft.who(each.actor_name, each.actor),
            "number": None, "href": ""}  # fmt: skip


def _listed(draft: Draft, listed: Sequence[Listed]) -> list[dict[str, Any]]:
    of = {each.number: each for each in listed if each.number}
    return [
        {"number": number, "href": draft.paths[item.key], "title": draft.redact(item.title), "kind": item.kind,
         "who": draft.redact(item.who), "at": draft.day(item.at), "size": of[number].size, "sha256": of[number].sha256}
        for item in draft.items if (number := draft.numbers.get(item.key))
    ]  # fmt: skip


def left_out(draft: Draft) -> list[dict[str, Any]]:
    """The redaction log: what is not here, and why; never what it says."""
    found = []
    for item in draft.items:
        why = "gone" if item.key in draft.lost else item.why
        if why:
            reason = draft.redact(item.reason) if why == "privileged" else ""
            found.append(_left(item.kind, why, draft.day(item.at), reason))
    found += [
        _left(f"Aspect {each.letter}", "aspect")
        for each in draft.record.view.aspects
        if each.id not in draft.choice.aspects
    ]
    if draft.redact.count:
        reason = f"{draft.redact.count} places in texts; the role of the person stands there instead."
        found.append(_left("Parts of texts", "names", reason=reason))
    return found


def _left(what: str, why: str, when: str = "", reason: str = "") -> dict[str, Any]:
    return {"what": what, "when": when, "why": WHY[why], "reason": reason}


def _manifest(draft: Draft, listed: Sequence[Listed]) -> bytes:
    form, case = draft.profile.format, draft.record.view.case
    content = {
        "format": FORMAT, "reference": case.reference, "made_at": moment_text(draft.record.at), "made_by": draft.maker,
        "profile": {"key": form.key, "label": form.label, "version": form.version},
        "recipient": draft.told.recipient, "ledger": dict(draft.head),
        "files": [{"path": each.path, "sha256": each.sha256, "size": each.size, "title": each.title,
                   "type": each.type, "number": each.number} for each in listed],
        "left_out": left_out(draft),
    }  # fmt: skip
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def _readme(draft: Draft) -> str:
    return (
        f"{draft.profile.format.label}: {draft.record.view.case.reference}\n\n"
        "Unpack this archive and open index.html. It needs no program but a browser, and no network.\n\n"
        "Every file is listed in SHA256SUMS with its SHA-256. Check all of them, in the unpacked folder:\n\n"
        "    sha256sum -c SHA256SUMS            (Linux)\n"
        "    shasum -a 256 -c SHA256SUMS        (macOS)\n"
        "    Get-FileHash * -Algorithm SHA256   (Windows PowerShell, to compare by eye)\n\n"
        "manifest.json says what each file is and what was left out, and why. The SHA-256 of manifest.json stands in\n"
        "the ledger of the firm: ask the firm for it, or for the signed record of the case, and compare.\n"
    )
