"""Sample contexts of the pages of redress and payments."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

NO_ERRORS: dict[str, Any] = {"errors": [], "error_of": {}}
CURRENCIES = [("EUR", "EUR"), ("GBP", "GBP")]


def pages(
    work: Callable[..., Any], administration: Callable[..., Any], aspect: Callable[..., Any], csrf_field: Any,
    ago: Callable[..., datetime],
) -> dict[str, tuple[str, dict[str, Any]]]:  # fmt: skip
    at = ago(hours=2)
    payment = {
        "id": "p1", "state": "handed_over", "label": "Handed over", "icon": "send", "tone": "info",
        "amount": Decimal(40),
        "currency": "EUR", "payee": "Helena Marsh", "hint": "3000", "way": "file", "value_date": None, "detail": "",
        "remote": "R-17", "key": "01a21717970275c7885dc929073cc8d7", "at": at, "handed_at": at, "attempt": 1,
        "reference": "OMB-4182", "by": "Ewa Kruk", "redress_href": "/cases/OMB-4182/aspects/A/redress",
        "batch_href": "/payments/batches/1",
    }  # fmt: skip
    paid = {**payment, "id": "p2", "state": "paid", "label": "Paid", "icon": "check", "tone": "ok", "way": "hand",
            "value_date": date(2026, 11, 20), "detail": "On the next bill"}  # fmt: skip
    doubt = {**payment, "id": "p3", "state": "unsure", "label": "Not certain", "icon": "help-circle", "tone": "warn",
             "way": "webhook",
             "detail": "The payment service answered 500 without a word that is certain."}  # fmt: skip
    line = {"id": "1", "text": "Money", "amount": Decimal(40), "currency": "EUR", "note": "The fee of 3 October",
            "standing": True, "taken_back": False, "at": at, "approved": True, "calculation": "s1", "may_pay": True,
            "payments": []}  # fmt: skip
    request = {
        "id": "r1", "text": "Money", "kind": "money", "amount": Decimal(1200), "currency": "EUR", "typed": "1200.00",
        "note": "Refund of the fees, with interest", "state": "waiting", "label": "Waits for a second person",
        "icon": "hourglass", "tone": "warn", "by": "Ewa Kruk", "mine": True, "at": at, "decided_by": "", "reason": "",
        "decided_at": None, "version": 1, "sum_href": "/cases/1/aspects/A/redress/sums/s1", "calculation": "",
        "hash": "0" * 64, "reference": "OMB-4182", "title": "Overdraft fee", "aspect": "Overdraft fee taken twice",
        "redress_href": "/cases/OMB-4182/aspects/A/redress", "after": Decimal(1240), "limit": Decimal(2500),
        "enough": True,
    }  # fmt: skip
    refused = {**request, "id": "r2", "state": "refused", "label": "Refused", "icon": "ban", "tone": "bad",
               "decided_by": "Anna Maj", "reason": "We pay 120 for this.", "mine": False}  # fmt: skip
    working = {
        "lines": [
            {"what": "refund", "label": "Refund", "amount": "100", "formula": "", "start": "", "end": "", "days": 0,
             "percent": ""},
            {"what": "interest", "label": "Interest", "amount": "8", "formula": "100 × 8 % × 365/365",
             "start": "2025-03-01", "end": "2026-03-01", "days": 365, "percent": "8"},
        ],
        "rates": [{"label": "Simple interest", "valid_from": "2015-01-01", "percent": "8", "source": "Gazette 7"}],
        "total": Decimal(108), "exact": "108", "currency": "EUR", "rounding": "To the nearest, half up",
    }  # fmt: skip
    form = {
        "kind": "money", "amount": "", "currency": "EUR", "note": "", "calculation": "", "amount_in_dispute": "1200.00",
        "disputed_currency": "EUR", "person": "1", "payee_name": "", "account": "", "bic": "", "value_date": "",
        "how": "",
        "reason": "", "why": "", "sent": "", **NO_ERRORS,
    }  # fmt: skip
    part = {"part": "redress", "kinds": [("money", "Money"), ("apology", "Apology")], "currencies": CURRENCIES,
            "payees": [("1", "Helena Marsh (complainant)")], "may": True, "may_claim": True, "may_pay": True,
            "disputed": {"amount": Decimal(1200), "currency": "EUR"}, "form": form,
            "room": {"limit": Decimal(250), "so_far": Decimal(40), "left": Decimal(210), "currency": "EUR"},
            "sums": [{"id": "s1", "total": Decimal(108), "currency": "EUR", "at": at, "by": "Ewa Kruk", "used": True}],
            }  # fmt: skip
    asked = {"refund": "100", "base": "", "start": "2025-03-01", "end": "2026-03-01", "rate": "1", "way": "simple",
             "basis": "actual/365", "distress": "", "tax_percent": "", "paid": "", "currency": "EUR",
             "rounding": "half_up"}  # fmt: skip
    lists = {"rates": [("1", "Simple interest")], "bases": [("actual/365", "Actual days over 365")],
             "ways": [("simple", "Simple")], "roundings": [("half_up", "To the nearest")], "currencies": CURRENCIES,
             "part": "redress"}  # fmt: skip
    wrong = {"errors": [{"field": "end", "message": "Give both days."}], "error_of": {"end": "Give both days."}}
    kept = {**working, "id": "s1", "by": "Ewa Kruk", "at": at, "used": False}
    batch = {
        "id": "1", "href": "/payments/batches/1", "unit": "Modra Bank", "currency": "EUR", "total": Decimal("142.55"),
        "count": 3, "state": "handed_over", "by": "Anna Maj", "at": at, "downloads": 1, "downloaded_by": "Anna Maj",
        "downloaded_at": at, "reconciled": False, "adds_up": True,
        "sums": [{"label": "Paid", "icon": "check", "tone": "ok", "count": 1, "total": Decimal(40)},
                 {"label": "Handed over", "icon": "send", "tone": "info", "count": 2, "total": Decimal("102.55")}],
    }  # fmt: skip
    ready = {**batch, "state": "ready", "downloads": 0, "downloaded_by": "", "downloaded_at": None}
    around = {"shell": work("payments"), "csrf_field": csrf_field, "errors": []}
    sides = [
        {"code": code, "label": label, "icon": icon, "href": f"/payments?which={code}", "count": count, "sums": []}
        for code, label, icon, count in (
            ("ready", "Ready for a file", "clipboard-list", 2), ("unsure", "Not certain", "help-circle", 1)
        )
    ]  # fmt: skip

    def listed(which: str, *those: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
        return ("pages/payments.html", {**around, "which": which, "lists": sides, "sums": [("EUR", 1, Decimal(40))],
                "empty": "What was paid stands here.", "payments": list(those), "next_href": "/payments?after=x",
                "batches": [batch, ready], **more})  # fmt: skip

    rate = {"id": "1", "label": "Simple interest", "note": "As the ombudsman adds it", "retired": False, "version": 1,
            "used": 3}  # fmt: skip
    value = {"id": "v1", "valid_from": date(2015, 1, 1), "percent": "8", "source": "Gazette 7", "by": "Adam Rey",
        "at": at,
             "withdrawn": None}  # fmt: skip
    empty = {"label": "", "note": "", "valid_from": "", "percent": "", "source": "", **NO_ERRORS}
    limit = {"id": "1", "unit": "Modra Bank", "role": "agent", "whose": "Agent", "currency": "EUR",
        "amount": Decimal(300),
             "set_by": "Adam Rey", "set_at": at}  # fmt: skip
    limits = {"shipped": [("Agent", Decimal(250)), ("Team leader", Decimal(2500))], "units": [("1", "Modra Bank")],
              "roles": [("agent", "Agent")], "people": [("1", "Ewa Kruk")], "currencies": CURRENCIES, "trail": [],
              "form": {"unit": "1", "role": "", "user": "", "currency": "EUR", "amount": "", **NO_ERRORS}}  # fmt: skip
    listed_rate = {"href": "/rates/1", "label": "Simple interest", "note": "", "retired": False, "percent": "8",
                   "since": date(2015, 1, 1), "used": 3}  # fmt: skip
    row = {"place": 1, "key": payment["key"], "label": "Paid", "icon": "check", "tone": "ok", "text": "",
           "case": "OMB-4182", "amount": Decimal(40), "currency": "EUR"}  # fmt: skip
    other = {**row, "place": 2, "label": "No such payment", "tone": "warn", "icon": "help-circle", "case": "",
             "text": "Nothing was handed over with this key.", "amount": None}  # fmt: skip
    waiting = {"shell": work("redress"), "csrf_field": csrf_field, "problem": "", "at": "", "reason": ""}
    report = {**around, "error_of": {}}
    return {
        "redress": ("pages/redress.html", aspect(**part, requests=[request, refused], lines=[
            line, {**line, "id": "2", "payments": [payment], "may_pay": False},
            {**line, "id": "3", "payments": [paid], "may_pay": False},
            {**line, "id": "4", "text": "Apology", "amount": None, "standing": False, "may_pay": False},
        ])),
        "redress-none": ("pages/redress.html", aspect(**{**part, "sums": [], "disputed": {"amount": None,
        "currency": ""}},
                                                      requests=[], lines=[])),
        "redress-calculator": ("pages/redress_calculator.html", aspect(**lists, result=working,
                                                                       form={**asked, **NO_ERRORS})),
        "redress-calculator-wrong": ("pages/redress_calculator.html", aspect(**lists, result=None,
                                                                             form={**asked, **wrong})),
        "redress-calculator-no-rate": ("pages/redress_calculator.html", aspect(**{**lists, "rates": []}, result=None,
                                                                               form={**asked, **NO_ERRORS})),
        "redress-sum": ("pages/redress_sum.html", aspect(part="redress", sum=kept, typed="108.00", may=True,
                                                         rounding="To the nearest, half up",
                                                             basis="Actual days over 365",
                                                         way="Simple")),
        "redress-waiting": ("pages/redress_waiting.html", {**waiting, "waiting": [
            request, {**refused, "id": "r3", "enough": False}], "asked": [{**request, "id": "r4"}]}),
        "redress-waiting-none": ("pages/redress_waiting.html", {**waiting, "waiting": [], "asked": []}),
        "redress-waiting-refused": ("pages/redress_waiting.html", {**waiting, "waiting": [request], "asked": [],
                                                                   "problem": "This is empty.", "at": "r1"}),
        "payments": listed("ready", payment, {**payment, "id": "p9"}),
        "payments-unsure": listed("unsure", doubt),
        "payments-handed": listed("handed", payment),
        "payments-paid": listed("paid", {**paid, "way": "file"}, {**paid, "id": "p8"}),
        "payments-none": listed("paid", next_href="", batches=[]),
        "payment-batch": ("pages/payment_batch.html", {**around, "batch": batch, "payments": [payment],
                                                       "formats": [("csv", "CSV")]}),
        "payment-batch-ready": ("pages/payment_batch.html", {**around, "batch": ready, "payments": [payment],
                                                             "formats": [("csv", "CSV")]}),
        "payment-report": ("pages/payment_report.html", {**report, "read": False, "rows": [], "sums": []}),
        "payment-report-read": ("pages/payment_report.html", {**report, "read": True, "rows": [row, other],
                                                              "sums": [("EUR", [("Paid", 1, Decimal(40))])]}),
        "rates": ("pages/rates.html", administration("rates", rates=[
            listed_rate, {**listed_rate, "label": "Old", "percent": "", "retired": True}], may_change=True, trail=[],
            form=empty)),
        "rates-none": ("pages/rates.html", administration("rates", rates=[], may_change=False, trail=[], form=empty)),
        "rate": ("pages/rate.html", administration("rates", rate=rate, values=[value, {**value, "withdrawn": at}],
                                                   conflict=None, may_change=True, trail=[], form=empty)),
        "limits": ("pages/limits.html", administration("limits", limits=[limit], **limits)),
        "limits-none": ("pages/limits.html", administration("limits", limits=[], **limits)),
    }  # fmt: skip
