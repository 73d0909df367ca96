"""Whether the English and the Polish part of one letter say the same: as many parts, the same sums, days, references.
Pure."""

from collections.abc import Callable

from ombud.desk.gate import days, sums
from ombud.desk.gate.blocks import blocks
from ombud.desk.gate.findings import Finding, found
from ombud.desk.references import find

_NAMES = {"en": "English", "pl": "Polish"}
_Place = tuple[int, int]


def check(text: str, texts: dict[str, str], usual: str) -> list[Finding]:
    """`texts`: the letter by language, with blanks for the other."""
    return [*_parts(text, usual), *_apart(texts, "sum", _sums), *_apart(texts, "day", _days), *_references(texts)]


def _parts(text: str, usual: str) -> list[Finding]:
    count = {code: sum(each.language == code for each in blocks(text, usual[:2])) for code in _NAMES}
    if count["en"] == count["pl"]:
        return []
    return [found(
        "languages", "parts_apart", "The English part has %(en)s paragraphs, the Polish part %(pl)s",
        "Say the same in both, paragraph by paragraph.", en=count["en"], pl=count["pl"],
        key=f"{count['en']}-{count['pl']}",
    )]  # fmt: skip


def _sums(text: str) -> dict[str, _Place]:
    return {sums.worded(each.money, "en"): (each.start, each.end) for each in sums.said(text)}


def _days(text: str) -> dict[str, _Place]:
    found = {}
    for each in days.said(text):
        if each.month_day is not None:
            found[f"{each.month_day[1]}/{each.month_day[0]}"] = (each.start, each.end)
        elif each.could_be:
            found[days.worded(min(each.could_be), "en")] = (each.start, each.end)
    return found


def _apart(texts: dict[str, str], what: str, read: Callable[[str], dict[str, _Place]]) -> list[Finding]:
    there = {code: read(text) for code, text in texts.items()}
    return [
        found(
            "languages", f"{what}_apart", "%(value)s stands in the %(here)s part only",
            "Say it in the %(there)s part too.",
            value=value, here=_NAMES[code], there=_NAMES[other], passage=place, key=f"{value}/{code}",
        )
        for code, other in (("en", "pl"), ("pl", "en"))
        for value, place in there[code].items()
        if value not in there[other]
    ]  # fmt: skip


def _references(texts: dict[str, str]) -> list[Finding]:
    return _apart(texts, "reference", lambda text: {
        each: (place, place + len(each)) for each in find(text) if (place := text.upper().find(each)) >= 0
    })  # fmt: skip
