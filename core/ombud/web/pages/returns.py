"""Returns to regulators: the list, one with its steps, the cases behind a figure, the difference, and the files."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import return_rules
from ombud.desk.administration.authority import unit_tree
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.insight.returns import difference, files, kept, providers, steps
from ombud.insight.returns.figures import Collected, Figure, written
from ombud.insight.returns.kept import PREPARE, READ, SIGN, Head
from ombud.speech import joined, long_day, sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
SEEN, PREPARED, SIGNED = {"permission": READ}, {"permission": PREPARE}, {"permission": SIGN}
MANY_CASES = 200
STATES = {
    "draft": ("Draft", "warn", "edit"), "frozen": ("Frozen", "info", "lock"), "signed": ("Signed", "info", "check"),
    "filed": ("Filed", "ok", "send"), "discarded": ("Thrown away", "", "trash"),
}  # fmt: skip


def _line(head: Head) -> dict[str, Any]:
    label, tone, icon = STATES[head.state]
    return {"href": f"/returns/{head.id}", "label": head.label, "regulator": head.regulator, "unit": head.unit,
            "period": period_words(head), "due_on": head.due_on, "number": head.number, "state": head.state,
            "state_label": label, "tone": tone, "icon": icon, "filed_on": head.filed_on,
            "filed_reference": head.filed_reference}  # fmt: skip


def period_words(head: Head) -> str:
    return head.period_label or joined((long_day(head.period_first), long_day(head.period_last)), " – ")


@get("/returns", opt=SEEN)
async def returns_listed(request: Req) -> Response[Any]:
    return await _list(request)


async def _list(request: Req, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    viewer = viewer_of(request)
    found = [_line(each) for each in await kept.listed(viewer)]
    kinds = [
        {
            "key": each.given.key,
            "label": each.given.label,
            "regulator": each.given.regulator,
            "summary": each.given.summary,
            "href": f"/returns/new/{each.given.key}",
        }
        for each in providers.known()
    ]
    return await page(request, "pages/returns.html", here="returns", status=wrong.status, returns=found, kinds=kinds,
                      may_prepare=viewer.may(PREPARE), errors=wrong.errors)  # fmt: skip


@get("/returns/new/{key:str}", opt=PREPARED)
async def return_begun(request: Req, key: str) -> Response[Any]:
    return await _new(request, key)


async def _new(
    request: Req, key: str, kept_form: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    viewer, known = viewer_of(request), providers.provider(key)
    units = [each for each in await unit_tree() if viewer.may_in(PREPARE, each.id)]
    periods = await providers.periods(known, units[0].id) if units else []
    return await page(
        request, "pages/return_new.html", here="returns", status=wrong.status, action=f"/returns/new/{key}",
        label=known.given.label,
        regulator=known.given.regulator, summary=known.given.summary,
        units=[(str(each.id), each.path) for each in units],
        periods=[(steps.period_code(each), each.label or steps.period_code(each)) for each in periods],
        form={"unit": "", "period": "", **(kept_form or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


@post("/returns/new/{key:str}", opt=PREPARED)
async def return_started(request: Req, key: str) -> Response[Any]:
    form = await given(request)
    try:
        made = await steps.start(viewer_of(request), key, form.identity("unit"), form.text("period"))
    except REFUSED as problem:
        return await _new(request, key, form.texts(), beside(problem))
    return go(f"/returns/{made}", "The return is there. Its figures follow the cases until you freeze it.")


@get("/returns/{return_id:uuid}", opt=SEEN)
async def return_shown(request: Req, return_id: UUID) -> Response[Any]:
    return await _page(request, return_id)


async def _page(
    request: Req, return_id: UUID, typed: Mapping[str, str] | None = None, wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    viewer = viewer_of(request)
    head = await kept.head(viewer, return_id)
    failed = ""
    try:
        collected = await kept.figures_of(head)
    except (NotNow, NotFound) as problem:  # the plugin is off or fails: the page says so and stands
        collected, failed = Collected([], [], {}, [], {"title": head.label, "rule": "", "tables": []}), str(problem)
    return await page(
        request, "pages/return.html", here="returns", status=wrong.status, head=_whole(head), steps=_steps(head),
        failed=failed, problems=collected.problems, lacking=await _lacking(request, collected),
        unverified=collected.unverified, title=collected.shape["title"], rule=collected.shape["rule"],
        currency=collected.shape.get("currency") or "", header=[_figure(head, each) for each in collected.figures
        if not each.section], tables=_tables(head, collected), standing=files.standing(head, collected),
        left_out=collected.shape.get("left_out", []), trail=await trail([steps.stream(head.id)]),
        **await _next(viewer, head, ready=not (failed or collected.problems or collected.lacking)),
        form={**{f"item.{number}": value for number, value in head.entered.items()}, "filed_on": "",
              "filed_reference": "", "reason": "", **(typed or {})}, errors=wrong.errors, error_of=wrong.error_of,
    )  # fmt: skip


async def _next(viewer: Viewer, head: Head, *, ready: bool) -> dict[str, Any]:
    """What this person may do with it today. `ready`: the figures reconcile."""
    today, rules = await steps.today_in(head.unit_id), await return_rules.rules_in(head.unit_id)
    runs = head.is_draft and today <= head.period_last
    plugin = head.provider.partition(".")[0]
    return {
        "may_prepare": viewer.may_in(PREPARE, head.unit_id), "may_sign": viewer.may_in(SIGN, head.unit_id),
        "may_freeze": ready and not runs, "runs_until": head.period_last if runs else None,
        "late": head.due_on is not None and head.state != "filed" and head.due_on < today,
        "signs_second": rules.second_person and head.frozen_by_id == viewer.user_id, "today": today.isoformat(),
        "settings_href": f"/settings/p-{plugin}" if viewer.may("setting.manage") else "",
    }  # fmt: skip


def _whole(head: Head) -> dict[str, Any]:
    return {**_line(head), "id": str(head.id), "version": head.version,
            "taxonomy": providers.version_label(head.provider, head.taxonomy),
            "digest": head.digest, "amends": f"/returns/{head.amends}" if head.amends else "",
            "amended_by": f"/returns/{head.amended_by}" if head.amended_by else "",
            "is_draft": head.is_draft}  # fmt: skip


def _steps(head: Head) -> list[dict[str, Any]]:
    """What is done, by whom and when, and what is next."""
    done = {"draft": 1, "frozen": 2, "signed": 3, "filed": 4}.get(head.state, 0)
    told = [
        ("Collected", head.created_at, head.created_by), ("Frozen", head.frozen_at, head.frozen_by),
        ("Signed", head.signed_at, head.signed_name), ("Filed", head.filed_on, head.filed_by),
    ]  # fmt: skip
    return [
        {"label": label, "at": at, "by": by, "is_day": label == "Filed",
         "state": "done" if place < done else "next" if place == done else "later"}
        for place, (label, at, by) in enumerate(told)
    ]  # fmt: skip


def _figure(head: Head, figure: Figure) -> dict[str, Any]:
    return {
        "number": figure.number, "label": figure.label, "value": _plain(figure), "unit": figure.unit,
        "definition": figure.definition, "definition_version": figure.definition_version,
        "official": figure.official, "entered": figure.entered, "name": f"item.{figure.number}",
        "href": f"/returns/{head.id}/figures?number={_quoted(figure.number)}" if figure.evidence else "",
    }  # fmt: skip


def _plain(figure: Figure) -> str | None:
    """As a reader takes it: money without the noughts that it is kept with, 80.00 and not 80.0000."""
    if figure.unit != "money" or not isinstance(figure.value, Decimal):
        return written(figure.value)
    exponent = figure.value.normalize().as_tuple().exponent
    return f"{figure.value:.{max(2, -exponent if isinstance(exponent, int) else 2)}f}"


def _quoted(number: str) -> str:
    return quote(number, safe="/")


def _tables(head: Head, collected: Collected) -> list[dict[str, Any]]:
    found = {(each.section, each.row, each.column): each for each in collected.figures if each.section}
    tables = []
    for table in collected.shape["tables"]:
        rows = [
            {**row, "cells": [_figure(head, found[table["key"], row["code"], column["number"]])
                              for column in table["columns"]]}
            for row in table["rows"]
        ]  # fmt: skip
        live = [row for row in rows if any(cell["value"] not in (None, "0", "") for cell in row["cells"])]
        tables.append({**table, "lines": rows, "live": len(live)})
    return tables


async def _lacking(request: Req, collected: Collected) -> list[dict[str, Any]]:
    """What is lacking, the most frequent first: how many cases lack it, and links to those this reader may open."""
    asked: list[tuple[UUID, UUID | None]] = [(UUID(each), None) for each in collected.lacking]
    seen = {str(row["id"]): row["reference"] for row in await kept.seen(viewer_of(request), asked)}
    by_words: dict[str, list[str]] = {}
    for case, words in collected.lacking.items():
        for each in words:
            by_words.setdefault(each, []).append(case)
    found = []
    for words_, cases in sorted(by_words.items(), key=lambda each: (-len(each[1]), each[0])):
        references = sorted(seen[case] for case in cases if case in seen)
        shown = [{"reference": each, "href": f"/cases/{each}"} for each in references[:MANY_CASES]]
        found.append({"lacks": words_, "count": len(cases), "hidden": len(cases) - len(references),
                      "more": len(references) - len(shown), "cases": shown})  # fmt: skip
    return found


@get("/returns/{return_id:uuid}/figures", opt=SEEN)
async def figure_opened(request: Req, return_id: UUID, number: str = "") -> Response[Any]:
    viewer = viewer_of(request)
    head = await kept.head(viewer, return_id)
    collected = await kept.figures_of(head)
    figure = next((each for each in collected.figures if each.number == number), None)
    if not number:
        return go(f"/returns/{return_id}")
    if figure is None:
        raise NotFound("The return has no such figure. Open the return again.")
    opened = await kept.opened(viewer, figure)
    return await page(
        request, "pages/return_figure.html", here="returns", head=_whole(head), figure=_figure(head, figure),
        place=files.place_of(collected, figure),
        cases=[{"reference": each["reference"], "href": f"/cases/{each['reference']}",
                "received_on": each["received_on"], "adds": each["adds"]} for each in opened.cases[:MANY_CASES]],
        more=max(0, len(opened.cases) - MANY_CASES), unseen=opened.hidden, rule=collected.shape["rule"],
    )  # fmt: skip


@get("/returns/{return_id:uuid}/difference", opt=SEEN)
async def difference_shown(request: Req, return_id: UUID) -> Response[Any]:
    """A later version beside the one it amends; else what was frozen beside the desk as it stands."""
    viewer = viewer_of(request)
    head = await kept.head(viewer, return_id)
    if head.amends is None and head.is_draft:
        return go(f"/returns/{return_id}", "A draft follows the cases, so there is nothing to compare it with yet.")
    earlier, later = (await kept.head(viewer, head.amends), head) if head.amends else (head, None)
    found = await difference.between(viewer, earlier, later)
    return await page(
        request, "pages/return_difference.html", here="returns", head=_whole(head),
        sides=(sentence("Version %(earlier)s", earlier=earlier.number), sentence("Version %(later)s",
            later=later.number) if later else "As the desk stands"),
        figures=[{"number": each.number, "label": each.label, "before": each.before, "after": each.after}
                 for each in found.figures],
        cases=[{"reference": each["reference"], "href": f"/cases/{each['reference']}", "lines": each["lines"]}
               for each in found.cases[:MANY_CASES]], unseen=found.hidden,
    )  # fmt: skip


@get("/returns/{return_id:uuid}/file/{ending:str}", opt=SEEN)
async def return_file(request: Req, return_id: UUID, ending: str) -> Response[bytes]:
    if ending not in files.WRITERS:
        raise NotFound("The return can be had as xlsx, json or csv.")
    head = await kept.head(viewer_of(request), return_id)
    write, kind = files.WRITERS[ending]
    name = f"{head.provider}-{head.period_last.isoformat()}-v{head.number}.{ending}"
    return Response(write(head, await kept.figures_of(head)), media_type=kind,
                    headers={"content-disposition": f'attachment; filename="{name}"'})  # fmt: skip


@post("/returns/{return_id:uuid}/figures", opt=PREPARED)
async def figures_entered(request: Req, return_id: UUID) -> Response[Any]:
    form = await given(request)
    numbers = {name.removeprefix("item."): text for name, text in form.texts().items() if name.startswith("item.")}
    try:
        await steps.enter(viewer_of(request), return_id, numbers, form.version())
    except REFUSED as problem:
        return await _page(request, return_id, form.texts(), beside(problem))
    return go(f"/returns/{return_id}", "The figures are saved.")


@post("/returns/{return_id:uuid}/freeze", opt=PREPARED)
async def return_frozen(request: Req, return_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await steps.freeze(viewer_of(request), return_id, form.version())
    except REFUSED as problem:
        return await _page(request, return_id, wrong=beside(problem))
    return go(
        f"/returns/{return_id}", "The figures are frozen. What changes in a case from now on changes nothing here."
    )


@post("/returns/{return_id:uuid}/sign", opt=SIGNED)
async def return_signed(request: Req, return_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await steps.sign(viewer_of(request), return_id, form.version())
    except REFUSED as problem:
        return await _page(request, return_id, wrong=beside(problem))
    return go(f"/returns/{return_id}", "You have signed the return.")


@post("/returns/{return_id:uuid}/file", opt=PREPARED)
async def return_filed(request: Req, return_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        day: date | None = form.day("filed_on")
        await steps.file(viewer_of(request), return_id, day, form.text("filed_reference"), form.version())
    except REFUSED as problem:
        return await _page(request, return_id, form.texts(), beside(problem))
    return go(f"/returns/{return_id}", "The filing is recorded.")


@post("/returns/{return_id:uuid}/amend", opt=PREPARED)
async def return_amended(request: Req, return_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        made = await steps.amend(viewer_of(request), return_id, form.text("reason"))
    except REFUSED as problem:
        return await _page(request, return_id, form.texts(), beside(problem))
    return go(f"/returns/{made}", "A new version is begun. The filed one stands as it is.")


@post("/returns/{return_id:uuid}/discard", opt=PREPARED)
async def return_discarded(request: Req, return_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await steps.discard(viewer_of(request), return_id, form.version(), form.text("reason"))
    except REFUSED as problem:
        return await _page(request, return_id, form.texts(), beside(problem))
    return go("/returns", "The return is thrown away.")


handlers: Sequence[Any] = [
    returns_listed, return_begun, return_started, return_shown, figure_opened, difference_shown, return_file,
    figures_entered, return_frozen, return_signed, return_filed, return_amended, return_discarded,
]  # fmt: skip
