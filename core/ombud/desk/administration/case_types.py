"""Case types set up: words, term and fields of their own, drawn with a small editor and kept as a cerberus schema."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cerberus import SchemaError

from ombud.desk import fields
from ombud.desk.administration.authority import SET_UP, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.writing import check_version, demand
from ombud.kernel.database import db
from ombud.speech import counted, sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide

STREAM = "setting/case-types"
EVERYWHERE = "A case type counts on the whole desk"
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
FIELDS = 40
LOOKED_AT = 20_000  # the newest open cases
KINDS = {
    "text": "One line of text",
    "long": "Longer text",
    "number": "Whole number",
    "yes_no": "Yes or no",
    "date": "Day",
    "choice": "One of a list",
}
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_RULES: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "maxlength": 200},
    "long": {"type": "string", "maxlength": 10_000},
    "number": {"type": "integer"},
    "yes_no": {"type": "boolean"},
    "date": {"type": "string", "regex": _DATE},
    "choice": {"type": "string"},
}


@dataclass(frozen=True)
class FieldGiven:
    """One field as the editor draws it; `name` is its key in a case and never changes."""

    name: str
    label: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class CaseTypeShown:
    """`open_cases` and `cases` count those of the type, for whoever sets it up."""

    key: str
    label: str
    schema: Mapping[str, Any]
    answer_within_days: int | None
    active: bool
    version: int
    open_cases: int
    cases: int

    @property
    def fields(self) -> tuple[FieldGiven, ...]:
        return tuple(drawn(name, rule) for name, rule in self.schema.items())


@dataclass(frozen=True)
class Unfit:
    """Open cases whose values the new fields would not take: the first references in view, and how many there are."""

    count: int
    references: tuple[str, ...]


class WouldNotFit(NotNow):
    """Open cases hold values that the new fields would not take; nothing was changed."""

    def __init__(self, unfit: Unfit) -> None:
        some = counted(
            "One open case does not fit these fields. Change the fields, or confirm that they are completed later.",
            "%(num)s open cases do not fit these fields. Change the fields, or confirm that they are completed later.",
            unfit.count,
        )
        super().__init__(some)
        self.unfit = unfit


_TYPES = """
SELECT t.key, t.label, t.fields AS schema, t.answer_within_days, t.active, t.version,
    count(c.id) FILTER (WHERE c.status <> 'closed') AS open_cases, count(c.id) AS cases
