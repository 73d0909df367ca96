"""From a submission to bytes and back: pure."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ombud_webform
from ombud_plugin_api import Permanent, RawReceipt
from ombud_webform.channel import FormChannel
from ombud_webform.complaint import FileGiven, MatterGiven, Submission, complaint, receipt

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.datetimes(min_value=datetime(1990, 1, 2), timezones=st.just(UTC))
submissions = st.builds(
    Submission,
    name=text,
    email=text,
    phone=text,
    postcode=text,
    summary=text,
    language=st.sampled_from(["en", "pl"]),
    sent_at=st.none() | moments,
    matters=st.lists(
        st.builds(
            MatterGiven,
            text=text,
            title=text,
            when=text,
            wanted=st.lists(st.sampled_from(["money", "apology", "not a code"]), max_size=3).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    files=st.lists(st.builds(FileGiven, name=text, content_type=text, data=st.binary(max_size=50)), max_size=2).map(
        tuple
    ),
)


@given(submissions)
def test_stored_bytes_mean_the_complaint_that_was_sent(given: Submission) -> None:
    raw = receipt("key", given)
    assert FormChannel().parse(raw) == complaint(given)
    assert receipt("key", given) == raw


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_with_the_reason(body: bytes) -> None:
    raw = RawReceipt(channel="webform", key="k", content_type="application/json", body=body)
    with pytest.raises(Permanent, match="no submission"):
        FormChannel().parse(raw)


def test_the_time_of_receipt_is_the_first_press_of_send() -> None:
    moment = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
    given = Submission(name="Helena", matters=(MatterGiven(text="The fee."),), sent_at=moment)
    assert FormChannel().parse(receipt("k", given)).received_at == moment
    later = Submission(name="Helena", matters=(MatterGiven(text="The fee."),), sent_at=moment + timedelta(seconds=1))
    assert receipt("k", later).body != receipt("k", given).body


def test_both_languages_have_the_same_words() -> None:
    folder = Path(ombud_webform.__file__).parent / "texts"
    english, polish = (tomllib.loads((folder / f"{code}.toml").read_text()) for code in ("en", "pl"))
    assert {part: set(words) for part, words in english.items()} == {part: set(words) for part, words in polish.items()}
    for part, words in english.items():
        for key, sentence in words.items():
            assert sorted(_blanks(sentence)) == sorted(_blanks(polish[part][key])), (part, key)


def _blanks(sentence: str) -> list[str]:
    return [part.split("}")[0] for part in sentence.split("{")[1:]]
