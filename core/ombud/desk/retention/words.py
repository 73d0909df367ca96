"""Retention in words: periods, and why a case is held back."""

from collections.abc import Callable, Mapping
from typing import Any

from ombud.speech import counted, sentence, word

REASONS = {
    "hold": ("Legal hold", "It stands until somebody lifts it under Privacy, Legal holds."),
    "open": ("Open", "It is open, or was opened again. Close it first."),
    "request": ("Privacy request", "Somebody who takes part in it asks about their data. Answer the request first."),
    "redress": ("Redress not settled", "Redress waits for a second person, or a payment is under way or failed."),
    "promise": ("Promise not kept", "A promise or task of it is not done."),
    "message": ("Message not sent", "A message of it waits, or it is not known whether it left."),
    "time": ("Somebody's time runs", "A time that the law gives somebody, as to go to an ombudsman, is not over yet."),
    "shared": ("Shared message", "A message of it belongs to another case too, which stays."),
    "changed": ("Changed meanwhile", "Something of it changed while the run came to it. The next run looks again."),
    "gone": ("Destroyed before", "Another run destroyed it."),
    "fault": ("Failed", "It could not be destroyed; nothing of it is gone. The program's log says why."),
}
SPAN_WORDS = {"days": ("day", "days"), "months": ("month", "months"), "years": ("year", "years")}
FROM_WORDS = {"closed": "from the closing", "last_word": "from the closing or the last word, whichever is later"}
KIND_WORDS = {"person": "Ordered by a person", "schedule": "By schedule", "command": "By the command line"}
LINES = 500  # of ids that a page shows; the JSON file holds all


def reason_words(code: str) -> tuple[str, str]:
    """The short name of a reason, and what ends it."""
    if code.startswith("plugin "):
        slug = code.removeprefix("plugin ")
        return sentence("%(slug)s did not answer", slug=slug), sentence(
            "The plugin %(slug)s keeps something that only it can erase. See its page.", slug=slug
        )
    return REASONS.get(code, (code, ""))


def period_words(rule: Mapping[str, Any]) -> str:
    """`6 years from the closing`."""
    period = _PERIODS[rule["span"]](rule["amount"])
    return sentence("%(period)s %(since)s", period=period, since=word(FROM_WORDS[rule["counts_from"]]))


_PERIODS: dict[str, Callable[[int], str]] = {
    "days": lambda number: counted("1 day", "%(num)s days", number),
    "months": lambda number: counted("1 month", "%(num)s months", number),
    "years": lambda number: counted("1 year", "%(num)s years", number),
}
