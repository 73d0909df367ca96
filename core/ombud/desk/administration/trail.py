"""What administrators did, from the ledger, in plain words: the trail of a user, role, unit, queue or taxonomy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ombud.desk.trail.history import Phrase, actor_name
from ombud.desk.trail.ledger_words import DESK, values_of
from ombud.desk.words import label
from ombud.kernel.database import db
from ombud.speech import joined, sentence, word
from ombud.trust.ledger import open_sealed


@dataclass(frozen=True)
class Done:
    """One entry. `values`: what was sealed with it, such as a name before and after."""

    id: int
    at: datetime
    actor_name: str
    phrase: Phrase
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return str(self.phrase)

    @property
    def icon(self) -> str:
        return self.phrase.icon


_ENTRIES = """
SELECT e.id, e.stream, e.seq, e.at, e.actor, e.kind, e.body, k.name AS token_name, NULL AS person_name,
    coalesce(nullif(w.display_name, ''), w.name) AS user_name
FROM core_ledger_entry e
LEFT JOIN core_token k ON k.id = substring(e.actor FROM '^token/([0-9a-f-]{36})$')::uuid
LEFT JOIN core_user w ON w.id = coalesce(substring(e.actor FROM '^user/([0-9a-f-]{36})$')::uuid, k.user_id)
WHERE e.stream = ANY($1) AND ($3::bigint IS NULL OR e.id < $3) AND ($4 = '' OR starts_with(e.kind, $4))
    AND ($5 = '' OR $5 IN (e.body->>'key', e.body->>'role', e.body->>'term', e.body->>'code'))
