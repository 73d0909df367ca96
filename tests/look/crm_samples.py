"""What customer systems tell of a person, as its part of the 360 panel is drawn; and a plugin's part by itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any


def match(number: int, name: str, ago: Callable[..., datetime], *about: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(number), "name": name, "href": "/there/1", "about": list(about),
        "brief": list(about),
        "evidence": ["e-mail", "phone number"], "source": "Contact", "fetched_at": ago(minutes=3), **more,
    }  # fmt: skip


def datum(label: str, value: str, told: datetime, source: str = "Account", **more: Any) -> dict[str, Any]:
    return {"label": label, "value": value, "at": None, "href": "", "source": source, "fetched_at": told,
            "stale": False, **more}  # fmt: skip


def groups(ago: Callable[..., datetime]) -> list[dict[str, Any]]:
    lately, long_ago = ago(minutes=3), ago(days=40)
    return [
        {"label": "Accounts and products", "data": [
            datum("Current account 2214", "Open, PLN", lately, href="/there/2"),
            datum("Savings account with a name that is far longer than anybody wants to read", "Closed", lately),
        ]},
        {"label": "Open cases there", "data": [
            datum("Card does not arrive", "Working", lately, "Case 00001026", at=ago(days=9), href="/there/3")]},
        {"label": "Last contacts", "data": [
            datum("Called about the overdraft", "", lately, "Task", at=ago(days=2)),
            datum("Letter", "Address changed", long_ago, "customers.csv, line 12", at=ago(days=90), stale=True)]},
        {"label": "How to reach them", "data": [datum("Mobile", "Not shown to you", lately, "Contact")]},
    ]  # fmt: skip


def part(ago: Callable[..., datetime], **more: Any) -> dict[str, Any]:
    return {
        "key": "book", "label": "Customer book", "icon": "address-book", "href": "/cases/OMB-4182/crm/book",
        "state": "ready", "trouble": "", "fetched_at": ago(minutes=3), "stale": False,
        "who": match(7, "Helena Marsh", ago, "Gdańsk", "00412"), "offered": [], "sure": True, "none": False,
        "chosen": None, "may_choose": True, "problem": "", "groups": groups(ago), "written": None, **more,
    }  # fmt: skip


def pages(work: Callable[..., Any], csrf_field: Callable[..., Any], ago: Callable[..., datetime]) -> dict[str, Any]:
    chosen = {"by": "Ewa Kruk", "at": ago(days=2)}
    helena, henry = match(7, "Helena Marsh", ago, "Gdańsk", "00412"), match(8, "H. Marsh", ago, evidence=[])
    several = {"sure": False, "who": None, "groups": [], "offered": [helena, henry]}
    nobody = {"who": None, "sure": False, "groups": []}
    drawn = {
        "found": part(ago),
        "chosen": part(ago, chosen=chosen, written={"record": "500-1", "href": "/there/9", "at": ago(hours=3)}),
        "several": part(ago, **several, problem="Choose one of the records, or say that none of them is this person."),
        "nobody": part(ago, **nobody),
        "none": part(ago, **nobody, none=True, chosen=chosen, written={"record": "", "href": "", "at": None}),
        "first": part(ago, **nobody, state="asking", fetched_at=None),
        "again": part(ago, state="asking"),
        "away": part(ago, state="away", trouble="away", fetched_at=ago(days=1), stale=True),
        "setup": part(ago, **nobody, state="away", trouble="setup", fetched_at=None),
        "rubbish": part(ago, **nobody, state="away", trouble="rubbish", fetched_at=None),
        "unused": part(ago, **nobody, state="unused"),
    }
    around = {"shell": work("people"), "csrf_field": csrf_field, "back": "/cases/OMB-4182#crm", "name": "Helena Marsh"}
    found = {f"crm-{name}": ("pages/crm.html", {**around, "part": each}) for name, each in drawn.items()}
    back = {"href": "/cases/OMB-4182", "label": "OMB-4182"}
    for state in ("off", "fault"):
        fill = {"state": state, "title": "Payments", "href": "/cases/OMB-4182/slots/payments", "text": ""}
        found[f"slot-{state}"] = (
            "pages/slot.html",
            {"shell": work("queue"), "csrf_field": csrf_field, "fill": fill, "back": back},
        )
    return found
