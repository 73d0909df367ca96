"""Skills: the terms that profiles hold, what asks for each, kept by an administrator of the whole desk."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.administration.authority import SET_UP, demand_whole_desk
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

KEY = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
FACTS = ("category", "case_type")
STREAM = "setting/skills"
EVERYWHERE = "Skills count on the whole desk"


@dataclass(frozen=True)
class SkillShown:
    """`needed_by`: what asks for it, by fact; `people`: how many active members of staff have it."""

    id: UUID
    key: str
    label: str
    needed_by: Mapping[str, Sequence[str]]
    active: bool
    version: int
    people: int = 0


_SKILLS = """
SELECT s.id, s.key, s.label, s.needed_by, s.active, s.version,
    (SELECT count(*) FROM core_staff_profile p JOIN core_user u ON u.id = p.user_id AND u.active
     WHERE p.skills ? s.key) AS people
FROM core_skill s
"""


async def all_skills(*, active_only: bool = False) -> list[SkillShown]:
    where = "WHERE s.active" if active_only else ""
    return [SkillShown(**dict(row)) for row in await db.fetch(f"{_SKILLS} {where} ORDER BY lower(s.label), s.key")]


async def skill(skill_id: UUID) -> SkillShown:
    row = await db.fetchrow(f"{_SKILLS} WHERE s.id = $1", skill_id)
    if row is None:
        raise NotFound("There is no such skill. The list of skills shows all there are.")
    return SkillShown(**dict(row))


def needed(facts: Mapping[str, Any], skills: Sequence[SkillShown]) -> frozenset[str]:
    """The skills that a matter with these facts asks for. Pure."""
    return frozenset(
        each.key
        for each in skills
        if each.active and any(str(facts.get(fact, "")) in values for fact, values in each.needed_by.items())
    )


async def add(viewer: Viewer, key: str, label: str, needed_by: Mapping[str, Sequence[str]]) -> UUID:
    """A new term; its key never changes."""
    await _demand(viewer)
    if not KEY.match(key):
        raise Invalid("A key is two to forty small letters, digits and hyphens, and begins with a letter.", "key")
    label = clean_text(label, "label", longest=100, required=True)
    wanted = _checked(needed_by)
    identity = new_id()
    async with db.transaction():
        tag = await db.execute(
            "INSERT INTO core_skill (id, key, label, needed_by, active, version) VALUES ($1, $2, $3, $4, TRUE, 1) "
            "ON CONFLICT (key) DO NOTHING",
            identity, key, label, wanted,
        )  # fmt: skip
        if tag == "INSERT 0 0":
            raise Invalid("There is a skill with this key already. Take another one.", "key")
        body = {"key": key, "needed_by": wanted}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "skill.added", body)])
    return identity


async def change(
    viewer: Viewer, skill_id: UUID, label: str, needed_by: Mapping[str, Sequence[str]], active: bool, version: int
) -> None:
    """Out of use it is asked for no more and offered to nobody; who has it keeps it."""
    await _demand(viewer)
    wanted = {
        "label": clean_text(label, "label", longest=100, required=True),
        "needed_by": _checked(needed_by),
        "active": active,
    }
    async with db.transaction():
        row = await db.fetchrow("SELECT * FROM core_skill WHERE id = $1 FOR UPDATE", skill_id)
        if row is None:
            raise NotFound("There is no such skill. The list of skills shows all there are.")
        check_version("This skill", row, version, wanted)
        changed = {key: value for key, value in wanted.items() if row[key] != value}
        if changed:
            await update("core_skill", skill_id, changed)
            body = {
                "key": row["key"], "fields": sorted(changed),
                "before": {name: row[name] for name in changed}, "after": changed,
            }  # fmt: skip
            await append(actor=viewer.actor, entries=[NewEntry(STREAM, "skill.changed", body)])


async def wanted(viewer: Viewer, needed_by: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What a form asks for, if the viewer may change skills and it means something."""
    await _demand(viewer)
    return _checked(needed_by)


async def _demand(viewer: Viewer) -> None:
    demand(viewer, SET_UP)
    await demand_whole_desk(viewer, SET_UP, EVERYWHERE)


def _checked(needed_by: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    if strange := set(needed_by) - set(FACTS):
        raise Invalid(sentence("A skill cannot be asked for by %(strange)s.", strange=sorted(strange)[0]), "needed_by")
    return {fact: sorted({each[:200] for each in values}) for fact, values in sorted(needed_by.items()) if values}
