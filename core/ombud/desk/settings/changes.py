"""Changing a group of settings in one place: what holds now, what would hold, checked, tried out and saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ombud.desk.settings.form import Asked
from ombud.desk.settings.groups import Group, clear_secrets
from ombud.desk.settings.places import Place
from ombud.desk.settings.trying import TriedOut, try_out
from ombud.kernel.setting_schema import NEEDED
from ombud.kernel.setting_values import Holding, resolve
from ombud.trust.group_settings import Change, Level, SecretSet, change, levels, reveal
from ombud.trust.policy import Viewer


@dataclass(frozen=True)
class Standing:
    """A group in one place. `own`: what is set in the place itself; `above`: the levels it inherits from."""

    group: Group
    place: Place
    own: Level | None
    above: tuple[Level, ...]

    @property
    def version(self) -> int:
        return self.own.version if self.own else 0

    @property
    def editable(self) -> frozenset[str]:
        """What may be set here: in a unit not what holds everywhere alike."""
        fields = self.group.schema.fields.values()
        return frozenset(each.name for each in fields if self.place.id is None or each.scope == "unit")

    def holding(self) -> dict[str, Holding]:
        """Level 0 is the place itself."""
        return resolve(self.group.schema, [self.own.values if self.own else {}, *(each.values for each in self.above)])

    def inherited(self) -> dict[str, Holding]:
        """What would hold without the place's own values; level 0 is the next above."""
        return resolve(self.group.schema, [each.values for each in self.above])

    def secret(self, name: str) -> tuple[SecretSet | None, Level | None]:
        """The secret that counts here, and the level it is set in."""
        for each in (self.own, *self.above):
            if each is not None and name in each.secrets:
                return each.secrets[name], each
        return None, None


async def standing(group: Group, place: Place) -> Standing:
    found = await levels(group.key, place.id)
    own = found[0] if found and found[0].unit_id == place.id else None
    return Standing(group, place, own, tuple(found[1:] if own else found))


async def candidate(now: Standing, asked: Asked) -> dict[str, Any]:
    """What would hold here after saving, secrets in clear: for `try_out` and nothing else."""
    fields = now.group.schema.fields
    own = {**(now.own.values if now.own else {}), **stored(now, asked)}
    own = {name: value for name, value in own.items() if name not in asked.unset}
    held = resolve(now.group.schema, [own, *(each.values for each in now.above)])
    values = {name: each.value for name, each in held.items()}
    secrets: dict[str, Any] = await clear_secrets(now.group.key, now.group.schema, now.place.id)
    if forgotten := [name for name in asked.unset if fields[name].secret]:
        above = await reveal(now.group.key, now.place.id, own=False)
        secrets |= {name: above.get(name) for name in forgotten}
    return {**values, **secrets, **asked.secrets}


def stored(now: Standing, asked: Asked) -> dict[str, Any]:
    """The asked values as they are kept."""
    return {name: now.group.schema.fields[name].stored(value) for name, value in asked.values.items()}


def missing(now: Standing, wanted: Mapping[str, Any]) -> dict[str, str]:
    """Needed fields of this place that would hold nothing."""
    return {
        name: NEEDED
        for name, field in now.group.schema.fields.items()
        if field.required and name in now.editable and wanted.get(name) in (None, "", [])
    }


async def attempt(viewer: Viewer, now: Standing, wanted: Mapping[str, Any]) -> TriedOut | None:
    return await try_out(now.group, wanted, viewer, now.place.key)


async def save(viewer: Viewer, now: Standing, asked: Asked, version: int, tried: TriedOut | None) -> int:
    """Raises MayNotSetError and GroupChangedError."""
    wanted = Change(stored(now, asked), asked.secrets, asked.unset)
    code = tried.code if tried else ""
    return await change(viewer, now.group.key, wanted, now.place.id, version, code)


__all__ = ["Standing", "attempt", "candidate", "missing", "save", "standing", "stored"]
