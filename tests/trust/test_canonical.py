"""The ledger's bytes: canonical form and Merkle trees, against definitions written as plainly as possible."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.speech import builtins_of, counted, encoded, sentence
from ombud.trust import merkle
from ombud.trust.canonical import NotCanonical, canonical

ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4)
)


@given(values)
def test_canonical_form_is_what_python_writes_by_the_rule_of_the_format(value: Any) -> None:
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(value) == expected


@given(values)
def test_canonical_form_survives_reading(value: Any) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), 2**53, -(2**53), {"ę": 1}, {1: 1}, b"x", {"a": [{"b": 0.1}]}, "\ud800", object()]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(NotCanonical, match=r"value\.lines\[1\]\.amount: float"):
        canonical({"lines": [{"amount": "1"}, {"amount": 1.5}]})


def test_endless_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100):
        value = [value]
    with pytest.raises(NotCanonical, match="deeper"):
        canonical(value)


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word by word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def plain_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, 2.1.3.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*plain_path(index, leaves[:k]), plain_root(leaves[k:])]
    return [*plain_path(index - k, leaves[k:]), plain_root(leaves[:k])]


leaf_lists = st.integers(0, 130).map(lambda size: [hashlib.sha256(b"%d" % n).digest() for n in range(size)])


@given(leaf_lists)
def test_roots_are_those_of_the_rfc(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == plain_root(leaves)


@given(leaf_lists.filter(bool), st.data())
def test_paths_are_those_of_the_rfc_and_prove_only_their_leaf(leaves: list[bytes], data: st.DataObject) -> None:
    indexes = data.draw(st.sets(st.integers(0, len(leaves) - 1), min_size=1, max_size=5))
    tree = merkle.Paths(len(leaves), indexes)
    for leaf in leaves:
        tree.add(leaf)
    for index in indexes:
        path = tree.path(index)
        assert path == plain_path(index, leaves)
        assert merkle.includes(tree.root(), leaves[index], index, len(leaves), path)
        assert not merkle.includes(tree.root(), hashlib.sha256(b"other").digest(), index, len(leaves), path)
        assert not merkle.includes(tree.root(), leaves[index], index, len(leaves), [*path, leaves[0]])
        if len(leaves) > 1:
            other = (index + 1) % len(leaves)
            assert not merkle.includes(tree.root(), leaves[index], other, len(leaves), path)


def test_a_path_outside_the_tree_is_refused() -> None:
    with pytest.raises(IndexError):
        merkle.Paths(3, [3])


def test_words_that_can_say_themselves_are_kept_in_english() -> None:
    """Also in what is written for programs elsewhere."""
    told = {"why": sentence("Choose the queue."), "parts": [counted("%(num)s row", "%(num)s rows", 2)]}
    assert canonical(told) == b'{"parts":["2 rows"],"why":"Choose the queue."}'
    assert encoded(told, order="sorted") == canonical(told)
    assert [type(each) for each in (builtins_of(told)["why"], *builtins_of(told)["parts"])] == [str, str]
