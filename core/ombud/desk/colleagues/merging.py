"""Two people change one record: what each of them touched alone is kept, what both touched is put to a person."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Clash:
    """One field that both sides changed, to different values."""

    base: str
    mine: str
    theirs: str


@dataclass(frozen=True)
class Merged:
    """`values`: every field of mine that is no clash, with the change of either side; `mine` and `theirs`: the fields
    that only one of us changed."""

    values: Mapping[str, str]
    mine: tuple[str, ...]
    theirs: tuple[str, ...]
    clashes: Mapping[str, Clash]


def merge(base: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]) -> Merged:
    """Three-way: `base` is what my form was drawn with, `theirs` what the record holds now. Line ends and space around
    a text are no change. A field that only the record has is not mine to write; one without a base clashes wherever
    the two differ, since nobody knows who changed it. Pure."""
    values: dict[str, str] = {}
    clashes: dict[str, Clash] = {}
    own: list[str] = []
    others: list[str] = []
    for name, wanted in mine.items():
        now = theirs.get(name, "")
        before = base.get(name)
        if same(wanted, now):
            values[name] = now
        elif before is not None and same(wanted, before):
            values[name] = now
            others.append(name)
        elif before is not None and same(now, before):
            values[name] = wanted
            own.append(name)
        else:
            clashes[name] = Clash(before or "", wanted, now)
    return Merged(values, tuple(own), tuple(others), clashes)


def same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
