"""Plugins that propose what a message is about."""

import inspect
import re
import time
from typing import Any, ClassVar

from ombud_plugin_api.classifiers import CategoryOption, Classifier, MessageFacts
from ombud_plugin_api.correspondence import Finding
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.kinds.sentiment import TEXTS
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

SECONDS = 5.0
CATEGORIES = (
    CategoryOption(code="fees", labels={"en": "Fees", "pl": "Opłaty"}),
    CategoryOption(code="staff", labels={"en": "Staff", "pl": "Pracownicy"}),
    CategoryOption(code="data-leak", labels={"en": "Data leak"}),
    CategoryOption(code="money", labels={}),
)
MESSAGES = (
    *TEXTS, "Your fees are a scandal, your staff is rude, and where is my money? The data-leak is the last straw.",
    "FEES FEES FEES", "Opłaty! Opłaty!", "money " * 50,
)  # fmt: skip
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


class ClassifierContract(Contract):
    """What plugins that propose aspects promise."""

    kind: ClassVar[str] = "classifier"
    title: ClassVar[str] = "Plugins that say what a message is about"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_classifiers")

    @check(
        "basic-36",
        "Its classifiers say their name and version, and languages by code",
        why="The key and the version stand beside every proposal, so that one can be told from another a year later; a "
        "classifier is asked only about messages in a language that it reads.",
        example='Classifier("postbox", "Post box", "1", classify, languages=("en",))',
        remedy="Let the key be the slug, or begin with it and a dot; give a label, a version, codes such as en (none "
        "for any language), and a classify that is not asynchronous.",
    )
    async def classifiers_are_named(self) -> None:
        await self.stage.enable()
        if not self._classifiers():
            raise Broken("provide_classifiers gave none")
        for classifier in self._classifiers():
            if classifier.key != self.plugin.slug and not classifier.key.startswith(f"{self.plugin.slug}."):
                raise Broken(f"the classifier {classifier.key!r} is not named by the slug {self.plugin.slug}")
            if not classifier.label.strip() or not classifier.version.strip():
                raise Broken(f"the classifier {classifier.key} lacks a label or a version")
            if strange := [each for each in classifier.languages if not _LANGUAGE.match(each)]:
                raise Broken(f"the classifier {classifier.key} reads the language {strange[0]!r}, which is no code")
            if inspect.iscoroutinefunction(classifier.classify):
                raise Broken(f"classify of {classifier.key} is asynchronous; it is pure, and runs in a thread")

    @check(
        "basic-37",
        "The same message gets the same proposals, each of a category it was given, with spans inside the text; and "
        "nothing else happens",
        why="A message is read again after a fault, and a person decides on each proposal. A category the unit does "
        "not have is dropped without a word; a span outside the text is a fault; an outcome is nobody's to propose.",
        example='Finding(kind="aspect", value={"category": "fees"}, spans=((4, 8),))',
        remedy="Give a list of Findings of kind aspect, each with one of facts.categories and nothing of outcome or "
        "redress; read nothing but the facts: no clock, no chance, no network, no database.",
    )
    async def classifying_is_pure(self) -> None:
        await self.stage.enable()
        for classifier in self._classifiers():
            for facts in self._messages(classifier):
                with self.stage.watch() as watched:
                    first, second = self._said(classifier, facts), self._said(classifier, facts)
                if first != second:
                    raise Broken(f"{classifier.key} gives two different answers to {facts.text[:30]!r}")
                if watched.statements or watched.reached:
                    raise Broken(f"{classifier.key} asks the database or the network while it reads")
                for each in first:
                    self._lawful(classifier, facts, each)

    @check(
        "basic-38",
        "What it says of a message repeats nothing of what was written",
        why="Core erases a person's words where they stand. A reason that quotes them would outlive them; positions "
        "and codes do not.",
        example='reason="Three passages have words of its list."',
        remedy="Put positions into spans, and into the reason only what counts and kinds say.",
    )
    async def reasons_quote_nothing(self) -> None:
        await self.stage.enable()
        person = Marked.person(86)
        for classifier in self._classifiers():
            named = f"{person.mark} says: your fees, your staff, my money, the data-leak. {person.mark}"
            for text in (person.text, named):
                for facts in self._messages(classifier, (text,)):
                    for each in self._said(classifier, facts):
                        if person.mark in repr(each).casefold():
                            raise Broken(f"{classifier.key} repeats what was written: {each!r:.120}")

    @check(
        "sound-52",
        "A huge text, a taxonomy that is empty and settings that are missing cost a moment and no error",
        why="Core stops a classifier after five seconds and the message stays without its proposals; one that takes "
        "them for every long letter holds the others up.",
        example="text = facts.text[:20_000]",
        remedy="Read the beginning of a long text, and propose nothing where there is nothing to choose from.",
    )
    async def much_and_nothing_are_borne(self) -> None:
        await self.stage.enable()
        for classifier in self._classifiers():
            for text in (MESSAGES[len(TEXTS)] * 2000, "a" * 200_000, "fees " * 40_000, "( " * 100_000):
                started = time.monotonic()
                self._said(classifier, self._messages(classifier, (text,))[0])
                if (taken := time.monotonic() - started) > SECONDS:
                    raise Broken(f"{classifier.key} takes {taken:.1f} seconds over {len(text)} characters")
            bare = MessageFacts(text=MESSAGES[len(TEXTS)])
            if self._said(classifier, bare):
                raise Broken(f"{classifier.key} proposes a category where there are none to choose from")
            self._said(classifier, MessageFacts(text=bare.text, categories=CATEGORIES))

    def _classifiers(self) -> list[Classifier]:
        return list(self.stage.provided.classifiers)

    def _messages(self, classifier: Classifier, texts: tuple[str, ...] = MESSAGES) -> list[MessageFacts]:
        """With the plugin's settings as they are where nobody has set any."""
        schemas = [each.schema for each in self.stage.provided.settings]
        settings = {name: rule.get("default") for schema in schemas for name, rule in schema.items()}
        languages = dict.fromkeys((classifier.languages[0] if classifier.languages else "en", "", "zz"))
        return [
            MessageFacts(text=text, language=language, channel="kit", categories=CATEGORIES, settings=settings)
            for text in texts for language in languages
        ]  # fmt: skip

    @staticmethod
    def _said(classifier: Classifier, facts: MessageFacts) -> list[Finding]:
        try:
            given: Any = classifier.classify(facts)
        except Exception as problem:
            shown = f"{type(problem).__name__}: {problem}"
            raise Broken(f"{classifier.key} answers {facts.text[:30]!r} with {shown}") from None
        if not isinstance(given, list | tuple) or not all(isinstance(each, Finding) for each in given):
            raise Broken(f"{classifier.key} gives {given!r:.60}; a list of findings is asked for")
        return list(given)

    @staticmethod
    def _lawful(classifier: Classifier, facts: MessageFacts, found: Finding) -> None:
        category = found.value.get("category")
        if found.kind != "aspect" or category not in {each.code for each in facts.categories}:
            raise Broken(f"{classifier.key} proposes {category!r}; an aspect of a category it was given is asked for")
        if more := sorted(set(found.value) - {"category"}):
            raise Broken(f"{classifier.key} says {more[0]} of a matter; core takes the category alone")
        if not all(0 <= start < end <= len(facts.text) for start, end in found.spans):
            raise Broken(f"{classifier.key} points outside {facts.text[:30]!r}: {found.spans!r:.60}")
