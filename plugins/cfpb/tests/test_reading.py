"""The export in its layouts, the lists as data, the clock, and the words of a response. Pure."""

import csv
import gzip
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ombud_cfpb.answering import DRAFT, OFFICIAL, in_time, line_of
from ombud_cfpb.channel import CfpbChannel, complaint_of, kept_of, receipt_of
from ombud_cfpb.codes import PUBLIC, RESPONSES, Unreadable, lists, public_responses, responses
from ombud_cfpb.deadlines import due
from ombud_cfpb.kept import Bureau
from ombud_cfpb.reading import Row, RowRefused, UnreadableFile, read
from ombud_plugin_api import CaseFacts, Permanent, RawReceipt
from ombud_plugin_api.testing.kinds.deadlines import AlwaysOpen

REAL = Path(__file__).parents[4] / "shared" / "data" / "cfpb" / "cfpb_structured_2026_schema.csv.gz"
SIXTEEN = (
    "Date received", "Product", "Sub-product", "Issue", "Sub-issue", "Consumer complaint narrative",
    "Company public response", "Company", "State", "ZIP code", "Tags", "Submitted via", "Date sent to company",
    "Company response to consumer", "Timely response?", "Complaint ID",
)  # fmt: skip
EIGHTEEN = (*SIXTEEN[:11], "Consumer consent provided?", *SIXTEEN[11:15], "Consumer disputed?", SIXTEEN[15])
FIFTEEN = tuple(each for each in SIXTEEN if each != "Consumer complaint narrative")
CELLS = {
    "Date received": "2026-03-01", "Product": "Credit card", "Issue": "Fees", "Sub-issue": "Late fee",
    "Consumer complaint narrative": "I paid, \"XXXX\", twice.\nTwice!", "Company": "Modra Bank", "State": "AZ",
    "ZIP code": "851XX", "Tags": "Older American", "Date sent to company": "2026-03-02", "Complaint ID": "7349894",
}  # fmt: skip


def table(columns: tuple[str, ...], *rows: dict[str, str]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: row.get(name, "") for name in columns} for row in rows)
    return out.getvalue().encode("utf-8-sig")


@pytest.mark.parametrize("columns", [SIXTEEN, EIGHTEEN, FIFTEEN], ids=["16", "18", "15"])
def test_each_layout_of_the_bureau_is_read(columns: tuple[str, ...]) -> None:
    (row,) = read(table(columns, CELLS), {})
    assert isinstance(row, Row)
    assert (row.complaint_id, row.sent, row.received) == ("7349894", date(2026, 3, 2), date(2026, 3, 1))
    assert row.narrative == (CELLS["Consumer complaint narrative"] if columns is not FIFTEEN else "")
    complaint = complaint_of(kept_of(row, "main"))
    assert complaint.person.name == "Name withheld (CFPB 7349894)"
    assert complaint.received_at is not None
    assert complaint.received_at.astimezone(UTC) == datetime(2026, 3, 2, 17, tzinfo=UTC)
    assert complaint.summary == "Fees – Late fee"
    assert b"Tags: Older American" in complaint.documents[0].data


def test_month_first_days_and_names_in_columns_of_ones_own_are_read() -> None:
    given = {**CELLS, "Date sent to company": "03/02/2026", "Who": "Helena Marsh"}
    (row,) = read(table((*SIXTEEN, "Who"), given), {"name_column": " who "})
    assert isinstance(row, Row)
    assert (row.sent, row.name) == (date(2026, 3, 2), "Helena Marsh")


def test_a_row_that_cannot_be_filed_is_named_by_its_line_and_the_others_stand() -> None:
    bad = [{"Complaint ID": ""}, {"Date sent to company": "soon"}, {"Issue": "", "Consumer complaint narrative": ""}]
    found = list(read(table(SIXTEEN, *({**CELLS, **each} for each in bad), CELLS), {}))
    told = [each.problem for each in found if isinstance(each, RowRefused)]
    assert told == ["no_id", "no_sent_day", "no_words"]
    assert [each.line for each in found] == [2, 4, 6, 7]


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"", "no_columns"), (b"PK\x03\x04\x00", "no_text"), (b"a,b\n1,2\n", "no_columns"), (b"\xff\xfe", "no_text"),
     (b'"Complaint ID\n', "no_table")],
)  # fmt: skip
def test_what_is_no_export_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        read(data, {})


