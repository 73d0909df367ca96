from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud_csv_import.mapping import FIELD_KEY, Mapping, MappingError, guess, read_mapping

HEADER = ("Ref", "Got it", "Text", "Colour")
GOOD = Mapping(external_id="Ref", narrative="Text", extra=(("Colour", "colour"),), time_zone="Europe/Warsaw")


def test_a_good_mapping_has_no_problems_and_survives_saving() -> None:
    assert GOOD.problems(HEADER) == ()
    assert read_mapping(GOOD.document()) == GOOD


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"external_id": "Number"}, "no column 'Number'"),
        ({"narrative": ""}, "No column gives the text"),
        ({"matter_separator": "||", "matter_columns": ("Text",)}, "not from both"),
        ({"matter_separator": "||", "narrative": "", "composed": ("Text",)}, "needs the column of the narrative"),
        ({"time_zone": "Warsaw"}, "no time zone"),
        ({"time_zone": "../etc/passwd"}, "no time zone"),
        ({"date_formats": ("%H:%M",)}, "does not tell a day"),
        ({"date_formats": ("%d %d %Y",)}, "does not tell a day"),
        ({"date_formats": ("%Q",)}, "does not tell a day"),
        ({"extra": (("Colour", "The Colour"),)}, "cannot name a case field"),
        ({"extra": (("Colour", "colour"), ("Ref", "colour"))}, "Two columns go to the case field 'colour'"),
        ({"default_channel": "By Post"}, "cannot name a channel"),
        ({"channels": (("Post", ""),)}, "cannot name a channel"),
    ],
)
def test_what_keeps_a_mapping_from_use_is_said_with_the_remedy(changes: dict[str, Any], words: str) -> None:
    (problem,) = replace(GOOD, **changes).problems(HEADER)
    assert words in problem
    with pytest.raises(MappingError, match=words.replace("(", r"\(")):
        replace(GOOD, **changes).bound(HEADER)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"narrative": "Text", "colour": "red"}, "colour: unknown field"),
        ({"narrative": 7}, "narrative: must be of string type"),
        ({"narrative": "x" * 201}, "narrative: max length"),
        ({"narrative": "Text", "summary": ["a", ""]}, "summary: one of its entries"),
        ({"narrative": "Text", "extra": [["Colour"]]}, "extra: one of its entries"),
        ({"narrative": "Text", "day_first": "yes"}, "day_first: must be of boolean type"),
        ({}, "No column gives the text"),
    ],
)
def test_a_saved_mapping_that_was_tampered_with_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(MappingError, match=words):
        read_mapping(document)


def test_binding_takes_the_spelling_of_the_header() -> None:
    bound = replace(GOOD, external_id="REF", received_at=" got  IT").bound(HEADER)
    assert (bound.external_id, bound.received_at) == ("Ref", "Got it")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            ("Ticket No", "Customer Name", "E-mail", "Description", "Product type", "Created At", "Zip", "Till"),
            Mapping(
                external_id="Ticket No",
                person_name="Customer Name",
                person_email="E-mail",
                narrative="Description",
                category=("Product type",),
                received_at="Created At",
                person_postcode="Zip",
                extra=(("Till", "till"),),
            ),
        ),
        (
            ("Nr sprawy", "Data wpływu", "Imię i nazwisko", "Telefon", "Opis reklamacji", "Kategoria", "Temat"),
            Mapping(
                external_id="Nr sprawy",
                received_at="Data wpływu",
                person_name="Imię i nazwisko",
                person_phone="Telefon",
                narrative="Opis reklamacji",
                category=("Kategoria",),
                summary=("Temat",),
            ),
        ),
    ],
)
def test_common_column_names_are_understood(header: tuple[str, ...], expected: Mapping) -> None:
    assert guess(header) == expected
    assert expected.problems(header) == ()


def test_a_file_without_a_column_of_text_gets_a_proposal_that_says_so() -> None:
    assert "No column gives the text" in guess(("a", "b")).problems(("a", "b"))[0]


@given(st.lists(st.text(min_size=1, max_size=50), max_size=12, unique_by=lambda name: "".join(name.split()).casefold()))
def test_a_guess_uses_each_column_once_and_gives_valid_field_keys(header: list[str]) -> None:
    proposal = guess(header)
    assert sorted(proposal.columns()) == sorted(header)
    keys = [key for _, key in proposal.extra]
    assert len(keys) == len(set(keys))
    assert all(FIELD_KEY.fullmatch(key) for key in keys)
