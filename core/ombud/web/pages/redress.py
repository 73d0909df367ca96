"""The redress of one aspect: what is given, what waits, what is paid, what the customer asks for, and reckoning it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.choices import units_for
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotNow
from ombud.desk.redress import calculations, disputes, granting, rates, reckoning, requests
from ombud.desk.redress import shown as redress_shown
from ombud.desk.redress.calculations import Asked
from ombud.desk.redress.granting import Granted
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.money import text_of, typed
from ombud.desk.redress.payments import paying
from ombud.desk.redress.payments.accounts import Payee
from ombud.desk.redress.shown import STATE_WORDS, PaymentShown, RequestShown
from ombud.desk.words import REDRESS_KINDS, label
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import aspect_of, aspect_page
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import href_of, redress_drawn
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.shell import go

Req = Request[Any, Any, Any]
READ, WRITE, DECIDE = {"permission": "case.read"}, {"permission": "case.write"}, {"permission": "case.decide"}
CURRENCIES = ("EUR", "GBP", "USD", "PLN", "CHF")
PART = "/cases/{reference:str}/aspects/{aspect_id:uuid}/redress"
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
_FORM = ("kind", "amount", "currency", "note", "calculation", "amount_in_dispute", "disputed_currency", "person",
         "payee_name", "account", "bic", "value_date", "how", "reason", "why", "sent")  # fmt: skip


@get(PART, opt=READ)
async def redress_part(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _page(request, view, aspect)


async def currency_of(viewer: Viewer, view: CasePageView) -> str:
    units = await units_for(viewer, "case.read")
    return next((each.currency for each in units if each.id == view.case.unit.id), "EUR")


async def _page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    kept: Mapping[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer, own = viewer_of(request), await currency_of(viewer_of(request), view)
    form = {**dict.fromkeys(_FORM, ""), "currency": own, "disputed_currency": aspect.disputed_currency or own}
    form["amount_in_dispute"] = _amount(aspect.amount_in_dispute, aspect.disputed_currency)
    form["payee_name"] = next((each.name for each in view.parties if each.name), "")
    payments = await redress_shown.payments_of(viewer, aspect.id)
    room = await redress_shown.room(viewer, view.case.unit.id, view.case.id, own) if _may(aspect) else None
    return await aspect_page(
        request, "pages/redress.html", "redress", view, aspect, status=wrong.status,
        lines=_lines(view, aspect, payments), requests=[request_drawn(each, href_of(view)) for each in
        await redress_shown.requests_of(viewer, aspect.id)], sums=await calculations.kept(viewer, aspect.id),
        disputed={"amount": aspect.amount_in_dispute, "currency": aspect.disputed_currency}, room=room,
        payees=[(str(each.person_id), f"{each.name or 'Name withheld'} ({each.role_label.lower()})") for each in
                view.parties if each.name is not None],
        kinds=[(code, label(code)) for code in REDRESS_KINDS], may=_may(aspect),
        may_claim=any(each.key == "change" and each.allowed for each in aspect.actions),
        may_pay=viewer.may_in("case.decide", view.case.unit.id),
        currencies=[(code, code) for code in dict.fromkeys((own, *CURRENCIES))],
        form={**form, **{name: text for name, text in (kept or {}).items() if name in form},
              "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


def _may(aspect: AspectShown) -> bool:
    return any(each.key == "redress" and each.allowed for each in aspect.actions)


def _amount(amount: Any, currency: str) -> str:
    return "" if amount is None else text_of(amount, currency)


def _lines(view: CasePageView, aspect: AspectShown, payments: list[PaymentShown]) -> list[dict[str, Any]]:
    by_line: dict[UUID, list[dict[str, Any]]] = {}
    for each in payments:
        by_line.setdefault(each.line_id, []).append(payment_drawn(each))
    found = []
    for line in aspect.redress:
        its = by_line.get(line.id, [])
        live = any(each["state"] != "cancelled" for each in its)
        found.append({
            **redress_drawn(line), "payments": its, "approved": line.approved, "calculation": line.calculation_id,
            "may_pay": line.standing and line.kind == "money" and not live,
        })  # fmt: skip
    return found


def payment_drawn(each: PaymentShown) -> dict[str, Any]:
    words, icon, tone = STATE_WORDS[each.state]
    return {
        "id": str(each.id), "state": each.state, "label": words, "icon": icon, "tone": tone, "amount": each.amount,
        "currency": each.currency, "payee": each.payee, "hint": each.hint, "holder": each.holder, "way": each.way,
        "value_date": each.value_date, "detail": each.detail, "remote": each.remote, "key": each.key, "at": each.at,
        "handed_at": each.handed_at, "attempt": each.attempt, "reference": each.reference, "by": each.by,
        "redress_href": f"/cases/{each.reference}/aspects/{each.aspect_id}/redress",
        "batch_href": f"/payments/batches/{each.batch_id}" if each.batch_id else "",
    }  # fmt: skip


def request_drawn(each: RequestShown, case_href: str) -> dict[str, Any]:
    words, icon, tone = STATE_WORDS[each.state]
    redress = f"{case_href}/aspects/{each.aspect_id}/redress"
    return {
        "id": str(each.id), "text": each.kind_label, "amount": each.amount, "currency": each.currency,
        "note": each.note, "state": each.state, "label": words, "icon": icon, "tone": tone, "by": each.by,
        "mine": each.mine, "at": each.at,
        "decided_by": each.decided_by, "decided_at": each.decided_at, "reason": each.reason, "version": each.version,
        "hash": each.hash, "typed": text_of(each.amount, each.currency), "aspect": each.aspect, "title": each.title,
        "reference": each.reference, "case_href": case_href, "redress_href": redress, "kind": each.kind,
        "calculation": str(each.calculation_id or ""),
        "sum_href": f"{redress}/sums/{each.calculation_id}" if each.calculation_id else "",
    }  # fmt: skip


Change = Callable[[Viewer, Given], Awaitable[str]]


async def _do(
    request: Req, reference: str, aspect_id: UUID, change: Change, undo: Callable[[], str] = str
) -> Response[Any]:
    """Runs one change; a refusal shows the page with what was typed. `undo`: where it is taken back."""
    viewer, form = viewer_of(request), await given(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    try:
        toast = await change(viewer, form)
    except REFUSED as problem:
        fresh_view, fresh = await aspect_of(viewer, reference, aspect_id)
        return await _page(request, fresh_view, fresh, _plain(problem), _kept(request, form))
    return go(f"{href_of(view)}/aspects/{aspect.id}/redress", toast, undo())


def _kept(request: Req, form: Given) -> dict[str, str]:
    """What was typed, and by `sent` into which of the page's forms, so that this one is open with it."""
    return {**form.texts(), "sent": request.url.path.partition("/redress")[2]}