FROM core_case_type t LEFT JOIN core_case c ON c.case_type = t.key
"""


async def all_types(viewer: Viewer) -> list[CaseTypeShown]:
    demand(viewer, SET_UP)
    rows = await db.fetch(_TYPES + "GROUP BY t.key ORDER BY t.active DESC, t.label, t.key")
    return [CaseTypeShown(**dict(row)) for row in rows]


async def case_type(viewer: Viewer, key: str) -> CaseTypeShown:
    demand(viewer, SET_UP)
    row = await db.fetchrow(_TYPES + "WHERE t.key = $1 GROUP BY t.key", key)
    if row is None:
        raise _no_type()
    return CaseTypeShown(**dict(row))


def _no_type() -> NotFound:
    return NotFound("There is no such case type. The list of case types shows them all.")


def drawn(name: str, rule: Mapping[str, Any]) -> FieldGiven:
    """A field of a schema, also of one that was written by hand."""
    meta = rule.get("meta", {})
    label = str(meta.get("label") or name.replace("_", " ").capitalize())
    choices = tuple(str(each) for each in rule.get("allowed", ()))
    return FieldGiven(name, label, _kind(rule), bool(rule.get("required")), choices, str(meta.get("help", "")))


def _kind(rule: Mapping[str, Any]) -> str:
    if rule.get("allowed"):
        return "choice"
    if rule.get("type") in {"boolean", "integer"}:
        return "yes_no" if rule["type"] == "boolean" else "number"
    if rule.get("regex") == _DATE:
        return "date"
    return "long" if rule.get("maxlength", 0) > 200 else "text"


def schema_of(given: Sequence[FieldGiven], before: Mapping[str, Any]) -> dict[str, Any]:
    """The schema the editor draws. Rules it does not know (a pattern, a smallest value) stay while the kind does."""
    if len(given) > FIELDS:
        raise Invalid(sentence("A case type has at most %(most)s fields of its own.", most=FIELDS), "field-1")
    schema: dict[str, Any] = {}
    for place, each in enumerate(given, 1):
        checked = _checked(each, f"field-{place}")
        if checked.name in schema:
            raise Invalid(
                sentence("Two fields are called %(name)s. Give each its own name.", name=checked.name), f"field-{place}"
            )
        known = before.get(checked.name)
        kept = dict(known) if known is not None and _kind(known) == checked.kind else dict(_RULES[checked.kind])
        for rule in ("required", "allowed", "meta"):
            kept.pop(rule, None)
        kept |= {"required": True} if checked.required else {}
        kept |= {"allowed": list(checked.choices)} if checked.kind == "choice" else {}
        meta = dict(known.get("meta", {})) if known else {}
        schema[checked.name] = {**kept, "meta": {**meta, "label": checked.label, "help": checked.help}}
    try:
        fields.CaseFields(schema)
    except SchemaError as problem:
        raise Invalid(sentence("These fields cannot be kept: %(what)s.", what=problem), "field-1") from None
    return schema


def _checked(given: FieldGiven, place: str) -> FieldGiven:
    if not KEY.match(given.name):
        raise Invalid("A field's name has 1 to 40 small letters, digits or underscores, a letter first.", place)
    if given.kind not in KINDS:
        raise Invalid("Choose what the field holds.", place)
    label = clean_text(given.label, place, longest=100) or given.name.replace("_", " ").capitalize()
    choices = tuple(dict.fromkeys(clean_text(each, place, longest=100) for each in given.choices if each.strip()))
    if given.kind == "choice" and not choices:
        raise Invalid("Write the choices of the list, one on each line.", place)
    return FieldGiven(
        given.name, label, given.kind, given.required, choices, clean_text(given.help, place, longest=300)
    )


def _checked_days(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= 365:
        raise Invalid("The term is 1 to 365 days, or empty for the desk's own.", "days")
    return days


async def add(viewer: Viewer, key: str, label: str, given: Sequence[FieldGiven], days: int | None) -> None:
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    label = clean_text(label, "label", longest=100, required=True)
    if not KEY.match(key):
        raise Invalid("A key has 1 to 40 small letters, digits or underscores, a letter first.", "key")
    schema, days = schema_of(given, {}), _checked_days(days)
    async with db.transaction():
        made = await db.execute(
            "INSERT INTO core_case_type (key, label, fields, answer_within_days, active, version) "
            "VALUES ($1, $2, $3, $4, TRUE, 1) ON CONFLICT (key) DO NOTHING",
            key, label, schema, days,
        )  # fmt: skip
        if made == "INSERT 0 0":
            raise Invalid("There is a case type with this key already. Choose another key.", "key")
        body = {"key": key, "after": _codes(label, schema, days, active=True)}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "case_type.added", body)])


def _codes(label: str, schema: Mapping[str, Any], days: int | None, *, active: bool) -> dict[str, Any]:
    return {
        "label": label, "fields": sorted(schema),
        "required": sorted(name for name, rule in schema.items() if rule.get("required")),
        "answer_within_days": days or 0, "active": active,
    }  # fmt: skip


async def change(
    viewer: Viewer, key: str, label: str, given: Sequence[FieldGiven], days: int | None, version: int, *,
    active: bool = True, later: bool = False,
) -> int:  # fmt: skip
    """Changes a type for new cases; open ones keep their values. Raises WouldNotFit where open cases hold values the
    new fields would not take, unless `later` says that these are completed when next changed. A field that a case
    holds a value in cannot be removed: the value would be lost."""
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)
    label, days = clean_text(label, "label", longest=100, required=True), _checked_days(days)
    async with db.transaction():
        row = await db.fetchrow("SELECT * FROM core_case_type WHERE key = $1 FOR UPDATE", key)
        if row is None:
            raise _no_type()
        schema = schema_of(given, row["fields"])
        before = _codes(row["label"], row["fields"], row["answer_within_days"], active=row["active"])
        after = _codes(label, schema, days, active=active)
        check_version("This case type", {**before, "version": row["version"]}, version, after)
        await _refuse_lost(key, set(row["fields"]) - set(schema))
        if not active and row["active"]:
            await _refuse_last(key)
        if not later and schema != row["fields"]:
            unfit = await unfitting(viewer, key, schema)
            if unfit.count:
                raise WouldNotFit(unfit)
        if before == after and schema == row["fields"]:
            return int(row["version"])
        await db.execute(
            "UPDATE core_case_type SET label = $2, fields = $3, answer_within_days = $4, active = $5, "
            "version = version + 1 WHERE key = $1",
            key, label, schema, days, active,
        )  # fmt: skip
        changed = sorted(each for each in after if before[each] != after[each]) or ["fields"]
        body = {
            "key": key, "fields": changed, "before": {each: before[each] for each in changed},
            "after": {each: after[each] for each in changed},
        }  # fmt: skip
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "case_type.changed", body)])
        return int(row["version"]) + 1


async def _refuse_lost(key: str, gone: set[str]) -> None:
    for name in sorted(gone):
        held = await db.fetchval(
            "SELECT count(*) FROM core_case WHERE case_type = $1 AND coalesce(fields->>$2, '') NOT IN ('', 'false')",
            key, name,
        )  # fmt: skip
        if held:
            cases = counted(
                "One case holds a value in %(name)s, which would be lost. Keep the field; it need not be filled in.",
                "%(num)s cases hold a value in %(name)s, which would be lost. Keep the field; it need not "
                "be filled in.",
                held,
                name=name,
            )
            raise NotNow(cases)


async def _refuse_last(key: str) -> None:
    if not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_case_type WHERE active AND key <> $1)", key):
        raise NotNow("This is the only case type in use, and every complaint needs one. Add another one first.")
    if key == "complaint":
        raise NotNow("Doors that name no case type file under this one, so it stays in use.")


async def unfitting(viewer: Viewer, key: str, schema: Mapping[str, Any]) -> Unfit:
    """Which open cases hold values that a schema would not take; references only of those the viewer may see."""
    arguments = Arguments()
    seen = decide(viewer, "case.read", "case").where("c", arguments)
    rows = await db.fetch(
        f"SELECT c.reference, c.fields, {seen} AS seen FROM core_case c WHERE c.case_type = {arguments.add(key)} "
        f"AND c.status <> 'closed' ORDER BY c.opened_at DESC, c.id DESC LIMIT {LOOKED_AT}",
        *arguments.values,
    )
    validator = fields.CaseFields(dict(schema), allow_unknown=False)
    unfit = [row for row in rows if not validator.validate(dict(row["fields"]))]
    return Unfit(len(unfit), tuple(row["reference"] for row in unfit if row["seen"])[:20])
