"""Deadlines kept: how many clocks were met in time, by month and by group; what is behind each figure; a file."""

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from litestar import Request, Response, get

from ombud.desk import choices
from ombud.desk.errors import Invalid, NotFound
from ombud.insight import attainment
from ombud.insight.attainment import OUTCOMES, RIGHT, Asked, Behind, Line, Report, Row
from ombud.kernel.clock import now
from ombud.speech import sentence
from ombud.trust.policy import HIDDEN
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, refused
from ombud.web.shell import page
from ombud.writing import locale_of

Req = Request[Any, Any, Any]
READ = {"permission": RIGHT}
HERE = "/deadlines"
SHOWN = 200
WORDS = {
    "in_time": "In time", "late": "Late", "missed": "Missed", "running": "Not due yet", "held": "Held",
    "stopped": "Stopped",
}  # fmt: skip
TONES = {"in_time": ("ok", "circle-check"), "late": ("warn", "clock"), "missed": ("danger", "alert-circle"),
         "running": ("", "clock"), "held": ("warn", "player-pause"), "stopped": ("", "player-stop")}  # fmt: skip
BY = {"clock": "Clock", "unit": "Unit", "case_type": "Case type", "priority": "Priority", "channel": "Channel",
      "category": "Category"}  # fmt: skip


@get(HERE, opt=READ)
async def shown(request: Req) -> Response[Any]:
    """The figures, for the filters of the address."""
    viewer = viewer_of(request)
    chosen, wrong = await _chosen(request)
    found = await attainment.report(viewer, chosen)
    units = [(each.key, each.name) for each in await choices.units_for(viewer, RIGHT)]
    typed = {name: request.query_params.get(name, "") for name in ("from", "to")} if wrong.errors else {}
    lines = [_drawn(chosen, each, _group_words(each), of=each.code) for each in found.groups[:SHOWN]]
    return await page(
        request, "pages/attainment.html", here="deadlines", status=wrong.status, errors=wrong.errors,
        error_of=wrong.error_of, typed={**_told(chosen), **typed}, units=units, clocks=_clock_choices(found),
        ways=list(BY.items()), by=BY[chosen.by], words=WORDS, outcomes=OUTCOMES, all=_drawn(chosen, found.all, "All"),
        months=_months(found, viewer.language), groups=lines, more=max(0, len(found.groups) - SHOWN),
        any=any(found.all.counts.values()), download=f"{HERE}/figures.csv?{urlencode(_told(chosen))}",
    )  # fmt: skip


async def _chosen(request: Req) -> tuple[Asked, Refused]:
    """The filters; where the months make no sense, the usual ones and what is wrong."""
    given = request.query_params
    rest = {name: given.get(name, "")[:200].replace("\0", "") for name in ("unit", "clock", "by")}
    try:
        return await attainment.asked(given.get("from", ""), given.get("to", ""), **rest), NOTHING_WRONG
    except Invalid as problem:
        return await attainment.asked(**rest), refused(problem)


def _told(chosen: Asked) -> dict[str, str]:
    """The filters as an address has them."""
    return {"from": f"{chosen.first:%Y-%m}", "to": f"{chosen.last:%Y-%m}", "unit": chosen.unit, "clock": chosen.clock,
            "by": chosen.by}  # fmt: skip


def _clock_choices(found: Report) -> list[tuple[str, str]]:
    chosen = found.asked.clock
    missing = [(chosen, chosen)] if chosen and chosen not in dict(found.clocks) else []
    return [*found.clocks, *missing]


def _months(found: Report, language: str) -> list[dict[str, Any]]:
    lines = [_drawn(found.asked, each, _month_words(each.month, language), month=each.month) for each in found.months]
    held = [_drawn(found.asked, found.held, "Held, so in no month")] if found.held else []
    return [*lines, *held]


def _month_words(month: date | None, language: str) -> str:
    return format_date(month, "LLLL y", locale=locale_of(language)) if month else ""


def _group_words(line: Line) -> str:
    return line.label or line.code


def _drawn(
    chosen: Asked, line: Line, label: str, *, month: date | None = None, of: str | None = None
) -> dict[str, Any]:
    def href(outcome: str) -> str:
        return f"{HERE}/clocks?{urlencode(_place(chosen, Behind(outcome, month, of)))}"

    cells = [{"outcome": each, "count": line.counts[each], "href": href(each)} for each in OUTCOMES]
    return {"label": label, "kept": _share(line), "of": line.of, "of_href": href("counted"), "cells": cells}


def _share(line: Line) -> str:
    return f"{line.kept:.1f}" if line.kept is not None else ""


