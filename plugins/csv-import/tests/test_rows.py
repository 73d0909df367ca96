from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ombud_csv_import.faults import Rejected
from ombud_csv_import.layouts import proposal, recognise
from ombud_csv_import.mapping import Mapping, MappingError
from ombud_csv_import.reading import open_table
from ombud_csv_import.rows import SUMMARY_LENGTH, ComplaintRow, Matter, complaints, shortened

SAMPLES = Path(__file__).parent / "samples"
SHARED = Path(__file__).parents[4] / "shared/data/cfpb"


def read(content: bytes, mapping: Mapping, source: str = "test") -> list[ComplaintRow | Rejected]:
    return list(complaints(open_table(content), mapping, source, latest=datetime(2026, 11, 1, tzinfo=UTC)))


def one(content: bytes, mapping: Mapping, source: str = "test") -> ComplaintRow:
    (row,) = read(content, mapping, source)
    assert isinstance(row, ComplaintRow)
    return row


def refused(content: bytes, mapping: Mapping) -> Rejected:
    (row,) = read(content, mapping)
    assert isinstance(row, Rejected)
    return row


FULL = Mapping(
    external_id="id",
    received_at="got",
    time_zone="Europe/Warsaw",
    person_name="who",
    person_email="mail",
    person_postcode="post",
    narrative="text",
    category=("kind", "sort"),
    channel="by",
    channels=(("Web", "web"),),
    extra=(("shop", "shop"),),
    absent=("None",),
)


def test_a_full_row_becomes_a_complaint_with_every_field() -> None:
    row = one(
        b"id,got,who,mail,post,text,kind,sort,by,shop\n"
        b'7,1/7/2024 10:00, Ann  Lee ,ann@example.org,00-950,"Twice.\r\nStill.",Fees,Late,WEB,None\n',
        FULL,
    )
    assert row.received_at == datetime(2024, 7, 1, 8, 0, tzinfo=UTC)
    assert (row.person.name, row.person.named, row.person.email) == ("Ann Lee", True, "ann@example.org")
    assert row.person.postcode == "00-950"
    assert row.matters == (Matter("Twice.\nStill.", "Fees / Late"),)
    assert (row.summary, row.channel, row.extra, row.notes) == ("Twice.", "web", {}, ())


def test_every_narrative_of_the_sample_becomes_a_complaint_of_its_own() -> None:
    table = open_table(SAMPLES / "cfpb_narratives_20.csv")
    rows = [row for row in complaints(table, proposal(table.header), "cfpb") if isinstance(row, ComplaintRow)]
    assert len(rows) == 20
    assert len({row.key for row in rows}) == 20
    assert rows[0].person.name == "Name withheld (CFPB 524772)"
    assert not rows[0].person.named
    assert all(row.in_own_words and row.summary and row.matters[0].category for row in rows)
    assert all(len(row.summary) <= SUMMARY_LENGTH for row in rows)


def test_all_2024_narratives_become_complaints_of_their_own() -> None:
    path = SHARED / "narratives-2015-2017.csv.gz"
    if not path.exists():
        pytest.skip(f"the shared CFPB narratives are not at {path}")
    table = open_table(path)
    found = list(complaints(table, proposal(table.header), "cfpb"))
    assert Counter(type(row) for row in found) == {ComplaintRow: 2024}
    assert len({row.key for row in found if isinstance(row, ComplaintRow)}) == 2024


def test_rows_without_a_narrative_get_a_text_from_issue_product_and_company() -> None:
    table = open_table(SAMPLES / "cfpb_2026_15_columns.csv")
    rows = [row for row in complaints(table, proposal(table.header), "cfpb") if isinstance(row, ComplaintRow)]
    assert len(rows) == 12
    first = rows[0]
    assert not first.in_own_words
    assert first.matters[0].text.startswith(
        "This record came without a description in the customer's own words.\nIssue: "
    )
    assert "Sub-issue: Information belongs to someone else" in first.matters[0].text
    assert first.summary == "Incorrect information on your report: Information belongs to someone else"
    assert first.received_at == datetime(2023, 8, 4, 4, 0, tzinfo=UTC)
    assert (first.channel, first.person.postcode) == ("web", "851XX")
    assert first.extra["company"] == "EQUIFAX, INC."