def test_the_bureaus_real_rows_are_read() -> None:
    if not REAL.is_file():
        pytest.skip("the bureau's rows are not beside this checkout")
    found = list(read(gzip.decompress(REAL.read_bytes()), {}))
    assert len(found) > 10
    assert all(isinstance(each, Row) for each in found)


def test_the_same_complaint_in_a_later_file_is_the_same_receipt() -> None:
    later = {**CELLS, "Company response to consumer": "Closed with explanation", "Timely response?": "Yes"}
    first, second = (receipt_of(next(iter(read(table(SIXTEEN, each), {}))), "main") for each in (CELLS, later))  # type: ignore[arg-type]
    assert first == second
    assert CfpbChannel().parse(first) == complaint_of(kept_of(next(iter(read(table(SIXTEEN, CELLS), {}))), "main"))  # type: ignore[arg-type]
    with pytest.raises(Permanent, match="Import its file anew"):
        CfpbChannel().parse(RawReceipt(channel="cfpb", key="1", content_type="", body=b"{"))


def clock(channel: str = "cfpb", **more: Any) -> list[tuple[str, int | None, str]]:
    noon = datetime(2026, 3, 2, 17, tzinfo=UTC)
    facts = CaseFacts(id="c", received_at=noon, opened_at=noon, at=noon, channel=channel, **more)
    return [(each.clock, each.days, each.policy) for each in due(facts, AlwaysOpen(), {})]


def test_15_days_and_60_once_in_progress_was_given_in_for_what_came_through_the_bureau_alone() -> None:
    assert clock() == [("response", 15, "first")]
    assert clock(recorded={"cfpb.responded": {"in_progress": True}}) == [("response", 60, "final")]
    assert clock(recorded={"cfpb.responded": {"in_progress": False}}) == [("response", 15, "first")]
    assert clock("email") == []


def test_the_public_responses_are_the_eleven_and_no_code_calls_itself_verified() -> None:
    known = lists({})
    assert len(known.public) == 11
    assert known.responses["closed_with_monetary_relief"].text == "Closed with monetary relief"
    assert not any(each.verified for each in [*known.responses.values(), *known.public.values()])
    assert {code for code, each in known.responses.items() if not each.chosen} == {
        "untimely_response", "closed", "closed_with_relief", "closed_without_relief",
    }  # fmt: skip
    assert len(responses(RESPONSES)) + len(public_responses(PUBLIC)) == len(RESPONSES) + len(PUBLIC)


@pytest.mark.parametrize("line", ["a", "a | b", "a | b | c", "A | b | final", "a | | final"])
def test_a_line_that_cannot_be_read_names_the_remedy(line: str) -> None:
    with pytest.raises(Unreadable):
        responses([line])


def bureau(**more: Any) -> Bureau:
    usual: dict[str, Any] = {
        "id": UUID(int=1), "complaint_id": "7349894", "case_id": None, "reference": "OMB-1", "unit": "main",
        "product": "", "sub_product": "", "issue": "Fees", "sub_issue": "", "tags": "", "submitted_via": "",
        "sent_on": date(2026, 3, 2), "state": "batched", "response": "closed_with_explanation",
        "public_response": "isolated_error", "explanation": "=1+1", "drafted_by": "", "batch": None,
        "first_code": "", "first_on": None, "handed_on": None,
    }  # fmt: skip
    return Bureau(**{**usual, **more})


def test_a_line_is_a_draft_until_its_codes_and_the_columns_are_verified() -> None:
    day = date(2026, 3, 17)
    drafted = line_of(bureau(), {}, day)
    assert drafted[:4] == [
        "7349894", "Closed with explanation", "Company believes complaint is the result of an isolated error", "Yes",
    ]  # fmt: skip
    assert drafted[-1] == DRAFT
    sure = {
        "columns_confirmed": True, "responses": [f"{each} verified" for each in RESPONSES],
        "public_responses": [f"{each} verified" for each in PUBLIC],
    }  # fmt: skip
    assert line_of(bureau(), sure, day)[-1] == OFFICIAL
    for missing in sure:
        assert line_of(bureau(), {name: each for name, each in sure.items() if name != missing}, day)[-1] == DRAFT


def test_timely_is_15_days_and_60_after_a_first_word() -> None:
    assert in_time(bureau(), date(2026, 3, 17), {})
    assert not in_time(bureau(), date(2026, 3, 18), {})
    assert in_time(bureau(first_on=date(2026, 3, 10)), date(2026, 5, 1), {})
    assert not in_time(bureau(first_on=date(2026, 3, 10)), date(2026, 5, 2), {})
