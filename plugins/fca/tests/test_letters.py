"""What DISP asks of letters, read by core's gate."""

from datetime import date

import pytest

from ombud.desk.gate.checking import check
from ombud.desk.gate.findings import AspectFact, Letter, Record
from ombud_fca.letters import FINAL, HOLDING, REQUIREMENTS, SUMMARY
from ombud_plugin_api.responses import ResponseRequirement, unfit

RECORD = Record("OMB-1", date(2026, 3, 2), date(2026, 4, 1), (AspectFact("a", "A", "Double fee", "not_upheld"),))


def lacking(requirement: ResponseRequirement, text: str, *files: str) -> list[str]:
    letter = Letter(text, "OMB-1", "en", files, requirement.letter)
    asked = {each.label for each in (*requirement.parts, *requirement.leaflets)}
    found = check(letter, RECORD, [requirement])
    return sorted(label for label in asked if any(label in each.facts.values() for each in found))


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each.letter)
def test_a_letter_of_the_examples_lacks_nothing_and_an_empty_one_everything(requirement: ResponseRequirement) -> None:
    assert unfit(requirement) == ""
    whole = "\n\n".join(part.example["en"] for part in requirement.parts)
    assert lacking(requirement, whole, "ombudsman-leaflet.pdf") == []
    asked = sorted(each.label for each in (*requirement.parts, *requirement.leaflets))
    assert lacking(requirement, "Dear Ms Marsh, we looked at it.") == asked


@pytest.mark.parametrize("part", FINAL.parts, ids=lambda each: each.key)
def test_each_part_of_a_final_response_is_missed_alone(part: object) -> None:
    rest = "\n\n".join(each.example["en"] for each in FINAL.parts if each is not part)
    assert lacking(FINAL, rest, "leaflet.pdf") == [part.label]  # type: ignore[attr-defined]


def test_no_figure_is_called_official_and_each_kind_of_letter_is_named_once() -> None:
    assert {each.provenance for each in REQUIREMENTS} == {"secondary"}
    assert {each.letter for each in REQUIREMENTS} == {"final_response", "summary_resolution", "holding"}
    assert SUMMARY.leaflets == ()
    assert HOLDING.leaflets == FINAL.leaflets
