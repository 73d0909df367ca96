"""The FCA's workbooks: small ones made here with each period's sheet names, and the real ones where they are here."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ombud_fca.benchmarks import Benchmark, beside
from ombud_fca.market import kind_of, read
from ombud_plugin_api import Permanent, ReturnKept

REAL = Path(__file__).parents[4] / "shared" / "data" / "fca_firm_level"
NAMES = {
    "2022-h1": ["opened", "Closed", "% closed in 3 days", "% >3 days & <8 ", "% upheld "],
    "2022-h2": ["opened", "Closed", "closed in 3 days", "closed >3 days and less than 8 ", "upheld "],
    "2023-h1": ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"],
    "2023-h2": ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"],
    "2024-h1": ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"],
}


@pytest.mark.parametrize("period", NAMES)
def test_each_periods_sheets_are_found_by_what_their_names_mean(workbook: Any, period: str) -> None:
    found = read(workbook(NAMES[period])).firms
    assert list(found) == ["banking_and_credit_cards"]
    alder = found["banking_and_credit_cards"][0]
    assert (alder.name, alder.opened, alder.closed) == ("Alder Bank", 100, 90)
    assert (alder.soon, alder.later, alder.upheld) == (Decimal("0.5"), Decimal("0.4"), Decimal("0.6"))


def test_the_market_weighs_each_firm_by_what_it_closed_and_tells_its_half_year(workbook: Any) -> None:
    market = read(workbook(NAMES["2023-h1"]))
    assert market.upheld_share("banking_and_credit_cards") == Decimal("56.00")
    assert market.upheld_share("investments") is None
    assert market.half_year() == (date(2022, 1, 1), date(2022, 6, 30))


def kept(**figures: str) -> ReturnKept:
    return ReturnKept(id=UUID(int=1), key="fca.annex1b", unit="Leeds", first=date(2022, 1, 1), last=date(2022, 6, 30),
                      label="", number=1, state="filed", figures=figures)  # fmt: skip


def test_your_upheld_rate_stands_beside_it_and_a_group_you_have_not_stands_blank() -> None:
    market = [
        Benchmark(first=date(2022, 1, 1), last=date(2022, 6, 30), product_group=group, opened=9, closed=100,
                  upheld=Decimal("56.00"), shares=[Decimal(20), Decimal(60)], file_name="f", loaded_by="A",
                  loaded_at=datetime(2026, 1, 1, tzinfo=UTC))
        for group in ("banking_and_credit_cards", "home_finance")
    ]  # fmt: skip
    place = "summary/banking_and_credit_cards"
    banking, home = beside(market, kept(**{f"{place}/closed": "599", f"{place}/upheld": "339"}))
    assert (banking.closed, banking.yours, banking.market) == (599, Decimal("56.59"), Decimal("56.00"))
    assert (banking.firms, banking.ahead) == (2, 1)
    assert (home.closed, home.yours, home.ahead) == (0, None, 0)
    assert beside(market, None)[0].yours is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 rubbish", b"Firm Name,Group"])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(Permanent, match="no Excel workbook"):
        read(content)


def test_a_workbook_without_its_sheets_is_refused(workbook: Any) -> None:
    with pytest.raises(Permanent, match="no sheet for: upheld"):
        read(workbook(NAMES["2023-h1"][:4]))


@pytest.mark.parametrize("name", ["Context A Provision", "Consumer Credit", "Trading names", "Notes"])
def test_other_sheets_are_left(name: str) -> None:
    assert kind_of(name) == ""


@pytest.mark.parametrize("period", NAMES)
def test_the_real_workbooks_can_be_read(period: str) -> None:
    file = REAL / f"firm-level-complaints-data-{period}.xlsx"
    if not file.is_file():
        pytest.skip("the FCA's workbooks are not beside this checkout; their reuse terms keep them out of it")
    market: Any = read(file.read_bytes())
    assert len(market.firms) == 5
    assert sum(len(each) for each in market.firms.values()) > 150
    for group in market.firms:
        share = market.upheld_share(group)
        assert share is not None
        assert 0 < share < 100
