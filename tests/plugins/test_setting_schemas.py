"""What a schema of settings may say, and that forms and stored values come back as they were."""

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.desk.settings.form import SET, UNSET, WAS, read_form, texts_of, value_of
from ombud.kernel.setting_schema import Field, NoSuchValue, SchemaUnfit, read_schema
from ombud.kernel.setting_values import resolve

META = {"label": "Something"}


def field(**rule: Any) -> Field:
    return read_schema({"it": {"meta": META, **rule}}).fields["it"]


UNFIT = {
    "no mapping": ({"it": "string"}, "must be a mapping"),
    "a name with a space": ({"it is": {"type": "string", "meta": META}}, "small letters"),
    "no type": ({"it": {"meta": META}}, "type None is not known"),
    "a type of another library": ({"it": {"type": "colour", "meta": META}}, "known are string"),
    "a rule core does not draw": ({"it": {"type": "string", "coerce": str, "meta": META}}, "'coerce' is not known"),
    "no label": ({"it": {"type": "string"}}, "needs a label"),
    "an unknown meta": ({"it": {"type": "string", "meta": {**META, "colour": "red"}}}, "'colour' is not known"),
    "an unknown scope": ({"it": {"type": "string", "meta": {**META, "scope": "galaxy"}}}, "scope is one of"),
    "a rule for another type": ({"it": {"type": "boolean", "min": 1, "meta": META}}, "'min' does not fit"),
    "a least that is text": ({"it": {"type": "integer", "min": "1", "meta": META}}, "min must be a int"),
    "a broken regex": ({"it": {"type": "string", "regex": "(", "meta": META}}, "cannot be read"),
    "choices of numbers for text": ({"it": {"type": "string", "allowed": [1], "meta": META}}, "must list string"),
    "no choice at all": ({"it": {"type": "string", "allowed": [], "meta": META}}, "must list string"),
    "a list of numbers": ({"it": {"type": "list", "schema": {"type": "integer"}, "meta": META}}, "holds strings"),
    "a default out of bounds": ({"it": {"type": "integer", "max": 3, "default": 4, "meta": META}}, "its own rules"),
    "a default that is a float": ({"it": {"type": "decimal", "default": 1.5, "meta": META}}, "is a Decimal"),
    "a secret number": ({"it": {"type": "integer", "meta": {**META, "secret": True}}}, "a secret is a string"),
    "a secret with a default": (
        {"it": {"type": "string", "default": "x", "meta": {**META, "secret": True}}}, "without default",
    ),
    "words for no choice": (
        {"it": {"type": "string", "allowed": ["a"], "meta": {**META, "choices": {"b": "B"}}}}, "not allowed",
    ),
    "nothing": ({}, "is empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNFIT)
def test_a_schema_that_cannot_be_drawn_or_kept_says_which_setting_and_why(case: str) -> None:
    schema, why = UNFIT[case]
    with pytest.raises(SchemaUnfit, match=re.escape(why)):
        read_schema(schema)


LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40).map(str.strip)
LINES = st.lists(LINE, max_size=4).map("\n".join).map(str.strip)
SIZES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3)
MEMBERS = st.lists(LINE.filter(bool), max_size=5, unique=True)
KINDS: dict[str, tuple[Field, st.SearchStrategy[Any]]] = {
    "line": (field(type="string"), LINE),
    "long text": (field(type="string", meta={**META, "multiline": True}), LINES),
    "whole number": (field(type="integer", nullable=True), st.none() | st.integers(-(2**53) + 1, 2**53 - 1)),
    "decimal": (field(type="decimal", nullable=True), st.none() | SIZES),
    "number": (field(type="number"), SIZES),
    "tick": (field(type="boolean"), st.booleans()),
    "date": (field(type="date", nullable=True), st.none() | st.dates()),
    "choice": (field(type="string", allowed=["a", "b"]), st.sampled_from(["a", "b"])),
    "number to choose": (field(type="integer", allowed=[7, 14]), st.sampled_from([7, 14])),
    "lines": (field(type="list"), MEMBERS),
    "ticks": (field(type="list", allowed=["a", "b", "c"]), st.lists(st.sampled_from("abc"), unique=True)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_comes_back_from_the_form_and_from_the_database_as_it_was(kind: str) -> None:
    one, values = KINDS[kind]

    @given(values)
    def there_and_back(value: Any) -> None:
        assert value_of(one, texts_of(one, value)) == value
        again = one.read(json.loads(json.dumps(one.stored(value))))
        assert again == value
        assert type(again) is type(value)
        assert one.words(value)

    there_and_back()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_browser_sends_becomes_a_fitting_value_or_words(kind: str) -> None:
    one, _ = KINDS[kind]
    refused: list[str] = []

    @given(st.lists(st.text(max_size=60), max_size=4))
    def anything(texts: list[str]) -> None:
        try:
            value = value_of(one, texts)
        except ValueError as problem:
            refused.append(str(problem))
        else:
            assert one.problem(value) == ""
            one.read(json.loads(json.dumps(one.stored(value))))

    anything()
    assert all(each.endswith(".") for each in refused)


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    hours = field(type="integer", min=1, max=72)
    assert [value_of(hours, [text]) for text in ("1", " 72 ", "7 2")] == [1, 72, 72]
    for text, words in {
        "0": "at least 1", "73": "at most 72", "x": "whole number", "1.5": "whole number", "": "cannot be empty",
        "9" * 30: "whole number",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=words):
            value_of(hours, [text])
    for one, text, words in (
        (field(type="decimal", max=Decimal("9.95")), "10", "at most 9.95"),
        (field(type="decimal"), "NaN", "Give a number"),
        (field(type="decimal"), "1e5", "Give a number"),
        (field(type="date", min=date(2026, 1, 1)), "2025-12-31", "at least 2026-01-01"),
        (field(type="date"), "yesterday", "like 2026-11-23"),
        (field(type="string", minlength=3), "ab", "at least 3 characters"),
        (field(type="string", maxlength=3), "abcd", "at most 3 characters"),
        (field(type="string", regex="[a-z]+", meta={**META, "help": "Small letters."}), "A", "Small letters"),
        (field(type="string", regex="[a-z]+"), "a\nA", "right form"),
        (field(type="string", required=True), " ", "is needed"),
        (field(type="string", allowed=["a"]), "b", "of the list"),
        (field(type="string"), "a\x00b", "cannot be kept"),
        (field(type="list", maxlength=1), "a\nb", "at most 1 line"),
        (field(type="list", schema={"type": "string", "regex": "[a-z]+"}), "a\nB", "right form"),
    ):
        with pytest.raises(ValueError, match=words):
            value_of(one, [text])
    with pytest.raises(ValueError, match="from the list"):
        value_of(field(type="list", allowed=["a"]), ["a", "b"])


def test_only_what_differs_from_what_was_shown_is_set() -> None:
    schema = read_schema({
        "hours": {"type": "integer", "meta": META}, "open": {"type": "boolean", "meta": META},
        "intro": {"type": "string", "meta": META}, "secret": {"type": "string", "meta": {**META, "secret": True}},
        "other": {"type": "string", "meta": META},
    })  # fmt: skip
    parts = {
        SET + "hours": ["24"], WAS + "hours": ["24"], WAS + "open": ["on"], SET + "intro": ["one\r\ntwo "],
        WAS + "intro": ["one\ntwo"], SET + "secret": [""], SET + "other": ["mine"], WAS + "other": ["theirs"],
    }  # fmt: skip
    asked = read_form(schema, parts, {"hours", "open", "intro", "secret"})
    assert (asked.values, asked.secrets, asked.unset, asked.wrong) == ({"open": False}, {}, frozenset(), {})
    asked = read_form(
        schema, {**parts, SET + "hours": ["x"], SET + "secret": ["s"], UNSET + "open": ["on"]}, schema.fields
    )
    assert (asked.values, asked.secrets, asked.unset) == ({"other": "mine"}, {"secret": "s"}, {"open"})
    assert list(asked.wrong) == ["hours"]
    assert "secret" not in asked.texts


def test_the_nearest_place_decides_and_what_no_longer_fits_is_passed_over() -> None:
    schema = read_schema({"hours": {"type": "integer", "max": 72, "default": 24, "meta": META}})
    held = resolve(schema, [{"hours": 100}, {}, {"hours": 48}])["hours"]
    assert (held.value, held.level) == (48, 2)
    assert (resolve(schema, [{"hours": "x"}])["hours"].value, resolve(schema, [])["hours"].level) == (24, None)
    with pytest.raises(NoSuchValue):
        schema.fields["hours"].read(True)
