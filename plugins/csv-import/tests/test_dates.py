from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud_csv_import.dates import DateError, read_date


@pytest.mark.parametrize(
    ("text", "day_first", "expected"),
    [
        ("2023-08-04", True, (2023, 8, 4, 4, 0)),
        ("2024-01-01T08:15:30.000Z", True, (2024, 1, 1, 8, 15, 30)),
        ("2024-01-01 08:15:30+02:00", True, (2024, 1, 1, 6, 15, 30)),
        ("03/04/2024", True, (2024, 4, 3, 4, 0)),
        ("03/04/2024", False, (2024, 3, 4, 5, 0)),
        ("3.4.2024 9:05", True, (2024, 4, 3, 13, 5)),
        ("04/30/2015 12:10:00 AM", False, (2015, 4, 30, 4, 10)),
        ("4-30-2015, 11:10 pm", False, (2015, 5, 1, 3, 10)),
        ("3 May 2024", False, (2024, 5, 3, 4, 0)),
        ("May 3, 2024", True, (2024, 5, 3, 4, 0)),
    ],
)
def test_dates_people_write_are_read_in_the_zone_of_the_file(
    text: str, day_first: bool, expected: tuple[int, ...]
) -> None:
    assert read_date(text, (), day_first, "America/New_York") == datetime(*expected, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_format_of_the_mapping_goes_first() -> None:
    assert read_date("24.12.2023", ("%m.%d.%Y", "%d.%m.%Y"), True, "UTC").day == 24
    assert read_date("20240103", ("%Y%d%m",), True, "UTC") == datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["soon", "31/02/2024", "03/25/2024", "2024-13-01", "1/2/24", "13:00", "5/5/2024 13:00 PM"]
)
def test_what_is_no_date_is_refused_and_day_and_month_are_never_swapped(text: str) -> None:
    with pytest.raises(DateError, match="is not a date, read day first"):
        read_date(text, (), True, "UTC")


@pytest.mark.parametrize("text", ["0001-01-01", "1/1/1899", "0001-01-01T00:00:00+14:00"])
def test_years_before_1900_are_refused(text: str) -> None:
    with pytest.raises(DateError, match="before 1900"):
        read_date(text, (), True, "Asia/Tokyo")


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9/.\-T:Z+ ]{0,25}", fullmatch=True)), st.booleans())
def test_any_text_gives_a_time_or_a_refusal(text: str, day_first: bool) -> None:
    try:
        moment = read_date(text, ("%d.%m.%Y",), day_first, "Pacific/Apia")
    except DateError:
        return
    assert moment.tzinfo is UTC
