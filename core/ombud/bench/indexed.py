"""The search index of what was made, from the rows in memory: the words are at hand, and nobody reads them again."""

from dataclasses import replace
from typing import Any

from ombud.bench.rows import COLUMNS, Rows
from ombud.desk.search.rows import Row, worded


def search_rows(rows: Rows) -> list[Row]:
    """The same rows that building the index from the tables gives."""
    return [*worded("case", _cases(rows)), *_messages(rows), *worded("person", _people(rows))]


def _records(rows: Rows, table: str) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS[table], values, strict=True)) for values in rows.tables[table]]


def _cases(rows: Rows) -> list[dict[str, Any]]:
    """Each with the name of its one party, the complainant, and the words of its aspects in their order."""
    names = {each["id"]: each["name"] for each in _records(rows, "core_person")}
    named = {each["case_id"]: names[each["person_id"]] for each in _records(rows, "core_party")}
    matters: dict[Any, list[str]] = {}
    for each in sorted(_records(rows, "core_aspect"), key=lambda aspect: int(aspect["position"])):
        matters.setdefault(each["case_id"], []).append(f"{each['title']}\n{each['text']}")
    return [
        {**each, "case_id": each["id"], "at": each["received_at"], "fields": {}, "names": named[each["id"]],
         "matters": "\n".join(matters[each["id"]])}
        for each in _records(rows, "core_case")
    ]  # fmt: skip


def _messages(rows: Rows) -> list[Row]:
    """Many say the same; its words are found once."""
    found, known = [], dict[tuple[str, str], Row]()
    for each in _records(rows, "core_message"):
        said = each["subject"], each["body"]
        if said not in known:
            (known[said],) = worded("message", [{**each, "at": each["said_at"], "files": None}])
        found.append(replace(known[said], id=each["id"], case_id=each["case_id"], at=each["said_at"]))
    return found


def _people(rows: Rows) -> list[dict[str, Any]]:
    return [{**each, "case_id": None, "at": each["created_at"]} for each in _records(rows, "core_person")]
