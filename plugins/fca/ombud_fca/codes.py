"""Code lists as data: product groups, products and causes, read from lines that an administrator corrects. Pure.

What was read in a published return is marked `verified`; what is known only by hearsay is not, and a return that uses
it calls itself a draft.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ombud_plugin_api import Code

VERIFIED = "verified"
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")
MOST = 300


class Unreadable(ValueError):
    """A line that says nothing; the text names the remedy."""


# code | name | group | categories of the desk (the code itself counts always) | verified
PRODUCTS = (
    "current_accounts | Current accounts | Banking and credit cards | | verified",
    "credit_cards | Credit cards | Banking and credit cards | | verified",
    "unregulated_loans | Unregulated loans | Banking and credit cards | | verified",
    "savings | Savings (including Cash ISAs) and other accounts | Banking and credit cards | | verified",
    "other_banking | Other banking | Banking and credit cards | | verified",
    "mortgages | Mortgages, including buy-to-let | Home finance | |",
    "equity_release | Equity release | Home finance | |",
    "impaired_credit_mortgages | Impaired credit mortgages | Home finance | |",
    "other_regulated_home_finance | Other regulated home finance | Home finance | |",
    "other_unregulated_home_finance | Other unregulated home finance | Home finance | |",
    "payment_protection | Payment protection insurance | Insurance and pure protection | | verified",
    "motor_transport | Motor and transport | Insurance and pure protection | |",
    "property_insurance | Property | Insurance and pure protection | |",
    "travel_insurance | Travel | Insurance and pure protection | |",
    "pet_insurance | Pet | Insurance and pure protection | |",
    "warranties | Warranties | Insurance and pure protection | |",
    "medical_insurance | Medical and health | Insurance and pure protection | |",
    "assistance | Assistance | Insurance and pure protection | |",
    "other_general_insurance | Other general insurance | Insurance and pure protection | |",
    "critical_illness | Critical illness | Insurance and pure protection | | verified",
    "income_protection | Income protection | Insurance and pure protection | |",
    "other_pure_protection | Other pure protection | Insurance and pure protection | | verified",
    "personal_pensions | Personal pensions and FSAVCs | Decumulation and pensions | | verified",
    "investment_linked_annuities | Investment-linked annuities | Decumulation and pensions | | verified",
    "income_drawdown | Income drawdown | Decumulation and pensions | | verified",
    "other_decumulation | Other decumulation and pensions | Decumulation and pensions | |",
    "investments | Investments | Investments | |",
    "credit_related | Other credit-related products | Credit related | |",
)
# cause of the desk | cause in the return | its group | verified
CAUSES = (
    "wrong_information | Unclear guidance/arrangement | Advising, selling and arranging | verified",
    "unsuitable_advice | Unsuitable advice | Advising, selling and arranging | verified",
    "sums_and_charges | Disputes over sums/charges | Information, sums/charges or product performance | verified",
    "product_or_service | Product performance/features | Information, sums/charges or product performance | verified",
    "product_disclosure | Product disclosure information | Information, sums/charges or product performance | verified",
    "process_not_followed | Errors/not following instructions | General admin/customer service | verified",
    "system_fault | Errors/not following instructions | General admin/customer service | verified",
    "delay | Delays/timescales | General admin/customer service | verified",
    "process_unfair | Other general admin/customer service | General admin/customer service | verified",
    "staff_conduct | Other general admin/customer service | General admin/customer service | verified",
    "third_party | Other general admin/customer service | General admin/customer service | verified",
    "customer_misunderstanding | Unclear guidance/arrangement | Advising, selling and arranging | verified",
    "arrears | Arrears related | Arrears related |",
    "no_cause_found | Other | Other |",
)
CREDIT = "Credit related"


@dataclass(frozen=True)
class Product:
    """`categories`: the codes of the desk's taxonomy that count under it."""

    code: str
    label: str
    group: str
    categories: frozenset[str]
    verified: bool


@dataclass(frozen=True)
class Cause:
    desk: str
    label: str
    group: str
    verified: bool


def products(lines: Iterable[str]) -> list[Product]:
    """Raises Unreadable for the first line that cannot be read."""
    found: dict[str, Product] = {}
    for line in _lines(lines):
        parts = _parts(line, 4, 5, "code | name | group | categories | verified")
        code, label, group, categories = parts[:4]
        if not _CODE.match(code) or code in found or not label or not group:
            raise Unreadable(f"“{line[:60]}” needs a code of its own, a name and a group.")
        more = frozenset(each.strip() for each in categories.split(",") if each.strip())
        found[code] = Product(code, label, group, more | {code}, parts[-1] == VERIFIED)
    return list(found.values())


def causes(lines: Iterable[str]) -> list[Cause]:
    found: dict[str, Cause] = {}
    for line in _lines(lines):
        parts = _parts(line, 3, 4, "cause of the desk | cause in the return | group | verified")
        if not _CODE.match(parts[0]) or parts[0] in found or not parts[1] or not parts[2]:
            raise Unreadable(f"“{line[:60]}” needs a cause of the desk that stands once, a name and a group.")
        found[parts[0]] = Cause(parts[0], parts[1], parts[2], parts[-1] == VERIFIED)
    return list(found.values())


def _lines(lines: Iterable[str]) -> list[str]:
    return [each.strip() for each in lines if each.strip()][:MOST]


def _parts(line: str, least: int, most: int, shape: str) -> list[str]:
    parts = [each.strip() for each in line.split("|")]
    if not least <= len(parts) <= most:
        raise Unreadable(f"Write “{line[:60]}” as {shape}.")
    return parts


def slug(name: str) -> str:
    """A code of ours for a group's name."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60]


@dataclass(frozen=True)
class Lists:
    """Both lists, ready to be asked."""

    products: tuple[Product, ...]
    causes: tuple[Cause, ...]
    nowhere: frozenset[str]

    def product_of(self, category: str) -> Product | None:
        return self._by_category().get(category)

    def _by_category(self) -> Mapping[str, Product]:
        return {category: each for each in self.products for category in each.categories}

    def groups(self) -> tuple[Code, ...]:
        """A group is verified where one of its products was read in a published return under it."""
        named = dict.fromkeys(each.group for each in self.products)
        return tuple(
            Code(slug(name), name, "", any(each.verified for each in self.products if each.group == name))
            for name in named
        )

    def rows(self) -> tuple[Code, ...]:
        return tuple(Code(each.code, each.label, each.group, each.verified) for each in self.products)


def lists(settings: Mapping[str, Any]) -> Lists:
    """From the plugin's settings; those that nobody set are as shipped. Raises Unreadable."""
    given = settings.get("products")
    why = settings.get("causes")
    return Lists(
        tuple(products(PRODUCTS if given is None else given)), tuple(causes(CAUSES if why is None else why)),
        frozenset(settings.get("no_business") or ()),
    )  # fmt: skip
