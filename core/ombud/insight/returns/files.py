"""A return as files: a workbook in the order of the regulator's screen, JSON and CSV by item number."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font

from ombud.insight.returns.figures import Collected, Figure, written
from ombud.insight.returns.kept import Head

DRAFT = "draft: contains unverified codes"
NOT_FROZEN = "draft: not frozen"
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def standing(head: Head, collected: Collected) -> str:
    """What the file calls itself; `official` only when frozen and all codes are verified."""
    if head.is_draft:
        return NOT_FROZEN
    return DRAFT if collected.unverified else "official"


def as_json(head: Head, collected: Collected) -> bytes:
    """Figures by number, each with its definition's version; blank is null."""
    places = _places(collected)
    told = {
        **_about(head, collected), "unverified": collected.unverified,
        "money_left_out": collected.shape.get("left_out", []),
        "figures": {
            each.number: {"label": each.label, **dict(zip(("table", "row"), places(each), strict=True)),
                          "value": written(each.value), "unit": each.unit,
                          "definition": each.definition, "definition_version": each.definition_version,
                          "number_is_official": each.official, "cases": len(each.evidence)}
            for each in collected.figures
        },
    }  # fmt: skip
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


def _places(collected: Collected) -> Callable[[Figure], tuple[str, str]]:
    """The words of the table and the row a figure stands in; empty for the header."""
    tables = {table["key"]: table["label"] for table in collected.shape.get("tables", [])}
    rows = {(table["key"], row["code"]): row["label"] for table in collected.shape.get("tables", [])
            for row in table["rows"]}  # fmt: skip
    return lambda figure: (tables.get(figure.section, ""), rows.get((figure.section, figure.row), ""))


def place_of(collected: Collected, figure: Figure) -> tuple[str, str]:
    """The words of its table and of its row."""
    return _places(collected)(figure)


def _about(head: Head, collected: Collected) -> dict[str, Any]:
    return {
        "status": standing(head, collected), "regulator": head.regulator, "return": head.label,
        "legal_entity": head.unit, "first_day": head.period_first.isoformat(), "last_day": head.period_last.isoformat(),
        "taxonomy": head.taxonomy, "version": head.number, "digest": head.digest, "signed_by": head.signed_name,
        "filed_reference": head.filed_reference,
    }  # fmt: skip


def as_csv(head: Head, collected: Collected) -> bytes:
    """One line a figure; the first column of the first line says what the file is."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    places = _places(collected)
    lines.writerow(["status", standing(head, collected)])
    lines.writerow(["item", "label", "value", "unit", "definition version", "table", "row"])
    for each in collected.figures:
        lines.writerow([_safe(each.number), _safe(each.label), _safe(written(each.value) or ""), each.unit,
                        each.definition_version, *(_safe(words) for words in places(each))])  # fmt: skip
    return out.getvalue().encode("utf-8-sig")


def _safe(text: str) -> str:
    """A spreadsheet takes no text of ours for a formula."""
    return f"'{text}" if text.startswith(_RISKY) else text


def as_workbook(head: Head, collected: Collected) -> bytes:
    """Header items, then each table with its rows and columns, as one keys them in."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Return"
    for name, value in _about(head, collected).items():
        sheet.append([name.replace("_", " "), _safe(str(value))])
    sheet.append([])
    sheet.append(["item", "label", "value"])
    for each in collected.figures:
        if not each.section:
            sheet.append([each.number, _safe(each.label), _cell(each)])
    for cell in [*sheet["A"], *sheet[1]]:
        cell.font = Font(bold=True)
    for place, table in enumerate(collected.shape.get("tables", []), 1):
        _sheet(book.create_sheet(f"Table {place}"), table, collected, standing(head, collected))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet(sheet: Any, table: dict[str, Any], collected: Collected, status: str) -> None:
    found = {(each.row, each.column): each for each in collected.figures if each.section == table["key"]}
    sheet.append([_safe(table["label"]), status])
    sheet.append(["", *(_safe(column["label"]) for column in table["columns"])])
    for row in table["rows"]:
        cells = [found.get((row["code"], column["number"])) for column in table["columns"]]
        sheet.append([_safe(row["label"]), *(_cell(each) if each else None for each in cells)])
    for cell in [*sheet[1], *sheet[2], *sheet["A"]]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "B3"


def _cell(figure: Figure) -> Any:
    """A number as a number; blank stays blank."""
    value = written(figure.value)
    if value is None or figure.unit in ("code", "yes_no", "text"):
        return None if value is None else _safe(value)
    return int(value) if figure.unit == "count" else float(value)


WRITERS = {
    "xlsx": (as_workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "json": (as_json, "application/json"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}
"""By the name's ending: what writes it, and its type."""
