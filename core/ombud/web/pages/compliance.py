"""The compliance report on demand: controls with gaps, each figure leading to its ground; taken along as one page."""

from datetime import date
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post

from ombud.desk.errors import Invalid
from ombud.desk.words import label
from ombud.insight import compliance, compliance_file
from ombud.insight.compliance import HERE, RIGHT, SHOWN
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, refused
from ombud.web.shell import go

Req = Request[Any, Any, Any]
READ = {"permission": RIGHT}


@get(HERE, opt=READ)
async def shown(request: Req, since: str = "", until: str = "") -> Response[Any]:
    return await _page(request, since, until)


@get(f"{HERE}/report.html", opt=READ)
async def download(request: Req, since: str = "", until: str = "") -> Response[Any]:
    """One page without scripts, to print or to hand over; that it was taken is recorded."""
    viewer = viewer_of(request)
    try:
        found = await compliance.report(viewer, _day(since, "since"), _day(until, "until"))
    except Invalid:
        return await _page(request, since, until)
    await compliance.taken(viewer, found)
    name = f"compliance-{found.since}-{found.until}.html"
    return Response(
        compliance_file.written(found, viewer.name),
        media_type="text/html; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        },
    )


@get(f"{HERE}/cases/{{code:str}}", opt=READ)
async def ground(request: Req, code: str, since: str = "", until: str = "") -> Response[Any]:
    """The cases behind a figure."""
    words, rows = await compliance.cases_of(viewer_of(request), code, _lenient(since), _lenient(until))
    may_open = viewer_of(request).may("case.read")
    return await administration_page(
        request, "pages/compliance_cases.html", "compliance", words=words, shown=SHOWN, back=_asked(since, until),
        cases=[{"reference": row["reference"], "title": row["title"], "status": label(row["status"]),
                "day": row["received_on"],
                "href": f"/cases/{quote(row['reference'])}" if may_open else ""} for row in rows],
    )  # fmt: skip


@post(f"{HERE}/review", opt=READ)
async def review(request: Req) -> Response[Any]:
    """Records a review of access."""
    note = (await given(request)).text("note")
    try:
        await compliance.review(viewer_of(request), note)
    except Invalid as problem:
        return await _page(request, "", "", refused(problem), note)
    return go(HERE, "The review of access is recorded.")


async def _page(request: Req, since: str, until: str, wrong: Refused = NOTHING_WRONG, note: str = "") -> Response[Any]:
    viewer: Viewer = viewer_of(request)
    try:
        found = await compliance.report(viewer, _day(since, "since"), _day(until, "until"))
    except Invalid as problem:
        found, wrong = await compliance.report(viewer), refused(problem)
    typed = {"since": since or found.since.isoformat(), "until": until or found.until.isoformat()}
    return await administration_page(
        request, "pages/compliance.html", "compliance", status=wrong.status, report=found, typed=typed, note=note,
        errors=wrong.errors, error_of=wrong.error_of, whole=bool(found.register),
        download=f"{HERE}/report.html{_asked(found.since.isoformat(), found.until.isoformat())}",
    )  # fmt: skip


def _asked(since: str, until: str) -> str:
    parts = [f"{name}={quote(value)}" for name, value in (("since", since), ("until", until)) if value]
    return f"?{'&'.join(parts)}" if parts else ""


def _day(text: str, name: str) -> date | None:
    try:
        day = date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", name) from None
    if day is not None and not 1970 <= day.year <= 2998:
        raise Invalid("This day lies outside what the desk can hold.", name)
    return day


def _lenient(text: str) -> date | None:
    try:
        return _day(text, "since")
    except Invalid:
        return None


handlers = [shown, download, ground, review]
