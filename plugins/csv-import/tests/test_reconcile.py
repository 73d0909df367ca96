import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud_csv_import.faults import Rejected
from ombud_csv_import.mapping import Mapping
from ombud_csv_import.reading import open_table
from ombud_csv_import.reconcile import Reconciliation, UnbalancedError, as_csv, as_text
from ombud_csv_import.rows import complaints

MAPPING = Mapping(external_id="id", narrative="text")
LINES = st.sampled_from([f"{number},It broke" for number in range(5)] + ["1", "1,2,3", "8,", ",", "", '"9"x,broke'])


def import_into(filed: dict[str, str], content: bytes, report: Reconciliation, stop_after: int = 10**9) -> None:
    """Files as the desk does: the first complaint of a key makes a case, every later one finds it."""
    for row in complaints(open_table(content), MAPPING, report.source, report.read_to):
        if stop_after == 0:
            return
        stop_after -= 1
        report.read(row.line)
        if isinstance(row, Rejected):
            report.rejected(row)
        elif row.key in filed:
            report.duplicate(row.line, filed[row.key])
        else:
            filed[row.key] = f"C-{len(filed)}"
            report.made()


@given(st.lists(LINES, max_size=15), st.integers(0, 15))
def test_every_row_is_accounted_for_also_when_the_import_was_stopped_and_run_twice(lines: list[str], stop: int) -> None:
    content = "\n".join(["id,text", *lines]).encode()
    filed: dict[str, str] = {}
    report = Reconciliation("test.csv", "f", "test")
    import_into(filed, content, report, stop_after=stop)
    report = Reconciliation.from_document(json.loads(json.dumps(report.document())))
    import_into(filed, content, report)
    rows = sum(1 for line in lines if line)
    assert report.rows_in == rows == report.cases_made + len(report.duplicates) + len(report.rejects)
    assert report.cases_made == len({line for line in lines if line.endswith("It broke")})

    again = Reconciliation("test.csv", "f", "test")
    import_into(filed, content, again)
    assert again.cases_made == 0
    assert again.rows_in == rows
    assert [item.line for item in again.rejects] == [item.line for item in report.rejects]


def test_a_row_nobody_settled_is_an_error_not_a_report() -> None:
    report = Reconciliation("test.csv", "f", "test")
    report.read(2)
    for view in (report.check, report.document, lambda: as_text(report), lambda: as_csv(report)):
        with pytest.raises(UnbalancedError, match="1 rows came in, 0 are accounted for"):
            view()


@pytest.fixture
def report() -> Reconciliation:
    report = Reconciliation("july.csv", "f", "shop", warnings=("The file is not UTF-8.",))
    for line in (2, 3, 4, 7):
        report.read(line)
    report.made()
    report.rejected(Rejected(4, 6, "broken_quote", "Text follows a closing quote."))
    report.duplicate(3, "C-1")
    report.duplicate(7, "=C-2", changed=True)
    return report


def test_the_text_shows_the_figures_and_every_row_that_made_no_case(report: Reconciliation) -> None:
    text = as_text(report)
    for words in ("rows in", "july.csv", "note: The file is not UTF-8.", "lines 4 to 6: Text follows", "filed as C-1"):
        assert words in text
    assert [line.split()[-1] for line in text.splitlines()[1:5]] == ["4", "1", "2", "1"]


def test_the_csv_lists_them_in_the_order_of_the_file_and_runs_no_formula(report: Reconciliation) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [(row["line"], row["outcome"]) for row in rows] == [
        ("3", "duplicate"),
        ("4", "rejected"),
        ("7", "duplicate"),
    ]
    assert rows[1]["last_line"] == "6"
    assert "other content" in rows[2]["reason"]
    assert rows[2]["reference"] == "'=C-2"


def test_the_report_can_be_read_back_by_our_own_reader(report: Reconciliation, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(as_csv(report), encoding="utf-8", newline="")
    assert open_table(path).tally().readable == 3
