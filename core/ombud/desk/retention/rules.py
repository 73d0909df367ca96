"""How long cases are kept: rules by unit, country and case type, and which of them holds for a case.

The most specific rule holds: first one that names the case's type, then the one whose unit is nearest above the case,
then one that names the country. Where no rule holds, the case is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from ombud.desk.administration.authority import SET_UP, UnitName, demand_in, demand_whole_desk, unit_tree
from ombud.desk.administration.units import countries
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer

SPANS = ("days", "months", "years")
COUNTS_FROM = ("closed", "last_word")
LONGEST = {"days": 36500, "months": 1200, "years": 100}


@dataclass(frozen=True)
class RuleGiven:
    """A rule as somebody writes it; `unit_id` None, `country` and `case_type` empty: any."""

    unit_id: UUID | None
    country: str
    case_type: str
    amount: int | None
    span: str
    counts_from: str
    source: str
    automatic: bool


@dataclass(frozen=True)
class Rule:
    """A rule in force. `by`: who wrote it last."""

    id: UUID
    unit_id: UUID | None
    country: str
    case_type: str
    amount: int
    span: str
    counts_from: str
    source: str
    automatic: bool
    changed_at: datetime
    by: str
    version: int


@dataclass(frozen=True)
class Ground:
    """Cases that share a rule: those of one unit and one type. `zone`: of the unit."""

    unit_id: UUID
    case_type: str
    zone: str
    rule: Rule | None


def stream(rule_id: UUID) -> str:
    return f"retention-rule/{rule_id}"


def chosen(rules: Iterable[Rule], case_type: str, country: str, above: Sequence[UUID]) -> Rule | None:
    """The rule that holds for a case of this type, in a unit with this country. `above`: the unit and those above it,
    nearest first. Pure."""
    holding = [each for each in rules if _fits(each, case_type, country, above)]
    return max(holding, key=lambda each: _rank(each, above), default=None)


def _fits(rule: Rule, case_type: str, country: str, above: Sequence[UUID]) -> bool:
    return (
        rule.case_type in {"", case_type}
        and rule.country in {"", country}
        and (rule.unit_id is None or rule.unit_id in above)
    )


def _rank(rule: Rule, above: Sequence[UUID]) -> tuple[bool, int, bool]:
    near = len(above) - above.index(rule.unit_id) if rule.unit_id is not None else 0
    return bool(rule.case_type), near, bool(rule.country)


_RULES = """
SELECT r.id, r.unit_id, r.country, r.case_type, r.amount, r.span, r.counts_from, r.source, r.automatic, r.changed_at,
    coalesce(nullif(u.display_name, ''), u.name, '') AS by, r.version
FROM core_retention_rule r LEFT JOIN core_user u ON u.id = r.changed_by WHERE r.retired_at IS NULL
ORDER BY r.case_type, r.country, r.created_at, r.id
"""


async def in_force() -> list[Rule]:
    """All rules that hold."""
    return [Rule(**dict(row)) for row in await db.fetch(_RULES)]


@dataclass(frozen=True)
class Layout:
    """Every unit and case type of the desk, with their names; units by age."""

    units: Mapping[UUID, Mapping[str, Any]]
    types: Mapping[str, str]

    @property
    def tops(self) -> list[UUID]:
        return [key for key, row in self.units.items() if row["parent_id"] is None]

    @property
    def today(self) -> date:
        """In the zone of the desk's first unit."""
        return now().astimezone(ZoneInfo(self.units[self.tops[0]]["time_zone"])).date()

    def above(self, unit_id: UUID) -> list[UUID]:
        """The unit and those above it, nearest first."""
        found: list[UUID] = []
        at: UUID | None = unit_id
        while at is not None and at not in found:
            found.append(at)
            at = self.units[at]["parent_id"]
        return found

    def grounds(self, rules: Sequence[Rule]) -> list[Ground]:
        """Every unit with every case type, and the rule that holds there."""
        found = []
        for key, row in self.units.items():
            above = self.above(key)
            country = next((self.units[each]["country"] for each in above if self.units[each]["country"]), "")
            found += [Ground(key, each, row["time_zone"], chosen(rules, each, country, above)) for each in self.types]
        return found

    def name(self, unit_id: UUID | None) -> str:
        return str(self.units[unit_id]["name"]) if unit_id is not None and unit_id in self.units else ""

    def words(self, rule: Rule) -> str:
        """For which cases it is: `Harbour Bank, PL, Card or payment`, or `All cases`."""
        parts = (self.name(rule.unit_id), rule.country, self.types.get(rule.case_type, rule.case_type))
        return ", ".join(each for each in parts if each) or "All cases"

    def ground_words(self, ground: Ground) -> str:
        return f"{self.name(ground.unit_id)}: {self.types[ground.case_type]}"

    @property
    def unit_names(self) -> dict[str, str]:
        return {str(key): row["name"] for key, row in self.units.items()}


async def layout() -> Layout:
    """Two statements."""
    units = await db.fetch("SELECT id, parent_id, name, country, time_zone FROM core_unit ORDER BY created_at, id")
    types = await db.fetch("SELECT key, coalesce(nullif(label, ''), key) AS label FROM core_case_type ORDER BY key")
    return Layout({row["id"]: dict(row) for row in units}, {row["key"]: row["label"] for row in types})


