"""The groups of settings a desk has: core's own, and those of the plugins that run."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk import promises, return_rules, scales
from ombud.desk.errors import NotFound
from ombud.desk.gate import rules as gate
from ombud.desk.inbox import limits, mood_settings
from ombud.desk.notices import rules as notices
from ombud.desk.outgoing import rules as outgoing
from ombud.desk.redress.payments import rules as payments
from ombud.desk.viewing import rules as viewing
from ombud.kernel.lifecycle import running
from ombud.kernel.plugins import Loaded
from ombud.kernel.setting_schema import SettingSchema
from ombud.kernel.setting_values import holding
from ombud.kernel.settled import Memory
from ombud.trust.group_settings import Level, held_in, key_of_plugin, levels, reveal


@dataclass(frozen=True)
class Group:
    """What is set on one page. `slug`: of the plugin whose settings they are, empty for core's; `try_out` may be
    None."""

    key: str
    label: str
    summary: str
    icon: str
    schema: SettingSchema
    slug: str = ""
    try_out: Callable[..., Any] | None = None


def groups() -> list[Group]:
    """Core's first, then the running plugins' by name."""
    promised = Group(
        promises.KEY, "Promises to complainants",
        "By when you answer, first write and judge what came in, and how long a customer's link works.",
        "calendar-due", promises.schema(),
    )  # fmt: skip
    incoming = Group(
        limits.KEY, "Inbox", "How much of one sender comes in before it is held back.", "mail", limits.schema()
    )
    sent = Group(
        outgoing.KEY, "Outgoing messages",
        "How long a message can be taken back, office hours, and what a second person approves.", "send",
        outgoing.schema(),
    )  # fmt: skip
    gated = Group(gate.KEY, gate.LABEL, gate.SUMMARY, gate.ICON, gate.schema())
    told = Group(notices.KEY, notices.LABEL, notices.SUMMARY, notices.ICON, notices.schema())
    tone = Group(
        mood_settings.KEY, mood_settings.LABEL, mood_settings.SUMMARY, mood_settings.ICON, mood_settings.schema()
    )
    steps = Group(scales.KEY, scales.LABEL, scales.SUMMARY, scales.ICON, scales.schema())
    paid = Group(payments.KEY, payments.LABEL, payments.SUMMARY, payments.ICON, payments.schema())
    looked = Group(viewing.KEY, viewing.LABEL, viewing.SUMMARY, viewing.ICON, viewing.schema())
    reported = Group(
        return_rules.KEY, return_rules.LABEL, return_rules.SUMMARY, return_rules.ICON, return_rules.schema()
    )
    brought = [_of(each) for each in running.loaded.values() if each.setting_schema is not None]
    own = [promised, incoming, sent, gated, told, tone, steps, paid, looked, reported]
    return [*own, *sorted(brought, key=lambda each: each.label)]


def group(key: str) -> Group:
    """Raises NotFound, also for a plugin that is off."""
    for each in groups():
        if each.key == key:
            return each
    raise NotFound("There are no such settings. If they belong to a plugin, turn it on first.")


def _of(loaded: Loaded) -> Group:
    assert loaded.setting_schema is not None
    return Group(
        key_of_plugin(loaded.slug), loaded.manifest.name, loaded.manifest.summary, "puzzle", loaded.setting_schema,
        loaded.slug, loaded.settings[0].try_out,
    )  # fmt: skip


async def values_for_plugin(slug: str, unit: UUID | str | None) -> dict[str, Any]:
    """A plugin's settings as they hold in a unit (see `levels`), secrets in clear: for its provider alone. Nothing is
    read where it has none; one statement, one more for secrets."""
    loaded = running.loaded.get(slug)
    if loaded is None or loaded.setting_schema is None:
        return {}
    key, schema = key_of_plugin(slug), loaded.setting_schema
    return {**clear_values(schema, await levels(key, unit)), **await clear_secrets(key, schema, unit)}


_remembered: Memory[tuple[str, str, UUID | str | None], dict[str, Any]] = Memory(1000)


async def values_known(slug: str, unit: UUID | str | None, settled: int) -> dict[str, Any]:
    """The same; what is no secret from memory (see `clear_known`)."""
    loaded = running.loaded.get(slug)
    if loaded is None or loaded.setting_schema is None:
        return {}
    secrets = await clear_secrets(key_of_plugin(slug), loaded.setting_schema, unit)
    return {**await clear_known(slug, unit, settled), **secrets}


async def clear_known(slug: str, unit: UUID | str | None, settled: int) -> dict[str, Any]:
    """A plugin's settings without secrets, from memory as long as the number holds under which they were read
    (`kernel/settled.py`). Whoever gets them may change them."""
    loaded = running.loaded.get(slug)
    if loaded is None or (schema := loaded.setting_schema) is None:
        return {}
    place = (slug, str(loaded.version), unit)
    return deepcopy(await _remembered.of(place, settled, lambda: held_in(unit, key_of_plugin(slug), schema)))


def clear_values(schema: SettingSchema, held: list[Level]) -> dict[str, Any]:
    return holding(schema, [level.values for level in held])


async def clear_secrets(key: str, schema: SettingSchema, unit: UUID | str | None) -> dict[str, str | None]:
    """None for a secret that is not set."""
    if not schema.secrets:
        return {}
    known = await reveal(key, unit)
    return {name: known.get(name) for name in schema.secrets}


__all__ = [
    "Group", "clear_known", "clear_secrets", "clear_values", "group", "groups", "key_of_plugin", "values_for_plugin",
    "values_known",
]  # fmt: skip
