"""Cases whose time is over: what would go by a day and what holds some back, runs, and their certificates."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import DeskRefusal, Invalid, NotAllowed, NotFound
from ombud.desk.retention import certificate, rules, running, shown
from ombud.desk.retention.due import RIGHT, CaseDue
from ombud.desk.retention.shown import Place, Preview
from ombud.desk.retention.words import KIND_WORDS, LINES, period_words, reason_words
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT = {"permission": RIGHT}
HOME, RUNS = "/privacy/retention", "/privacy/retention/runs"


@get(HOME, opt=OPT)
async def preview(request: Req, day: str = "", rule: str = "", after: str = "") -> Response[Any]:
    """`day`: as it will be then; `rule`: the cases of one rule; `after`: from where a page goes on."""
    try:
        return await _preview(request, day, rule, after)
    except Invalid as problem:
        return await _preview(request, "", "", "", beside(problem), typed=day)


async def _preview(
    request: Req, day: str, rule: str, after: str, wrong: Refused = NOTHING_WRONG, typed: str = ""
) -> Response[Any]:
    viewer = viewer_of(request)
    chosen = _identity(rule)
    found = await shown.preview(viewer, _day(day), chosen, _place(after))
    words = {each.id: found.laid.words(each) for each in found.rules}
    return await page(
        request, "pages/retention.html", here="privacy", status=wrong.status, found=found,
        later=found.day > found.laid.today,
        rules=[_rule(found, each, words, day) for each in found.rules],
        cases=[_case(each, words, viewer.may("case.read")) for each in found.cases],
        chosen=words.get(chosen, "") if chosen else "", all_href=_to(day=day),
        next_href=_to(day=day, rule=rule, after=_told(found.after)) if found.after else "",
        bare=[found.laid.ground_words(each) for each in found.bare],
        may_run=viewer.system or all(viewer.may_in(RIGHT, each) for each in found.laid.tops),
        may_write=viewer.may("setting.manage"),
        form={"day": typed or found.day.isoformat(), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


def _to(**asked: str) -> str:
    parts = {name: value for name, value in asked.items() if value}
    return f"{HOME}?{urlencode(parts)}" if parts else HOME


def _rule(found: Preview, rule: Any, words: Mapping[UUID, str], day: str) -> dict[str, Any]:
    count = found.counts.get(rule.id)
    told = {"amount": rule.amount, "span": rule.span, "counts_from": rule.counts_from}
    return {
        "words": words[rule.id], "period": period_words(told), "source": rule.source, "automatic": rule.automatic,
        "due": count.due if count else 0, "held": count.held if count else 0, "more": bool(count and count.more),
        "href": _to(day=day, rule=str(rule.id)),
    }  # fmt: skip


def _case(case: CaseDue, words: Mapping[UUID, str], may_open: bool) -> dict[str, Any]:
    return {
        "reference": case.reference, "title": case.title, "href": f"/cases/{case.reference}" if may_open else "",
        "closed_at": case.closed_at, "until": case.until, "rule": words[case.rule_id],
        "reasons": [reason_words(each) for each in case.reasons],
    }  # fmt: skip


@post(RUNS, opt=OPT)
async def run_now(request: Req) -> Response[Any]:
    form = await given(request)
    try:
        made = await running.order(viewer_of(request), form.ticked("sure"))
    except (DeskRefusal, NotAllowed) as problem:
        return await _preview(request, "", "", "", beside(problem))
    return go(f"{RUNS}/{made}", "The run is ordered. It goes on in the background.")


@get(RUNS, opt=OPT)
async def runs_listed(request: Req, after: str = "") -> Response[Any]:
    found, place = await shown.runs(viewer_of(request), _place(after))
    return await page(
        request, "pages/retention_runs.html", here="privacy", kinds=KIND_WORDS,
        runs=[{"run": each, "href": f"{RUNS}/{each.id}"} for each in found],
        next_href=f"{RUNS}?{urlencode({'after': _told(place)})}" if place else "",
    )  # fmt: skip


@get(RUNS + "/{run_id:uuid}", opt=OPT)
async def one_run(request: Req, run_id: UUID) -> Response[Any]:
    found = await shown.one_run(viewer_of(request), run_id)
    laid = await rules.layout()
    return await page(
        request, "pages/retention_run.html", here="privacy", run=found, told=found.told, signature=found.signature,
        kinds=KIND_WORDS, href=f"{RUNS}/{run_id}", unit_names=laid.unit_names, type_names=laid.types, lines=LINES,
        periods={each["id"]: period_words(each) for each in (found.told or {}).get("rules", ())},
        sources={each["id"]: each["source"] for each in (found.told or {}).get("rules", ())},
        reason_of=reason_words,
    )  # fmt: skip


@get(RUNS + "/{run_id:uuid}/file", opt=OPT)
async def certificate_file(request: Req, run_id: UUID) -> Response[Any]:
    """The signed certificate as JSON, which verify_ombud.py checks."""
    return _file(await _ended(request, run_id), run_id, "json", "application/json")


@get(RUNS + "/{run_id:uuid}/page", opt=OPT)
async def certificate_page(request: Req, run_id: UUID) -> Response[Any]:
    """The certificate as one page of HTML, to print or to hand over."""
    laid = await rules.layout()
    drawn = certificate.page(await _ended(request, run_id), laid.unit_names, laid.types)
    return _file(drawn, run_id, "html", "text/html; charset=utf-8")


async def _ended(request: Req, run_id: UUID) -> bytes:
    found = await shown.one_run(viewer_of(request), run_id)
    if not found.file:
        raise NotFound("There is no certificate yet. The run goes on.")
    return found.file


def _file(data: bytes, run_id: UUID, ending: str, media_type: str) -> Response[Any]:
    headers = {
        "content-disposition": f'attachment; filename="destruction-{run_id}.{ending}"', "cache-control": "no-store",
        "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    }  # fmt: skip
    return Response(data, status_code=200, media_type=media_type, headers=headers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", "day") from None


def _identity(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _told(place: Place | None) -> str:
    return f"{place[0].isoformat()}_{place[1]}" if place else ""


def _place(text: str) -> Place | None:
    """From where a page goes on; the first one where it is no such place."""
    at, _, identity = text.partition("_")
    try:
        moment = datetime.fromisoformat(at)
        return (moment, UUID(identity)) if moment.tzinfo is not None else None
    except ValueError:
        return None


handlers = [preview, run_now, runs_listed, one_run, certificate_file, certificate_page]