def _place(chosen: Asked, behind: Behind) -> dict[str, str]:
    place = {**_told(chosen), "outcome": behind.outcome}
    place |= {"month": f"{behind.month:%Y-%m}"} if behind.month else {}
    return place | ({"of": behind.of} if behind.of is not None else {})


@get(f"{HERE}/figures.csv", opt=READ)
async def figures(request: Req) -> Response[Any]:
    """The same figures for a spreadsheet."""
    viewer = viewer_of(request)
    chosen, wrong = await _chosen(request)
    if wrong.errors:
        raise NotFound("These are no months. Open the page again and choose others.")
    found = await attainment.report(viewer, chosen)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["By", "Of", "Kept in time, %", "Counted", *WORDS.values()])
    writer.writerows(_records(found))
    name = f"deadlines-{chosen.first:%Y-%m}-{chosen.last:%Y-%m}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _records(found: Report) -> Iterable[list[str]]:
    by = BY[found.asked.by]
    yield _record("All", "", found.all)
    for each in found.months:
        yield _record("Month", f"{each.month:%Y-%m}", each)
    if found.held:
        yield _record("Month", "Held", found.held)
    for each in found.groups:
        yield _record(by, _group_words(each), each)


def _record(by: str, words: str, line: Line) -> list[str]:
    return [by, _cell(words), _share(line), str(line.of), *(str(line.counts[each]) for each in OUTCOMES)]


def _cell(text: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@get(f"{HERE}/clocks", opt=READ)
async def behind(request: Req) -> Response[Any]:
    """The clocks behind a figure."""
    viewer, given = viewer_of(request), request.query_params
    chosen, _ = await _chosen(request)
    outcome = given.get("outcome", "counted")
    if outcome not in {*OUTCOMES, "counted"}:
        raise NotFound("There is no such figure. Open the page of deadlines again.")
    of = given["of"][:200].replace("\0", "") if "of" in given else None
    figure = Behind(outcome, attainment.month_of(given.get("month", "")), of)
    rows, more = await attainment.clocks_behind(viewer, chosen, figure, _after(given.get("after", "")))
    further = {**_place(chosen, figure), "after": _mark(rows[-1])} if more else {}
    return await page(
        request, "pages/attainment_clocks.html", here="deadlines", words=WORDS.get(outcome, "Counted"),
        clocks=[_clock(each, viewer.language) for each in rows], back=f"{HERE}?{urlencode(_told(chosen))}",
        month=_month_words(figure.month, viewer.language), further=bool(given.get("after")),
        next_href=f"{HERE}/clocks?{urlencode(further)}" if further else "",
    )  # fmt: skip


def _mark(row: Row) -> str:
    return f"{(row.due_at or row.started_at).isoformat()}~{row.id}"


def _after(text: str) -> tuple[datetime, UUID] | None:
    """The place a page ended at; from the start again where it cannot be read."""
    at, _, identity = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return (moment, UUID(identity)) if moment.tzinfo else None
    except ValueError:
        return None


def _clock(row: Row, language: str) -> dict[str, Any]:
    tone, icon = TONES[row.outcome]
    return {
        "reference": row.reference or HIDDEN, "letter": row.letter, "label": row.label, "outcome": WORDS[row.outcome],
        "href": f"/cases/{quote(row.reference)}/clocks#clock-{row.id}" if row.reference else "", "tone": tone,
        "icon": icon, "due_at": row.due_at, "due": _local(row.due_at, row.zone, language), "ended_at": row.ended_at,
        "ended": _local(row.ended_at, row.zone, language), "zone": row.zone, "by": _by_how_much(row),
    }  # fmt: skip


def _local(at: datetime | None, zone: str, language: str) -> str:
    """In the time of the case's unit, by which its month is reckoned."""
    if at is None:
        return ""
    return str(format_datetime(at.astimezone(ZoneInfo(zone)), "d MMM y, HH:mm", locale=locale_of(language)))


def _by_how_much(row: Row) -> dict[str, str]:
    """`side`: early, late, or left; `time`: all time, not working time alone."""
    if row.due_at is None or row.outcome == "stopped":
        return {"side": "", "time": ""}
    moment = row.ended_at or now()
    side = "left" if row.outcome == "running" else "early" if moment <= row.due_at else "late"
    return {"side": side, "time": _span(abs(row.due_at - moment))}


def _span(amount: timedelta) -> str:
    minutes = int(amount.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return (
        sentence("%(hours)s h %(minutes)s min", hours=hours, minutes=rest)
        if hours
        else sentence("%(minutes)s min", minutes=rest)
        if rest
        else f"{int(amount.total_seconds())} s"
    )


handlers = [shown, figures, behind]