async def write(viewer: Viewer, given: RuleGiven) -> UUID:
    """A new rule. Raises NotAllowed, Invalid, and NotNow where one stands for the same cases."""
    demand(viewer, SET_UP)
    values = await _checked(given)
    async with db.transaction():
        await _demand_reach(viewer, given.unit_id)
        made, moment = new_id(), now()
        row = {"id": made, **values, "created_at": moment, "changed_at": moment, "changed_by": viewer.user_id,
               "version": 1}  # fmt: skip
        places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        try:
            await db.execute(f"INSERT INTO core_retention_rule ({', '.join(row)}) VALUES ({places})", *row.values())
        except asyncpg.UniqueViolationError:
            raise NotNow("A rule stands for the same cases already. Change that one.") from None
        await _tell(viewer, made, "retention_rule.added", {"after": _codes(values), "version": 1},
                    {"source": values["source"]})  # fmt: skip
    return made


async def change(viewer: Viewer, rule_id: UUID, given: RuleGiven, version: int | None) -> None:
    """Another period, source or way; what it is for stays: for other cases write another rule."""
    demand(viewer, SET_UP)
    async with db.transaction():
        row = await _lock(viewer, rule_id, version)
        same = RuleGiven(
            row["unit_id"], row["country"], row["case_type"], given.amount, given.span, given.counts_from, given.source,
            given.automatic,
        )  # fmt: skip
        values = await _checked(same)
        if all(row[name] == value for name, value in values.items()):
            return
        await update("core_retention_rule", rule_id,
                     {**values, "changed_at": now(), "changed_by": viewer.user_id})  # fmt: skip
        body = {"before": _codes(row), "after": _codes(values), "version": row["version"] + 1}
        sealed = {"source": values["source"], "source_before": row["source"]}
        await _tell(viewer, rule_id, "retention_rule.changed", body, sealed)


async def retire(viewer: Viewer, rule_id: UUID, version: int | None) -> None:
    """Ends a rule: its cases fall to the next one that fits, or are kept."""
    demand(viewer, SET_UP)
    async with db.transaction():
        row = await _lock(viewer, rule_id, version)
        await update("core_retention_rule", rule_id, {"retired_at": now(), "changed_by": viewer.user_id})
        await _tell(viewer, rule_id, "retention_rule.retired", {"before": _codes(row)}, {"source": row["source"]})


async def _lock(viewer: Viewer, rule_id: UUID, version: int | None) -> asyncpg.Record:
    row = await db.fetchrow("SELECT * FROM core_retention_rule WHERE id = $1 FOR UPDATE", rule_id)
    if row is None or row["retired_at"] is not None:
        raise NotFound("There is no such rule any more. Open the list again.")
    await _demand_reach(viewer, row["unit_id"])
    check_version("This rule", row, version, {})
    return row


async def _demand_reach(viewer: Viewer, unit_id: UUID | None) -> None:
    if unit_id is None:
        await demand_whole_desk(viewer, SET_UP, "A rule for all units counts everywhere")
    else:
        demand_in(viewer, SET_UP, unit_id)


async def _checked(given: RuleGiven) -> dict[str, Any]:
    source = clean_text(given.source, "source", longest=300)
    if not source:
        raise Invalid("Say on which law or reason the period rests, such as DISP 1.9: three years.", "source")
    if given.span not in SPANS:
        raise Invalid("Choose days, months or years.", "span")
    if given.counts_from not in COUNTS_FROM:
        raise Invalid("Choose from when the period counts.", "counts_from")
    if given.amount is None or not 1 <= given.amount <= LONGEST[given.span]:
        raise Invalid(sentence("Give a whole number from 1 to %(most)s.", most=LONGEST[given.span]), "amount")
    if given.country and given.country not in countries():
        raise Invalid("Choose a country of the list.", "country")
    if given.case_type and not await db.fetchval("SELECT TRUE FROM core_case_type WHERE key = $1", given.case_type):
        raise Invalid("Choose a case type of the list.", "case_type")
    if given.unit_id and not await db.fetchval("SELECT TRUE FROM core_unit WHERE id = $1", given.unit_id):
        raise Invalid("Choose a unit of the list.", "unit")
    return {
        "unit_id": given.unit_id, "country": given.country, "case_type": given.case_type, "amount": given.amount,
        "span": given.span, "counts_from": given.counts_from, "source": source, "automatic": given.automatic,
    }  # fmt: skip


def _codes(values: Mapping[str, Any]) -> dict[str, Any]:
    names = ("country", "case_type", "amount", "span", "counts_from", "automatic")
    return {"unit": str(values["unit_id"] or ""), **{name: values[name] for name in names}}


async def _tell(viewer: Viewer, rule_id: UUID, kind: str, body: dict[str, Any], words: Mapping[str, str]) -> None:
    about = stream(rule_id)
    sealed = {name: Sealed(about, text) for name, text in words.items()}
    await append(actor=viewer.actor, entries=[NewEntry(about, kind, {"rule": str(rule_id), **body}, sealed)])


async def units_of(viewer: Viewer) -> list[UnitName]:
    """Units for which the viewer may write rules."""
    return [each for each in await unit_tree() if viewer.may_in(SET_UP, each.id)]
