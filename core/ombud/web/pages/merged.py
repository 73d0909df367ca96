"""Forms that say what they were drawn with, so that two people's changes of one record can both be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ombud.desk.colleagues.merging import Merged, merge
from ombud.desk.words import label
from ombud.speech import joined, sentence
from ombud.web.pages.given import Given

BASE, CHOICE = "base.", "choice."
Words = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Sides:
    """What a form wants against what the record holds now. `mine`: the texts as typed, to be shown again."""

    mine: Mapping[str, str]
    now: Mapping[str, str]
    merged: Merged

    @property
    def kept(self) -> dict[str, str]:
        """The form as it comes back: mine where we clash, else what both of us together want."""
        return {**self.now, **self.merged.values, **{name: self.mine[name] for name in self.merged.clashes}}


def sides(form: Given, now: Mapping[str, str]) -> Sides | None:
    """None where the form does not say what it was drawn with; then the version alone decides. A box that is not
    ticked is not sent, and so reads as empty."""
    names = [name.removeprefix(BASE) for name in form.parts() if name.startswith(BASE)]
    names = [name for name in names if name in now]
    if not names:
        return None
    base = {name: form.text(BASE + name) for name in names}
    mine = {name: base[name] if form.text(CHOICE + name) == "theirs" else form.text(name) for name in names}
    return Sides(mine, now, merge(base, mine, {name: now[name] for name in names}))


def told(who: str, found: Sides, said: str, words: Mapping[str, str]) -> str:
    """The toast after a change: what somebody else changed meanwhile, if anything, beside what was done."""
    fields = [_label(name, words).lower() for name in found.merged.theirs]
    if not fields:
        return said
    both = "both changes are kept" if found.merged.mine else "it is kept"
    return sentence(
        "%(said)s %(who)s changed %(fields)s meanwhile; %(both)s.", said=said, who=who, fields=_and(fields), both=both
    )


def clashes(
    found: Sides, who: str, at: datetime, version: int, words: Mapping[str, str], values: Words
) -> dict[str, Any]:
    """What fragments/conflict.html draws: for each field both texts, to choose from."""
    return {
        "who": who, "at": at, "version": version, "yours": [], "theirs": [],
        "choices": [
            {"name": CHOICE + name, "label": _label(name, words), "mine": _said(name, clash.mine, values),
             "theirs": _said(name, clash.theirs, values)}
            for name, clash in found.merged.clashes.items()
        ],
    }  # fmt: skip


def _label(name: str, words: Mapping[str, str]) -> str:
    return words.get(name) or label(name.removeprefix("fields."))


def _said(name: str, text: str, values: Words) -> str:
    return values.get(name, {}).get(text, text) or "–"


def _and(names: list[str]) -> str:
    return (
        names[0]
        if len(names) == 1
        else sentence("%(names)s and %(names2)s", names=joined(names[:-1]), names2=names[-1])
    )