def test_the_export_of_june_2026_gives_its_narrative_and_its_time() -> None:
    content = (
        b"Date received,Product,Sub-product,Issue,Sub-issue,Consumer complaint narrative,Company public response,"
        b"Company,State,ZIP code,Tags,Submitted via,Date sent to company,Company response to consumer,"
        b"Timely response?,Complaint ID\n"
        b"2024-01-01T08:15:30.000Z,Credit card,,Billing dispute,,Charged twice.,,Test Bank,CO,80202,None,"
        b"Postal mail,2024-01-02T09:00:00.000Z,Closed with monetary relief,Yes,1\n"
    )
    layout = recognise(open_table(content).header)
    assert layout is not None
    row = one(content, layout.mapping)
    assert row.received_at == datetime(2024, 1, 1, 8, 15, 30, tzinfo=UTC)
    assert (row.matters[0].text, row.summary, row.channel) == ("Charged twice.", "Billing dispute", "letter")
    assert "tags" not in row.extra


def test_several_columns_make_several_matters() -> None:
    mapping = Mapping(narrative="main", matter_columns=("second", "third"))
    row = one(b"main,second,third\nThe fee,,The tone\n", mapping)
    assert [matter.text for matter in row.matters] == ["The fee", "The tone"]


def test_a_separator_makes_several_matters() -> None:
    row = one(b"text\nThe fee || the tone ||\n", Mapping(narrative="text", matter_separator="||"))
    assert [matter.text for matter in row.matters] == ["The fee", "the tone"]


SMALL = Mapping(external_id="id", received_at="got", narrative="text", person_email="mail", channel="by")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (b"1,31/31/2024,text,,", "date", "got: '31/31/2024' is not a date"),
        (b"1,1/12/2026,text,,", "future_date", "got: 2026-12-01 lies in the future"),
        (b"1,,,a@example.org,", "no_text", "no complaint text"),
        (b"1,,text", "too_few_cells", "3 cells, the header has 5"),
    ],
)
def test_a_row_that_makes_no_complaint_is_rejected_with_its_line_and_reason(line: bytes, code: str, words: str) -> None:
    rejected = refused(b"id,got,text,mail,by\n" + line + b"\n", SMALL)
    assert (rejected.line, rejected.code) == (2, code)
    assert words in rejected.reason


def test_what_cannot_be_taken_over_is_noted_and_the_complaint_kept() -> None:
    row = one(b"id,got,text,mail,by\n1,,It broke,ann at home,Pigeon\n", SMALL)
    assert row.person.email == ""
    assert row.channel == "import"
    assert row.notes == (
        "The file gave an e-mail address that cannot be used: ann at home",
        "The file named the channel: Pigeon",
    )


def test_the_key_follows_the_external_id_and_the_source_alone() -> None:
    key = one(b"id,text,mail,got,by\n1,It broke,,,\n", SMALL, "shop").key
    assert one(b"mail,by,text,got,id\nx@y.pl,Web,It broke again,1/1/2024,1\n", SMALL, "shop").key == key
    assert one(b"id,text,mail,got,by\n1,It broke,,,\n", SMALL, "bank").key != key
    assert one(b"id,text,mail,got,by\n2,It broke,,,\n", SMALL, "shop").key != key


def test_without_an_external_id_the_whole_row_is_the_key() -> None:
    mapping = Mapping(narrative="text")
    key = one(b"text,who\nIt broke,Ann\n", mapping).key
    assert one(b"WHO,text\nAnn , It broke\n", mapping).key == key
    assert one(b"text,who\nIt broke,Eve\n", mapping).key != key
    assert one(b"text,who\nIt brokeAnn,\n", mapping).key != key


def test_a_long_summary_is_cut_and_kept_whole_in_a_note() -> None:
    words = "the fee and the tone " * 10
    row = one(f"text,title\nIt broke,{words}\n".encode(), Mapping(narrative="text", summary=("title",)))
    assert len(row.summary) <= SUMMARY_LENGTH
    assert row.notes == (f"The summary in the file was longer: {words.strip()}",)


def test_a_nameless_row_says_so_by_id_or_line() -> None:
    assert one(b"id,got,text,mail,by\n9,,x,,\n", SMALL).person.name == "Name not given (9)"
    assert one(b"text\nx\n", Mapping(narrative="text")).person.name == "Name not given (line 2)"


def test_a_mapping_that_does_not_fit_the_file_stops_before_the_first_row() -> None:
    with pytest.raises(MappingError, match="no column 'text'"):
        complaints(open_table(b"id,narrative\n1,x\n"), Mapping(narrative="text"), "test")


def test_a_long_first_line_is_cut_at_a_word() -> None:
    summary = shortened("words, " * 40)
    assert len(summary) <= SUMMARY_LENGTH
    assert summary.endswith("words…")
    assert len(shortened("x" * 500)) <= SUMMARY_LENGTH
