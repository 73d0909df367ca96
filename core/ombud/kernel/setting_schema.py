"""What a schema of settings may say, checked once when it is loaded, and the values it allows. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from cerberus import TypeDefinition, Validator
from cerberus.errors import (
    BAD_TYPE,
    MAX_LENGTH,
    MAX_VALUE,
    MIN_LENGTH,
    MIN_VALUE,
    REGEX_MISMATCH,
    UNALLOWED_VALUE,
    UNALLOWED_VALUES,
)  # fmt: skip

from ombud.kernel.setting_columns import Column, read_columns
from ombud.speech import counted, joined, noted, sentence, word

KINDS = {
    "string": "string", "integer": "integer", "decimal": "decimal", "number": "decimal", "boolean": "boolean",
    "date": "date", "list": "list",
}  # fmt: skip
RULES = {"type", "required", "nullable", "default", "meta", "min", "max", "minlength", "maxlength", "regex", "allowed",
         "schema"}  # fmt: skip
META = {"label": str, "help": str, "secret": bool, "scope": str, "group": str, "placeholder": str, "multiline": bool,
        "suffix": str, "choices": Mapping, "columns": list}  # fmt: skip
SCOPES = ("unit", "deployment")
LONGEST = 10_000  # characters of a text whose rule names no maxlength
LARGEST = 2**53 - 1  # what the ledger's JSON holds exactly

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_FITS = {
    "min": {"integer", "decimal", "date"}, "max": {"integer", "decimal", "date"}, "minlength": {"string", "list"},
    "maxlength": {"string", "list"}, "regex": {"string"}, "allowed": {"string", "integer", "list"}, "schema": {"list"},
}  # fmt: skip
_PYTHON = {"string": str, "integer": int, "decimal": Decimal, "boolean": bool, "date": date, "list": list}
# A suffix that counts is said with its number: 1 day, 30 days.
_COUNTED: dict[str, Callable[[int], str]] = {
    noted("days"): lambda many: counted("1 day", "%(num)s days", many),
    noted("hours"): lambda many: counted("1 hour", "%(num)s hours", many),
    noted("minutes"): lambda many: counted("1 minute", "%(num)s minutes", many),
    noted("months"): lambda many: counted("1 month", "%(num)s months", many),
    noted("seconds"): lambda many: counted("1 second", "%(num)s seconds", many),
}
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class SchemaUnfit(ValueError):
    """A schema of settings says something core cannot draw or keep; the text names the field and the remedy."""


class NoSuchValue(ValueError):
    """A stored value is none of this field's, as happens when its schema changed."""


class _Values(Validator):  # type: ignore[misc]
    """Cerberus with exact decimals, dates without time, and `meta`."""

    types_mapping = {
        **Validator.types_mapping,
        "integer": TypeDefinition("integer", (int,), (bool,)),
        "decimal": TypeDefinition("decimal", (Decimal,), ()),
        "number": TypeDefinition("number", (Decimal,), ()),
        "date": TypeDefinition("date", (date,), (datetime,)),
    }

    def _validate_meta(self, meta: Any, field: str, value: Any) -> None:
        """{'type': 'dict'}"""


