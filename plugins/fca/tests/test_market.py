"""The FCA's workbooks: small ones made here with each period's sheet names, and the real ones where they are here."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ombud_fca.market import compare, kind_of, read
from ombud_plugin_api import Permanent

REAL = Path(__file__).parents[4] / "shared" / "data" / "fca_firm_level"
HEAD = ["Firm Name", "Group", "Joint Report", "Reporting period", "Banking and credit cards",
        "Decumulation & pensions", "Home finance", "Insurance & pure protection", "Investments"]  # fmt: skip
NAMES = {
    "2022-h1": ["opened", "Closed", "% closed in 3 days", "% >3 days & <8 ", "% upheld "],
    "2022-h2": ["opened", "Closed", "closed in 3 days", "closed >3 days and less than 8 ", "upheld "],
    "2023-h1": ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"],
    "2023-h2": ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"],
    "2024-h1": ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"],
}
FIRMS = {"Alder Bank": (100, 90, 0.5, 0.4, 0.6), "Birch Mutual": (20, 10, 0.1, 0.9, 0.2)}


def workbook(names: list[str]) -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    for other in ("Consumer Credit", "Main return joint reporters"):
        book.create_sheet(other).append(["something else"])
    for place, name in enumerate(names):
        sheet = book.create_sheet(name)
        sheet.append(HEAD)
        for firm, values in FIRMS.items():
            sheet.append([firm, "NO GROUP", "no", "2022-01-01 to 2022-06-30", values[place], "", None, "", ""])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("period", NAMES)
def test_each_periods_sheets_are_found_by_what_their_names_mean(period: str) -> None:
    found = read(workbook(NAMES[period])).firms
    assert list(found) == ["banking_and_credit_cards"]
    alder = found["banking_and_credit_cards"][0]
    assert (alder.name, alder.opened, alder.closed) == ("Alder Bank", 100, 90)
    assert (alder.soon, alder.later, alder.upheld) == (Decimal("0.5"), Decimal("0.4"), Decimal("0.6"))


def test_your_upheld_rate_stands_beside_the_market_weighed_by_what_was_closed() -> None:
    market = read(workbook(NAMES["2023-h1"]))
    found = compare(market, "banking_and_credit_cards", closed=599, upheld=339)
    assert (found.yours, found.market, found.firms, found.ahead) == (Decimal("56.59"), Decimal("56.00"), 2, 1)
    assert compare(market, "investments", 5, 1).market is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 rubbish", b"Firm Name,Group"])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(Permanent, match="no Excel workbook"):
        read(content)


def test_a_workbook_without_its_sheets_is_refused() -> None:
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
