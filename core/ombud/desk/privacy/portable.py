"""Portability: what the person gave, in forms that programs read (GDPR Art. 20). What the firm concluded is no part of
it; that is what access is for."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ombud import speech

FORMAT = "ombud-portable-1"
# Of core's own tables: which columns the person gave. Of plugins everything that they keep of the person is handed out:
# no declaration says who gave it, and too much is the safer mistake.
GIVEN: Mapping[str, tuple[str, ...]] = {
    "who they are": ("name", "email", "phone", "postcode", "address", "language", "kind"),
    "cases": ("reference", "title", "fields", "channel", "received_at"),
    "matters": ("title", "text"),
    "messages": ("subject", "body", "quoted", "channel", "said_at"),
    "support needs": ("adjustments",),
    "choices about news": ("kind", "wanted", "at"),
    "requests about their data": ("reference", "words", "received_at"),
    "documents that came with requests": ("name", "created_at"),
}
_INWARD = {"messages": "in"}  # what was written to them they did not give


def given(data: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], core: str) -> dict[str, Any]:
    """Of everything that was collected, what they gave."""
    found: dict[str, Any] = {source: tables for source, tables in data.items() if source != core and tables}
    own = {kind: _rows(kind, rows) for kind, rows in data.get(core, {}).items() if kind in GIVEN}
    return {core: {kind: rows for kind, rows in own.items() if rows}, **found}


def _rows(kind: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    wanted = [each for each in rows if kind not in _INWARD or each.get("direction") == _INWARD[kind]]
    return [{name: each[name] for name in GIVEN[kind] if name in each} for each in wanted]


def tables(data: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> list[tuple[str, bytes]]:
    """One CSV (RFC 4180, UTF-8) for each table, by its path in the ZIP; what is nested stands in its cell as JSON."""
    return [
        (f"csv/{source}.{kind.replace(' ', '_').replace('/', '_')}.csv", _csv(rows))
        for source, kinds in data.items()
        for kind, rows in kinds.items()
        if rows
    ]


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[_cell(row.get(name)) for name in columns] for row in rows])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else speech.encoded(value).decode()