@dataclass(frozen=True)
class Field:
    """One setting. `kind`: string, integer, decimal, boolean, date, list."""

    name: str
    rule: Mapping[str, Any]
    kind: str
    label: str
    help: str = ""
    secret: bool = False
    scope: str = "unit"
    group: str = ""
    placeholder: str = ""
    multiline: bool = False
    suffix: str = ""
    choices: Mapping[str, str] | None = None
    columns: tuple[Column, ...] = ()

    @property
    def required(self) -> bool:
        return bool(self.rule.get("required"))

    @property
    def nullable(self) -> bool:
        return bool(self.rule.get("nullable"))

    @property
    def default(self) -> Any:
        return self.rule.get("default")

    @property
    def allowed(self) -> tuple[Any, ...]:
        """The choices, for a list those of its members; empty where anything goes."""
        inner = self.rule.get("schema", {}) if self.kind == "list" else {}
        return tuple(self.rule.get("allowed") or inner.get("allowed") or ())

    def choice(self, value: Any) -> str:
        """The words of one choice."""
        return str((self.choices or {}).get(str(value)) or str(value).replace("_", " ").capitalize())

    def problem(self, value: Any) -> str:
        """Why this value cannot be taken and what can; empty where it can."""
        if value is None:
            return "" if self.nullable or not self.required else NEEDED
        if self.required and (value == [] or (isinstance(value, str) and not value.strip())):
            return NEEDED
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(each, str) and _UNSTORABLE.search(each) for each in texts):
            return "This holds characters that cannot be kept. Type it again."
        validator = self._validator
        if validator.validate({self.name: value}):
            return self._too_much(value)
        error = validator._errors[0]
        while error.child_errors:  # the member of a list is at fault
            error = error.child_errors[0]
        return self._words_of(error)

    @cached_property
    def _validator(self) -> _Values:
        return _Values({self.name: dict(self.rule)})

    def _too_much(self, value: Any) -> str:
        if self.kind == "string" and len(value) > self.rule.get("maxlength", LONGEST):
            return sentence("This is too long. Use at most %(most)s.", most=self._length(value, LONGEST))
        if self.kind == "integer" and abs(value) > LARGEST:
            return "This number is too large."
        if self.kind == "decimal" and not value.is_finite():
            return "Give a number, such as 12.50."
        return ""

    def _words_of(self, error: Any) -> str:
        most = error.constraint if isinstance(error.constraint, int) else 0
        shown = self.words(error.constraint) if error.code in (MIN_VALUE.code, MAX_VALUE.code) else ""
        words = {
            BAD_TYPE.code: _NO[self.kind],
            MIN_VALUE.code: sentence("Give at least %(least)s.", least=shown),
            MAX_VALUE.code: sentence("Give at most %(most)s.", most=shown),
            MIN_LENGTH.code: sentence("Give at least %(least)s.", least=self._length(error.value, most)),
            MAX_LENGTH.code: sentence("This is too long. Use at most %(most)s.", most=self._length(error.value, most)),
            REGEX_MISMATCH.code: joined(
                (word("This does not have the right form."), word(self.help or "Check it.")), " "
            ),
            UNALLOWED_VALUE.code: "Choose one of the list.",
            UNALLOWED_VALUES.code: "Choose from the list.",
        }
        return words.get(error.code, "This does not fit.")

    def _length(self, value: Any, many: int) -> str:
        """So many characters, lines or choices."""
        if not isinstance(value, list):
            return counted("1 character", "%(num)s characters", many)
        return (
            counted("1 choice", "%(num)s choices", many) if self.allowed else counted("1 line", "%(num)s lines", many)
        )

    def stored(self, value: Any) -> Any:
        """As JSON and the ledger hold it: decimals and dates are text."""
        if isinstance(value, Decimal):
            return format(value, "f")
        return value.isoformat() if isinstance(value, date) else value

    def read(self, raw: Any) -> Any:
        """The value again; raises NoSuchValue where it does not fit the schema of today."""
        try:
            value = self._typed(raw)
        except (ValueError, InvalidOperation, TypeError):
            raise NoSuchValue(self.name) from None
        if self.problem(value):
            raise NoSuchValue(self.name)
        return value

    def _typed(self, raw: Any) -> Any:
        if raw is None or not isinstance(raw, str):
            return raw
        if self.kind == "decimal":
            return Decimal(raw)
        return date.fromisoformat(raw) if self.kind == "date" else raw

    def words(self, value: Any) -> str:
        """The value as a person reads it."""
        if value is None or value in ("", []):
            return word("nothing")
        if isinstance(value, bool):
            return word("yes") if value else word("no")
        if isinstance(value, list):
            return joined(word(self.choice(each)) if self.allowed else str(each) for each in value)
        if type(value) is int and self.suffix in _COUNTED and not self.allowed:
            return _COUNTED[self.suffix](value)
        text = word(self.choice(value)) if self.allowed else str(self.stored(value))
        return joined((text, word(self.suffix)), " ") if self.suffix else text


NEEDED = "This is needed."
_NO = {
    "string": "This is no text.", "integer": "This is no whole number.", "decimal": "This is no number.",
    "boolean": "This is neither yes nor no.", "date": "This is no date.", "list": "This is no list.",
}  # fmt: skip


