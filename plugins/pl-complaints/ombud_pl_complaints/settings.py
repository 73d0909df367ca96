"""What an administrator sets and corrects: where the act holds, its days, payment services, products."""

from collections.abc import Mapping
from typing import Any

from ombud_pl_complaints.annual import MOST, Unreadable, products
from ombud_pl_complaints.deadlines import USUAL
from ombud_plugin_api import Context, Tried, applies_rule

_CODE = "[a-z0-9][a-z0-9_.-]{0,59}"


def _days(name: str, label: str, source: str) -> dict[str, Any]:
    return {
        "type": "integer", "required": True, "min": 1, "max": 365, "default": USUAL[name],
        "meta": {"label": label, "help": source, "suffix": "days", "group": "Days"},
    }  # fmt: skip


def _codes(label: str, help_: str) -> dict[str, Any]:
    return {
        "type": "list", "maxlength": MOST, "default": [],
        "schema": {"type": "string", "maxlength": 60, "regex": _CODE},
        "meta": {"label": label, "help": help_, "group": "Whom it concerns"},
    }  # fmt: skip


SCHEMA: dict[str, dict[str, Any]] = {
    "applies": applies_rule(
        "The clock of the act runs",
        help_="By country: in units in Poland. A unit has its own country, or that of the unit above it.",
    ),
    "case_types": _codes("Case types under the act", "Empty: all."),
    "outside_tag": {
        "type": "string", "default": "not-covered", "regex": _CODE, "maxlength": 60,
        "meta": {"label": "Tag of complaints outside the act", "group": "Whom it concerns",
                 "help": "The act is for clients who are natural persons. A case with this tag has no clock of it."},
    },
    "payment_categories": _codes(
        "Categories under payment services", "A complaint with one of them has business days instead of days."
    ),
    "days_usual": _days("days_usual", "Reply within", "Read about the act, not in it."),
    "days_extended": _days("days_extended", "With an extension, at most", "Read about the act, not in it."),
    "days_payment": _days("days_payment", "Payment services, business days", "From general knowledge: check it."),
    "days_payment_extended": _days(
        "days_payment_extended", "Payment services with an extension, business days",
        "From general knowledge: check it.",
    ),
    "deemed_upheld": {
        "type": "boolean", "default": True,
        "meta": {"label": "Without a reply in time a complaint counts as upheld", "group": "Days",
                 "scope": "deployment",
                 "help": "The page of the case says so and proposes the outcome. A person decides."},
    },
    "products": {
        "type": "list", "maxlength": MOST, "default": [], "schema": {"type": "string", "maxlength": 300},
        "meta": {"label": "Products of the yearly report", "group": "Yearly report",
                 "columns": [{"label": "Code", "code": True}, {"label": "Name"},
                             {"label": "Categories of your taxonomy", "terms": "category", "many": True},
                             {"label": "Compared with the form", "tick": "verified"}],
                 "help": "The form's own list was not at hand: none is shipped, and the report then has no table by "
                         "product."},
    },
    "layout_confirmed": {
        "type": "boolean", "default": False,
        "meta": {"label": "I compared the items with the form of the Financial Ombudsman", "group": "Yearly report",
                 "help": "Until then the report calls itself a draft."},
    },
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Reads the list as the report will, and compares the days."""
    try:
        products(candidate.get("products") or ())
    except Unreadable as problem:
        return Tried(False, str(problem), "products")
    for short, long in (("days_usual", "days_extended"), ("days_payment", "days_payment_extended")):
        if candidate[long] < candidate[short]:
            return Tried(False, "An extension gives more days than there are without one.", long)
    return Tried(True, "The list can be read, and the days are in order.")
