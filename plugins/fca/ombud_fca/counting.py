"""How complaints are counted under DISP: what is opened, closed, upheld and paid in a period. Pure."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ombud_plugin_api import Item, ReturnCase, ReturnPeriod

GBP = "GBP"
UPHELD = ("upheld", "partly_upheld")
WEEKS_8 = 56
RULE = (
    "A complaint counts once, under its main part: the first of its aspects in the order that staff gave them. It is "
    "opened in the period in which it was received, and closed, upheld and redressed in the period in which it was "
    "closed, so more can be closed than opened. Upheld includes upheld in part. Redress is what was given in all its "
    "aspects, without what was reversed. A complaint whose main part was found to be not for the firm is left out."
)


def reported(case: ReturnCase) -> bool:
    return case.main is None or case.main.outcome != "out_of_scope"


def opened(case: ReturnCase, period: ReturnPeriod) -> int:
    return int(reported(case) and period.holds(case.received_on))


def outstanding_before(case: ReturnCase, period: ReturnPeriod) -> int:
    before = case.received_on < period.first
    return int(reported(case) and before and (case.closed_on is None or case.closed_on >= period.first))


def closed(case: ReturnCase, period: ReturnPeriod) -> int:
    return int(reported(case) and period.holds(case.closed_on))


def within_3_days(case: ReturnCase, period: ReturnPeriod) -> int:
    return int(bool(closed(case, period)) and case.business_days is not None and case.business_days <= 3)


def within_8_weeks(case: ReturnCase, period: ReturnPeriod) -> int:
    soon = case.calendar_days is not None and case.calendar_days <= WEEKS_8
    return int(bool(closed(case, period)) and not within_3_days(case, period) and soon)


def after_8_weeks(case: ReturnCase, period: ReturnPeriod) -> int:
    return closed(case, period) - within_3_days(case, period) - within_8_weeks(case, period)


def upheld(case: ReturnCase, period: ReturnPeriod) -> int:
    main = case.main
    return int(bool(closed(case, period)) and main is not None and main.outcome in UPHELD)


def redress_upheld(case: ReturnCase, period: ReturnPeriod) -> Decimal:
    return case.redress(GBP) if upheld(case, period) else Decimal(0)


def redress_not_upheld(case: ReturnCase, period: ReturnPeriod) -> Decimal:
    return case.redress(GBP) if closed(case, period) and not upheld(case, period) else Decimal(0)


def share(part: Any, whole: Any, places: int = 2) -> Decimal | None:
    """In per cent, by ordinary rounding; blank where nothing was closed."""
    if not isinstance(part, int) or not isinstance(whole, int) or whole == 0:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def per_1000(part: Any, whole: Any) -> Decimal | None:
    """Opened for each thousand of the denominator, with two decimals; blank without a denominator."""
    if not isinstance(part, int) or not isinstance(whole, int) or whole == 0:
        return None
    return (Decimal(1000 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP)


COUNTS = (
    Item("opened", "Opened", "Complaints received in the period.", measure=opened),
    Item("closed_3_days", "Closed within 3 business days",
         "Closed in the period, by the close of the third business day after the day of receipt.",
         measure=within_3_days),
    Item("closed_8_weeks", "Closed after 3 days, within 8 weeks",
         "Closed in the period, later than that and at most 56 days after the day of receipt.", measure=within_8_weeks),
    Item("closed_later", "Closed after 8 weeks", "Closed in the period, more than 56 days after the day of receipt.",
         measure=after_8_weeks),
    Item("closed", "Total closed", "Complaints closed in the period.", measure=closed),
    Item("upheld", "Upheld", "Closed in the period with the main part upheld, or upheld in part.", measure=upheld),
    Item("redress_upheld", "Redress, upheld (£)", "Money given in complaints closed in the period and upheld.",
         unit="money", measure=redress_upheld),
    Item("redress_not_upheld", "Redress, not upheld (£)",
         "Money given in complaints that were closed in the period and not upheld.", unit="money",
         measure=redress_not_upheld),
)  # fmt: skip


def timing_problems(figures: Mapping[str, Any]) -> list[str]:
    """In every row what was closed early, later and late is what was closed, and no more is upheld than closed."""
    found = []
    for number, closed_ in figures.items():
        row, _, column = number.rpartition("/")
        if column != "closed" or not isinstance(closed_, int):
            continue
        parts = [figures.get(f"{row}/{each}") for each in ("closed_3_days", "closed_8_weeks", "closed_later")]
        if all(isinstance(each, int) for each in parts) and sum(parts) != closed_:
            found.append(f"{row}: {parts[0]} + {parts[1]} + {parts[2]} are not {closed_}")
        upheld_ = figures.get(f"{row}/upheld")
        if isinstance(upheld_, int) and upheld_ > closed_:
            found.append(f"{row}: {upheld_} upheld of {closed_} closed")
    return found


def total(figures: Mapping[str, Any], tables: tuple[str, ...], column: str) -> int:
    return sum(
        value for number, value in figures.items()
        if number.split("/")[0] in tables and number.endswith(f"/{column}") and isinstance(value, int)
    )  # fmt: skip
