"""Erasing a person: the preview, the order, the certificate; and legal holds, which win over it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.privacy import erasing, holds
from ombud.desk.privacy.holdings import table_words
from ombud.desk.privacy.requests import ERASE
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.privacy import request_page
from ombud.web.pages.set_up import beside
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT = {"permission": ERASE}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
HERE = "/privacy/{request_id:uuid}/erase"


def _keep(parts: Mapping[str, list[str]]) -> dict[UUID, str]:
    """`keep.<case id>` = the key of a ground, or empty where the case goes."""
    found = {}
    for name, values in parts.items():
        if name.startswith("keep.") and values and values[0]:
            try:
                found[UUID(name.removeprefix("keep."))] = values[0]
            except ValueError:
                raise Invalid("This case is not known here. Open the page again.", "keep") from None
    return found


@get(HERE, opt=OPT)
async def preview(request: Req, request_id: UUID) -> Response[Any]:
    """What would go and what would stay; with chosen grounds in the address, as if they were chosen."""
    parts: dict[str, list[str]] = {name: [value] for name, value in request.query_params.items()}
    return await _preview(request, request_id, parts)


async def _preview(
    request: Req, request_id: UUID, parts: Mapping[str, list[str]], wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    viewer = viewer_of(request)
    try:
        keep = _keep(parts)
        seen = await erasing.preview(viewer, request_id, keep)
    except REFUSED as problem:
        if not viewer.may("privacy.handle"):
            raise
        return await request_page(request, request_id, beside(problem))
    found = await erasing.request_line(viewer, request_id)
    return await page(
        request, "pages/privacy_erase.html", here="privacy", status=wrong.status, request_id=request_id, found=found,
        seen=seen, words={each: table_words(each) for each in seen.plugins},
        keep={str(case): key for case, key in keep.items()}, errors=wrong.errors,
        grounds=[(each["key"], f"{each['label']} ({each['source']})") for each in found["terms"]["grounds"]],
    )  # fmt: skip


@post(HERE, opt=OPT)
async def order(request: Req, request_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    parts = form.parts()
    if form.text("do") == "preview":
        return await _preview(request, request_id, parts)
    try:
        if not form.ticked("sure"):
            raise Invalid("Tick that you read what goes. It cannot be taken back.", "sure")
        made = await erasing.order(viewer, request_id, _keep(parts), form.version())
    except REFUSED as problem:
        message = Refused(409, [{"field": "", "message": str(problem)}]) if isinstance(problem, Changed) else None
        return await _preview(request, request_id, parts, message or beside(problem))
    return go(f"/privacy/erasures/{made}", "The erasure is ordered. It is done in a moment.")


@get("/privacy/erasures/{erasure_id:uuid}", opt=OPT)
async def certificate(request: Req, erasure_id: UUID) -> Response[Any]:
    found = await erasing.certificate(viewer_of(request), erasure_id)
    return await page(request, "pages/privacy_certificate.html", here="privacy", found=found,
                      words={each: table_words(each) for each in found.gone})  # fmt: skip


@get("/privacy/erasures/{erasure_id:uuid}/file", opt=OPT)
async def certificate_file(request: Req, erasure_id: UUID) -> Response[Any]:
    found = await erasing.certificate(viewer_of(request), erasure_id)
    if found.state != "done":
        raise NotFound("There is no certificate yet. Nothing was erased.")
    headers = {"content-disposition": f'attachment; filename="{found.reference}-erasure.json"',
               "cache-control": "no-store"}  # fmt: skip
    return Response(found.file, status_code=200, media_type="application/json", headers=headers)


@get("/privacy/holds", opt=OPT)
async def holds_listed(request: Req, case: str = "", person: str = "") -> Response[Any]:
    """`case`, `person`: for which a hold is to be placed, where one comes from there."""
    return await _holds(request, {"case": case[:40], "person": person[:36]})


@post("/privacy/holds", opt=OPT)
async def place(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        await _place(viewer, form)
    except (*REFUSED, DeskRefusal) as problem:
        return await _holds(request, form.texts(), beside(problem))
    return go("/privacy/holds", "The hold stands. Nothing of it can be erased.")


async def _place(viewer: Any, form: Given) -> None:
    await holds.place(
        viewer, form.text("reason"), form.text("source"), form.day("review_on"), reference=form.text("case").strip(),
        person_id=form.identity("person"),
    )  # fmt: skip


@post("/privacy/holds/{hold_id:uuid}/lift", opt=OPT)
async def lift(request: Req, hold_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await holds.lift(viewer_of(request), hold_id, form.text("because"))
    except REFUSED as problem:
        return await _holds(request, {}, beside(problem))
    return go("/privacy/holds", "The hold is lifted.")


async def _holds(request: Req, kept: Mapping[str, str], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    names = ("case", "person", "reason", "source", "review_on")
    return await page(
        request, "pages/privacy_holds.html", here="privacy", status=wrong.status,
        holds=await holds.holds(viewer_of(request)),
        form={**{name: kept.get(name, "") for name in names}, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


handlers = [preview, order, certificate, certificate_file, holds_listed, place, lift]
