"""Settings as pages/settings_group.html draws them: each field with its control, value and where that comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

from ombud.desk.colleagues.last_change import SOMEBODY
from ombud.desk.settings.changes import Standing
from ombud.desk.settings.form import NOTHING, Asked, texts_of
from ombud.desk.settings.places import Place
from ombud.kernel import clock
from ombud.kernel.setting_columns import Column, cells, codes
from ombud.kernel.setting_schema import LONGEST, Field
from ombud.kernel.setting_values import Holding
from ombud.speech import joined, spoken, word
from ombud.trust.group_settings import Level
from ombud.web.templating import gettext

Terms = Mapping[str, Sequence[tuple[str, str]]]
BLANK = 3  # rows to add at once
RADIOS = 4  # more choices than this become a list to open


def form_drawn(
    now: Standing, asked: Asked = NOTHING, wrong: Mapping[str, str] | None = None, terms: Terms | None = None
) -> dict[str, Any]:
    """The whole form; `asked`: what was typed and not saved, shown again but for secrets; `terms`: what the taxonomies
    that its columns name have to choose."""
    problems = {**asked.wrong, **(wrong or {})}
    sections: dict[str, list[dict[str, Any]]] = {}
    for field in now.group.schema.fields.values():
        drawn = _field(now, field, asked, problems.get(field.name, ""))
        if field.columns:
            drawn["rows"] = _rows(field, "".join(drawn["texts"][:1]), terms or {})
        sections.setdefault(field.group, []).append(drawn)
    return {
        "version": now.version, "unit": now.place.key, "fixed": len(now.editable) == 0,
        "sections": [{"label": label, "fields": fields} for label, fields in sections.items()],
        "errors": [
            {"field": _id(now, name), "message": named(now.group.schema.fields[name], message)}
            for name, message in problems.items()
        ],
        "again": bool(asked.secrets),
    }  # fmt: skip


def named(field: Field, words: str) -> str:
    """What is said of one field, after its label."""
    return joined((word(field.label), word(words)), ": ")


def _rows(field: Field, text: str, terms: Terms) -> list[dict[str, Any]]:
    """A row for each line, with the words it is known by, and some without."""
    lines = [each for each in text.split("\n") if each.strip()]
    found = []
    for place, line in enumerate([*lines, *[""] * BLANK]):
        texts = cells(line, field.columns)
        drawn = [
            _cell(column, content, f"cell.{field.name}.{place}.{number}", terms)
            for number, (column, content) in enumerate(zip(field.columns, texts, strict=True))
        ]
        words = [each["words"] for each in drawn if each["words"] and each["control"] != "tick"]
        ticked = [each["label"] for each in drawn if each["control"] == "tick" and each["on"]]
        found.append({"words": joined(words, " · "), "ticked": ticked, "cells": drawn})
    return found


def _cell(column: Column, text: str, name: str, terms: Terms) -> dict[str, Any]:
    """`control`: text, tick, select or ticks; `words`: what it says, in words."""
    if column.tick:
        on = text == column.tick
        return {"name": name, "label": column.label, "control": "tick", "text": column.tick, "on": on, "words": ""}
    known = list((column.choices or {}).items()) or list(terms.get(column.terms, ()))
    chosen = codes(text) if column.many else [text]
    known += [(each, each) for each in chosen if known and each and each not in dict(known)]
    control = "text" if not known else "ticks" if column.many else "select"
    words = "" if column.code else joined((word(dict(known).get(each, each)) for each in chosen), ", ")
    return {"name": name, "label": column.label, "control": control, "text": text, "chosen": chosen,
            "options": [(code, said, "") for code, said in known] if control == "ticks" else known,
            "words": words}  # fmt: skip


def _id(now: Standing, name: str) -> str:
    return f"set.{name}" if name in now.editable else ""


def _field(now: Standing, field: Field, asked: Asked, error: str) -> dict[str, Any]:
    drawn = {
        "name": field.name, "label": field.label, "help": field.help, "error": error, "suffix": field.suffix,
        "placeholder": field.placeholder, "required": field.required, "control": control_of(field),
        "editable": field.name in now.editable, "maxlength": field.rule.get("maxlength", LONGEST),
        "options": _options(field),
        "unset": field.name in asked.unset, "everywhere": field.scope == "deployment",
    }  # fmt: skip
    return {**drawn, **(_secret(now, field, asked) if field.secret else _value(now, field, asked))}


def _options(field: Field) -> list[tuple[str, ...]]:
    """As the macros take them: ticks and radios have room for a hint each."""
    more = () if control_of(field) == "select" else ("",)
    return [(str(each), field.choice(each), *more) for each in field.allowed]


def control_of(field: Field) -> str:
    if field.secret:
        return "secret"
    if field.allowed:
        return "ticks" if field.kind == "list" else "radios" if _few(field) else "select"
    if field.columns:
        return "rows"
    by_kind = {"boolean": "tick", "list": "lines", "date": "date", "integer": "number", "decimal": "number"}
    return by_kind.get(field.kind, "long_text" if field.multiline else "text")


def _few(field: Field) -> bool:
    """Radios cannot be taken back, so only where a choice is needed anyway."""
    return len(field.allowed) <= RADIOS and field.required


def _value(now: Standing, field: Field, asked: Asked) -> dict[str, Any]:
    held, above = now.holding()[field.name], now.inherited()[field.name]
    shown = texts_of(field, held.value)
    return {
        "was": shown, "texts": list(asked.texts.get(field.name, shown)), "words": field.words(held.value),
        "own": held.level == 0, "source": source_of(now, held), "inherited": spoken(field.words(above.value)),
        "from_default": above.level is None,
    }  # fmt: skip


def source_of(now: Standing, held: Holding) -> str:
    if held.level is None:
        return gettext("Default")
    if held.level == 0:
        return gettext("Set here")
    return _from(now.above[held.level - 1])


def _from(level: Level) -> str:
    if level.unit_id is None:
        return gettext("Set for the whole desk")
    return gettext("Inherited from %(unit)s") % {"unit": level.unit_name}


def _secret(now: Standing, field: Field, asked: Asked) -> dict[str, Any]:
    """That it is set, where, by whom and when; what was typed is gone."""
    found, level = now.secret(field.name)
    own = level is not None and level is now.own
    source = gettext("Not set") if level is None else gettext("Set here") if own else _from(level)
    return {"was": [], "texts": [], "own": own, "source": source, "set": found, "again": field.name in asked.secrets}


def conflict_drawn(now: Standing, asked: Asked) -> dict[str, Any]:
    """Both sides of a change that came second, as fragments/conflict.html lays them side by side."""
    fields = now.group.schema.fields
    yours: list[dict[str, str]] = []
    theirs: list[dict[str, str]] = []
    for name in (each for each in fields if each in asked.touched):
        yours.append({"label": word(fields[name].label), "value": _yours(fields[name], asked)})
        theirs.append({"label": word(fields[name].label), "value": _theirs(now, fields[name])})
    who, at = (now.own.changed_by, now.own.changed_at) if now.own else (SOMEBODY, clock.now())
    return {"who": who, "at": at, "yours": yours, "theirs": theirs, "version": now.version}


def _yours(field: Field, asked: Asked) -> str:
    if field.name in asked.unset:
        return gettext("Use what is inherited")
    if field.name in asked.secrets:
        return gettext("A new secret. Type it again.")
    if field.name in asked.values:
        return field.words(asked.values[field.name])
    return "\n".join(asked.texts.get(field.name, []))


def _theirs(now: Standing, field: Field) -> str:
    if field.secret:
        found, _ = now.secret(field.name)
        return gettext("Set") if found else gettext("Not set")
    return field.words(now.holding()[field.name].value)


def options_of(places: Sequence[Place]) -> list[tuple[str, str]]:
    """The tree as a list to choose from; hard spaces show the depth."""
    return [(each.key, "\u00a0" * 3 * each.depth + each.name) for each in places]


__all__ = ["conflict_drawn", "control_of", "form_drawn", "named", "options_of", "source_of"]