class SettingSchema:
    """The fields of one group of settings, in the schema's order."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = dict(fields)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(name for name, field in self.fields.items() if field.secret)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SettingSchema) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


def read_schema(schema: Any) -> SettingSchema:
    """Checks every rule; raises SchemaUnfit."""
    if not isinstance(schema, Mapping) or not schema:
        raise SchemaUnfit("the schema of settings is empty or no mapping; give a rule for each name")
    return SettingSchema({str(name): _field(name, rule) for name, rule in schema.items()})


def _field(name: Any, rule: Any) -> Field:
    if not isinstance(name, str) or not _NAME.match(name):
        raise SchemaUnfit(f"setting {name!r}: a name is of small letters, digits and underscores, 60 at most")
    if not isinstance(rule, Mapping):
        raise SchemaUnfit(f"setting {name}: its rule must be a mapping such as {{'type': 'string'}}")
    if unknown := sorted(str(each) for each in rule if each not in RULES):
        raise SchemaUnfit(f"setting {name}: the rule {unknown[0]!r} is not known; known are {', '.join(sorted(RULES))}")
    kind = KINDS.get(str(rule.get("type")))
    if kind is None:
        raise SchemaUnfit(f"setting {name}: type {rule.get('type')!r} is not known; known are {', '.join(KINDS)}")
    for each, kinds in _FITS.items():
        if each in rule and kind not in kinds:
            raise SchemaUnfit(f"setting {name}: the rule {each!r} does not fit the type {kind}")
    _check_rules(name, kind, rule)
    field = Field(name=name, rule=dict(rule), kind=kind, **_meta(name, rule.get("meta")))
    _check_meta(field)
    _check_default(field)
    return field


def _check_rules(name: str, kind: str, rule: Mapping[str, Any]) -> None:
    for each in ("required", "nullable"):
        if not isinstance(rule.get(each, False), bool):
            raise SchemaUnfit(f"setting {name}: {each} is True or False")
    for each in ("min", "max"):
        if each in rule and not _is(kind, rule[each]):
            raise SchemaUnfit(f"setting {name}: {each} must be a {_PYTHON[kind].__name__}")
    for each in ("minlength", "maxlength"):
        if each in rule and not _is("integer", rule[each]):
            raise SchemaUnfit(f"setting {name}: {each} must be a whole number")
    allowed = rule.get("allowed", ())
    inner = "string" if kind == "list" else kind
    if not isinstance(allowed, list | tuple) or not all(_is(inner, each) for each in allowed) or allowed == []:
        raise SchemaUnfit(f"setting {name}: allowed must list {inner} values")
    if kind == "list":
        _check_members(name, rule.get("schema", {"type": "string"}))
    _check_regex(name, rule)


def _check_members(name: str, inner: Any) -> None:
    known = {"type", "minlength", "maxlength", "regex", "allowed"}
    if not isinstance(inner, Mapping) or inner.get("type") != "string" or set(inner) - known:
        raise SchemaUnfit(f"setting {name}: a list holds strings; its schema takes {', '.join(sorted(known))}")
    _check_rules(name, "string", inner)


def _check_regex(name: str, rule: Mapping[str, Any]) -> None:
    try:
        re.compile(rule.get("regex", ""))
    except (re.error, TypeError) as problem:
        raise SchemaUnfit(f"setting {name}: its regex cannot be read: {problem}") from None


def _is(kind: str, value: Any) -> bool:
    if kind == "decimal" and isinstance(value, int):
        return not isinstance(value, bool)
    wrong = {"integer": bool, "date": datetime}.get(kind)
    return isinstance(value, _PYTHON[kind]) and not (wrong and isinstance(value, wrong))


def _meta(name: str, meta: Any) -> dict[str, Any]:
    if not isinstance(meta, Mapping) or not str(meta.get("label", "")).strip():
        raise SchemaUnfit(f"setting {name}: meta needs a label, the words beside the field")
    for key, value in meta.items():
        if key not in META or not isinstance(value, META[key]):
            raise SchemaUnfit(
                f"setting {name}: meta {key!r} is not known or of a wrong type; known are {', '.join(META)}"
            )
    try:
        return {**meta, "columns": read_columns(meta["columns"])} if "columns" in meta else dict(meta)
    except ValueError as problem:
        raise SchemaUnfit(f"setting {name}: {problem}") from None


def _check_meta(field: Field) -> None:
    if field.columns and (field.kind != "list" or field.allowed):
        raise SchemaUnfit(f"setting {field.name}: only a list of free lines has columns")
    if field.scope not in SCOPES:
        raise SchemaUnfit(f"setting {field.name}: scope is one of {', '.join(SCOPES)}")
    if field.secret and (field.kind != "string" or field.allowed or "default" in field.rule or field.multiline):
        raise SchemaUnfit(f"setting {field.name}: a secret is a string of one line without default or choices")
    if field.multiline and field.kind != "string":
        raise SchemaUnfit(f"setting {field.name}: only a string can have several lines")
    if field.choices is not None and set(field.choices) - {str(each) for each in field.allowed}:
        raise SchemaUnfit(f"setting {field.name}: choices has words for what is not allowed")


def _check_default(field: Field) -> None:
    if "default" not in field.rule or field.default is None:
        return
    default = field.default
    if field.kind == "decimal" and not isinstance(default, Decimal):
        raise SchemaUnfit(f"setting {field.name}: the default of a decimal is a Decimal, such as Decimal('12.50')")
    if problem := field.problem(default):
        raise SchemaUnfit(f"setting {field.name}: its default does not keep its own rules: {problem}")


__all__ = ["NEEDED", "Field", "NoSuchValue", "SchemaUnfit", "SettingSchema", "read_schema"]
