"""Cover and warnings from codes and days alone."""

from datetime import date
from typing import Any

import pytest

from ombud_ombudsman_file.profile import cover, missing, recipient, referral_until
from ombud_plugin_api import CaseFileAspect, CaseFileFacts

SETTINGS = {"ombudsman": "Rzecznik Finansowy", "firm_number": "123456", "contact": "Complaints, 020 7946 0000"}


def facts(**more: Any) -> CaseFileFacts:
    given = {"reference": "OMB-1", "received_on": date(2026, 1, 5), "today": date(2026, 2, 10), "settings": SETTINGS}
    return CaseFileFacts(**{**given, "aspects": (CaseFileAspect(letter="A", outcome="upheld"),), **more})


def test_the_cover_names_the_firm_as_the_ombudsman_knows_it_and_counts_the_days() -> None:
    rows = dict(cover(facts(final_response_on=date(2026, 2, 2))))
    assert rows["Firm number"] == "123456"
    assert rows["Contact at the firm"] == "Complaints, 020 7946 0000"
    assert rows["Days with the firm"] == "28 (final response due within 56)"
    assert rows["Referral possible until"] == "2 August 2026"
    assert rows["Aspects decided"] == "1 of 1"
    assert "Legal name" not in rows
    assert recipient(facts()) == "Rzecznik Finansowy"
    assert recipient(facts(settings={})) == "the ombudsman"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "only with your consent"),
        ({"today": date(2026, 3, 3)}, "and the 56 days are over"),
        ({"final_response_on": date(2026, 1, 20), "today": date(2026, 7, 21)}, "The time for a referral is over"),
        ({"aspects": (CaseFileAspect(letter="A"), CaseFileAspect(letter="B"))}, "No outcome yet: aspect A, B"),
        ({"settings": {}}, "names nobody whom the ombudsman may ask"),
    ],
)
def test_what_speaks_against_handing_it_over_is_said(more: dict[str, Any], said: str) -> None:
    assert any(said in each for each in missing(facts(**more)))


def test_nothing_is_missing_of_a_case_that_is_ready() -> None:
    ready = facts(final_response_on=date(2026, 1, 20), today=date(2026, 7, 20))
    assert missing(ready) == []


def test_a_referral_ends_on_the_last_day_of_a_shorter_month() -> None:
    assert referral_until(date(2026, 8, 31), {}) == date(2027, 2, 28)
    assert referral_until(date(2026, 12, 1), {"referral_months": 1}) == date(2027, 1, 1)
