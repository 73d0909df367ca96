"""The laws that plugins bring, with what administrators corrected. A corrected number is this firm's word, and the page
says whose it is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.administration.authority import SET_UP, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.words import is_code
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer
from ombud_plugin_api import Law, Right, Span
from ombud_plugin_api.rights import DOES, IDENTITY, SIGNALS, SPANS

STREAM = "setting/privacy-laws"
PARTS = ("answer", "acknowledge", "extension")
CORRECTED = "corrected"
MOST_DAYS, MOST_MONTHS = 3650, 120


def brought() -> list[Law]:
    """As the running plugins give them; a right that says nonsense is left out rather than run wrongly."""
    found = [law for loaded in running.loaded.values() for law in loaded.rights]
    sane = [replace(law, rights=tuple(right for right in law.rights if _is_sane(right))) for law in found]
    return sorted(sane, key=lambda law: (law.label, law.key))


def _is_sane(right: Right) -> bool:
    spans = [each for each in (right.answer, right.acknowledge, right.extension) if each is not None]
    return (
        is_code(right.key) and right.does in DOES and right.identity in IDENTITY and right.signal in ("", *SIGNALS)
        and all(each.unit in SPANS and 0 < each.amount <= MOST_DAYS for each in spans)
    )  # fmt: skip


_NEWEST = """
SELECT DISTINCT ON (law, kind, part) law, kind, part, amount, unit, source FROM core_privacy_term
ORDER BY law, kind, part, corrected_at DESC, id DESC
"""


async def in_force() -> list[Law]:
    """The laws with the corrections of this desk."""
    spans = {
        (row["law"], row["kind"], row["part"]): Span(row["amount"], row["unit"], row["source"], CORRECTED)
        for row in await db.fetch(_NEWEST)
    }
    return [
        replace(law, rights=tuple(_corrected(right, {part: spans[law.key, right.key, part] for part in PARTS
                                                     if (law.key, right.key, part) in spans})
                                  for right in law.rights))
        for law in brought()
    ]  # fmt: skip


def _corrected(right: Right, changes: dict[str, Span]) -> Right:
    values: dict[str, Any] = dict(changes)
    return replace(right, **values)


async def find(law_key: str, right_key: str) -> tuple[Law, Right]:
    """Raises Invalid, for a form."""
    for law in await in_force():
        for right in law.rights:
            if (law.key, right.key) == (law_key, right_key):
                return law, right
    raise Invalid("Choose what they ask for. The plugin of this law may have been turned off.", "right")


async def correct(viewer: Viewer, law_key: str, right_key: str, part: str, amount: int | None, unit: str,
                  source: str) -> None:  # fmt: skip
    """A number as it stands in the law today. It counts for requests recorded from now on."""
    demand(viewer, SET_UP)
    await demand_whole_desk(viewer, SET_UP, "The times of laws count on the whole desk")
    known = next((r for law in brought() if law.key == law_key for r in law.rights if r.key == right_key), None)
    if known is None or part not in PARTS:
        raise NotFound("There is no such time in a law here. Its plugin may have been turned off.")
    if unit not in SPANS:
        raise Invalid("Choose months, days or business days.", "unit")
    most = MOST_MONTHS if unit == "months" else MOST_DAYS
    if amount is None or not 0 < amount <= most:
        raise Invalid(f"Give a whole number from 1 to {most}.", "amount")
    source = clean_text(source, "source", longest=300)
    if not source:
        raise Invalid("Say where this number stands: the law and its article.", "source")
    async with db.transaction():
        await db.execute(
            "INSERT INTO core_privacy_term (id, law, kind, part, amount, unit, source, corrected_at, corrected_by) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            new_id(), law_key, right_key, part, amount, unit, source, now(), viewer.user_id,
        )  # fmt: skip
        body = {"law": law_key, "key": f"{law_key}.{right_key}.{part}", "amount": amount, "unit": unit}
        sealed = {"source": Sealed(STREAM, source)}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "privacy_law.corrected", body, sealed)])


async def corrections(law_key: str) -> Sequence[tuple[str, str, int, str, str, datetime, UUID | None]]:
    rows = await db.fetch(
        "SELECT kind, part, amount, unit, source, corrected_at, corrected_by FROM core_privacy_term "
        "WHERE law = $1 ORDER BY corrected_at DESC",
        law_key,
    )
    return [tuple(row) for row in rows]


def span_words(span: Span) -> str:
    """`45 days`, `1 month`, `10 business days`."""
    words = {"months": "month", "days": "day", "business_days": "business day"}[span.unit]
    return f"{span.amount} {words}{'' if span.amount == 1 else 's'}"
