"""What makes a message calm, tense, upset or angry, and how far that agrees with people."""

import csv
import gzip
import os
import statistics
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from ombud_plugin_api import CustomerWords, Finding
from ombud_sentiment.english import looks_english
from ombud_sentiment.scoring import score

SHARED = Path(__file__).parents[4] / "shared" / "data"


def scored(text: str, language: str = "en") -> Finding | None:
    found = score(CustomerWords(text=text, language=language, channel="email"))
    return found[0] if found else None


def mood(text: str) -> str:
    found = scored(text)
    return found.value["mood"] if found else ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The fee was taken twice.", "calm"),
        ("Thank you for your help, that was very kind.", "calm"),
        ("I don't understand why my card was blocked.", "tense"),
        ("I am very disappointed with the service.", "upset"),
        ("I have waited for three weeks and nobody called me back. This is unacceptable.", "upset"),
        ("I am furious. You are liars and this is disgusting!!!", "angry"),
        ("THIS IS A DISGRACE AND A LIE. I hate this bank.", "angry"),
    ],
)
def test_a_message_sounds_as_people_would_say(text: str, expected: str) -> None:
    assert mood(text) == expected


def test_anger_in_one_sentence_of_a_long_calm_letter_is_seen() -> None:
    calm = "Please find the statement of October with this letter. "
    assert mood(calm * 20) == "calm"
    assert mood(calm * 20 + "You are pathetic liars and I hate this!! " + calm * 20) == "angry"


def test_being_robbed_is_what_happened_and_no_anger() -> None:
    assert mood("There was fraud on my card and the thief took 200 pounds from me.") in {"tense", "upset"}


def test_spans_are_the_words_that_drove_it() -> None:
    text = "Your letter arrived. I am furious about this awful mistake."
    found = scored(text)
    assert found is not None
    assert [text[start:end] for start, end in found.spans] == ["furious", "awful", "mistake"]


@pytest.mark.parametrize(
    "text", ["", "   ", "OK", "?!", "12,345.00", "Jestem wściekły, to skandal!!!", "C'est honteux et je suis furieux"]
)
def test_of_what_is_no_english_or_too_short_nothing_is_said(text: str) -> None:
    assert scored(text) is None
    assert scored(text, "") is None


def test_in_a_language_it_does_not_read_it_says_nothing() -> None:
    assert scored("I hate this, you are useless and this is a disgrace", "pl") is None
    assert scored("I hate this, you are useless and this is a disgrace", "") is not None


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path.name} is not beside this checkout")
        pytest.skip("the folder shared/data is not beside this checkout")
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        return list(csv.DictReader(file))


# Least correlation of the score with the mean of twenty people, by kind of text.
MEASURED = {"tweets": 0.82, "amazonReviewSnippets": 0.55, "movieReviewSnippets": 0.4, "nytEditorialSnippets": 0.46}


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_the_score_agrees_with_people_as_the_readme_says(name: str) -> None:
    pairs, by_mood = [], defaultdict(list)
    rows = _rows(SHARED / "vader_snippets" / f"{name}.csv.gz")
    for row in rows:
        found = scored(row["text"], "")
        if found is not None:
            human = float(row["human_mean_sentiment_-4_to_4"])
            pairs.append((human, float(found.value["score"])))
            by_mood[found.value["mood"]].append(human)
    agrees = statistics.correlation(*zip(*pairs, strict=True))
    means = {each: round(statistics.mean(by_mood[each]), 2) for each in ("calm", "tense", "upset", "angry")}
    print(f"{name}: r = {agrees:.3f} over {len(pairs)} of {len(rows)}; people's mean by mood: {means}")
    assert agrees >= MEASURED[name]
    assert means["calm"] > means["tense"] > means["upset"] > means["angry"]


def test_of_what_it_calls_angry_most_is_angry_to_people() -> None:
    said = defaultdict(Counter)
    for row in _rows(SHARED / "tweeteval" / "emotion.csv.gz"):
        said[mood(row["text"])][row["label"]] += 1
    angry, people = said["angry"], sum(each["anger"] for each in said.values())
    print(f"called angry: {dict(angry)}; {angry['anger']} of {people} that people called angry")
    assert angry["anger"] >= 0.8 * angry.total()
    assert angry["joy"] + angry["optimism"] <= 0.1 * angry.total()


def test_polish_reviews_are_left_alone() -> None:
    assert not any(looks_english(row["text"]) for row in _rows(SHARED / "polish_reviews" / "allegro_reviews_10.csv.gz"))
