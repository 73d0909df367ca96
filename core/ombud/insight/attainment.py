"""Deadlines kept: of the clocks whose due moment lies in a period, how many were met in time.

The figure, defined once (docs/clocks.md says the same). A clock counts in the month in which it is due, in the time
zone of its case's unit, by the date it has now: a date that was moved counts where it was moved to.

- **In time**: met, at its due moment or before. **Late**: met after it.
- **Missed**: the due moment passed and nothing met it; it runs on, or was stopped after its breach was recorded.
- **Not due yet**: it runs and its due moment lies ahead. **Held**: a pause holds it, so it has no due moment and stands
  in no month. **Stopped**: it ended before it was due and nothing had to be done any more.

Kept is in time, of in time, late and missed together; what is not due yet, held or stopped counts in neither. Time that
is somebody else's, such as the customer's to go to an ombudsman, is no clock of ours here. Merged cases are part of
another one and stay out, and so does every case with an aspect about the reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ombud.desk import units
from ombud.desk.channels import channel_label
from ombud.desk.errors import Invalid
from ombud.desk.taxonomies import worded
from ombud.desk.words import label, letter
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import HIDDEN, Arguments, Viewer, about_me, decide

RIGHT = "return.read"
USUAL_MONTHS, MOST_MONTHS = 6, 36
PAGE = 50

OUTCOMES = ("in_time", "late", "missed", "running", "held", "stopped")
COUNTED = frozenset({"in_time", "late", "missed"})

# (code of a group, its words where the statement knows them). A clock of the whole case goes by its first aspect.
GROUPS: Mapping[str, tuple[str, str]] = {
    "clock": ("k.key", "k.label"),
    "unit": ("u.key", "u.name"),
    "case_type": ("c.case_type", "''"),
    "priority": ("coalesce(a.priority, c.priority)", "''"),
    "channel": ("c.channel", "''"),
    "category": (
        "coalesce(a.category, (SELECT f.category FROM core_aspect f WHERE f.case_id = c.id ORDER BY f.position LIMIT 1)"
        ", '')", "''",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a reader chose. `first` and `last`: the first days of the period's months; `unit`: its key, with all below;
    `clock`: a clock's key; `by`: one of GROUPS."""

    first: date
    last: date
    unit: str = ""
    clock: str = ""
    by: str = "clock"


@dataclass(frozen=True)
class Line:
    """The figures of one month, one group, or all. `code`: of the group; `month`: None for groups and what is held."""

    code: str
    label: str
    month: date | None
    counts: Mapping[str, int]

    @property
    def of(self) -> int:
        """How many clocks the share is of."""
        return sum(self.counts[each] for each in COUNTED)

    @property
    def kept(self) -> float | None:
        """In per cent; None where nothing counts yet."""
        return 100 * self.counts["in_time"] / self.of if self.of else None


@dataclass(frozen=True)
class Report:
    """`months`: each of the period, also those without a clock; `held`: those without a due moment, None if there are
    none; `clocks`: key and label of those the period has, whichever was chosen."""

    asked: Asked
    all: Line
    months: tuple[Line, ...]
    held: Line | None
    groups: tuple[Line, ...]
    clocks: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """One clock behind a figure. `reference` is empty, and `letter` too, where the reader may not read its case."""

    id: UUID
    reference: str
    letter: str
    label: str
    outcome: str
    due_at: datetime | None
    ended_at: datetime | None
    started_at: datetime
    zone: str


_OUTCOME = """CASE
    WHEN k.state = 'met' AND k.ended_at <= k.due_at THEN 'in_time' WHEN k.state = 'met' THEN 'late'
    WHEN k.state = 'paused' THEN 'held'
    WHEN k.state = 'stopped' AND k.breached_at IS NULL THEN 'stopped' WHEN k.state = 'stopped' THEN 'missed'
    WHEN k.due_at < {now}::timestamptz THEN 'missed' ELSE 'running' END"""

_GROUND = """
SELECT k.id, k.key, k.label, k.due_at, k.ended_at, k.started_at, c.reference, c.unit_id, a.position, u.time_zone,
    date_trunc('month', k.due_at AT TIME ZONE u.time_zone)::date AS month, {code} AS code, {words} AS words,
    {outcome} AS outcome
FROM core_clock k JOIN core_case c ON c.id = k.case_id JOIN core_unit u ON u.id = c.unit_id
LEFT JOIN core_aspect a ON a.id = k.aspect_id
LEFT JOIN core_clock_policy p ON p.key = k.policy AND p.number = k.policy_version
WHERE p.terms->>'met_by' IS DISTINCT FROM 'time' AND {cases} AND NOT {mine}
    AND c.merged_into IS NULL AND ({period}) AND {units}
"""

