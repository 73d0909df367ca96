"""From a customer's words to calm, tense, upset or angry. Pure: no settings, no clock, the same words give the same.

VADER gives each sentence a compound score from -1 to 1. A long letter is scored by sentences, because the score of a
whole one runs to an end of the scale whatever it says. The mood is that of the most heated sentence: its score, raised
by signs of heat (words of anger, shouting in capitals, rows of exclamation marks), one more where others are heated
too. The thresholds are fixed, so that the same message is the same colour in every unit; README.md says how they were
measured and how far they can be trusted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from ombud_plugin_api import CustomerWords, Finding
from ombud_plugin_api.correspondence import MOODS
from ombud_sentiment.english import WORD, looks_english

TENSE, UPSET, ANGRY = -0.2, -0.5, -0.6  # of the worst sentence, at most
HEATED = 2  # points of heat that make an upset sentence an angry message
LONGEST = 20_000  # characters that are read
SENTENCES = 300  # that are scored, from the beginning
MOST_SPANS = 40

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*|[.!?]+")
# Words of anger. Not among them what a complaint to a bank is often about: fraud, scam, stolen.
_RAGE = """
    absurd abysmal angry appalled appalling atrocious bastard bastards bloody bullshit crap crook crooks damn despicable
    disgrace disgraceful disgusted disgusting enraged fool fools fucking fuming furious garbage hate horrendous idiot
    idiots incompetence incompetent infuriated infuriating insane insult insulting joke laughable liar liars livid
    ludicrous lying mad nightmare outrage outraged outrageous pathetic rage ridiculous rubbish scandalous shambles shame
    shameful shit shocking stupid swindlers thieves unacceptable unbelievable useless vile worst
"""
_RAGE_WORDS = frozenset(_RAGE.split())


@dataclass(frozen=True)
class Sentence:
    """One sentence with its place in the text, how VADER scores it, and the words that drove it."""

    start: int
    compound: float
    heat: int
    spans: tuple[tuple[int, int], ...]


def score(words: CustomerWords) -> Sequence[Finding]:
    """One finding, or none where the text is not English or too short to tell."""
    text = words.text[:LONGEST]
    if words.language not in {"", "en"} or not looks_english(text):
        return []
    sentences = [_sentence(found.start(), found.group()) for found in _parts(text)]
    heated = sum(each.heat >= HEATED for each in sentences)
    mood, heat = max(
        ((mood_of(each.compound, each.heat + (heated > 1)), each.heat) for each in sentences),
        key=lambda found: (MOODS.index(found[0]), found[1]),
    )
    charged = [each for each in sentences if each.compound]
    mean = sum(each.compound for each in charged) / len(charged) if charged else 0.0
    spans = [span for each in sorted(sentences, key=lambda one: one.compound) for span in each.spans]
    return [
        Finding(
            kind="mood", value={"mood": mood, "score": f"{mean:.4f}"}, reason=_reason(mood, len(spans), heat),
            spans=tuple(sorted(spans[:MOST_SPANS])),
        )
    ]  # fmt: skip


def mood_of(compound: float, heat: int) -> str:
    """The mood of a sentence from its score and its points of heat."""
    if (compound <= ANGRY and heat >= HEATED) or (compound <= UPSET and heat > HEATED):
        return "angry"
    if compound <= UPSET or (compound <= TENSE and heat >= HEATED):
        return "upset"
    if compound <= TENSE or heat >= HEATED:
        return "tense"
    return "calm"


def _parts(text: str) -> list[re.Match[str]]:
    return [each for each in _SENTENCE.finditer(text) if each.group().strip()][:SENTENCES]


def _sentence(start: int, text: str) -> Sentence:
    found = [(each.start(), each.end(), each.group()) for each in WORD.finditer(text)]
    rage = [(begin, end) for begin, end, word in found if word.lower() in _RAGE_WORDS]
    bad = [(begin, end) for begin, end, word in found if _lexicon().get(word.lower(), 0.0) < 0]
    shouted = [word for _, _, word in found if len(word) > 3 and word.isupper()]
    heat = 2 * len(rage) + (len(shouted) >= 2) + ("!!" in text)
    spans = tuple((start + begin, start + end) for begin, end in sorted({*rage, *bad}))
    return Sentence(start, float(_analyzer().polarity_scores(text)["compound"]), heat, spans)


def _reason(mood: str, words: int, heat: int) -> str:
    """In a sentence that repeats nothing of what was written."""
    if mood == "calm":
        return "No sentence sounds heated."
    told = (
        "One word drove it" if words == 1 else f"{words} words drove it" if words else "The way it is written drove it"
    )
    return f"{told}; signs of heat: {heat}."


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


def _lexicon() -> dict[str, float]:
    return _analyzer().lexicon  # type: ignore[no-any-return]
