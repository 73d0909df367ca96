"""A taxonomy as CSV: written whole, read back as additions and changes; what is wrong is said by line beforehand."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration.taxonomies import LANGUAGES, TermGiven, TermShown
from ombud.desk.errors import DeskRefusal, Invalid
from ombud.desk.words import CODE
from ombud.kernel.database import db
from ombud.speech import number, sentence
from ombud.trust.policy import Viewer

COLUMNS = ("code", "parent", "unit", *(f"label_{each}" for each in LANGUAGES), "help", "valid_from", "position")
ONLY_SHOWN = ("valid_to", "maps_to")
LINES = 5_000
SIZE = 2_000_000  # characters


def written(terms: list[TermShown], unit_keys: Mapping[UUID, str]) -> str:
    """All terms, each after the one above it, so that the file can be read back from the top."""
    codes = {each.id: each.code for each in terms}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *ONLY_SHOWN])
    for each in _from_the_top(terms):
        writer.writerow([
            each.code, codes.get(each.parent_id, "") if each.parent_id else "",
            unit_keys.get(each.unit_id, "") if each.unit_id else "",
            *(_plain(each.labels.get(language, "")) for language in LANGUAGES), _plain(each.help),
            each.valid_from or "", each.position, each.valid_to or "", each.maps_to_code,
        ])  # fmt: skip
    return out.getvalue()


def _plain(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


def _from_the_top(terms: list[TermShown]) -> list[TermShown]:
    known, found, left = {each.id for each in terms}, list[TermShown](), list(terms)
    placed: set[UUID] = set()
    while left:
        ready = [each for each in left if each.parent_id not in known or each.parent_id in placed]
        found += ready
        placed |= {each.id for each in ready}
        left = [each for each in left if each.id not in placed]
    return found


@dataclass(frozen=True)
class Line:
    """One line of the file. `what`: new, changed, same or wrong, with the reason in `why`."""

    number: int
    code: str
    label: str
    what: str
    why: str = ""


@dataclass(frozen=True)
class _Read:
    number: int
    values: Mapping[str, str]


async def rehearsed(viewer: Viewer, kind: str, text: str) -> list[Line]:
    """What the file would do, line by line; nothing is written."""
    try:
        async with db.transaction():
            lines = await _taken(viewer, kind, _rows(text))
            raise _Undone(lines)
    except _Undone as undone:
        return undone.lines


class _Undone(Exception):
    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self.lines = lines


async def read(viewer: Viewer, kind: str, text: str) -> list[Line]:
    """Adds and changes what the file says, all of it or nothing. Terms it does not name stay as they are."""
    async with db.transaction():
        lines = await _taken(viewer, kind, _rows(text))
        wrong = [each for each in lines if each.what == "wrong"]
        if wrong:
            raise Invalid(
                sentence("Line %(wrong)s: %(why)s Nothing was changed.", wrong=wrong[0].number, why=wrong[0].why),
                "text",
            )
        return lines


def _rows(text: str) -> list[_Read]:
    if len(text) > SIZE:
        raise Invalid("This file is too large. Split it.", "text")
    if "\0" in text:
        raise Invalid("This is no text file. Save it as CSV in UTF-8.", "text")
    head = text.lstrip("\ufeff")
    try:
        dialect = csv.Sniffer().sniff(head.partition("\n")[0], delimiters=",;\t")
        rows = list(csv.reader(io.StringIO(head), delimiter=dialect.delimiter, strict=True))
    except csv.Error:
        raise Invalid("This is no CSV. Its first line names the columns, at least code and label_en.", "text") from None
    if not rows or not {"code", "label_en"} <= {each.strip() for each in rows[0]}:
        raise Invalid("The first line names the columns, at least code and label_en.", "text")
    if len(rows) > LINES:
        raise Invalid(sentence("These are more than %(what)s lines. Split the file.", what=number(LINES)), "text")
    names = [each.strip() for each in rows[0]]
    return [_Read(number, dict(zip(names, map(str.strip, row), strict=False))) for number, row in enumerate(rows[1:], 2)
            if any(each.strip() for each in row)]  # fmt: skip


async def _taken(viewer: Viewer, kind: str, rows: list[_Read]) -> list[Line]:
    units = {row["key"]: row["id"] for row in await db.fetch("SELECT id, key FROM core_unit")}
    known = {each.code: each for each in await taxonomy_setup.all_terms(viewer, kind)}
    ids = {code: each.id for code, each in known.items()}
    lines = []
    for row in rows:
        code = row.values.get("code", "")
        label = row.values.get("label_en", "")
        try:
            async with db.savepoint():
                what = await _one(viewer, kind, row.values, units, known, ids)
            lines.append(Line(row.number, code, label, what))
        except DeskRefusal as problem:
            lines.append(Line(row.number, code, label, "wrong", str(problem)))
    return lines


async def _one(
    viewer: Viewer, kind: str, values: Mapping[str, str], units: Mapping[str, UUID], known: Mapping[str, TermShown],
    ids: dict[str, UUID],
) -> str:  # fmt: skip
    code = values.get("code", "")
    if not CODE.match(code):
        raise Invalid("A code has 1 to 60 small letters, digits, dots, dashes or underscores.", "code")
    given = _given(values, known.get(code), ids)
    if code in known:
        before = known[code]
        version = await taxonomy_setup.change(viewer, kind, before.id, given, None)
        return "changed" if version != before.version else "same"
    unit = values.get("unit", "")
    if unit and unit not in units:
        raise Invalid(sentence("There is no unit with the key %(unit)s.", unit=unit), "unit")
    ids[code] = await taxonomy_setup.add(viewer, kind, code, units.get(unit), given)
    return "new"


def _given(values: Mapping[str, str], before: TermShown | None, ids: Mapping[str, UUID]) -> TermGiven:
    """A column the file does not have leaves what there is."""
    parent = values.get("parent", "")
    if parent and parent not in ids:
        raise Invalid(
            sentence("There is no term %(parent)s; a term stands after the one above it.", parent=parent), "parent"
        )
    try:
        begins = date.fromisoformat(values["valid_from"]) if values.get("valid_from") else None
        position = int(values["position"]) if values.get("position") else 0
    except ValueError:
        raise Invalid("A day is written like 2026-11-23, a position as a number.", "valid_from") from None
    labels = dict(before.labels) if before else {}
    labels |= {
        language: _unquoted(values[f"label_{language}"]) for language in LANGUAGES if f"label_{language}" in values
    }
    return TermGiven(
        labels,
        _unquoted(values["help"]) if "help" in values else before.help if before else "",
        (ids[parent] if parent else None) if "parent" in values else before.parent_id if before else None,
        begins if "valid_from" in values else before.valid_from if before else None,
        position if "position" in values else before.position if before else 0,
    )


def _unquoted(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:2] in {"=", "+", "-", "@"} else text
