"""The way of an outgoing message, whatever happens in whatever order."""

import re
from datetime import UTC, datetime, time
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.desk.outgoing import facts, filling, standard, states
from ombud.desk.outgoing.plain import as_html, with_bold
from ombud.desk.outgoing.rules import Rules

_HAPPENINGS = st.lists(st.sampled_from(states.EVENTS), max_size=40)


@given(st.sampled_from((states.WAITING, states.HELD, states.SCHEDULED, states.INTENDED)), _HAPPENINGS)
def test_nothing_is_handed_over_twice_unless_it_certainly_did_not_go_or_a_person_said_so(
    begins: str, happens: list[str]
) -> None:
    state, open_doubt = begins, False
    for event in happens:
        if not states.possible(state, event):
            with pytest.raises(states.NoWay):
                states.after(state, event)
            continue
        if event == states.TAKE:
            assert not open_doubt, "a message in doubt was handed over again without a person"
        if event in {states.DOUBT, states.TOOK, states.ARRIVED}:
            open_doubt = True
        if event == states.AGAIN:
            open_doubt = False
        if state == states.SENDING:
            assert event in {states.TOOK, states.DOUBT, states.REFUSED, states.WAIT}
        state = states.after(state, event)
        assert state in states.STATES
        if event == states.REFUSED:
            open_doubt = False


@given(_HAPPENINGS)
def test_what_waits_for_approval_leaves_only_after_a_yes(happens: list[str]) -> None:
    state, approved = states.WAITING, False
    for event in happens:
        if not states.possible(state, event):
            continue
        approved = event == states.APPROVE or (approved and event != states.RETURN)
        state = states.after(state, event)
        if state == states.SENDING:
            assert approved


def test_what_was_sent_or_taken_back_stays_so() -> None:
    for state in (states.SENT, states.CANCELLED):
        assert not [event for event in states.EVENTS if states.possible(state, event)]


RULES = Rules({"reply": 30}, frozenset({"status"}), frozenset(range(5)), time(9), time(17), frozenset(), None)


@pytest.mark.parametrize(
    ("written", "leaves"),
    [
        ("2026-11-26T10:00", "2026-11-26T10:00"),  # a Thursday morning
        ("2026-11-26T07:30", "2026-11-26T09:00"),
        ("2026-11-26T17:00", "2026-11-27T09:00"),
        ("2026-11-27T18:00", "2026-11-30T09:00"),  # over the weekend
        ("2026-10-23T18:00", "2026-10-26T09:00"),  # over the end of summer time
    ],
)
def test_what_waits_for_office_hours_leaves_when_the_office_is_open(written: str, leaves: str) -> None:
    zone = ZoneInfo("Europe/Warsaw")
    moment = datetime.fromisoformat(written).replace(tzinfo=zone).astimezone(UTC)
    assert RULES.leaves_at("status", moment, zone.key) == datetime.fromisoformat(leaves).replace(tzinfo=zone)
    assert (RULES.leaves_at("reply", moment, zone.key) - moment).total_seconds() == 30


@pytest.mark.parametrize("each", standard.STANDARD, ids=lambda each: each.key)
def test_every_standard_text_can_be_filled(each: standard.Standard) -> None:
    subject, text = filling.compose(each.subject, each.text, each.piece, facts.sample(each.language))
    assert "{" not in subject + text
    assert "OMB-2026-000017-X" in subject


def test_each_kind_that_people_write_has_a_text_in_english_and_polish() -> None:
    had = {(each.kind, each.language) for each in standard.STANDARD}
    assert had == {(kind, language) for kind in (*states.WRITTEN, "acknowledgement") for language in ("en", "pl")}


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ case.nothing }}", "case.nothing"),
        ("{{ nobody }}", "nobody"),
        ("{{ 'x' * 999999999 }}", "no template may use"),
        ("{{ case.__class__.__mro__ }}", "no template may use"),
        ("{{ person.name.upper() }}", "no template may use"),
        ("{{ range(10) }}", "no template may use"),
    ],
)
def test_a_template_says_what_it_lacks_and_can_do_nothing_else(template: str, named: str) -> None:
    with pytest.raises(filling.Invalid, match=named):
        filling.fill(template, facts.sample())


def test_an_empty_fact_is_a_missing_one_and_a_text_may_ask_first() -> None:
    known = {"person": {"name": ""}, "firm": {"phone": ""}}
    with pytest.raises(filling.MissingFact, match=r"person\.name"):
        filling.fill("Dear {{ person.name }}", known)
    assert filling.fill("Call{% if firm.phone is defined %} {{ firm.phone }}{% endif %} us", known) == "Call us"


@given(st.text(max_size=300))
def test_text_as_html_holds_no_markup_of_the_writers_own(text: str) -> None:
    shown = as_html(f"{text}\n\n<script>alert(1)</script>")
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


@given(st.text(max_size=300))
def test_text_with_bold_keeps_every_character_and_no_markup_of_the_writers_own(text: str) -> None:
    whole = f"**A <b>** {text}"
    shown = with_bold(whole)
    assert "<b>" not in shown
    assert unescape(re.sub(r"</?(?:strong|span)[^>]*>", "", shown)) == whole


def test_text_as_html_knows_paragraphs_lists_links_and_bold() -> None:
    shown = as_html("Dear Ms Marsh,\nhello\n\n- one\n- **two**\n\nSee https://desk.example/a?b=1&c=2.")
    assert "<p>Dear Ms Marsh,<br>hello</p>" in shown
    assert "<ul><li>one</li><li><strong>two</strong></li></ul>" in shown
    assert '<a href="https://desk.example/a?b=1&amp;c=2">' in shown
