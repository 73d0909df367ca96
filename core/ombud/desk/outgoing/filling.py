"""Fills a template with the facts of a case: a small language, no calls, and nothing missing goes unnoticed. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ombud.desk.errors import Invalid
from ombud.speech import sentence

FILTERS = ("default", "upper", "lower", "capitalize", "title", "trim", "join", "length", "first", "last")
LONGEST = 100_000

FACTS: Mapping[str, str] = {
    "case.reference": "The number of the case",
    "case.title": "Its title",
    "case.type": "Its type, in words",
    "case.received_on": "The day the complaint came in",
    "case.answer_by": "The day by which the final answer is due",
    "person.name": "To whom the message is written",
    "customer.name": "Who complains",
    "firm.name": "The unit that answers",
    "firm.phone": "Its phone number",
    "writer.name": "Who writes",
    "today": "The day on which it is written",
    "link": "A new link to the customer's page",
    "aspects": "The matters: letter, title, text, outcome, reason, redress, working, decided",
    "pieces": "The piece of this template, once for each aspect",
}
"""What a template may say, for the page on which it is written."""


class MissingFact(Invalid):
    """A template asks for something that is not known of this case; `fact` names it."""

    def __init__(self, fact: str) -> None:
        super().__init__(
            sentence(
                "The text needs “%(fact)s”, which is not known here. Add it to the case, or choose another text.",
                fact=fact,
            )
        )
        self.fact = fact


class _Missing(StrictUndefined):
    def __init__(self, hint: Any = None, obj: Any = None, name: Any = None, exc: Any = UndefinedError) -> None:
        path = f"{obj.path}.{name}" if isinstance(obj, _Facts) and obj.path else str(name)
        super().__init__(path, obj, name, exc)


class _Facts(dict[str, Any]):
    """Facts that know their way, so that what is missing can be named; empty ones are missing."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        super().__init__({name: _wrapped(value, f"{path}.{name}" if path else name) for name, value in values.items()
                          if value not in ("", None)})  # fmt: skip
        self.path = path


def _wrapped(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return _Facts(value, path)
    if isinstance(value, list | tuple):
        return [_wrapped(each, path) for each in value]
    return value


class _Environment(ImmutableSandboxedEnvironment):
    """No calls, no arithmetic that could fill the memory, few filters."""

    intercepted_binops = frozenset({"*", "**", "%", "//", "/"})

    def is_safe_callable(self, obj: Any) -> bool:
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(sentence("“%(operator)s” cannot be used in a template", operator=operator))


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    made = _Environment(undefined=_Missing, autoescape=False)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    return made


def checked(text: str, field: str) -> str:
    """The text, if it can be read as a template; raises Invalid naming the line."""
    try:
        _environment().parse(text)
        _environment().from_string(text)
    except TemplateSyntaxError as problem:
        raise Invalid(
            sentence("Line %(lineno)s cannot be read: %(message)s.", lineno=problem.lineno, message=problem.message),
            field,
        ) from problem
    except TemplateError as problem:
        raise Invalid(sentence("This cannot be used in a template: %(what)s.", what=problem), field) from problem
    return text


def asks_for(text: str) -> set[str]:
    """The names at the top that a text uses, such as case, person, link."""
    try:
        return set(meta.find_undeclared_variables(_environment().parse(text)))
    except TemplateSyntaxError:
        return set()


def fill(text: str, facts: Mapping[str, Any], field: str = "text") -> str:
    """The text with its facts; raises MissingFact, or Invalid where it cannot be filled."""
    try:
        filled = _environment().from_string(text).render(_Facts(facts))
    except UndefinedError as problem:
        raise MissingFact(str(problem)) from problem
    except SecurityError as problem:
        raise Invalid("The template uses something that no template may use, such as a call.", field) from problem
    except (TemplateError, TypeError, ValueError, ArithmeticError) as problem:
        raise Invalid(sentence("The template cannot be filled: %(what)s.", what=problem), field) from problem
    if len(filled) > LONGEST:
        raise Invalid("The filled text is too long. Shorten the template.", field)
    return "\n".join(line.rstrip() for line in filled.strip().split("\n"))


def compose(subject: str, text: str, piece: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of a message; the piece is filled once for each aspect, in order."""
    aspects = list(facts.get("aspects") or ())
    filled = [fill(piece, {**facts, "aspect": each}) for each in aspects] if piece.strip() else []
    lines = all("\n" not in each and each.startswith("- ") for each in filled)
    whole = {**facts, "pieces": ("\n" if lines else "\n\n").join(filled)}
    return " ".join(fill(subject, whole, "subject").split()), fill(text, whole)
