"""A small workbook of the market, with the names of sheets that a period has."""

import io
from collections.abc import Callable

import pytest
from openpyxl import Workbook

HEAD = ["Firm Name", "Group", "Joint Report", "Reporting period", "Banking and credit cards",
        "Decumulation & pensions", "Home finance", "Insurance & pure protection", "Investments"]  # fmt: skip
FIRMS = {"Alder Bank": (100, 90, 0.5, 0.4, 0.6), "Birch Mutual": (20, 10, 0.1, 0.9, 0.2)}


def made(names: list[str]) -> bytes:
    """Two firms, of which one closed 90 and upheld 60 per cent, the other 10 and 20."""
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


@pytest.fixture
def workbook() -> Callable[[list[str]], bytes]:
    return made
