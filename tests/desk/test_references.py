from hypothesis import given
from hypothesis import strategies as st

from ombud.desk import references
from ombud.desk.words import letter

numbers = st.integers(min_value=1, max_value=32**6)


@given(numbers, numbers)
def test_two_cases_never_share_a_reference(one: int, other: int) -> None:
    assert (references.make(one, "OMB") == references.make(other, "OMB")) == (one == other)


@given(numbers, st.data())
def test_one_wrong_sign_in_a_reference_is_noticed(number: int, data: st.DataObject) -> None:
    reference = references.make(number, "OMB")
    body, sign = reference.split("-")[1:]
    place = data.draw(st.integers(0, len(body) - 1))
    wrong = data.draw(st.sampled_from([each for each in references.ALPHABET if each != body[place]]))
    assert references.tidy(reference) == reference
    assert references.tidy(f"OMB-{body[:place]}{wrong}{body[place + 1 :]}-{sign}") is None


@given(numbers)
def test_a_reference_is_found_however_it_is_typed(number: int) -> None:
    reference = references.make(number, "OMB")
    typed = reference.lower().replace("0", "o").replace("1", "l", 1)
    assert references.tidy(f"  {typed} ") == reference


@given(st.text(max_size=30))
def test_any_text_is_a_reference_or_is_not(text: str) -> None:
    found = references.tidy(text)
    assert found is None or references.tidy(found) == found


def test_aspects_are_lettered_like_columns() -> None:
    assert [letter(place) for place in (1, 2, 26, 27, 28, 52, 53)] == ["A", "B", "Z", "AA", "AB", "AZ", "BA"]
