"""Which kinds of case files there are on this desk, and what their plugins say of a case: on the cover, and missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.casefile.record import Record
from ombud.desk.errors import NotFound
from ombud.desk.redress.money import text_of
from ombud.kernel import faults
from ombud.kernel.calling import Outcome, call
from ombud.kernel.lifecycle import running
from ombud.speech import sentence
from ombud.trust.group_settings import held_in, key_of_plugin
from ombud_plugin_api import CaseFileAspect, CaseFileFacts, CaseFileFormat

SECONDS = 2.0
MOST, LONGEST = 40, 2000


@dataclass(frozen=True)
class Profile:
    """A kind of file and the plugin it comes from."""

    slug: str
    format: CaseFileFormat


@dataclass(frozen=True)
class Told:
    """What a plugin said of a case. `trouble`: the plugin failed, and the file goes without its lines."""

    recipient: str
    cover: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    trouble: str = ""


class Rubbish(Exception):
    """A plugin gave something else than its hook promises."""


def profiles() -> list[Profile]:
    """Of the plugins that run, by label."""
    found = [Profile(slug, each) for slug, loaded in running.loaded.items() for each in loaded.case_files]
    return sorted(found, key=lambda each: (each.format.label, each.format.key))


def profile_of(key: str) -> Profile:
    """The profile with this key, the only one where none is named; raises NotFound."""
    known = profiles()
    for each in known:
        if each.format.key == key or (not key and len(known) == 1):
            return each
    raise NotFound("This desk makes no such file. Ask an administrator to turn its plugin on.")


async def ask(profile: Profile, record: Record, aspects: frozenset[UUID]) -> Told:
    """Cover, recipient and what is missing, outside any transaction; a plugin that fails makes the file poorer, and
    stops nothing."""
    facts = await facts_of(profile, record, aspects)
    form = profile.format
    given = [
        await _asked(profile, what, function, facts)
        for what, function in (("recipient", form.recipient), ("cover", form.cover), ("missing", form.missing))
    ]
    try:
        if any(each is None for each in given):
            raise Rubbish("did not answer")
        return Told(_line(given[0]), _pairs(given[1]), _lines(given[2]))
    except Rubbish as problem:
        if all(each is not None for each in given):
            await faults.record(profile.slug, "error", f"case file {form.key}", str(problem))
        return Told(
            "",
            (),
            (),
            sentence("%(what)s could not say what belongs on the cover. The file goes without it.", what=form.label),
        )


async def _asked(profile: Profile, what: str, function: Any, facts: CaseFileFacts) -> Any:
    outcome: Outcome[Any] = await call(
        profile.slug, function, facts, limit=SECONDS, place=f"{what} {profile.format.key}"
    )
    return None if outcome.fault is not None else outcome.value


def _line(value: Any) -> str:
    if not isinstance(value, str):
        raise Rubbish(f"gave {type(value).__name__} where words belong")
    return " ".join(value.split())[:LONGEST]


def _lines(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise Rubbish(f"gave {type(value).__name__}, not a list")
    return tuple(_line(each) for each in value[:MOST])


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, tuple) and len(each) == 2 for each in value):
        raise Rubbish("gave no pairs of words")
    return tuple((_line(label), _line(words)) for label, words in value[:MOST])


async def facts_of(profile: Profile, record: Record, aspects: frozenset[UUID]) -> CaseFileFacts:
    """Codes and days of the case, with the plugin's settings of its unit."""
    schema, case, zone = running.loaded[profile.slug].setting_schema, record.view.case, record.zone
    settings = await held_in(case.unit.id, key_of_plugin(profile.slug), schema) if schema is not None else {}
    final = record.final_response_at
    return CaseFileFacts(
        reference=case.reference, case_type=case.case_type, unit=case.unit.key, status=case.status,
        received_on=case.received_on, today=record.at.astimezone(zone).date(),
        closed_on=case.closed_at.astimezone(zone).date() if case.closed_at else None,
        final_response_on=final.astimezone(zone).date() if final else None,
        represented=any(each.role == "representative" and not each.expired for each in record.view.parties),
        aspects=tuple(_aspect(each, record) for each in record.view.aspects if each.id in aspects), settings=settings,
    )  # fmt: skip


def _aspect(each: Any, record: Record) -> CaseFileAspect:
    return CaseFileAspect(
        letter=each.letter, category=each.category, outcome=each.outcome,
        decided_on=each.decided_at.astimezone(record.zone).date() if each.decided_at else None,
        redress=tuple((one.kind, text_of(one.amount, one.currency) if one.amount is not None else "", one.currency)
                      for one in each.redress if one.standing),
    )  # fmt: skip


def labels(given: Sequence[Profile]) -> list[tuple[str, str]]:
    return [(each.format.key, each.format.label) for each in given]
