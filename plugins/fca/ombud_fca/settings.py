"""What an administrator sets and corrects: periods, code lists, clocks, and the taxonomy from 2027."""

from collections.abc import Mapping
from typing import Any

from ombud_fca import consolidated
from ombud_fca.codes import CAUSES, MOST, PRODUCTS, Unreadable, lists
from ombud_plugin_api import Context, Tried, applies_rule

_CODE = "[a-z0-9][a-z0-9_.-]{0,59}"


_VERIFIED = {"label": "Compared with the form in force", "tick": "verified"}
_CATEGORIES = {"label": "Categories of your taxonomy", "terms": "category", "many": True}


def _lines(label: str, help_: str, default: list[str], columns: list[dict[str, Any]], group: str) -> dict[str, Any]:
    return {
        "type": "list", "maxlength": MOST, "default": default, "schema": {"type": "string", "maxlength": 300},
        "meta": {"label": label, "help": help_, "columns": columns, "group": group},
    }  # fmt: skip


def _codes(label: str, help_: str, group: str) -> dict[str, Any]:
    return {
        "type": "list", "maxlength": MOST, "default": [],
        "schema": {"type": "string", "maxlength": 60, "regex": _CODE},
        "meta": {"label": label, "help": help_, "group": group},
    }  # fmt: skip


SCHEMA: dict[str, dict[str, Any]] = {
    "applies": applies_rule(
        "Clocks of DISP run",
        help_="By country: in units in the United Kingdom. A unit has its own country, or that of the unit above it.",
    ),
    "next_day": {
        "type": "boolean", "default": False,
        "meta": {"label": "What comes outside working hours counts as received when work next begins",
                 "group": "Clocks", "help": "An older rule allowed it; it shows as deleted since. Off unless you "
                 "have advice that you may. Hours are those of the unit's calendar."},
    },
    "reference_date": {
        "type": "string", "required": True, "default": "12-31", "regex": "(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
        "meta": {"label": "Accounting reference date", "help": "Month and day, such as 12-31.", "group": "Periods"},
    },
    "frequency": {
        "type": "string", "required": True, "allowed": ["half_yearly", "yearly"], "default": "half_yearly",
        "meta": {"label": "How often you report", "group": "Periods",
                 "choices": {"half_yearly": "Twice a year", "yearly": "Once a year"}},
    },
    "part": {
        "type": "string", "required": True, "allowed": ["A-1", "A-2"], "default": "A-1",
        "meta": {"label": "Part of the return", "group": "Return",
                 "choices": {"A-1": "A-1: by product group, under 500", "A-2": "A-2: by product, 500 and more"}},
    },
    "places": {
        "type": "integer", "required": True, "min": 0, "max": 2, "default": 2,
        "meta": {"label": "Decimals of published shares", "group": "Return"},
    },
    "columns_confirmed": {
        "type": "boolean", "default": False,
        "meta": {"label": "I compared the tables' columns with the form in force", "group": "Return",
                 "help": "Until then files call themselves a draft: the form's own cell numbers were not at hand."},
    },
    "products": _lines(
        "Products", "A complaint counts under the product that takes the category of its first aspect. Tick a product "
        "once you have compared it with the form.", list(PRODUCTS),
        [{"label": "Code", "code": True}, {"label": "Name"}, {"label": "Group"}, _CATEGORIES, _VERIFIED], "Code lists",
    ),
    "causes": _lines(
        "Causes", "What a root cause of your desk is called in the return.", list(CAUSES),
        [{"label": "Root cause", "terms": "cause"}, {"label": "In the return"}, {"label": "Group"}, _VERIFIED],
        "Code lists",
    ),
    "no_business": _codes("Products you do not offer", "Their rows stay blank; others say 0.", "Code lists"),
    "permissions_2027": _lines(
        "Sections you answer from 2027", "As they are called in the taxonomy.", [], [{"label": "Section"}], "From 2027"
    ),
    "taxonomy_2027": _lines(
        "Taxonomy from 2027", "Take it from PS25/19, pages 33 to 40; none is shipped.", [],
        [{"label": "Section"}, {"label": "Code", "code": True}, {"label": "Name"}, _CATEGORIES, _VERIFIED], "From 2027",
    ),
    "case_types": _codes("Case types under DISP", "Empty: all.", "Clocks"),
    "payment_categories": _codes("Categories under payment services rules", "They have 15 business days.", "Clocks"),
    "exceptional_tag": {
        "type": "string", "default": "exceptional", "regex": _CODE, "maxlength": 60,
        "meta": {"label": "Tag of exceptional payment complaints", "group": "Clocks",
                 "help": "A case with this tag has 35 business days, after a holding reply within 15."},
    },
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Reads the lists as a return will."""
    for field, read in (("products", _products), ("causes", _causes), ("taxonomy_2027", _taxonomy)):
        try:
            read(candidate)
        except Unreadable as problem:
            return Tried(False, str(problem), field)
    open_ = sum(not each.verified for each in lists(candidate).products)
    rest = f" {open_} products are not verified, so files call themselves a draft." if open_ else ""
    return Tried(True, f"The code lists can be read.{rest}")


def _products(candidate: Mapping[str, Any]) -> None:
    lists({"products": candidate.get("products"), "causes": ()})


def _causes(candidate: Mapping[str, Any]) -> None:
    lists({"products": (), "causes": candidate.get("causes")})


def _taxonomy(candidate: Mapping[str, Any]) -> None:
    consolidated.taxonomy(candidate.get("taxonomy_2027") or ())
