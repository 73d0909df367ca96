"""A text as blocks between empty lines, sentences and words, each with its language, English or Polish. Pure."""

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_END = re.compile(r"[.!?…]+[\"”’)*]*(?=\s+[\"„“(*]*[A-ZĄĆĘŁŃÓŚŹŻ0-9]|\s*\Z)")
_SHORT = frozenset("mr mrs ms dr no art ust pkt np m.in tj itd ul nr prof inż e.g i.e st vs ltd".split())  # noqa: SIM905
_COMMON = {
    "en": "the and to of a in is that it you for we on your our this not with are be have was as by or if from can "
    "will were has been at which an they their answer letter complaint outcome dear sincerely regards",
    "pl": "i w z na do nie się że to jest o za po od przez dla oraz są jak ze lub czy był była było nasza nasz naszej "
    "twoja twoją pana pani państwa tej tego odpowiedź skarga skargi reklamacji dzień dobry rozstrzygnięcie",
}
_KNOWN = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_POLISH = re.compile(r"[ąćęłńśźż]", re.IGNORECASE)


@dataclass(frozen=True)
class Block:
    """Lines without an empty one between. `language`: en, pl, or empty where nothing tells."""

    start: int
    end: int
    text: str
    language: str = ""


def words_in(text: str) -> list[str]:
    return _WORD.findall(text)


def language_of(text: str) -> str:
    """en, pl, or empty where too little tells."""
    words = [each.lower() for each in words_in(text)]
    english = sum(each in _KNOWN["en"] for each in words)
    polish = sum(each in _KNOWN["pl"] or bool(_POLISH.search(each)) for each in words)
    if english == polish:
        return ""
    return "en" if english > polish else "pl"


def blocks(text: str, usual: str = "") -> list[Block]:
    """In order; one that tells no language has that of the block before, the first that of the next, or `usual`."""
    found = [Block(*match.span(), match[0], language_of(match[0])) for match in _BLOCK.finditer(text)]
    following = next((each.language for each in found if each.language), usual)
    named = []
    for each in found:
        following = each.language or following
        named.append(Block(each.start, each.end, each.text, following))
    return named


def spoken(text: str, usual: str) -> tuple[str, ...]:
    """The languages a letter is written in: both where each has at least a fifth of the words and two blocks."""
    found = blocks(text, usual[:2])
    weight = {code: sum(len(words_in(each.text)) for each in found if each.language == code) for code in ("en", "pl")}
    total = sum(weight.values())
    both = total and all(
        5 * weight[code] >= total and sum(each.language == code for each in found) > 1 for code in weight
    )
    if both:
        return ("en", "pl")
    if not total:
        return (usual[:2],)
    return (max(weight, key=lambda code: weight[code]),)


def only(text: str, language: str, usual: str) -> str:
    """The text with blanks for what is in another language, so that places stay what they are."""
    kept = [" " if sign != "\n" else sign for sign in text]
    for each in blocks(text, usual[:2]):
        if each.language == language:
            kept[each.start : each.end] = each.text
    return "".join(kept)


def sentences(text: str) -> list[tuple[int, int]]:
    """From and to of each sentence; a line that begins a list, and a block, end one too."""
    found = []
    for block in _BLOCK.finditer(text):
        for line in re.finditer(r"(?:(?!\n[-*•] )[\s\S])+", block[0]):
            begin = block.start() + line.start()
            found += _parted(text, begin, block.start() + line.end())
    return found


def _parted(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found, begin = [], start
    for stop in _END.finditer(text, start, end):
        last = text[begin : stop.start()].rsplit(None, 1)[-1:]
        word = last[0].lower().lstrip('("„“*') if last else ""
        if stop[0].startswith(".") and (
            word in _SHORT or (len(word) == 1 and word.isalpha() and word not in "raiouwz")
        ):
            continue
        found.append(_trimmed(text, begin, stop.end()))
        begin = stop.end()
    if text[begin:end].strip():
        found.append(_trimmed(text, begin, end))
    return found


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def sentence_at(text: str, place: int) -> tuple[int, int]:
    """The sentence that holds a place."""
    return next(((start, end) for start, end in sentences(text) if start <= place < end), (place, place))
