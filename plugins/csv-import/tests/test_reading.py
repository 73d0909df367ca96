import csv
import gzip
import io
import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ombud_csv_import import faults
from ombud_csv_import.faults import Rejected, UnreadableFileError
from ombud_csv_import.reading import SourceRow, Table, open_table

SAMPLES = Path(__file__).parent / "samples"
NARRATIVES = SAMPLES / "cfpb_narratives_20.csv"


def cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(row.values.values()) for row in table.rows() if isinstance(row, SourceRow)]


def rejects(table: Table) -> list[Rejected]:
    return [row for row in table.rows() if isinstance(row, Rejected)]


def test_a_row_knows_the_lines_it_stands_on_although_cells_hold_line_breaks() -> None:
    table = open_table(b'id,text\n1,"one\ntwo\n\nfour"\n\n2,next\n')
    assert [(row.line, row.last_line) for row in table.rows()] == [(2, 5), (7, 7)]
    assert cells(table) == [("1", "one\ntwo\n\nfour"), ("2", "next")]


def test_real_narratives_come_out_as_the_csv_module_reads_them() -> None:
    with NARRATIVES.open(encoding="utf-8", newline="") as file:
        expected = [tuple(row) for row in csv.reader(file)]
    table = open_table(NARRATIVES)
    assert table.header == expected[0]
    assert cells(table) == expected[1:]


def test_a_packed_file_reads_like_the_file_inside_whatever_its_name(tmp_path: Path) -> None:
    packed = tmp_path / "complaints.csv"
    packed.write_bytes(gzip.compress(NARRATIVES.read_bytes()))
    assert list(open_table(packed).rows()) == list(open_table(NARRATIVES).rows())
    assert open_table(packed).encoding.fingerprint == open_table(NARRATIVES).encoding.fingerprint


def test_reading_goes_on_after_the_line_that_was_reached() -> None:
    table = open_table(NARRATIVES)
    rows = list(table.rows())
    assert list(table.rows(after_line=rows[7].last_line)) == rows[8:]
    assert list(table.rows(after_line=rows[-1].last_line)) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_is_found(delimiter: str, line_end: str) -> None:
    rows = [("id", "name", "text"), ("1", "Ann, B.", "a; b"), ("2", "", 'she said "no" | tab\tend')]
    quoted = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    table = open_table(line_end.join(quoted).encode())
    assert table.dialect.delimiter == delimiter
    assert [table.header, *cells(table)] == rows


def test_a_blank_after_the_delimiter_does_not_break_quotes() -> None:
    assert cells(open_table(b'id, text, more\n1, "two, three", x\n')) == [("1", "two, three", "x")]


@pytest.mark.parametrize("mark", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_line_that_tells_excel_the_delimiter_is_no_header(mark: str) -> None:
    table = open_table(f"{mark}\r\nid;text\r\n1;a, b, c, d\r\n".encode("utf-8-sig"))
    assert table.header == ("id", "text")
    assert [(row.line, *row.values.values()) for row in table.rows() if isinstance(row, SourceRow)] == [
        (3, "1", "a, b, c, d")
    ]
    with pytest.raises(faults.EmptyFile):
        open_table(b"sep=;")


def test_one_column_is_a_table_too() -> None:
    table = open_table("narrative\nThe fee was wrong, twice.\n".encode("utf-8-sig"))
    assert table.header == ("narrative",)
    assert rejects(table)[0].code == "too_many_cells"
    assert cells(open_table(b'narrative\n"The fee was wrong, twice."\n')) == [("The fee was wrong, twice.",)]


POLISH = "imię;treść\nŁukasz Żółć;Naliczono opłatę, choć umowa mówiła co innego. Proszę o zwrot.\n"
WESTERN = "name;text\nJosé Müller;The café’s fee wasn’t named; “free” they said\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_files_are_read_in_every_form(codec: str) -> None:
    table = open_table(POLISH.encode(codec))
    assert table.header == ("imię", "treść")
    assert cells(table)[0][0] == "Łukasz Żółć"


@pytest.mark.parametrize(
    ("text", "codec"), [(POLISH, "cp1250"), (POLISH, "iso8859_2"), (WESTERN.replace(";“", ",“"), "cp1252")]
)
def test_older_encodings_are_read_with_a_warning(text: str, codec: str) -> None:
    table = open_table(text.replace("; “", ", “").encode(codec))
    assert table.encoding.codec == codec
    assert "not UTF-8" in table.warnings[0]
    assert cells(table)[0][0] in {"Łukasz Żółć", "José Müller"}


def test_an_encoding_that_shows_only_late_in_the_file_is_still_found() -> None:
    table = open_table(b"id,text\n" + b"1,plain\n" * 20_000 + "2,café\n".encode("cp1252"))
    assert cells(table)[-1] == ("2", "café")


def test_a_broken_byte_in_a_utf8_file_rejects_its_row_and_spares_the_others() -> None:
    table = open_table("id,text\n1,żółć\n2,ab".encode() + b"\xff\xfe" + "c\n3,źle i źle\n".encode())
    assert [(reject.line, reject.code) for reject in rejects(table)] == [(3, "broken_text")]
    assert cells(table) == [("1", "żółć"), ("3", "źle i źle")]
    assert "not valid UTF-8" in table.warnings[0]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1", "too_few_cells"),
        ("1,2,3", "too_many_cells"),
        (" , ", "empty_row"),
        ("1,a\0b", "nul"),
        ('1,"he said "no" to me"', "broken_quote"),
        ("1," + "x" * 131_073, "too_long"),
        ('1,"' + "x" * 10_000_000 + '"', "too_long"),
        ('1,"' + 'x ""y""\n' * 40_000 + '"', "too_long"),
    ],
)
def test_a_spoiled_row_is_rejected_with_line_and_reason_and_the_next_one_read(line: str, code: str) -> None:
    table = open_table(f"id,text\n0,fine here\n{line}\n2,fine again\n".encode())
    (reject,) = rejects(table)
    assert (reject.line, reject.code) == (3, code)
    assert reject.last_line == 3 + line.count("\n")
    assert reject.reason.endswith(".")
    assert cells(table) == [("0", "fine here"), ("2", "fine again")]


