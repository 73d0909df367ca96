"""Plugins that suggest how heated a message sounds."""

import inspect
import re
import time
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from ombud_plugin_api.correspondence import MOODS, CustomerWords, Finding, SentimentScorer
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

SECONDS = 5.0
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")
# Calm and heated, in two languages; and what no language is.
TEXTS = (
    "Thank you for your letter. I enclose the statement that you asked for.",
    "THIS IS A DISGRACE. I have waited for three weeks and you still have my money. I am furious with all of you!!!",
    "WHERE IS MY MONEY",
    "Dziękuję za list. W załączeniu przesyłam wyciąg, o który państwo prosili.",
    "TO SKANDAL. Czekam od trzech tygodni, a pieniędzy nadal nie ma. Jestem wściekła na was wszystkich!!!",
    "", " \n ", "?!", "12 345,00", "🙂🙃 🔥", "a\u0301\u200b\u202e x", "\ud7ff\ufffd",
)  # fmt: skip


class SentimentContract(Contract):
    """What plugins that score moods promise."""

    kind: ClassVar[str] = "sentiment"
    title: ClassVar[str] = "Plugins that score moods"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_sentiment_scorers")

    @check(
        "basic-85",
        "Its scorers say their name, version and the languages they read",
        why="The key and the version stand beside every suggestion, so that one can be told from another a year later; "
        "a scorer is asked only about messages in a language that it reads.",
        example='SentimentScorer("postbox", "Post box", "1", ("en",), score)',
        remedy="Let the key be the slug, or begin with it and a dot; give a label, a version and codes such as en, and "
        "a score that is not asynchronous.",
    )
    async def scorers_are_named(self) -> None:
        await self.stage.enable()
        if not self._scorers():
            raise Broken("provide_sentiment_scorers gave none")
        for scorer in self._scorers():
            if scorer.key != self.plugin.slug and not scorer.key.startswith(f"{self.plugin.slug}."):
                raise Broken(f"the scorer {scorer.key!r} is not named by the slug {self.plugin.slug}")
            if not scorer.label.strip() or not scorer.version.strip() or not scorer.languages:
                raise Broken(f"the scorer {scorer.key} lacks a label, a version or a language")
            if strange := [each for each in scorer.languages if not _LANGUAGE.match(each)]:
                raise Broken(f"the scorer {scorer.key} reads the language {strange[0]!r}, which is no code")
            if inspect.iscoroutinefunction(scorer.score):
                raise Broken(f"score of {scorer.key} is asynchronous; it is pure, and runs in a thread")

    @check(
        "basic-86",
        "The same words get the same mood, one of the list, with spans inside the text; and nothing else happens",
        why="A message is scored again after a fault or an upgrade, and people sort by what came of it. A mood that "
        "nobody knows, or a span outside the text, is not shown and counts as a fault. In a language that is not known "
        "it may say nothing.",
        example='Finding(kind="mood", value={"mood": "tense", "score": "-0.31"}, spans=((3, 11),))',
        remedy="Give a list of Findings of kind mood, each with a mood of MOODS and a score from -1 to 1 as text; read "
        "nothing but the words: no clock, no chance, no network, no database.",
    )
    async def scoring_is_pure(self) -> None:
        await self.stage.enable()
        for scorer in self._scorers():
            for words in self._words(scorer):
                with self.stage.watch() as watched:
                    first, second = self._scored(scorer, words), self._scored(scorer, words)
                if first != second:
                    raise Broken(f"{scorer.key} gives two different answers to {words.text[:30]!r}")
                if watched.statements or watched.reached:
                    raise Broken(f"{scorer.key} asks the database or the network while it scores")
                for each in first:
                    self._lawful(scorer, words, each)

    @check(
        "basic-87",
        "What it says of a message repeats nothing of what was written",
        why="Core erases a person's words where they stand. A reason that quotes them would outlive them; positions "
        "and codes do not.",
        example='reason="Two words and a row of exclamation marks drove it."',
        remedy="Put positions into spans, and into the reason only what counts and kinds say.",
    )
    async def reasons_quote_nothing(self) -> None:
        await self.stage.enable()
        person = Marked.person(85)
        for scorer in self._scorers():
            for text in (person.text, f"{person.mark.upper()} HATES THIS {person.mark.upper()} DISGRACE!!!"):
                for words in self._words(scorer, (text,)):
                    for each in self._scored(scorer, words):
                        if person.mark in repr(each).casefold():
                            raise Broken(f"{scorer.key} repeats what was written: {each!r:.120}")

    @check(
        "sound-45",
        "A huge text costs a moment",
        why="Core stops a scorer after five seconds and the message stays without a mood; one that takes them for "
        "every long letter holds the others up.",
        example="text = words.text[:20_000]",
        remedy="Read the beginning of a long text; who writes so much has shown the tone by then.",
    )
    async def huge_texts_are_bounded(self) -> None:
        await self.stage.enable()
        for scorer in self._scorers():
            for text in (TEXTS[1] * 1800, "a" * 200_000, "!" * 200_000, "( " * 100_000):
                for words in self._words(scorer, (text,))[:1]:
                    started = time.monotonic()
                    self._scored(scorer, words)
                    if (taken := time.monotonic() - started) > SECONDS:
                        raise Broken(f"{scorer.key} takes {taken:.1f} seconds over {len(text)} characters")

    def _scorers(self) -> list[SentimentScorer]:
        return list(self.stage.provided.sentiment_scorers)

    @staticmethod
    def _words(scorer: SentimentScorer, texts: tuple[str, ...] = TEXTS) -> list[CustomerWords]:
        languages = dict.fromkeys((scorer.languages[0] if scorer.languages else "", "", "zz"))
        return [CustomerWords(text=text, language=language, channel="kit") for text in texts for language in languages]

    @staticmethod
    def _scored(scorer: SentimentScorer, words: CustomerWords) -> list[Finding]:
        try:
            given: Any = scorer.score(words)
        except Exception as problem:
            raise Broken(f"{scorer.key} answers {words.text[:30]!r} with {type(problem).__name__}: {problem}") from None
        if not isinstance(given, list | tuple) or not all(isinstance(each, Finding) for each in given):
            raise Broken(f"{scorer.key} gives {given!r:.60}; a list of findings is asked for")
        return list(given)

    @staticmethod
    def _lawful(scorer: SentimentScorer, words: CustomerWords, found: Finding) -> None:
        mood, score = found.value.get("mood"), found.value.get("score", "")
        if found.kind != "mood" or mood not in MOODS:
            raise Broken(f"{scorer.key} gives the mood {mood!r}, which is none of {', '.join(MOODS)}")
        try:
            fits = -1 <= Decimal(score) <= 1
        except (InvalidOperation, TypeError, ValueError):
            fits = False
        if not fits:
            raise Broken(f"{scorer.key} gives the score {score!r}; a decimal from -1 to 1 as text is asked for")
        if not all(0 <= start < end <= len(words.text) for start, end in found.spans):
            raise Broken(f"{scorer.key} points outside {words.text[:30]!r}: {found.spans!r:.60}")
