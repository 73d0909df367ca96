"""Fields of a case type: a cerberus schema says what they hold, and core draws the form from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cerberus import Validator

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid
from ombud.desk.words import is_code
from ombud.kernel.database import db
from ombud.speech import sentence

TYPES = ("string", "integer", "boolean", "date_text")


class CaseFields(Validator):  # type: ignore[misc]
    """Cerberus with `meta` allowed in a schema; it holds label, help and choices' words for the form."""

    def _validate_meta(self, meta: Any, field: str, value: Any) -> None:
        """{'type': 'dict'}"""


@dataclass(frozen=True)
class FormField:
    """One field as a form shows it. `control`: text, long_text, number, checkbox, select."""

    name: str
    label: str
    help: str
    control: str
    required: bool
    choices: tuple[str, ...]
    value: Any


async def schema_of(case_type: str) -> dict[str, Any]:
    found = await db.fetchval("SELECT fields FROM core_case_type WHERE key = $1", case_type)
    return dict(found or {})


async def checked_fields(case_type: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, normalised by the type's schema; raises Invalid naming the first field that does not hold."""
    return check(await schema_of(case_type), values)


def check(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    if not schema and not values:
        return {}
    values = {name: clean_text(each, f"fields.{name}", longest=10_000) if isinstance(each, str) else each
              for name, each in values.items()}  # fmt: skip
    validator = CaseFields(dict(schema), allow_unknown=False)
    if not validator.validate(dict(values)):
        field, problems = next(iter(validator.errors.items()))
        problem = problems[0] if isinstance(problems[0], str) else next(iter(problems[0].values()))[0]
        raise Invalid(f"{_label(schema, str(field))}: {problem}.", f"fields.{field}")
    for field, value in validator.document.items():
        if isinstance(value, float):
            raise Invalid(
                sentence("%(field)s: give decimals as text, such as '12.50'.", field=_label(schema, field)),
                f"fields.{field}",
            )
    return dict(validator.document)


def coded(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are nobody's words, for the ledger's clear part: choices of a list, and yes or no. A number can
    be that of an account, so it stays sealed."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, bool)
        or (isinstance(value, str) and is_code(value) and value in schema.get(name, {}).get("allowed", ()))
    }


def form(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[FormField]:
    """The fields in the schema's order, ready to draw."""
    return [
        FormField(
            name=name,
            label=_label(schema, name),
            help=str(rule.get("meta", {}).get("help", "")),
            control=_control(rule),
            required=bool(rule.get("required")),
            choices=tuple(str(each) for each in rule.get("allowed", ())),
            value=values.get(name, rule.get("default", "")),
        )
        for name, rule in schema.items()
    ]


def from_form(schema: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What a browser sent, as the schema's types; an empty box is a missing value."""
    values: dict[str, Any] = {}
    for name, rule in schema.items():
        text = given.get(f"fields.{name}", "")
        if rule.get("type") == "boolean":
            values[name] = text in {"on", "true", "1"}
        elif text == "":
            continue
        elif rule.get("type") == "integer":
            values[name] = int(text) if text.strip().lstrip("-").isdigit() else text
        else:
            values[name] = text
    return values


def _label(schema: Mapping[str, Any], name: str) -> str:
    rule = schema.get(name, {})
    return str(rule.get("meta", {}).get("label") or name.replace("_", " ").capitalize())


def _control(rule: Mapping[str, Any]) -> str:
    if rule.get("allowed"):
        return "select"
    if rule.get("type") == "boolean":
        return "checkbox"
    if rule.get("type") == "integer":
        return "number"
    return "long_text" if rule.get("maxlength", 0) > 200 else "text"
