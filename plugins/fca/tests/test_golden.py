"""Published reports, reproduced from made cases that give their counts."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ombud.insight.returns.figures import collect
from ombud_fca import annex1b
from ombud_fca.counting import per_1000
from ombud_plugin_api import ReturnAspect, ReturnCase, ReturnPeriod

PERIOD = ReturnPeriod(first=date(2020, 1, 1), last=date(2020, 6, 30))


def cases(category: str, soon: int, later: int, late: int, upheld: int, opened: int) -> list[ReturnCase]:
    """So many closed within three days, within eight weeks, and after; so many upheld; so many received in the
    period."""
    made = []
    for number, days in enumerate([2] * soon + [30] * later + [80] * late):
        inside = number < opened
        received = date(2020, 3, 2) if inside else date(2019, 12, 30)
        closed = received + timedelta(days=days)
        main = ReturnAspect(id=f"a{number}", category=category, cause="delay",
                            outcome="partly_upheld" if number < upheld and number % 2 else
                            "upheld" if number < upheld else "not_upheld")  # fmt: skip
        other = ReturnAspect(id=f"b{number}", position=2, category="investments", outcome="upheld")
        made.append(ReturnCase(id=f"{category}-{number}", received_on=received, closed_on=closed,
                               business_days=2 if days == 2 else days * 5 // 7, aspects=(other, main)))  # fmt: skip
    return made


def report(made: list[ReturnCase], group: str, entered: dict[str, int] | None = None) -> dict[str, object]:
    """The columns of the group's row, as core reckons them."""
    given = {f"summary/{group}/{name}": str(value) for name, value in (entered or {}).items()}
    found = collect(annex1b.build({}), made, PERIOD, given)
    assert found.problems == []
    begins = f"summary/{group}/"
    return {number.removeprefix(begins): value for number, value in found.values().items() if number.startswith(begins)}


LEEDS = [
    ("banking_and_credit_cards", "savings", (495, 104, 0, 339, 598), (599, "82.64", "17.36", "56.59")),
    ("home_finance", "mortgages", (571, 214, 0, 417, 785), (785, "72.74", "27.26", "53.12")),
    ("insurance_and_pure_protection", "payment_protection", (13, 17, 8, 18, 31), (38, "34.21", "44.74", "47.37")),
]


@pytest.mark.parametrize(("group", "category", "counts", "printed"), LEEDS)
def test_leeds_2020(group: str, category: str, counts: tuple[int, ...], printed: tuple[object, ...]) -> None:
    row = report(cases(category, *counts), group)
    assert (row["closed"], *(str(row[each]) for each in ("share_3_days", "share_8_weeks", "share_upheld"))) == printed


def test_leeds_closed_more_than_it_opened() -> None:
    made = cases("payment_protection", 0, 30, 8, 18, 31)
    row = report(made, "insurance_and_pure_protection")
    assert (row["closed"], row["opened"]) == (38, 31)


def test_monzo_insurance() -> None:
    row = report(cases("payment_protection", 5, 14, 0, 3, 19), "insurance_and_pure_protection")
    assert [str(row[each]) for each in ("share_3_days", "share_8_weeks", "share_upheld")] == ["26.32", "73.68", "15.79"]


SCOTTISH_FRIENDLY = [
    (1, 1_299, "0.77"), (64, 892_648, "0.07"), (352, 340_566, "1.03"), (90, 55_415, "1.62"), (507, 1_289_928, "0.39"),
]  # fmt: skip


@pytest.mark.parametrize(("opened", "policies", "printed"), SCOTTISH_FRIENDLY)
def test_scottish_friendly_2016(opened: int, policies: int, printed: str) -> None:
    row = report(cases("payment_protection", 0, opened, 0, 0, opened), "insurance_and_pure_protection",
                 {"provision": policies})  # fmt: skip
    assert str(row["provision_rate"]) == printed
    assert per_1000(opened, policies) == Decimal(printed)


def test_nothing_closed_has_no_share_and_no_denominator_no_rate() -> None:
    row = report([], "home_finance")
    assert (row["opened"], row["share_upheld"], row["provision_rate"]) == (0, None, None)


@pytest.mark.parametrize(("places", "printed"), [(0, "57"), (1, "56.6"), (2, "56.59")])
def test_the_firm_chooses_the_decimals(places: int, printed: str) -> None:
    column = next(each for each in annex1b.build({"places": places}).tables[0].columns if each.number == "share_upheld")
    assert column.derive is not None
    assert str(column.derive({"upheld": 339, "closed": 599})) == printed