_BELOW = """c.unit_id IN (WITH RECURSIVE down AS (SELECT id FROM core_unit WHERE key = {key}
    UNION SELECT below.id FROM core_unit below JOIN down ON below.parent_id = down.id) SELECT id FROM down)"""

_FIGURES = """
WITH ground AS MATERIALIZED ({ground}), chosen AS (SELECT * FROM ground WHERE {clock})
SELECT 'clock' AS kind, key AS code, NULL::date AS month, max(label) AS words, {counts} FROM ground GROUP BY key
UNION ALL
SELECT CASE WHEN grouping(month) = 0 THEN 'month' WHEN grouping(code) = 0 THEN 'group' ELSE 'all' END,
    code, month, max(words), {counts} FROM chosen GROUP BY GROUPING SETS ((month), (code), ())
"""


async def asked(first: str = "", last: str = "", unit: str = "", clock: str = "", by: str = "") -> Asked:
    """What an address chose; the last six months where it names none. Raises Invalid."""
    today = now().astimezone(ZoneInfo((await units.first()).time_zone)).date()
    until = _month(last, "to") or max(today.replace(day=1), _month(first, "from") or date.min)
    since = _month(first, "from") or _earlier(until, USUAL_MONTHS - 1)
    if since > until:
        raise Invalid("The first month comes after the last one. Change one of them.", "from")
    if since < _earlier(until, MOST_MONTHS - 1):
        raise Invalid(sentence("These are more than %(most)s months. Choose fewer.", most=MOST_MONTHS), "from")
    return Asked(since, until, unit, clock, by if by in GROUPS else "clock")


def _month(text: str, name: str) -> date | None:
    try:
        found = date.fromisoformat(f"{text.strip()}-01") if text.strip() else None
    except ValueError:
        raise Invalid("This is not a month. Write it like 2026-11.", name) from None
    if found is not None and not 1970 <= found.year <= 2998:
        raise Invalid("This month lies outside what the desk can hold.", name)
    return found


def month_of(text: str) -> date | None:
    """A month of an address; None where it is none."""
    try:
        return _month(text, "month")
    except Invalid:
        return None


def _earlier(month: date, by: int) -> date:
    """The first day of the month so many months before, or after where `by` is negative."""
    number = month.year * 12 + month.month - 1 - by
    return date(number // 12, number % 12 + 1, 1)


def _ground(viewer: Viewer, arguments: Arguments, chosen: Asked, period: str) -> str:
    code, words = GROUPS[chosen.by]
    return _GROUND.format(
        code=code, words=words, outcome=_OUTCOME.format(now=arguments.add(now())), period=period,
        cases=decide(viewer, RIGHT, "case").where("c", arguments), mine=about_me("c.id", arguments.add(viewer.user_id)),
        units=_BELOW.format(key=arguments.add(chosen.unit)) if chosen.unit else "TRUE",
    )  # fmt: skip


def _due_in(arguments: Arguments, first: date, last: date) -> str:
    """The months as each unit's own calendar has them; the wider bounds are what an index can answer."""
    end = _earlier(last, -1)
    near, far = (datetime.combine(first, time(), UTC) - _FAR, datetime.combine(end, time(), UTC) + _FAR)
    local = "k.due_at AT TIME ZONE u.time_zone"
    return (
        f"k.due_at >= {arguments.add(near)}::timestamptz AND k.due_at < {arguments.add(far)}::timestamptz "
        f"AND {local} >= {arguments.add(first)}::date AND {local} < {arguments.add(end)}::date"
    )


_FAR = timedelta(days=1)  # no zone is further from UTC
_HELD = "k.due_at IS NULL AND k.state = 'paused'"


async def report(viewer: Viewer, chosen: Asked) -> Report:
    """The figures in one statement, and one more for the words of case types and categories. Raises NotAllowed."""
    demand(viewer, RIGHT)
    arguments = Arguments()
    period = f"({_due_in(arguments, chosen.first, chosen.last)}) OR ({_HELD})"
    ground = _ground(viewer, arguments, chosen, period)
    clock = f"key = {arguments.add(chosen.clock)}" if chosen.clock else "TRUE"
    counts = ", ".join(f"count(*) FILTER (WHERE outcome = '{each}') AS {each}" for each in OUTCOMES)
    rows = await db.fetch(_FIGURES.format(ground=ground, clock=clock, counts=counts), *arguments.values)
    found: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in ("clock", "month", "group", "all")}
    for row in rows:
        found[row["kind"]].append(row)
    words = await _words(viewer, chosen.by, found["group"])
    groups = [_line(row, words[row["code"]]) for row in found["group"]]
    by_month = {row["month"]: _line(row, "") for row in found["month"]}
    return Report(
        chosen, _line(found["all"][0], ""), tuple(_every_month(chosen, by_month)), by_month.get(None),
        tuple(sorted(groups, key=lambda line: (-sum(line.counts.values()), line.label, line.code))),
        tuple(sorted(((row["code"], row["words"]) for row in found["clock"]), key=lambda each: (each[1], each[0]))),
    )  # fmt: skip


