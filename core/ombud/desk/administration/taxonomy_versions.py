"""The versions of a taxonomy: every change makes one, with who made it, when, and what differs from the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ombud.desk.administration.authority import SET_UP
from ombud.desk.administration.taxonomies import all_terms, checked_kind
from ombud.desk.taxonomies import stream, worded
from ombud.desk.trail.history import actor_name
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import Viewer

PAGE = 50
DONE = {
    "term.added": "Added", "term.changed": "Changed", "term.retired": "Retired", "term.restored": "Back in use",
}  # fmt: skip
_FIELDS = {
    "help": "Help", "parent_id": "Below", "valid_from": "From", "position": "Place in the list", "valid_to": "To",
    "maps_to": "Replaced by",
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One value that a version changed; what was not told before is empty."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class TaxonomyVersion:
    """Version `number` of a taxonomy: what was done to one term."""

    number: int
    at: datetime
    by: str
    what: str
    term: str
    code: str
    differences: tuple[Difference, ...]


_VERSIONS = """
SELECT * FROM (
    SELECT row_number() OVER (ORDER BY e.seq) AS number, e.at, e.actor, e.kind, e.body, k.name AS token_name,
        NULL AS person_name, coalesce(nullif(w.display_name, ''), w.name) AS user_name
    FROM core_ledger_entry e
    LEFT JOIN core_token k ON k.id = substring(e.actor FROM '^token/([0-9a-f-]{36})$')::uuid
    LEFT JOIN core_user w ON w.id = coalesce(substring(e.actor FROM '^user/([0-9a-f-]{36})$')::uuid, k.user_id)
    WHERE e.stream = $1 AND e.kind = ANY($2)
) versions WHERE $3::bigint IS NULL OR number < $3 ORDER BY number DESC LIMIT $4
"""


async def versions(viewer: Viewer, kind: str, before: int | None = None) -> list[TaxonomyVersion]:
    """The newest first, those of terms the viewer may see; `before`: the number of the last one seen."""
    demand(viewer, SET_UP)
    terms = {str(each.id): each for each in await all_terms(viewer, checked_kind(kind))}
    words = {key: worded(each.labels, each.code, viewer.language) for key, each in terms.items()}
    rows = await db.fetch(_VERSIONS, stream(kind), list(DONE), before, PAGE)
    return [
        TaxonomyVersion(
            row["number"], row["at"], actor_name(row, True), DONE[row["kind"]], words[row["body"]["term"]],
            row["body"].get("code", ""), tuple(_differences(row["kind"], row["body"], words)),
        )
        for row in rows
        if row["body"]["term"] in terms
    ]  # fmt: skip


def _differences(kind: str, body: Mapping[str, Any], words: Mapping[str, str]) -> list[Difference]:
    before, after = dict(body.get("before", {})), dict(body.get("after", {}))
    if kind == "term.retired":
        after = {"valid_to": body.get("valid_to", ""), "maps_to": body.get("maps_to", "")}
    return [
        Difference(label, was, now)
        for name in after
        for label, was, now in _sides(name, before.get(name), after[name], words)
        if was != now
    ]


def _sides(name: str, was: Any, now: Any, words: Mapping[str, str]) -> list[tuple[str, str, str]]:
    if name == "labels":
        old, new = was or {}, now or {}
        return [
            (sentence("Words (%(what)s)", what=each), old.get(each, ""), new.get(each, ""))
            for each in sorted({*old, *new})
        ]
    return [(_FIELDS.get(name, name), _word(was, words), _word(now, words))]


def _word(value: Any, words: Mapping[str, str]) -> str:
    text = "" if value is None else str(value)
    return words.get(text, text)
