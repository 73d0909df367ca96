"""The pure parts: numbers, scripts, what is missing, what a recording is, events, spans."""

from datetime import UTC, date, datetime

import pytest

from ombud_phone import fetching
from ombud_phone.calls import Typed
from ombud_phone.checking import missing
from ombud_phone.hook_events import Unreadable, read_event
from ombud_phone.hooks import paused
from ombud_phone.numbers import e164, same, shown
from ombud_phone.recording_pages import span_of
from ombud_phone.recordings import NotSound, sound_type
from ombud_phone.script import questions

TODAY = date(2026, 11, 26)
AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("020 7946 0018", "GB", "+442079460018"), ("0044 20 7946 0018", "", "+442079460018"),
        ("+48 22 555 01 23", "GB", "+48225550123"), ("22 555 01 23", "pl", "+48225550123"),
        ("withheld", "GB", "withheld"), ("12", "GB", "12"), ("", "GB", ""),
    ],
)  # fmt: skip
def test_a_number_has_one_writing(typed: str, country: str, number: str) -> None:
    assert e164(typed, country) == number
    assert e164(shown(number, country), country) == number


def test_numbers_that_end_alike_are_not_the_same() -> None:
    assert same("+442079460018", "020 7946 0018", "GB")
    assert not same("+442079460018", "+482079460018")
    assert not same("withheld", "withheld")


def test_a_script_has_questions_for_all_and_for_one_type() -> None:
    lines = ["When? *", "complaint | Which branch?", "appeal | Which decision? *", " ", "When? *", "| Nobody's"]
    found = questions(lines, "complaint")
    assert [(each.text, each.required) for each in found] == [("When?", True), ("Which branch?", False)]
    assert [each.text for each in questions(lines, "appeal")] == ["When?", "Which decision?"]
    assert questions(lines, "complaint")[0].key == questions(lines, "appeal")[0].key


def test_what_is_missing_is_told_by_field() -> None:
    asked = questions(["When? *", "Where?"], "complaint")
    empty = missing(Typed(email="no address"), asked, ["main"], TODAY)
    assert list(empty.values()) == ["unit", "name", "email", "matter", "answer"]
    whole = Typed(unit="main", name="Ann", matters=["", "Fee."], answers={asked[0].key: "Today"})
    assert missing(whole, asked, ["main"], TODAY) == {}


@pytest.mark.parametrize(
    ("until", "code"), [("", ""), ("2026-11-26", ""), ("2026-11-25", "expired"), ("next year", "day")]
)
def test_who_speaks_for_somebody_shows_evidence_that_holds_today(until: str, code: str) -> None:
    typed = Typed(unit="main", name="Ann", matters=["Fee."], represented=True, rep_until=until)
    assert {"rep_name", "rep_authority"} <= missing(typed, (), ["main"], TODAY).keys()
    typed.rep_name, typed.rep_authority = "Rita", "Letter of 3 May"
    assert missing(typed, (), ["main"], TODAY).get("rep_until", "") == code


def test_a_recording_is_told_by_its_bytes() -> None:
    assert sound_type(b"RIFF\x24\x00\x00\x00WAVEfmt ") == "audio/wav"
    assert sound_type(b"ID3\x04") == "audio/mpeg"
    for data in (b"", b"<script>", b"RIFF\x24\x00\x00\x00AVI ", b"MZ\x90", b"%PDF-1.7"):
        with pytest.raises(NotSound):
            sound_type(data)


def test_events_of_both_forms_are_read() -> None:
    ours = read_event("application/json", b'{"event": "recording", "call": "c-1", "from": "+44", "at": '
                      b'"2026-11-26T10:00:00+01:00", "seconds": "61", "recording": "SUQz"}')  # fmt: skip
    assert (ours.event, ours.call, ours.at, ours.seconds, ours.data) == ("recording", "c-1", AT, 61, b"ID3")
    body = b"CallSid=CA1&From=%2B442079460018&RecordingUrl=https%3A%2F%2Fapi.twilio.com%2FRE1&RecordingDuration=12"
    theirs = read_event("application/x-www-form-urlencoded; charset=utf-8", body)
    assert (theirs.event, theirs.call, theirs.number, theirs.url) == (
        "recording", "CA1", "+442079460018", "https://api.twilio.com/RE1.mp3",
    )  # fmt: skip
    assert read_event("application/x-www-form-urlencoded", b"CallSid=CA1&RecordingStatus=paused").event == "paused"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"event": "gone", "call": "1"}', b'{"event": "recording"}', b"[" * 5000,
             b'{"event": "recording", "call": "1", "recording": "%%%"}'],
)  # fmt: skip
def test_what_is_no_event_is_refused_with_the_reason(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_event("application/json", body)


def test_pauses_begin_and_end_once() -> None:
    began = paused([], "paused", AT)
    assert began == paused(began, "paused", AT) == [["2026-11-26T09:00:00+00:00", ""]]
    ended = paused(began, "resumed", AT.replace(minute=1))
    assert ended == [["2026-11-26T09:00:00+00:00", "2026-11-26T09:01:00+00:00"]]
    assert paused(ended, "resumed", AT) == paused(ended, "paused", AT) == ended


@pytest.mark.parametrize(
    ("header", "span"),
    [("", (0, 99)), ("bytes=0-", (0, 99)), ("bytes=10-19", (10, 19)), ("bytes=90-500", (90, 99)),
     ("bytes=-10", (90, 99)), ("bytes=500-", (0, 99)), ("bytes=9-1", (0, 99)), ("bytes=0-1,5-6", (0, 99)),
     ("lines=1-2", (0, 99)), ("bytes=a-b", (0, 99))],
)  # fmt: skip
def test_a_player_may_ask_for_a_part(header: str, span: tuple[int, int]) -> None:
    assert span_of(header, 100) == span


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://api.twilio.com/RE1", True), ("https://API.twilio.com/RE1", True), ("", False),
        ("http://api.twilio.com/RE1", False), ("https://api.twilio.com:444/x", False), ("file:///etc/passwd", False),
        ("https://api.twilio.com@evil.example/x", False), ("https://evil.example/api.twilio.com", False),
        ("https://127.0.0.1/", False),
    ],
)  # fmt: skip
def test_recordings_are_fetched_from_listed_hosts_over_https_alone(url: str, fits: bool) -> None:
    assert fetching.allowed(url, ["api.twilio.com"]) is fits
