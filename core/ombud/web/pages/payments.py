"""Payments of redress: what is ready, on its way, in doubt; batches and their files; what the other side reports."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post

from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.redress import shown as redress_shown
from ombud.desk.redress.payments import asking, batches, paying, reports, service
from ombud.desk.redress.payments.files import FORMATS, TYPES
from ombud.desk.redress.payments.moving import ENGINE
from ombud.desk.redress.payments.reports import Report
from ombud.desk.redress.payments.rules import secret_in
from ombud.desk.redress.shown import LISTS, STATE_WORDS
from ombud.kernel.database import db
from ombud.speech import counted
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, identity_of, refused
from ombud.web.pages.redress import payment_drawn
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
MANAGE = {"permission": "payment.manage"}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
LIST_WORDS = {
    "ready": ("Ready for a file", "clipboard-list"), "leaving": ("Leaving", "send"),
    "handed": ("Handed over", "hourglass"),
    "unsure": ("Not certain", "help-circle"), "failed": ("Failed or came back", "alert-circle"),
    "paid": ("Paid", "check"),
}  # fmt: skip
EMPTY = {
    "ready": "When redress is to be paid out, the payment waits here until it leaves in a file for your bank.",
    "leaving": "Payments in a batch whose file nobody took yet, and those on their way to the payment service, stand "
    "here.",
    "handed": "What was handed over and not reported on yet stands here.",
    "unsure": "When a connection breaks at the wrong moment, money may or may not have gone out. A person decides.",
    "failed": "What was refused or came back stands here until it is paid again or given up.",
    "paid": "What was paid stands here with its day.",
}
BIGGEST = 65_536


@get("/payments", opt=MANAGE)
async def payments(request: Req, which: str = "ready", after: str = "") -> Response[Any]:
    """One of the lists, with the sums of all."""
    return await _page(request, viewer_of(request), which if which in LISTS else "ready", after)


async def _page(
    request: Req, viewer: Viewer, which: str, after: str = "", wrong: Refused = NOTHING_WRONG
) -> Response[Any]:  # fmt: skip
    found, more = await redress_shown.payments(viewer, which, after)
    sums = await redress_shown.payment_sums(viewer)
    lists = [
        {"code": code, "label": words, "icon": icon, "href": f"/payments?which={code}", "sums": sums.get(code, []),
         "count": sum(many for _, many, _ in sums.get(code, []))}
        for code, (words, icon) in LIST_WORDS.items()
    ]  # fmt: skip
    return await page(
        request, "pages/payments.html", here="payments", status=wrong.status, which=which, lists=lists,
        empty=EMPTY[which], sums=sums.get(which, []), payments=[payment_drawn(each) for each in found],
        next_href=f"/payments?which={which}&after={more}" if more else "", batches=await _batches(viewer),
        errors=wrong.errors,
    )  # fmt: skip


async def _batches(viewer: Viewer) -> list[dict[str, Any]]:
    return [_batch(each) for each in await batches.listed(viewer)]


def _batch(each: batches.BatchShown) -> dict[str, Any]:
    sums = [
        {"label": STATE_WORDS[state][0], "icon": STATE_WORDS[state][1], "tone": STATE_WORDS[state][2], "count": many,
         "total": total}
        for state, (many, total) in sorted(each.sums.items())
    ]  # fmt: skip
    return {
        "id": str(each.id), "href": f"/payments/batches/{each.id}", "unit": each.unit, "currency": each.currency,
        "total": each.total, "count": each.count, "state": each.state, "by": each.by, "at": each.at,
        "downloads": each.downloads, "downloaded_by": each.downloaded_by, "downloaded_at": each.downloaded_at,
        "sums": sums, "reconciled": each.reconciled, "adds_up": each.adds_up,
    }  # fmt: skip


@post("/payments/batches", opt=MANAGE)
async def make_batch(request: Req) -> Response[Any]:
    """Gathers the ticked payments; one batch for each currency and account that pays."""
    viewer, form = viewer_of(request), await given(request)
    try:
        made = await batches.make(viewer, [identity_of(each, "payment") for each in form.all("payment")])
    except REFUSED as problem:
        return await _page(request, viewer, "ready", wrong=_refused(problem))
    if len(made) == 1:
        return go(f"/payments/batches/{made[0]}", "The batch is made. Nothing has left yet: take its file.")
    return go(
        "/payments?which=leaving",
        counted(
            "One batch is made. Take its file.",
            "%(num)s batches are made, by currency and account. Take their files.",
            len(made),
        ),
    )


def _refused(problem: Any) -> Refused:
    if isinstance(problem, Changed | NotAllowed):
        return Refused(409, [{"field": "", "message": str(problem)}])
    return refused(problem)


@get("/payments/batches/{batch_id:uuid}", opt=MANAGE)
async def batch_shown(request: Req, batch_id: UUID) -> Response[Any]:
    return await _batch_page(request, viewer_of(request), batch_id)


async def _batch_page(request: Req, viewer: Viewer, batch_id: UUID, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    found = await batches.one(viewer, batch_id)
    inside = await redress_shown.payments_in(viewer, batch_id)
    return await page(
        request, "pages/payment_batch.html", here="payments", status=wrong.status, batch=_batch(found),
        payments=[payment_drawn(each) for each in inside], formats=list(FORMATS.items()), errors=wrong.errors,
    )  # fmt: skip


@post("/payments/batches/{batch_id:uuid}/file", opt=MANAGE)
async def batch_file(request: Req, batch_id: UUID) -> Response[Any]:
    """Hands the payments over: the file is the answer."""
    viewer, form = viewer_of(request), await given(request)
    try:
        name, data = await batches.take_file(viewer, batch_id, form.text("format"), again=form.ticked("again"))
    except REFUSED as problem:
        return await _batch_page(request, viewer, batch_id, _refused(problem))
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(data, status_code=200, media_type=TYPES[form.text("format")], headers=headers)


@post("/payments/batches/{batch_id:uuid}/dissolve", opt=MANAGE)
async def dissolve(request: Req, batch_id: UUID) -> Response[Any]:
    viewer = viewer_of(request)
    try:
        await batches.dissolve(viewer, batch_id)
    except REFUSED as problem:
        return await _batch_page(request, viewer, batch_id, _refused(problem))
    return go("/payments", "The batch is dissolved. Its payments wait for another file.")


@post("/payments/{payment_id:uuid}/settle", opt=MANAGE)
async def settle(request: Req, payment_id: UUID) -> Response[Any]:
    """A person says what became of it, and why."""
    viewer, form = viewer_of(request), await given(request)
    which = form.text("which")
    which = which if which in LISTS else "unsure"
    said = {"paid": "It is kept that it was paid.", "failed": "It is kept that it was not paid.",
            "again": "It is paid again.", "cancel": "It is given up; the redress stands.",
            "returned": "It is kept that it came back."}  # fmt: skip
    try:
        event = form.text("event")
        await paying.settle(viewer, payment_id, event, form.text("why"), form.day("value_date"))
    except REFUSED as problem:
        return await _page(request, viewer, which, wrong=_refused(problem))
    return go(f"/payments?which={which}", said[event])


@post("/payments/{payment_id:uuid}/ask", opt=MANAGE)
async def ask(request: Req, payment_id: UUID) -> Response[Any]:
    """Has the payment service asked what became of one that is not certain."""
    viewer = viewer_of(request)
    try:
        await asking.ask(viewer, payment_id)
    except REFUSED as problem:
        return await _page(request, viewer, "unsure", wrong=_refused(problem))
    return go("/payments?which=unsure", "The payment service is asked. Its answer will stand here in a moment.")


@get("/payments/report", opt=MANAGE)
async def report_form(request: Req) -> Response[Any]:
    """Where a file of the bank is read in."""
    return await _report_page(request)


async def _report_page(
    request: Req, wrong: Refused = NOTHING_WRONG, result: reports.Reconciled | None = None
) -> Response[Any]:  # fmt: skip
    rows = [
        {"place": each.place, "key": each.key, "label": each.label, "icon": reports.RESULTS[each.code][1],
         "tone": reports.RESULTS[each.code][2], "text": each.text, "case": each.case, "amount": each.amount,
         "currency": each.currency}
        for each in (result.results if result else ())
    ]  # fmt: skip
    sums = [
        (currency, [(reports.RESULTS[code][0], many, total) for code, (many, total) in found.items()])
        for currency, found in (result.sums.items() if result else ())
    ]
    return await page(
        request, "pages/payment_report.html", here="payments", status=wrong.status, errors=wrong.errors,
        error_of=wrong.error_of, rows=rows, sums=sums, read=result is not None,
    )  # fmt: skip


@post("/payments/report", opt=MANAGE)
async def read_report(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        files = await form.documents("file")
        if not files:
            raise Invalid("Choose the file that your bank or payment service gave you.", "file")
        return await _report_page(request, result=await reports.read_in(viewer, files[0].data))
    except REFUSED as problem:
        return await _report_page(request, _refused(problem))


class _Told(msgspec.Struct, forbid_unknown_fields=False):
    key: str
    status: str
    value_date: str = ""
    amount: str = ""
    currency: str = ""
    reference: str = ""
    reason: str = ""


@post("/hook/payments", opt={"public": True}, status_code=200)
async def told(request: Req) -> Response[Any]:
    """What the payment service reports by itself, signed with the secret of the unit that pays. Safe to repeat."""
    body = await request.body()
    unsigned = Response({"problem": "This request is not signed as it must be."}, status_code=400)
    if len(body) > BIGGEST:
        return unsigned
    try:
        said = msgspec.json.decode(body, type=_Told)
    except (msgspec.MsgspecError, RecursionError):
        return unsigned
    unit = await _unit_of(said.key)
    stamp, given_signature = (request.headers.get(f"x-ombud-{name}", "") for name in ("timestamp", "signature"))
    if unit is None or not service.signed_by(await secret_in(unit), stamp, body, given_signature):
        return unsigned
    result = await reports.one(ENGINE, Report(**msgspec.structs.asdict(said)))
    right = result.code in {"paid", "failed", "returned", "accepted", "again"}
    return Response({"result": result.code, "text": result.text}, status_code=200 if right else 409)


async def _unit_of(key: str) -> UUID | None:
    if "\0" in key:
        return None
    found: UUID | None = await db.fetchval(
        "SELECT c.unit_id FROM core_payment p JOIN core_case c ON c.id = p.case_id WHERE p.key = $1", key[:40]
    )
    return found


handlers = [
    payments, make_batch, batch_shown, batch_file, dissolve, settle, ask, report_form, read_report, told,
]  # fmt: skip
