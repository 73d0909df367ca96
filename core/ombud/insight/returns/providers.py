"""The returns that running plugins know, asked outside transactions, each call alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.settings.groups import values_for_plugin
from ombud.insight.returns.figures import Collected, collect
from ombud.kernel.calling import Outcome, call
from ombud.kernel.clock import now
from ombud.kernel.lifecycle import running
from ombud.speech import sentence
from ombud_plugin_api.returns import Layout, Return, ReturnCase, ReturnPeriod, ReturnVersion

SECONDS, SECONDS_TO_COLLECT = 2.0, 20.0

T = TypeVar("T")


@dataclass(frozen=True)
class Known:
    """A return with the plugin that brings it."""

    slug: str
    given: Return


def known() -> list[Known]:
    found = [Known(slug, each) for slug, loaded in running.loaded.items() for each in loaded.returns]
    return sorted(found, key=lambda each: each.given.key)


def provider(key: str) -> Known:
    """Raises NotFound, also for a plugin that is off."""
    for each in known():
        if each.given.key == key:
            return each
    raise NotFound("No plugin that runs knows this return. Turn its plugin on first.")


def version_for(known: Known, period: ReturnPeriod) -> ReturnVersion:
    """The taxonomy that holds for the period. Raises Invalid."""
    for each in known.given.versions:
        if each.fits(period):
            return each
    raise Invalid("No version of this return holds for that period. Choose another period.", "period")


def version_label(key: str, taxonomy: str) -> str:
    """The words of a version of the taxonomy; its key where its plugin is off."""
    versions = [version for each in known() if each.given.key == key for version in each.given.versions]
    return next((each.label for each in versions if each.key == taxonomy), taxonomy)


async def periods(known: Known, unit_id: UUID) -> Sequence[ReturnPeriod]:
    """Those to choose from. Raises NotNow where the plugin fails."""
    settings = await values_for_plugin(known.slug, unit_id)
    return _said(await call(known.slug, known.given.periods, now().date(), settings, limit=SECONDS,
                            place=f"periods of {known.given.key}"))  # fmt: skip


async def layout(known: Known, taxonomy: str, unit_id: UUID) -> Layout:
    version = next((each for each in known.given.versions if each.key == taxonomy), None)
    if version is None:
        raise NotNow(
            sentence(
                "The plugin no longer knows the taxonomy %(taxonomy)s. Install a version of it that does.",
                taxonomy=taxonomy,
            )
        )
    settings = await values_for_plugin(known.slug, unit_id)
    return _said(await call(known.slug, version.build, settings, limit=SECONDS, place=f"layout of {known.given.key}"))


async def collected(
    known: Known, layout: Layout, cases: Sequence[ReturnCase], period: ReturnPeriod, entered: dict[str, str]
) -> Collected:
    """Every figure; the plugin's functions run in a thread, under a limit, with faults recorded against it."""
    return _said(await call(known.slug, collect, layout, cases, period, entered, limit=SECONDS_TO_COLLECT,
                            place=f"figures of {known.given.key}"))  # fmt: skip


def _said(outcome: Outcome[T]) -> T:
    if outcome.fault is not None:
        raise NotNow(
            sentence(
                "The plugin gave no figures: %(message)s. Look at its faults, then try again.",
                message=outcome.fault.message,
            )
        )
    return outcome.value
