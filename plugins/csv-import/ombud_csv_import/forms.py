"""The mapping as a form: what the page offers, and the mapping a filled-in form means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from litestar.datastructures import FormMultiDict

from ombud_csv_import.mapping import SEVERAL_COLUMNS, SINGLE_COLUMNS, Mapping, field_keys

LONGEST = 2000


@dataclass(frozen=True)
class Asked:
    """One form: the mapping, what belongs to the import itself, and the button that was pressed."""

    mapping: Mapping
    source: str
    unit: str
    step: str
    keep_as: str
    use: str


def read(form: FormMultiDict, header: Sequence[str], before: Mapping) -> Asked:
    """What the page does not show (values of channels) is kept from the mapping before."""
    columns: dict[str, Any] = {name: _text(form, name) for name in SINGLE_COLUMNS}
    columns |= {name: _ordered(_all(form, name), header, getattr(before, name)) for name in SEVERAL_COLUMNS}
    mapping = replace(
        before,
        **columns,
        extra=_extra(_beside(_all(form, "extra"), columns), header, before),
        day_first=_text(form, "day_first") != "month",
        date_formats=_lines(form, "date_formats"),
        absent=_lines(form, "absent"),
        time_zone=_text(form, "time_zone") or "UTC",
        matter_separator=_text(form, "matter_separator"),
        default_channel=_text(form, "default_channel") or "import",
        absent_name=_text(form, "absent_name") or Mapping().absent_name,
    )
    own = {name: _text(form, name) for name in ("source", "unit", "step", "keep_as", "use")}
    return Asked(mapping, **own)


def _text(form: FormMultiDict, name: str) -> str:
    value = form.get(name, "")
    return value.replace("\0", "").strip()[:LONGEST] if isinstance(value, str) else ""


def _all(form: FormMultiDict, name: str) -> list[str]:
    return [value for value in form.getall(name, []) if isinstance(value, str) and value]


def _lines(form: FormMultiDict, name: str) -> tuple[str, ...]:
    return tuple(line for each in _text(form, name).splitlines() if (line := each.strip()))


def _ordered(chosen: list[str], header: Sequence[str], before: tuple[str, ...]) -> tuple[str, ...]:
    """Boxes have no order of their own: the one before if the same are ticked, else the file's."""
    if set(chosen) == set(before):
        return before
    places = {name: place for place, name in enumerate(header)}
    return tuple(sorted(dict.fromkeys(chosen), key=lambda name: places.get(name, len(places))))


def _beside(chosen: list[str], columns: dict[str, Any]) -> list[str]:
    """What became a field of the complaint is not kept a second time as a case field."""
    used = {columns[name] for name in SINGLE_COLUMNS} | set(columns["matter_columns"])
    return [column for column in chosen if column not in used]


def _extra(chosen: list[str], header: Sequence[str], before: Mapping) -> tuple[tuple[str, str], ...]:
    columns = _ordered(chosen, header, tuple(column for column, _ in before.extra))
    known = dict(before.extra)
    fresh = dict(field_keys(tuple(column for column in columns if column not in known)))
    pairs = tuple((column, known.get(column) or fresh[column]) for column in columns)
    return pairs if len({key for _, key in pairs}) == len(pairs) else field_keys(columns)


def stored(document: dict[str, Any]) -> Mapping:
    """A mapping of the database, also one that cannot be used yet: a first guess may lack the text."""
    return Mapping(**{name: _tupled(value) for name, value in document.items()})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def offered(mapping: Mapping, header: Sequence[str]) -> dict[str, Any]:
    """The form's values, as the template draws them."""
    return {
        "mapping": mapping,
        "columns": [(name, name) for name in header],
        "boxes": [(name, name, "") for name in header],
        "extra": [column for column, _ in mapping.extra],
        "date_formats": _joined(mapping.date_formats),
        "absent": _joined(mapping.absent),
    }


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)
