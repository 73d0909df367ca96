"""What was set, by whom, when and from what to what, from the ledger; secrets are only said to have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ombud.desk.settings.groups import Group
from ombud.desk.settings.places import Place
from ombud.desk.trail.history import actor_name
from ombud.kernel.database import db
from ombud.kernel.setting_schema import NoSuchValue, SettingSchema
from ombud.speech import word
from ombud.trust.group_settings import stream_of
from ombud.trust.ledger import open_sealed

PAGE = 50
INHERITED, DEFAULT = "what is inherited", "the default"
SECRET = {"set": "was set", "replaced": "was replaced", "removed": "was removed"}


@dataclass(frozen=True)
class Line:
    """One field: from what to what, in words; of a secret `what` became of it."""

    label: str
    before: str = ""
    after: str = ""
    what: str = ""


@dataclass(frozen=True)
class Changed:
    """One change. `despite`: it was saved though trying it out had failed."""

    id: int
    at: datetime
    who: str
    group: str
    place: str
    lines: tuple[Line, ...]
    despite: bool


_SQL = """
SELECT e.id, e.stream, e.seq, e.at, e.actor, e.body, NULL AS token_name, NULL AS person_name,
    coalesce(nullif(w.display_name, ''), w.name) AS user_name
FROM core_ledger_entry e LEFT JOIN core_user w ON e.actor = 'user/' || w.id::text
WHERE e.kind = 'setting.changed' AND e.stream = ANY($1) AND ($2 = '' OR e.body->>'key' = $2)
    AND ($3::bigint IS NULL OR e.id < $3) ORDER BY e.id DESC LIMIT $4
"""


async def changes(
    places: Sequence[Place], known: Sequence[Group], key: str = "", before: int | None = None, size: int = PAGE
) -> list[Changed]:
    """The newest first; only of these places, which the caller took from `setting_places.places`. Two statements."""
    names = {stream_of(each.id): each.name for each in places}
    rows = await db.fetch(_SQL, list(names), key, before, size)
    sides: dict[tuple[str, int], dict[str, Mapping[str, Any]]] = {}
    for each in await open_sealed([(row["stream"], row["seq"]) for row in rows]):
        sides.setdefault((each.stream, each.seq), {})[each.field] = each.value
    groups = {each.key: each for each in known}
    return [_changed(row, names[row["stream"]], groups, sides.get((row["stream"], row["seq"]), {})) for row in rows]


def _changed(row: Any, place: str, groups: Mapping[str, Group], sides: Mapping[str, Mapping[str, Any]]) -> Changed:
    body = row["body"]
    group = groups.get(body["key"])
    schema = group.schema if group else SettingSchema({})
    before, after = sides.get("before", {}), sides.get("after", {})
    if "fields" not in body:  # a value by itself, such as the look
        line = Line(_label(schema, body["key"]), str(before or word(DEFAULT)), str(after or word(DEFAULT)))
        return Changed(row["id"], row["at"], actor_name(row, False), line.label, place, (line,), False)
    none = DEFAULT if row["stream"] == stream_of(None) else INHERITED
    lines = [Line(_label(schema, name), _words(schema, name, before, none), _words(schema, name, after, none))
             for name in body["fields"]]  # fmt: skip
    lines += [Line(_label(schema, name), what=SECRET.get(what, what)) for name, what in body["secrets"].items()]
    label = group.label if group else str(body["key"]).removeprefix("p-")
    return Changed(row["id"], row["at"], actor_name(row, False), label, place, tuple(lines), body["tried"] == "failed")


def _label(schema: SettingSchema, name: str) -> str:
    field = schema.fields.get(name)
    return field.label if field else name.replace("_", " ").capitalize()


def _words(schema: SettingSchema, name: str, side: Mapping[str, Any], none: str) -> str:
    if name not in side:
        return word(none)
    field = schema.fields.get(name)
    if field and field.secret:  # an older schema kept it in clear
        return word("a secret")
    try:
        return field.words(field.read(side[name])) if field else str(side[name])
    except NoSuchValue:
        return str(side[name])


__all__ = ["Changed", "Line", "changes"]
