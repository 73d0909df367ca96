"""Rules as administrators keep them: drafts, versions with dates, shadow, switching off and rolling back.

A version that held never changes. Making another one is a draft first; what is in force stays until it begins. Every
step stands in the ledger under `rule/<key>`.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.engine.terms import Definition
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.rules import in_force
from ombud.desk.rules.checking import problems_of
from ombud.desk.rules.in_force import definition_of, stored
from ombud.desk.rules.shipped import ON_AT_FIRST, SHIPPED
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import enqueue_job
from ombud.speech import sentence
from ombud.trust.canonical import canonical, moment_text
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer

RIGHT = "setting.manage"
SUBJECT = "setting/rules"  # whose key seals what administrators write in rules
FARTHEST = timedelta(days=366)


@dataclass(frozen=True)
class Version:
    """One version of a rule. `made_by`: the name of who wrote it, empty for ours."""

    rule: str
    number: int
    definition: Definition
    made_at: datetime
    made_by: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    shadow_from: datetime | None = None
    shadow_to: datetime | None = None

    @property
    def fresh(self) -> bool:
        """It can still be changed: it never held and was never tried."""
        return self.valid_from is None and self.shadow_from is None

    def holds(self, at: datetime) -> bool:
        return self.valid_from is not None and self.valid_from <= at and (self.valid_to is None or at < self.valid_to)

    def shadows(self, at: datetime) -> bool:
        return self.shadow_from is not None and self.shadow_from <= at and (
            self.shadow_to is None or at < self.shadow_to
        )  # fmt: skip

    def begins_later(self, at: datetime) -> bool:
        return self.valid_from is not None and at < self.valid_from and self.valid_to is None


@dataclass(frozen=True)
class Kept:
    """A rule with its versions, the newest first."""

    key: str
    shipped: bool
    version: int
    versions: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        return self.versions[0]

    def number(self, number: int) -> Version:
        """Raises NotFound."""
        for each in self.versions:
            if each.number == number:
                return each
        raise NotFound(sentence("This rule has no version %(what)s.", what=number))

    def in_force(self, at: datetime | None = None) -> Version | None:
        return next((each for each in self.versions if each.holds(at or now())), None)

    def in_shadow(self, at: datetime | None = None) -> Version | None:
        return next((each for each in self.versions if each.shadows(at or now())), None)

    def waiting(self, at: datetime | None = None) -> Version | None:
        return next((each for each in self.versions if each.begins_later(at or now())), None)

    @property
    def shown(self) -> Version:
        """The one a list tells of: in force, else tried in shadow, else the newest."""
        return self.in_force() or self.waiting() or self.in_shadow() or self.newest

    @property
    def state(self) -> str:
        """on, waiting (from a day that is set), shadow, draft (never held) or off."""
        if self.in_force():
            return "on"
        if self.waiting():
            return "waiting"
        if self.in_shadow():
            return "shadow"
        return "draft" if all(each.valid_from is None for each in self.versions) else "off"


_ALL = """
SELECT r.key, r.shipped, r.version, v.number, v.definition, v.made_at, v.valid_from, v.valid_to, v.shadow_from,
    v.shadow_to, coalesce(nullif(u.display_name, ''), u.name, '') AS made_by