def _plain(problem: DeskRefusal) -> Refused:
    """`redress.0.amount` of a single line is the page's `amount`; what is refused without a field stands above."""
    if isinstance(problem, Changed):
        return Refused(409, [{"field": "", "message": str(problem)}])
    if isinstance(problem, NotAllowed):
        return Refused(403, [{"field": "", "message": str(problem)}])
    wrong = refused(problem)
    errors = [{**each, "field": each["field"].removeprefix("redress.0.")} for each in wrong.errors]
    return Refused(wrong.status, errors, {key.removeprefix("redress.0."): text for key, text in wrong.error_of.items()})


def _said(done: Granted) -> str:
    return "It is above your limit and waits for a second person." if done.waits else "The redress is added."


def _line(form: Given) -> RedressGiven:
    return RedressGiven(
        form.text("kind"), typed(form.text("amount")), form.text("currency"), form.text("note"),
        form.identity("calculation"),
    )  # fmt: skip


@post(PART, opt=DECIDE)
async def add(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Gives one more line; above the limit it waits."""

    given_now: list[Granted] = []

    async def change(viewer: Viewer, form: Given) -> str:
        given_now.append(await granting.add_redress(viewer, aspect_id, _line(form)))
        return _said(given_now[0])

    def undo() -> str:
        return "" if given_now[0].waits else f"/undo/redress/{given_now[0].id}"

    return await _do(request, reference, aspect_id, change, undo)


@post("/undo/redress/{line_id:uuid}", opt=DECIDE)
async def undo_line(request: Req, line_id: UUID) -> Response[Any]:
    """Takes a line back that was given a moment ago, as long as it is only promised."""
    reference, aspect_id = await granting.place_of(viewer_of(request), line_id)

    async def change(viewer: Viewer, form: Given) -> str:
        await granting.undo_redress(viewer, aspect_id, line_id, "Taken back at once.")
        return "The redress is taken back by a line of its own."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/{{line_id:uuid}}/reverse", opt=DECIDE)
async def reverse(request: Req, reference: str, aspect_id: UUID, line_id: UUID) -> Response[Any]:
    """Takes a line back by another one with the opposite amount."""

    async def change(viewer: Viewer, form: Given) -> str:
        await granting.reverse_redress(viewer, aspect_id, line_id, form.text("reason"))
        return "The redress is taken back."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/claim", opt=WRITE)
async def claim(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """What the customer asks for; empty where they name no amount."""

    async def change(viewer: Viewer, form: Given) -> str:
        amount = typed(form.text("amount_in_dispute"))
        await disputes.say(viewer, aspect_id, amount, form.text("disputed_currency"), form.version())
        return "It is kept what the customer asks for." if amount is not None else "No amount is asked for now."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/{{line_id:uuid}}/pay", opt=DECIDE)
async def pay(request: Req, reference: str, aspect_id: UUID, line_id: UUID) -> Response[Any]:
    """Has a line paid to an account that a person gives."""

    async def change(viewer: Viewer, form: Given) -> str:
        payee = Payee(form.text("payee_name"), form.text("account"), form.text("bic"))
        await paying.intend(viewer, aspect_id, line_id, form.identity("person"), payee)
        return "The payment is prepared."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/{{line_id:uuid}}/paid", opt=DECIDE)
async def paid(request: Req, reference: str, aspect_id: UUID, line_id: UUID) -> Response[Any]:
    """Records that a line was paid another way."""

    async def change(viewer: Viewer, form: Given) -> str:
        await paying.record_by_hand(viewer, aspect_id, line_id, form.day("value_date"), form.text("how"))
        return "It is kept that this was paid."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/payments/{{payment_id:uuid}}/cancel", opt=DECIDE)
async def cancel(request: Req, reference: str, aspect_id: UUID, payment_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await paying.cancel(viewer, payment_id, form.text("why"))
        return "The payment is cancelled. The redress stands and can be paid anew."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/requests/{{request_id:uuid}}/change", opt=DECIDE)
async def change_request(request: Req, reference: str, aspect_id: UUID, request_id: UUID) -> Response[Any]:
    """Whoever asked corrects it; it is shown to a second person anew."""

    async def change(viewer: Viewer, form: Given) -> str:
        await requests.change(viewer, request_id, _line(form), form.version())
        return "It is changed, and asks anew."

    return await _do(request, reference, aspect_id, change)


@post(f"{PART}/requests/{{request_id:uuid}}/withdraw", opt=DECIDE)
async def withdraw(request: Req, reference: str, aspect_id: UUID, request_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await requests.withdraw(viewer, request_id, form.text("reason"))
        return "The request is withdrawn."

    return await _do(request, reference, aspect_id, change)


# --- The calculator ---------------------------------------------------------------------------------------------------

_ASKED = ("refund", "base", "start", "end", "rate", "basis", "way", "distress", "tax_percent", "paid", "currency",
          "rounding")  # fmt: skip


@get(f"{PART}/calculator", opt=DECIDE)
async def calculator(request: Req, reference: str, aspect_id: UUID, like: UUID | None = None) -> Response[Any]:
    """An empty form, or one with the inputs of a kept sum."""
    viewer = viewer_of(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    kept = {}
    if like is not None:
        inputs = (await calculations.one(viewer, aspect_id, like)).inputs
        kept = {name: inputs.get("rate_id" if name == "rate" else name, "") for name in _ASKED}
    return await _calculator(request, view, aspect, kept)


@post(f"{PART}/calculator", opt=DECIDE)
async def reckon(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Shows the working; with `step=keep` the sum is kept, to be given from its own page."""
    viewer, form = viewer_of(request), await given(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    kept = {name: form.text(name) for name in _ASKED}
    try:
        asked = _asked(form)
        if form.text("step") == "keep":
            made = await calculations.keep(viewer, aspect_id, asked)
            return go(f"{href_of(view)}/aspects/{aspect_id}/redress/sums/{made}", "The sum is kept with its working.")
        worked = await calculations.work_out(asked)
    except REFUSED as problem:
        return await _calculator(request, view, aspect, kept, _plain(problem))
    found = worked.reckoned
    shown = {"lines": [calculations.drawn(each) for each in found.lines], "rates": list(worked.rates),
             "total": found.total, "exact": reckoning.plain(found.exact), "currency": found.currency,
             "rounding": reckoning.ROUNDINGS[found.rounding]}  # fmt: skip
    return await _calculator(request, view, aspect, kept, result=shown)


def _asked(form: Given) -> Asked:
    return Asked(
        currency=form.text("currency"), refund=typed(form.text("refund")), base=typed(form.text("base")),
        start=form.day("start"), end=form.day("end"), rate_id=form.identity("rate"), basis=form.text("basis"),
        way=form.text("way"), distress=typed(form.text("distress")), tax_percent=typed(form.text("tax_percent")),
        paid=typed(form.text("paid")), rounding=form.text("rounding"),
    )  # fmt: skip


async def _calculator(
    request: Req, view: CasePageView, aspect: AspectShown, kept: Mapping[str, str], wrong: Refused = NOTHING_WRONG,
    result: Mapping[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    own = await currency_of(viewer_of(request), view)
    usual = {**dict.fromkeys(_ASKED, ""), "currency": own, "basis": reckoning.ACTUAL_365, "way": reckoning.SIMPLE,
             "rounding": "half_up"}  # fmt: skip
    known = await rates.all_rates(in_use=True)
    return await aspect_page(
        request, "pages/redress_calculator.html", "redress", view, aspect, status=wrong.status, result=result,
        rates=[(str(each.id), each.label) for each in known], bases=list(reckoning.BASES.items()),
        ways=list(reckoning.WAYS.items()), roundings=list(reckoning.ROUNDINGS.items()),
        currencies=[(code, code) for code in dict.fromkeys((own, *CURRENCIES))],
        form={**usual, **{name: text for name, text in kept.items() if text}, "errors": wrong.errors,
              "error_of": wrong.error_of},
    )  # fmt: skip


@get(f"{PART}/sums/{{sum_id:uuid}}", opt=READ)
async def sum_shown(request: Req, reference: str, aspect_id: UUID, sum_id: UUID) -> Response[Any]:
    """A kept sum with its working, to be printed, and to be given."""
    viewer = viewer_of(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    found = await calculations.one(viewer, aspect_id, sum_id)
    return await aspect_page(
        request, "pages/redress_sum.html", "redress", view, aspect, sum=found, may=_may(aspect),
        typed=text_of(found.total, found.currency), rounding=reckoning.ROUNDINGS.get(found.rounding, ""),
        basis=reckoning.BASES.get(found.inputs.get("basis", ""), ""),
        way=reckoning.WAYS.get(found.inputs.get("way", ""), ""),
    )  # fmt: skip


handlers = [
    redress_part, add, undo_line, reverse, claim, pay, paid, cancel, change_request, withdraw, calculator, reckon,
    sum_shown,
]  # fmt: skip
__all__ = ["currency_of", "handlers", "payment_drawn", "request_drawn"]
