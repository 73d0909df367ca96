"""The figures of a year and the log of requests, as laws ask to have them kept or published. Each figure is defined
once, here; page and file draw on it. Numbers and codes and no names: erasing a person changes none of them."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any

from ombud.desk.privacy.clocks import days_between
from ombud.desk.privacy.requests import HANDLE
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

FIGURES = {
    "received": ("Received", "requests whose day of receipt lies in the year (UTC), whatever became of them"),
    "complied": ("Complied with", "granted in whole or in part"),
    "granted": ("In whole", "answered as granted"),
    "partly": ("In part", "answered as granted in part"),
    "refused": ("Denied", "answered as refused; the reasons stand below each right"),
    "withdrawn": ("Withdrawn", "taken back by who asked"),
    "open": ("Open", "not answered yet"),
    "late": ("Late", "answered after the time, extension included, or still open after it"),
    "median_days": ("Median days", "whole days from receipt to the answer, the middle one of those answered"),
    "mean_days": ("Mean days", "the same days, their mean to one decimal"),
}
OTHER = "In the firm's own words"


@dataclass(frozen=True)
class YearLine:
    """The figures of one right in a year. `reasons`: how often each ground stood in a denial, in whole or in part."""

    law: str
    right: str
    received: int
    granted: int
    partly: int
    refused: int
    withdrawn: int
    open: int
    late: int
    median_days: float | None
    mean_days: float | None
    reasons: Mapping[str, int]

    @property
    def complied(self) -> int:
        return self.granted + self.partly

    def figure(self, name: str) -> Any:
        found = getattr(self, name)
        return "" if found is None else found


async def of_year(viewer: Viewer, year: int) -> Sequence[YearLine]:
    """One line for each right that was asked for."""
    rows = await _rows(viewer, year, "r.law, r.kind, r.received_at, r.id")
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row["law"], row["kind"]), []).append(row)
    return [_year_line(group) for group in groups.values()]


async def _rows(viewer: Viewer, year: int, order: str) -> Sequence[Any]:
    demand(viewer, HANDLE)
    grant, arguments = decide(viewer, HANDLE, "privacy"), Arguments()
    start, end = arguments.add(datetime(year, 1, 1, tzinfo=UTC)), arguments.add(datetime(year + 1, 1, 1, tzinfo=UTC))
    return await db.fetch(
        "SELECT r.reference, r.law, r.kind, r.terms, r.state, r.outcome, r.channel, r.received_at, r.answered_at, "
        "r.due_at, r.acknowledged_at, r.extended_at, r.grounds, r.agent_name <> '' AS agent, "
        f"r.grounds_words <> '' AS worded FROM core_privacy_request r WHERE r.received_at >= {start} "
        f"AND r.received_at < {end} AND {grant.where('r', arguments)} ORDER BY {order}",
        *arguments.values,
    )


def _year_line(group: Sequence[Any]) -> YearLine:
    days = [days_between(row["received_at"], row["answered_at"]) for row in group if row["answered_at"]]
    reasons: dict[str, int] = {}
    for row in group:
        for label in _reasons(row):
            reasons[label] = reasons.get(label, 0) + 1
    outcome = {name: sum(row["outcome"] == name for row in group) for name in ("granted", "partly", "refused")}
    return YearLine(
        law=group[0]["terms"]["law"], right=group[0]["terms"]["right"], received=len(group), **outcome,
        withdrawn=sum(row["state"] == "withdrawn" for row in group), open=sum(row["state"] == "open" for row in group),
        late=sum((row["answered_at"] or now()) > row["due_at"] for row in group if row["state"] != "withdrawn"),
        median_days=float(median(days)) if days else None, mean_days=round(mean(days), 1) if days else None,
        reasons=dict(sorted(reasons.items())),
    )  # fmt: skip


def _reasons(row: Mapping[str, Any]) -> list[str]:
    """Labels of the grounds; a denial without one rests on words, which stay inside."""
    labels = [str(each["label"]) for each in row["grounds"]]
    return labels or ([OTHER] if row["outcome"] in {"partly", "refused"} else [])


def csv_of(year: int, lines: Sequence[YearLine], signals: int) -> bytes:
    """The figures as a file: one row for each right, then one for each reason, then the signals."""
    table: list[list[Any]] = [["year", "law", "right", *FIGURES, "reason"]]
    for line in lines:
        table.append([year, line.law, line.right, *(line.figure(name) for name in FIGURES), ""])
        table += [
            [year, line.law, line.right, *(many if name == "refused" else "" for name in FIGURES), reason]
            for reason, many in line.reasons.items()
        ]
    table.append([year, "", "Browsers whose Global Privacy Control signal was honoured",
                  *(signals if name in {"received", "complied"} else "" for name in FIGURES), ""])  # fmt: skip
    return _written(table)


async def log_csv(viewer: Viewer, year: int) -> bytes:
    """The log of requests of a year: when and how each came, what was asked and answered, and on which ground it was
    denied. No names."""
    table: list[list[Any]] = [
        ["reference", "received", "law", "right", "manner", "by_an_agent", "acknowledged", "extended", "due",
         "answered", "answer", "basis_of_denial"]
    ]  # fmt: skip
    for row in await _rows(viewer, year, "r.received_at, r.id"):
        moments = [_day(row[name]) for name in ("acknowledged_at", "extended_at", "due_at", "answered_at")]
        table.append(
            [row["reference"], _day(row["received_at"]), row["terms"]["law"], row["terms"]["right"], row["channel"],
             "yes" if row["agent"] else "no", *moments, row["outcome"] or row["state"], "; ".join(_reasons(row))]
        )  # fmt: skip
    return _written(table)


def _day(at: datetime | None) -> str:
    return at.date().isoformat() if at else ""


def _written(table: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[_safe(each) for each in row] for row in table])
    return out.getvalue().encode("utf-8-sig")


def _safe(value: Any) -> Any:
    """No cell begins a formula where the file is opened in a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