def _every_month(chosen: Asked, found: Mapping[date | None, Line]) -> list[Line]:
    month, lines = chosen.first, []
    while month <= chosen.last:
        lines.append(found.get(month) or Line("", "", month, dict.fromkeys(OUTCOMES, 0)))
        month = _earlier(month, -1)
    return lines


def _line(row: Mapping[str, Any], words: str) -> Line:
    return Line(row["code"] or "", words, row["month"], {each: row[each] for each in OUTCOMES})


async def _words(viewer: Viewer, by: str, rows: list[Mapping[str, Any]]) -> dict[str, str]:
    """Words of each group by its code."""
    found = {row["code"]: row["words"] for row in rows}
    if by in {"clock", "unit"}:
        return found
    if by == "channel":
        return {code: channel_label(code) or "Typed in at the desk" for code in found}
    if by == "priority":
        return {code: label(code) for code in found}
    known: dict[str, str] = {}
    if by == "case_type":
        known = {row["key"]: row["label"] for row in await db.fetch("SELECT key, label FROM core_case_type")}
    else:
        terms = await db.fetch(
            "SELECT code, labels FROM core_taxonomy_term WHERE kind = 'category' AND code = ANY($1)", list(found)
        )
        known = {row["code"]: worded(row["labels"], row["code"], viewer.language) for row in terms}
    return {code: known.get(code) or (label(code) if code else "No category yet") for code in found}


@dataclass(frozen=True)
class Behind:
    """Which figure is opened: an outcome, or "counted" for those the share is of; a month; a group, where `of` is not
    None."""

    outcome: str
    month: date | None = None
    of: str | None = None


async def clocks_behind(
    viewer: Viewer, chosen: Asked, behind: Behind, after: tuple[datetime, UUID] | None = None
) -> tuple[list[Row], bool]:
    """The clocks of a figure, PAGE at a time after the given place, and whether more follow: those due last come first,
    and of those that are held the ones begun last."""
    demand(viewer, RIGHT)
    arguments = Arguments()
    held = behind.outcome == "held"
    first, last = (behind.month, behind.month) if behind.month else (chosen.first, chosen.last)
    period = _HELD if held else _due_in(arguments, first, last)
    place = "k.started_at" if held else "k.due_at"
    sql = _ground(viewer, arguments, chosen, period) + _narrowed(arguments, chosen, behind)
    if after is not None:
        sql += f" AND ({place}, k.id) < ({arguments.add(after[0])}::timestamptz, {arguments.add(after[1])}::uuid)"
    sql += f" ORDER BY {place} DESC, k.id DESC LIMIT {PAGE + 1}"
    rows = await db.fetch(sql, *arguments.values)
    return [_row(viewer, row) for row in rows[:PAGE]], len(rows) > PAGE


def _narrowed(arguments: Arguments, chosen: Asked, behind: Behind) -> str:
    wanted = sorted(COUNTED) if behind.outcome == "counted" else [behind.outcome]
    parts = [f"({_OUTCOME.format(now=arguments.add(now()))}) = ANY({arguments.add(wanted)}::text[])"]
    if chosen.clock:
        parts.append(f"k.key = {arguments.add(chosen.clock)}")
    if behind.of is not None:
        parts.append(f"{GROUPS[chosen.by][0]} = {arguments.add(behind.of)}")
    return "".join(f" AND {each}" for each in parts)


def _row(viewer: Viewer, row: Mapping[str, Any]) -> Row:
    """Who may read the figures of a unit and not its cases is told that there is one."""
    opens = viewer.may_in("case.read", row["unit_id"])
    return Row(
        row["id"], row["reference"] if opens else "", letter(row["position"]) if opens and row["position"] else "",
        row["label"] if opens else HIDDEN, row["outcome"], row["due_at"], row["ended_at"], row["started_at"],
        row["time_zone"],
    )  # fmt: skip