ORDER BY e.id DESC LIMIT $2
"""


async def trail(
    streams: Sequence[str], *, before: int | None = None, size: int = 50, kind: str = "", about: str = ""
) -> list[Done]:
    """Entries of the streams, newest first, sealed values opened. The caller has asked the policy for the records.
    `kind`: how the kinds begin; `about`: the key, role or term the entry must name."""
    rows = await db.fetch(_ENTRIES, list(streams), size, before, kind, about)
    if not rows:
        return []
    names = await _names()
    opened: dict[tuple[str, int], dict[str, Any]] = {}
    for each in await open_sealed([(row["stream"], row["seq"]) for row in rows]):
        opened.setdefault((each.stream, each.seq), {})[each.field] = each.value
    return [_done(row, names, opened.get((row["stream"], row["seq"]), {})) for row in rows]


def _done(row: Any, names: Mapping[str, str], values: Mapping[str, Any]) -> Done:
    actor = actor_name(row, show_people=False)
    return Done(row["id"], row["at"], actor, phrase(row["kind"], row["body"], actor, names), values)


async def _names() -> dict[str, str]:
    """Words for the ids and keys that entries name."""
    rows = await db.fetch(
        "SELECT id::text AS code, name FROM core_unit UNION ALL SELECT id::text, name FROM core_queue "
        "UNION ALL SELECT 'role ' || key, label FROM core_role "
        "UNION ALL SELECT id::text, coalesce(labels->>'en', code) FROM core_taxonomy_term"
    )
    return {row["code"]: row["name"] for row in rows}


_SENTENCES = {
    "user.added": ("%(actor)s added this user", "user-plus"),
    "user.changed": ("%(actor)s changed: %(fields)s", "edit"),
    "user.password_changed": ("%(actor)s set a new password", "key"),
    "user.deactivated": ("%(actor)s shut this user out", "ban"),
    "user.reactivated": ("%(actor)s let this user in again", "login"),
    "user.role_given": ("%(actor)s gave the role %(role)s in %(unit)s", "plus"),
    "user.role_taken": ("%(actor)s took the role %(role)s in %(unit)s away", "minus"),
    "session.ended": ("%(actor)s ended a session", "logout"),
    "session.new_browser": ("Signed in with a browser not seen before", "login"),
    "factor.turned_on": ("%(actor)s turned the second factor on", "device-mobile"),
    "factor.removed": ("%(actor)s removed the second factor", "device-mobile"),
    "factor.codes_made": ("%(actor)s made new recovery codes", "key"),
    "factor.code_used": ("A recovery code was used", "key"),
    "reset.made": ("%(actor)s made a link to set a password", "link"),
    "reset.taken_back": ("%(actor)s took the link back", "ban"),
    "user.locked_out": ("Sign-in was held back after too many wrong tries", "lock"),
    "token.created": ("%(actor)s made an API token", "key"),
    "token.revoked": ("%(actor)s ended an API token", "ban"),
    "profile.changed": ("%(actor)s changed what routing knows: %(fields)s", "certificate"),
    "absence.added": ("%(actor)s wrote down an absence from %(from)s to %(until)s", "calendar-off"),
    "absence.taken_back": ("%(actor)s took an absence back", "calendar-due"),
    "absence.stand_in_left": ("The stand-in left; the absence has none now", "user-minus"),
    "skill.added": ("%(actor)s added the skill %(key)s", "plus"),
    "skill.changed": ("%(actor)s changed the skill %(key)s: %(fields)s%(change)s", "edit"),
    "ladder.added": ("%(actor)s added the ladder %(key)s", "plus"),
    "ladder.changed": ("%(actor)s changed the ladder %(key)s: %(fields)s", "edit"),
    "role.added": ("%(actor)s added the role %(role)s", "plus"),
    "role.changed": ("%(actor)s changed the role %(role)s%(change)s", "edit"),
    "role.retired": ("%(actor)s retired the role %(role)s", "ban"),
    "role.restored": ("%(actor)s took the role %(role)s back into use", "refresh"),
    "permission.given": ("The right %(permission)s came with a plugin or a new version", "puzzle"),
    "permission.taken": ("The rights of a plugin went with it", "puzzle"),
    "plugin.enabled": ("%(actor)s turned it on, version %(version)s", "player-play"),
    "plugin.disabled": ("%(actor)s turned it off", "player-pause"),
    "plugin.uninstalled": ("%(actor)s uninstalled it; its data was %(data)s", "trash"),
    "unit.added": ("%(actor)s added this unit", "plus"),
    "unit.changed": ("%(actor)s changed: %(fields)s%(change)s", "edit"),
    "unit.moved": ("%(actor)s moved this unit below %(to)s", "route"),
    "unit.deactivated": ("%(actor)s took this unit out of use", "ban"),
    "unit.reactivated": ("%(actor)s took this unit into use again", "refresh"),
    "queue.added": ("%(actor)s added this queue", "plus"),
    "queue.changed": ("%(actor)s changed: %(fields)s%(change)s", "edit"),
    "queue.moved": ("%(actor)s moved this queue in the order", "arrows-sort"),
    "case_type.added": ("%(actor)s added the case type %(key)s", "plus"),
    "case_type.changed": ("%(actor)s changed the case type %(key)s: %(fields)s%(change)s", "edit"),
    "return.started": ("%(actor)s began this return", "file-text"),
    "return.entered": ("%(actor)s entered figures", "edit"),
    "return.frozen": ("%(actor)s froze the figures", "lock"),
    "return.signed": ("%(actor)s signed", "check"),
    "return.filed": ("%(actor)s recorded that it was filed", "send"),
    "return.amended": ("%(actor)s began this version", "refresh"),
    "return.discarded": ("%(actor)s threw it away", "trash"),
    "calendar.added": ("%(actor)s made this calendar", "plus"),
    "calendar.changed": ("%(actor)s changed: %(fields)s, as version %(version)s", "edit"),
    "calendar.retired": ("%(actor)s gave this calendar up", "ban"),
    "term.added": ("%(actor)s added the term %(code)s", "plus"),
    "term.changed": ("%(actor)s changed the term %(code)s: %(fields)s%(change)s", "edit"),
    "term.retired": ("%(actor)s retired the term %(code)s from %(day)s on%(instead)s", "ban"),
    "term.restored": ("%(actor)s took the term %(code)s back into use", "refresh"),
}  # fmt: skip


def phrase(kind: str, body: Mapping[str, Any], actor: str, names: Mapping[str, str]) -> Phrase:
    """An entry in plain words; a kind nobody described shows as its own name."""
    text, icon = _SENTENCES.get(kind) or DESK.get(kind) or ("%(actor)s: %(kind)s", "bolt")
    unit = str(body.get("unit", ""))
    values = {
        **values_of(body),
        "actor": actor, "kind": word(kind.replace(".", " ").replace("_", " ")), "fields": _fields(body),
        "role": word(names.get(f"role {body.get('role', '')}", str(body.get("role", "")))),
        "unit": names.get(unit, unit),
        "permission": str(body.get("permission", "")), "key": str(body.get("key", "")),
        "code": str(body.get("code", "")), "day": str(body.get("valid_to", "")), "change": _change(body),
        "version": str(body.get("version", "")), "data": str(body.get("data", "")),
        "from": str(body.get("from", "")), "until": str(body.get("to", "")),
        "to": names.get(str(body.get("to", "")), "") or word("the whole desk"),
        "instead": sentence("; %(term)s takes its place", term=names.get(str(body["maps_to"])) or word("another"))
        if body.get("maps_to") else "",
    }  # fmt: skip
    return Phrase(text, values, icon)


def _fields(body: Mapping[str, Any]) -> str:
    return joined(label(str(each)).lower() for each in body.get("fields") or ()) or word("details")


def _change(body: Mapping[str, Any]) -> str:
    """Codes before and after, where the entry holds them in clear."""
    before, after = body.get("before"), body.get("after")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return ""
    parts = [
        joined((label(key).lower(), ": ", _short(before.get(key)), " → ", _short(after[key])), "")
        for key in after
    ]  # fmt: skip
    return joined((" (", joined(parts, "; "), ")"), "") if parts else ""


def _short(value: Any) -> str:
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, list):
        return joined(map(str, value))
    if isinstance(value, Mapping):
        return joined(joined((key, _short(each)), " ") for key, each in value.items())
    return word("yes" if value else "no") if isinstance(value, bool) else str(value)
