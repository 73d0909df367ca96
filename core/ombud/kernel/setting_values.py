"""Which value of a setting holds where several places set one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.kernel.setting_schema import Field, NoSuchValue, SettingSchema


@dataclass(frozen=True)
class Holding:
    """The value that holds. `level`: the place in the given order that sets it, None for the default."""

    value: Any
    level: int | None = None


def resolve(schema: SettingSchema, levels: Sequence[Mapping[str, Any]]) -> dict[str, Holding]:
    """For each setting that is no secret, from the nearest place that has a fitting value; `levels` are stored values,
    the nearest first."""
    return {name: _hold(field, levels) for name, field in schema.fields.items() if not field.secret}


def holding(schema: SettingSchema, levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values alone."""
    return {name: each.value for name, each in resolve(schema, levels).items()}


def _hold(field: Field, levels: Sequence[Mapping[str, Any]]) -> Holding:
    for place, values in enumerate(levels):
        if field.name in values:
            try:
                return Holding(field.read(values[field.name]), place)
            except NoSuchValue:  # set under an older schema
                continue
    return Holding(field.default)


__all__ = ["Holding", "holding", "resolve"]
