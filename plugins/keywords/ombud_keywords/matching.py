"""Which categories a message is about, by the words of their lists."""

from collections.abc import Sequence

from ombud_keywords.lists import Unreadable, WordList, read, words_of
from ombud_plugin_api import Finding, MessageFacts

LONGEST = 20_000  # characters that are read
MOST_SPANS = 10


def classify(facts: MessageFacts) -> list[Finding]:
    """One finding for each category whose words stand in the text, the one with most of them first."""
    try:
        lists = read(facts.settings.get("lists") or ())
    except Unreadable:  # saved by another version; the settings page says so when it is opened
        return []
    codes = {each.code for each in facts.categories}
    words = words_of(facts.text[:LONGEST])
    found: dict[str, list[tuple[int, int]]] = {}
    for each in lists:
        if each.category in codes and (spans := _spans(each, words)):
            found.setdefault(each.category, []).extend(spans)
    ordered = sorted(found.items(), key=lambda pair: (-len(set(pair[1])), pair[0]))
    return [_finding(category, sorted(set(spans))) for category, spans in ordered]


def _spans(given: WordList, words: Sequence[tuple[str, int, int]]) -> list[tuple[int, int]]:
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for phrase in given.phrases:
        by_first.setdefault(phrase[0], []).append(phrase)
    found = []
    for place, (word, start, _) in enumerate(words):
        for phrase in by_first.get(word, ()):
            here = words[place : place + len(phrase)]
            if tuple(each for each, _, _ in here) == phrase:
                found.append((start, here[-1][2]))
    return found


def _finding(category: str, spans: list[tuple[int, int]]) -> Finding:
    count = len(spans)
    reason = "One passage has words of its list." if count == 1 else f"{count} passages have words of its list."
    return Finding(kind="aspect", value={"category": category}, reason=reason, spans=tuple(spans[:MOST_SPANS]))