BROKEN_GZIP = gzip.compress(NARRATIVES.read_bytes(), mtime=0)[:-200]


@pytest.mark.parametrize(
    ("content", "fault", "words"),
    [
        (b"", faults.EmptyFile, "empty"),
        (b"\n\r\n\n", faults.EmptyFile, "blank"),
        (b"PK\x03\x04rest", faults.BinaryContent, "Excel"),
        (b"%PDF-1.7\n", faults.BinaryContent, "PDF"),
        (bytes(range(256)) * 20, faults.BinaryContent, "not text"),
        (b"id,te\0xt column that goes on\n1,2\n", faults.BinaryContent, "NUL"),
        (gzip.compress(b"", mtime=0), faults.EmptyFile, "empty"),
        (gzip.compress(gzip.compress(b"id,text\n1,2\n", mtime=0), mtime=0), faults.BinaryContent, "gzip"),
        (b"\x1f\x8bnonsense", faults.BrokenArchive, "damaged"),
        (BROKEN_GZIP, faults.BrokenArchive, "cut short"),
        (b"524772,Debt collection,We sold our home\n", faults.NoHeader, "looks like data"),
        (b"Ann,ann@example.org,She wrote\n", faults.NoHeader, "looks like data"),
        (b",,\n1,2,3\n", faults.NoHeader, "names no columns"),
        (b"id,Zip Code,zipcode\n1,2,3\n", faults.DuplicateHeader, "zipcode"),
        (b'id,"te"xt\n1,2\n', faults.BrokenHeader, "closing quote"),
        (b"id,\xe6\xff" + "żółć".encode() + b"\n1,2\n", faults.BrokenHeader, "no text"),
        (b'id,"text\n1,2\n', faults.UnterminatedQuote, "line 1"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(
    content: bytes, fault: type[UnreadableFileError], words: str
) -> None:
    with pytest.raises(fault, match=words):
        open_table(content)


def test_a_quote_left_open_stops_the_first_pass_before_anything_is_filed() -> None:
    table = open_table(b'id,text\n1,fine\n2,"open\n3,swallowed\n')
    with pytest.raises(faults.UnterminatedQuote, match="line 3"):
        table.tally()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(faults.CannotOpen, match="cannot be opened"):
            open_table(path)


def test_columns_without_a_name_are_called_by_their_number() -> None:
    assert open_table(b"id,,text,\n1,2,3,4\n").header == ("id", "Column 2", "text", "Column 4")


def test_the_tally_counts_rows_that_can_be_read_and_rows_that_cannot() -> None:
    tally = open_table(b"id,text\n1,a\n2\n3,c\n").tally()
    assert (tally.readable, tally.rejected) == (2, 1)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"id,text\n")
        for number in range(60_000):
            file.write(b"%d,%s\n" % (number, b"a complaint " * 20))
    tracemalloc.start()
    assert open_table(path).tally().readable == 60_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


CONTROLS = "".join(map(chr, range(32))).translate(str.maketrans("", "", "\t\n\r"))  # many of them make a file binary
CELL = st.text(st.characters(exclude_characters=CONTROLS + "\ufffd", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(CELL, CELL), max_size=8), st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-16"]))
def test_what_was_written_is_read_back_with_its_lines(rows: list[tuple[str, str]], delimiter: str, codec: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(("id", "text"))
    expected = []
    for row in rows:
        line = 1 + len(re.findall("\r\n|\r|\n", out.getvalue()))
        writer.writerow(row)
        if "".join(row).strip():
            expected.append((line, *row))
    table = open_table(out.getvalue().encode(codec))
    found = [(row.line, *row.values.values()) for row in table.rows() if isinstance(row, SourceRow)]
    assert found == expected


PACKED = gzip.compress(b"a,b\n1,2\n", mtime=0)
MARKS = b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b", PACKED, "ż".encode(), b"id,text\n", b'""'
BROKEN = b"\xb3", b"\xed\xa0\x80", b"\x81", b"\xc5"
FRAGMENTS = st.sampled_from([*MARKS, *BROKEN, *(bytes([byte]) for byte in b'",;\t\n\r\0a1 ')])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=200), st.lists(FRAGMENTS, max_size=30).map(b"".join)))
@example(b"\xff\xfea")
@example("a,b\n".encode("utf-16") + b"\x00\xd8\x41\x00\n")
def test_any_bytes_give_rows_or_a_named_refusal(content: bytes) -> None:
    try:
        table = open_table(content)
        rows = list(table.rows())
    except UnreadableFileError:
        return
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    for row in rows:
        assert table.header_line < row.line <= row.last_line
        if isinstance(row, SourceRow):
            assert tuple(row.values) == table.header
            "".join(row.values.values()).encode("utf-8")
