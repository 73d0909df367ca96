"""The laws that plugins bring, with what administrators corrected. A corrected number is this firm's word, and the page
says whose it is."""

from collections.abc import Mapping, Sequence
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
from ombud.kernel.setting_values import holding as holding_values
from ombud.speech import counted, sentence
from ombud.trust.group_settings import key_of_plugin
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer
from ombud_plugin_api import Law, Right, Span
from ombud_plugin_api.applicability import ALWAYS, APPLIES, BY_COUNTRY, NEVER, WISHES, lies_in
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


_PLACES = "SELECT id, parent_id, country FROM core_unit"
_WISHES = "SELECT key, unit_id, value -> 'value' ->> 'applies' AS wish FROM core_setting WHERE key = ANY($1)"


async def holding(unit_ids: Sequence[UUID]) -> list[Law]:
    """Those by which requests are recorded in one of these units: of its country, or as the settings of the plugin say.
    A person chooses the law, so where a country is not known, nothing is kept from them for it."""
    return [law for law, held in (await _where(unit_ids)) if held]


async def first_unit(law_key: str, unit_ids: Sequence[UUID]) -> UUID | None:
    """The first of these units in which requests are recorded by that law."""
    return next((held[0] for law, held in await _where(unit_ids) if law.key == law_key and held), None)


async def _where(unit_ids: Sequence[UUID]) -> list[tuple[Law, list[UUID]]]:
    """Each law with those of the units in which it holds, in their order."""
    found = await in_force()
    units = {row["id"]: row for row in await db.fetch(_PLACES)}
    keys = list(dict.fromkeys(key_of_plugin(_slug(law)) for law in found))
    wishes = {(row["key"], row["unit_id"]): row["wish"] for row in await db.fetch(_WISHES, keys)}
    chains = {each: _chain(units, each) for each in unit_ids}
    return [(law, [unit for unit, chain in chains.items() if _holds(law, units, chain, wishes)]) for law in found]


async def demand_holding(law: Law, unit_id: UUID) -> None:
    """Raises Invalid, for a form, where the law is not of the unit's country, or was switched off there."""
    if law.key not in {each.key for each in await holding([unit_id])}:
        raise Invalid(sentence("%(law)s does not hold in this unit. Choose another law or unit. "
                               "The settings of its plugin say where it holds.", law=law.label), "right")  # fmt: skip


def _slug(law: Law) -> str:
    return law.key.partition(".")[0]


def _chain(units: Mapping[UUID, Any], unit_id: UUID | None) -> list[UUID]:
    """A unit and all above it, nearest first."""
    chain: list[UUID] = []
    while unit_id is not None and unit_id in units and unit_id not in chain:
        chain.append(unit_id)
        unit_id = units[unit_id]["parent_id"]
    return chain


def _holds(law: Law, units: Mapping[UUID, Any], chain: Sequence[UUID], wishes: Mapping[Any, str]) -> bool:
    slug = _slug(law)
    loaded = running.loaded.get(slug)
    usual = holding_values(loaded.setting_schema, []) if loaded and loaded.setting_schema else {}
    set_there = (wishes.get((key_of_plugin(slug), each)) for each in (*chain, None))
    wish = next((each for each in set_there if each in WISHES), None) or usual.get(APPLIES) or BY_COUNTRY
    country = next((units[each]["country"] for each in chain if units[each]["country"]), "")
    return wish == ALWAYS or (wish != NEVER and (not country or lies_in(law.places, country)))


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
        raise Invalid(sentence("Give a whole number from 1 to %(most)s.", most=most), "amount")
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
    match span.unit:
        case "months":
            return counted("1 month", "%(num)s months", span.amount)
        case "business_days":
            return counted("1 business day", "%(num)s business days", span.amount)
    return counted("1 day", "%(num)s days", span.amount)
