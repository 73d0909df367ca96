"""Taxonomies: what a matter is about (categories) and why it happened (causes), as a unit uses them on a day.

A term counts in its unit and all below; one without a unit counts on the whole desk. A code means one thing for good;
words, place and span may change. Outcomes and kinds of redress are no taxonomy: their codes are fixed (desk/words.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.words import CAUSES, LABELS
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.settled import Memory
from ombud.trust.ledger import NewEntry, append
from ombud_plugin_api.facts import Complaint

KINDS = {"category": "Categories", "cause": "Causes"}
_POLISH = {
    "wrong_information": "Błędna informacja",
    "delay": "Opóźnienie",
    "system_fault": "Błąd systemu",
    "process_not_followed": "Niezachowanie procedury",
    "process_unfair": "Niesprawiedliwa procedura",
    "product_or_service": "Produkt lub usługa",
    "staff_conduct": "Zachowanie pracownika",
    "third_party": "Strona trzecia",
    "customer_misunderstanding": "Nieporozumienie",
    "no_cause_found": "Nie znaleziono przyczyny",
}


@dataclass(frozen=True)
class Choice:
    """A term to choose. `path` names it with those above it."""

    id: UUID
    code: str
    label: str
    path: str
    labels: Mapping[str, str]


def stream(kind: str) -> str:
    """The ledger's stream of a taxonomy."""
    return f"setting/taxonomy-{kind}"


def worded(labels: Mapping[str, str] | None, code: str, language: str = "en") -> str:
    """A term's words in a language, in English where there are none, else its code."""
    labels = labels or {}
    return labels.get(language) or labels.get("en") or next(iter(labels.values()), "") or code


_HERE = """
WITH RECURSIVE up AS (
    SELECT id, parent_id FROM core_unit WHERE id = $2
    UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id
),
here AS (
    SELECT t.* FROM core_taxonomy_term t WHERE t.kind = $1 AND (t.unit_id IS NULL OR t.unit_id IN (SELECT id FROM up))
    AND (t.valid_from IS NULL OR t.valid_from <= $3) AND (t.valid_to IS NULL OR t.valid_to > $3)
),
tree AS (
    SELECT here.*, ARRAY[here.labels] AS words, ARRAY[lpad(here.position::text, 6, '0') || here.code] AS place
    FROM here WHERE here.parent_id IS NULL OR here.parent_id NOT IN (SELECT id FROM here)
    UNION ALL
    SELECT here.*, tree.words || here.labels, tree.place || (lpad(here.position::text, 6, '0') || here.code)
    FROM here JOIN tree ON here.parent_id = tree.id
)
SELECT id, code, labels, to_jsonb(words) AS words FROM tree ORDER BY place
"""


_remembered: Memory[tuple[str, UUID, date, str], Sequence[Choice]] = Memory(1000)


async def choices(kind: str, unit_id: UUID, on: date, language: str = "en", settled: int = 0) -> Sequence[Choice]:
    """What may be chosen in a unit on a day, each term after the one above it. One statement, or none where it is
    remembered under the number `settled` (`kernel/settled.py`)."""
    key = (kind, unit_id, on, language)
    return await _remembered.of(key, settled, lambda: _choices(*key))


async def _choices(kind: str, unit_id: UUID, on: date, language: str) -> Sequence[Choice]:
    rows = await db.fetch(_HERE, kind, unit_id, on)
    return [_choice(row, language) for row in rows]


async def all_choices(kind: str, on: date, language: str = "en") -> list[Choice]:
    """Those of every unit, for what is set for the whole desk."""
    rows = await db.fetch(
        "SELECT id, code, labels, ARRAY[labels] AS words FROM core_taxonomy_term WHERE kind = $1 "
        "AND (valid_from IS NULL OR valid_from <= $2) AND (valid_to IS NULL OR valid_to > $2) ORDER BY position, code",
        kind, on,
    )  # fmt: skip
    return [_choice(row, language) for row in rows]


def _choice(row: Any, language: str) -> Choice:
    words = [worded(each, row["code"], language) for each in row["words"]]
    return Choice(row["id"], row["code"], words[-1], " › ".join(words), row["labels"])


def code_of(text: str, known: Sequence[Choice]) -> str:
    """The code of the term that a text names by code, words or path, in any of its languages; else the text itself."""
    wanted = text.strip().casefold()
    if not wanted:
        return ""
    for each in known:
        if each.code.casefold() == wanted:
            return each.code
    for each in known:
        if wanted in {each.path.casefold(), *(words.casefold() for words in each.labels.values())}:
            return each.code
    return text.strip()


async def coded(kind: str, unit_id: UUID, on: date, text: str) -> str:
    """`code_of` in the taxonomy of a unit; free text stays as it was written."""
    if not text.strip():
        return ""
    return code_of(text, [each for lang in ("en", "pl") for each in await choices(kind, unit_id, on, lang)])


async def coded_complaint(complaint: Complaint, unit_id: UUID, settled: int) -> Complaint:
    """The complaint with the codes of those categories that the unit's taxonomy knows; mostly without a statement."""
    if not any(matter.category for matter in complaint.matters):
        return complaint
    known = await choices("category", unit_id, today(), settled=settled)
    matters = tuple(msgspec.structs.replace(each, category=code_of(each.category, known)) for each in complaint.matters)
    return msgspec.structs.replace(complaint, matters=matters)


def today() -> date:
    return now().date()


async def install_defaults() -> list[str]:
    """Adds those of the shipped causes that the desk never had; what was changed or retired here stays so."""
    async with db.transaction():
        rows = await db.fetch(
            "INSERT INTO core_taxonomy_term (id, kind, code, labels, position, created_at, version) "
            "SELECT given.id, 'cause', given.code, given.labels::jsonb, given.position, $5, 1 "
            "FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS given (id, code, labels, position) "
            "ON CONFLICT (kind, code) DO NOTHING RETURNING id, code",
            [new_id() for _ in CAUSES], list(CAUSES),
            [speech.encoded({"en": LABELS[code], "pl": _POLISH[code]}).decode() for code in CAUSES],
            [10 * place for place, _ in enumerate(CAUSES, 1)], now(),
        )  # fmt: skip
        entries = [
            NewEntry(stream("cause"), "term.added", {"term": str(row["id"]), "code": row["code"], "shipped": True})
            for row in sorted(rows, key=lambda each: CAUSES.index(each["code"]))
        ]
        if entries:
            await append(actor="system", entries=entries)
    return [row["code"] for row in rows]