FROM core_rule r JOIN core_rule_version v ON v.rule = r.key LEFT JOIN core_user u ON u.id = v.made_by
WHERE $1 = '' OR r.key = $1 ORDER BY r.key, v.number DESC
"""


async def all_rules(key: str = "") -> list[Kept]:
    """Every rule, in the order in which they are asked."""
    found: dict[str, list[Any]] = {}
    for row in await db.fetch(_ALL, key):
        found.setdefault(row["key"], []).append(row)
    kept = [
        Kept(each, rows[0]["shipped"], rows[0]["version"], tuple(_version(row) for row in rows))
        for each, rows in found.items()
    ]
    return sorted(kept, key=lambda each: (each.shown.definition.position, each.key))


def _version(row: Any) -> Version:
    return Version(
        row["key"], row["number"], definition_of(row["key"], row["definition"]), row["made_at"], row["made_by"],
        row["valid_from"], row["valid_to"], row["shadow_from"], row["shadow_to"],
    )  # fmt: skip


async def rule(key: str) -> Kept:
    """Raises NotFound."""
    found = await all_rules(key) if key else []
    if not found:
        raise NotFound("There is no such rule. It may have been taken away.")
    return found[0]


async def install_defaults() -> None:
    """The rules that come with the desk; those that are there stay as they are."""
    rows = await db.fetch("SELECT key FROM core_rule")
    known = {row["key"] for row in rows}
    for each in SHIPPED:
        if each.key not in known:
            async with db.transaction():
                await _insert(each, 1, None, shipped=True)
                if each.key in ON_AT_FIRST:
                    await db.execute(
                        "UPDATE core_rule_version SET valid_from = $2 WHERE rule = $1 AND number = 1", each.key, now()
                    )


async def _insert(definition: Definition, number: int, made_by: UUID | None, *, shipped: bool = False) -> None:
    await db.execute(
        "INSERT INTO core_rule (key, shipped, created_at, version) VALUES ($1, $2, $3, 1) ON CONFLICT DO NOTHING",
        definition.key, shipped, now(),
    )  # fmt: skip
    await db.execute(
        "INSERT INTO core_rule_version (id, rule, number, definition, made_at, made_by) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (rule, number) DO NOTHING",
        new_id(), definition.key, number, stored(definition), now(), made_by,
    )  # fmt: skip


def key_of(label: str, taken: set[str]) -> str:
    """A key from a name: small letters and dashes, once on the desk."""
    plain = unicodedata.normalize("NFKD", label.replace("ł", "l").replace("Ł", "l")).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:50] or "rule"
    base = base if base[0].isalpha() and len(base) > 1 else f"rule-{base}"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


async def save_draft(viewer: Viewer, definition: Definition, version: int | None = None) -> Version:
    """Writes a draft: a new rule where `definition.key` is empty, else the rule's next version, in place of a draft
    that is there. It may be unfinished; it is checked when it is to run. Raises Changed, NotAllowed."""
    async with db.transaction():
        await _may(viewer)
        keys = {row["key"] for row in await db.fetch("SELECT key FROM core_rule FOR UPDATE")}
        if not definition.key:
            key = key_of(definition.label, keys)
            definition = msgspec.structs.replace(definition, key=key)
            number = 1
            await _insert(definition, 1, viewer.user_id)
        else:
            kept = await rule(definition.key)
            _check_version(kept, version)
            number = kept.newest.number if kept.newest.fresh else kept.newest.number + 1
            if kept.newest.fresh:
                await db.execute(
                    "UPDATE core_rule_version SET definition = $3, made_at = $4, made_by = $5 "
                    "WHERE rule = $1 AND number = $2",
                    definition.key, number, stored(definition), now(), viewer.user_id,
                )  # fmt: skip
            else:
                await _insert(definition, number, viewer.user_id)
            await _count(definition.key)
        await _tell(viewer, "rule.drafted", definition, number)
    return (await rule(definition.key)).number(number)


def _check_version(kept: Kept, version: int | None) -> None:
    if version is not None and version != kept.version:
        raise Changed("The rule", kept.version, {}, {})


async def _count(key: str) -> None:
    await db.execute("UPDATE core_rule SET version = version + 1 WHERE key = $1", key)


async def activate(
    viewer: Viewer, key: str, number: int, *, begins: datetime | None = None, version: int | None = None
) -> None:
    """Turns a version on, now or from a day that is set; the one that is on until then ends at that moment. Raises
    Invalid where the rule cannot run, NotNow where this version held already."""
    async with db.transaction():
        kept, chosen = await _locked(viewer, key, number, version)
        refuse_unfit(chosen.definition)
        if chosen.valid_from is not None:
            raise NotNow("This version held already. Make a draft of it, then turn that on.")
        moment = now()
        start = max(begins or moment, moment)
        if start > moment + FARTHEST:
            raise Invalid("Choose a day within a year.", "begins")
        for other in kept.versions:
            if other.valid_from is not None and (other.valid_to is None or other.valid_to > start):
                await _period(key, other.number, "valid_to", max(start, other.valid_from))
            if other.shadows(moment):
                await _period(key, other.number, "shadow_to", moment)
        await _period(key, number, "valid_from", start)
        await _began(viewer, "rule.activated", chosen, {"from": moment_text(start)})
    await in_force.refresh()


async def try_in_shadow(viewer: Viewer, key: str, number: int, version: int | None = None) -> None:
    """Lets a version only write down what it would do, beside what is in force."""
    async with db.transaction():
        kept, chosen = await _locked(viewer, key, number, version)
        refuse_unfit(chosen.definition)
        if chosen.valid_from is not None or chosen.shadow_from is not None:
            raise NotNow("This version ran already. Make a draft of it, then try that.")
        for other in kept.versions:
            if other.shadows(now()):
                await _period(key, other.number, "shadow_to", now())
        await _period(key, number, "shadow_from", now())
        await _began(viewer, "rule.shadow_began", chosen, {})
    await in_force.refresh()


async def switch_off(viewer: Viewer, key: str, version: int | None = None) -> None:
    """Ends what is in force, in shadow or waiting for its day."""
    async with db.transaction():
        kept = await _kept(viewer, key, version)
        moment, ended = now(), 0
        for each in kept.versions:
            if each.holds(moment) or each.begins_later(moment):
                assert each.valid_from is not None
                await _period(key, each.number, "valid_to", max(moment, each.valid_from))
                ended = ended or each.number
            if each.shadows(moment):
                await _period(key, each.number, "shadow_to", moment)
                ended = ended or each.number
        if not ended:
            raise NotNow("The rule is off already.")
        await _began(viewer, "rule.ended", kept.number(ended), {})
    await in_force.refresh()


async def roll_back(viewer: Viewer, key: str, number: int, version: int | None = None) -> Version:
    """Makes a draft that says what an earlier version said; turning it on is the next step."""
    kept = await rule(key)
    return await save_draft(viewer, kept.number(number).definition, version)


def refuse_unfit(definition: Definition) -> None:
    """Raises Invalid with the first thing that keeps the rule from running."""
    for place, problem in problems_of(definition, in_force.words()).items():
        raise Invalid(problem, place)


async def _locked(viewer: Viewer, key: str, number: int, version: int | None) -> tuple[Kept, Version]:
    kept = await _kept(viewer, key, version)
    return kept, kept.number(number)


async def _kept(viewer: Viewer, key: str, version: int | None) -> Kept:
    await _may(viewer)
    await db.fetch("SELECT key FROM core_rule WHERE key = $1 FOR UPDATE", key)
    kept = await rule(key)
    _check_version(kept, version)
    return kept


async def _period(key: str, number: int, column: str, at: datetime) -> None:
    await db.execute(f"UPDATE core_rule_version SET {column} = $3 WHERE rule = $1 AND number = $2", key, number, at)


async def _began(viewer: Viewer, kind: str, version: Version, codes: Mapping[str, Any]) -> None:
    await _count(version.rule)
    await _tell(viewer, kind, version.definition, version.number, codes)
    in_force.tell()
    if version.definition.timed:
        await enqueue_job("rules.arm", {}, key=f"{version.rule}@{version.number}")


async def _tell(
    viewer: Viewer, kind: str, definition: Definition, number: int, codes: Mapping[str, Any] | None = None
) -> None:
    says = stored(definition)
    digest = hashlib.sha256(_bytes(says)).hexdigest()
    body = {"rule": definition.key, "number": number, "digest": digest, **(codes or {})}
    entry = NewEntry(f"rule/{definition.key}", kind, body, {"says": Sealed(SUBJECT, _plain(says))})
    await append(actor=viewer.actor, entries=[entry])


def _plain(value: Any) -> Any:
    """As canonical JSON takes it."""
    return msgspec.json.decode(speech.encoded(value))


def _bytes(says: Any) -> bytes:
    return canonical(_plain(says))


async def _may(viewer: Viewer) -> None:
    """A rule can reach every case of the desk, so the right is needed in every topmost unit."""
    tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
    if not tops or not all(viewer.may_in(RIGHT, row["id"]) for row in tops):
        raise NotAllowed("Rules hold on the whole desk. Ask an administrator of all its units.")
