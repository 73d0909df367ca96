"""Settings as a browser shows and sends them: texts by field, beside those shown when the page was made. Pure.

A field whose text is what was shown is not touched, so that nobody sets a value here only because they saw it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ombud.kernel.setting_columns import line_of, same
from ombud.kernel.setting_schema import Field, SettingSchema

SET, WAS, UNSET, CELL = "set.", "was.", "unset.", "cell."
DIGITS = 16  # of a whole number; more fit no ledger
NUMBER = 40  # characters of a decimal


@dataclass(frozen=True)
class Asked:
    """What a form asks for. `values`: typed ones that fit; `unset`: names that shall hold what is inherited; `wrong`:
    a problem by name; `texts`: what was typed into the touched fields, never a secret's."""

    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    wrong: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def touched(self) -> set[str]:
        return {*self.values, *self.secrets, *self.unset, *self.wrong}


NOTHING = Asked()


def texts_of(field: Field, value: Any) -> list[str]:
    """The value as its control holds it; a tick that is off and an empty list are no text at all."""
    if field.kind == "boolean":
        return ["on"] if value else []
    if field.kind == "list":
        return list(value or []) if field.allowed else ["\n".join(value or [])]
    return ["" if value is None else str(field.stored(value))]


def read_form(schema: SettingSchema, parts: Mapping[str, Sequence[str]], editable: Collection[str]) -> Asked:
    """What the form asks for of the fields that may be changed in this place; anything else in it is passed over."""
    values: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    wrong: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    unset = {name for name in editable if parts.get(UNSET + name)}
    for name in (each for each in schema.fields if each in editable and each not in unset):
        field = schema.fields[name]
        typed, shown = (_tidy(parts.get(prefix + name, ())) for prefix in (SET, WAS))
        if field.columns:
            try:
                typed = _lines(field, parts, typed)
            except ValueError as parting:
                wrong[name] = str(parting)
                continue
        if field.secret:
            if secret := "".join(typed):
                problem = field.problem(secret)
                (wrong if problem else secrets)[name] = problem or secret
        elif typed != shown and not (field.columns and same("".join(typed), "".join(shown), field.columns)):
            texts[name] = typed
            try:
                values[name] = value_of(field, typed)
            except ValueError as problem:
                wrong[name] = str(problem)
    return Asked(values, secrets, frozenset(unset), wrong, texts)


def _lines(field: Field, parts: Mapping[str, Sequence[str]], typed: list[str]) -> list[str]:
    """The lines of a list whose cells were typed one by one; a row without a word is none."""
    begin = f"{CELL}{field.name}."
    rows = {int(row) for row, _, _ in (key.removeprefix(begin).partition(".") for key in parts if key.startswith(begin))
            if row.isascii() and row.isdigit() and len(row) < 5}  # fmt: skip
    if not rows:
        return typed
    lines = []
    for row in sorted(rows):
        texts = [", ".join(_tidy(parts.get(f"{begin}{row}.{place}", ()))) for place in range(len(field.columns))]
        if any(text for text, column in zip(texts, field.columns, strict=True) if not column.tick):
            lines.append(line_of(texts))
    return ["\n".join(lines)]


def _tidy(texts: Sequence[str]) -> list[str]:
    return [text.replace("\r\n", "\n").replace("\r", "\n").strip() for text in texts]


def value_of(field: Field, texts: Sequence[str]) -> Any:
    """The value in the control's texts; raises ValueError with what to do about it."""
    if field.kind == "boolean":
        value: Any = bool(texts) and texts[0] in {"on", "true", "1"}
    elif field.kind == "list":
        lines = texts if field.allowed else "".join(texts[:1]).split("\n")
        value = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    else:
        value = _single(field, texts[0] if texts else "")
    if problem := field.problem(value):
        raise ValueError(problem)
    return value


def _single(field: Field, text: str) -> Any:
    if text == "":
        return _empty(field)
    if field.kind == "integer":
        plain = text.replace(" ", "").replace("\u00a0", "")
        if not plain.isascii() or not plain.lstrip("-").isdigit() or len(plain) > DIGITS + 1 or plain.count("-") > 1:
            raise ValueError("Give a whole number, such as 12.")
        return int(plain)
    if field.kind == "decimal":
        return _decimal(text)
    if field.kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("This is not a date. Write it like 2026-11-23.") from None
    if field.allowed:
        return next((each for each in field.allowed if str(each) == text), text)
    return text


def _empty(field: Field) -> Any:
    if field.required:
        raise ValueError("This is needed.")
    if field.kind == "string" and not field.allowed and not field.nullable:
        return ""
    if field.nullable:
        return None
    raise ValueError("This cannot be empty. Give a value, or use what is inherited.")


def _decimal(text: str) -> Decimal:
    plain = text.replace(" ", "").replace("\u00a0", "").replace(",", ".")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(plain) > NUMBER or "e" in plain.lower():
        raise ValueError("Give a number, such as 12.50.")
    return value


__all__ = ["NOTHING", "SET", "UNSET", "WAS", "Asked", "read_form", "texts_of", "value_of"]
