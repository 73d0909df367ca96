"""Any customer file: its characters, its separators, its broken rows."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ombud_crm_csv import reading
from ombud_crm_csv.reading import UnreadableError, read

POLISH = (
    "Nr klienta;Nazwa;Kod pocztowy;Miejscowość\r\n"
    "17;Żaneta Wójcik-Gołąb;80-831;Gdańsk\r\n18;Łucja Pająk;31-042;Kraków\r\n"
)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1250", "iso8859_2"])
def test_polish_letters_survive_each_way_of_writing_them(codec: str) -> None:
    table = read(POLISH.encode(codec))
    assert table.header == ("Nr klienta", "Nazwa", "Kod pocztowy", "Miejscowość")
    assert [row.cells["Nazwa"] for row in table.rows] == ["Żaneta Wójcik-Gołąb", "Łucja Pająk"]
    assert any("check the letters" in each for each in table.notes) == (not codec.startswith("utf"))


def test_western_letters_of_a_code_page_survive() -> None:
    text = "Name,Town\nHélène Lefèvre,Besançon\nJürgen Böhm,Köln\nSøren Åberg,Tromsø\n"
    table = read(text.encode("cp1252"))
    assert [row.cells["Name"] for row in table.rows] == ["Hélène Lefèvre", "Jürgen Böhm", "Søren Åberg"]


def test_cyrillic_letters_of_a_code_page_survive() -> None:
    people = "Оксана Коваленко;Киев\nБогдан Шевчук;Львов\nНадия Бондарь;Одесса\nТарас Мельник;Харьков\n"
    table = read(f"Name;Town\n{people}".encode("cp1251"))
    assert table.rows[0].cells == {"Name": "Оксана Коваленко", "Town": "Киев"}


@pytest.mark.parametrize(("delimiter", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_each_separator_is_told_apart(delimiter: str, word: str) -> None:
    lines = [["Name", "E-mail", "Note"], ["Ann, Bob; Cy", "ann@example.org", "a|b"], ["Dan", "dan@example.org", ""]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(lines)
    table = read(out.getvalue().encode())
    assert table.notes == (f"Cells are separated by a {word}.",)
    assert table.rows[0].cells == {"Name": "Ann, Bob; Cy", "E-mail": "ann@example.org", "Note": "a|b"}


def test_excels_own_first_line_is_no_header() -> None:
    table = read(b"sep=;\r\nName;E-mail\r\nAnn;ann@example.org\r\n")
    assert table.header == ("Name", "E-mail")
    assert table.rows[0].cells["E-mail"] == "ann@example.org"


def test_a_row_that_cannot_be_taken_says_its_line_and_why_and_the_others_stand() -> None:
    table = read(b"Name,E-mail\nAnn,ann@example.org\nBob,bob@example.org,more\nCy\n\n,,\nDan,dan@example.org\n")
    assert [(row.line, bool(row.problem)) for row in table.rows] == [(2, False), (3, True), (4, False), (7, False)]
    assert "It has 3 cells, the row of names has 2" in table.rows[1].problem
    assert "more" not in table.rows[1].problem, "never the words of the row"


def test_a_cell_over_several_lines_and_a_cell_without_end_are_told_apart() -> None:
    table = read(b'Name,Note\nAnn,"two\nlines"\nBob,short\n')
    assert table.rows[0].cells["Note"] == "two\nlines"
    endless = read(b'Name,Note\nAnn,fine\nBob,"' + b"x" * (reading.LONGEST_CELL + 1) + b'"\n')
    assert "A quote may be missing" in endless.rows[1].problem


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"), (b"  \n\n ", "The file is empty"), (b"Name,E-mail\n", "and no customer"),
        (b"1,2,3\n4,5,6\n", "names no columns"), (b"ann@example.org,Ann\n", "names no columns"),
        (b"\xd0\xcf\x11\xe0old", "an old Excel workbook"), (b"PK\x03\x04 not really", "no Excel workbook"),
        (b"\x00\x01\x02\x03" * 50, "no text"), (b",".join(b"c%d" % n for n in range(300)) + b"\nx\n", "300 columns"),
    ],
)  # fmt: skip
def test_what_is_no_customer_file_is_refused_with_the_remedy(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read(data)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 20_000_000)
    with pytest.raises(UnreadableError, match="larger than 20 MB"):
        read(b"Name,E-mail\n" + b"a" * 20_000_001)


def _workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_with_its_numbers_and_days() -> None:
    from datetime import datetime

    data = _workbook(["Number", "Name", "Since"], [17.0, "Żaneta", datetime(2020, 5, 4)], [18, "Bob", None], [])
    table = read(data)
    assert table.rows[0].cells == {"Number": "17", "Name": "Żaneta", "Since": "2020-05-04"}
    assert table.rows[1].cells == {"Number": "18", "Name": "Bob"}
    assert len(table.rows) == 2


def test_a_workbook_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_UNPACKED", 100)
    with pytest.raises(UnreadableError, match="unpacks to far more"):
        read(_workbook(["Name"], ["Ann"]))


def test_without_the_parts_that_read_workbooks_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    data = _workbook(["Name"], ["Ann"])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UnreadableError, match=r"ombud-crm-csv\[xlsx\]"):
        read(data)


def test_names_that_come_twice_are_told_apart() -> None:
    assert read(b"Name,Phone,Phone,\nAnn,1,2,3\n").header == ("Name", "Phone", "Phone (3)", "Column 4")


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).map(lambda text: text.replace("\ufffd", ""))


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8))
def test_whatever_is_written_is_read_again(cells: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["Name", "Note"], *cells])
    kept = [[each.strip() for each in row] for row in cells if any(each.strip() for each in row)]
    if not kept:
        return
    rows = read(out.getvalue().encode("utf-8-sig")).rows
    assert [[row.cells.get("Name", ""), row.cells.get("Note", "")] for row in rows if not row.problem] == kept


@given(st.binary(max_size=400))
def test_no_bytes_make_anything_but_a_table_or_a_refusal(data: bytes) -> None:
    try:
        table = read(data)
    except UnreadableError as problem:
        said = str(problem)
    else:
        said = "."
        assert all(set(row.cells) <= set(table.header) for row in table.rows)
    assert said.endswith(".")
