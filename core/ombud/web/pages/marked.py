"""A text with its pinned passages marked."""

from collections.abc import Sequence
from itertools import pairwise

Pinned = tuple[str, int, int]


def marked(text: str, pins: Sequence[Pinned], offset: int = 0) -> list[tuple[str, str]]:
    """The text in pieces: (words, letters of the aspects they are pinned to, empty where to none). `offset`: where the
    text begins in the one the passages count in. Pure."""
    spans = [
        (max(0, start - offset), min(len(text), finish - offset), letter)
        for letter, start, finish in pins
        if start - offset < len(text) and finish - offset > 0
    ]
    edges = sorted({0, len(text), *(edge for start, finish, _ in spans for edge in (start, finish))})
    pieces: list[tuple[str, str]] = []
    for start, finish in pairwise(edges):
        letters = ", ".join(sorted({letter for first, after, letter in spans if first <= start and finish <= after}))
        pieces.append((text[start:finish], letters))
    return pieces
