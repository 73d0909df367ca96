"""How each plugin stands, and which of them run in this process.

Stored is only what the administrator wants and which version was applied; the state is derived from that and from
what is installed. Changes are in `plugin_change`; every process hears of them within moments.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from packaging.version import InvalidVersion, Version

from ombud.kernel import outbox, plugins
from ombud.kernel.database import db
from ombud.kernel.heartbeat import pulse
from ombud.kernel.plugins import Installed, Loaded, UnfitError
from ombud.speech import learn_words
from ombud_plugin_api import Manifest

log = logging.getLogger("ombud.plugins")

CHANNEL = "ombud_plugins"
LOADING = "load"
LOAD_SECONDS = 10.0
LOADS_THAT_KILLED = 2  # after so many of one version, loading is not tried again


@dataclass(frozen=True)
class Standing:
    """How a plugin stands. `state`: installed, enabled, disabled, upgrade needed, incompatible or missing."""

    slug: str
    state: str
    version: str
    applied_version: str
    problem: str
    manifest: Manifest | None
    changed_at: datetime | None
    kept: bool = False  # uninstalled, its data kept
    declaration: Mapping[str, Any] = field(default_factory=dict)  # as it was applied


class Running:
    """The plugins that run in this process, kept equal to what the database wants."""

    def __init__(self) -> None:
        self.imports = True
        """False where no plugin is asked for anything, as in most commands: to import the code of all takes longer than
        what they do. They know each by its manifest, so that what they write down reaches those who hear of it."""
        self.loaded: dict[str, Loaded] = {}
        self.problems: dict[str, str] = {}
        self.blocked: tuple[str, ...] = ()
        self.when_changed: Callable[[], None] = lambda: None
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def refresh(self) -> None:
        """Reads what is wanted and loads or drops accordingly; called at the start and at every notice. One at a time:
        an earlier look that ends later must not have the last word."""
        async with self._one_at_a_time():
            await self._look()

    def _one_at_a_time(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:
            self._lock = (loop, asyncio.Lock())
        return self._lock[1]

    async def _look(self) -> None:
        wanted = {row["slug"]: row for row in await _wanted()}
        installed = plugins.discover(self.blocked)
        learn_words((each.version, each.folder) for each in installed.values() if each.manifest)
        loaded, problems = {}, {}
        for slug, row in sorted(wanted.items()):
            try:
                loaded[slug] = await self._fit(slug, installed.get(slug), row)
            except UnfitError as problem:
                problems[slug] = str(problem)
                log.error("plugin %s does not run: %s", slug, problem)
        if loaded != self.loaded or problems != self.problems:
            self.loaded, self.problems = loaded, problems
            _forget_jobs(loaded)
            self.when_changed()

    async def _fit(self, slug: str, installed: Installed | None, row: Any) -> Loaded:
        if installed is None:
            raise UnfitError("its distribution is not installed; install it again or switch the plugin off")
        if installed.problem:
            raise UnfitError(installed.problem)
        if installed.version != row["applied_version"]:
            raise UnfitError(
                f"version {installed.version} is here, {row['applied_version']} was applied; switch it on again to "
                "upgrade"
            )
        known = self.loaded.get(slug)
        if known and known.version == installed.version and (known.imported or not self.imports):
            return known
        if not self.imports:
            return plugins.declared(installed)
        if row["killed"] >= LOADS_THAT_KILLED:
            raise UnfitError(
                f"loading it stopped this desk's processes {row['killed']} times, so it is not loaded; install a "
                "version that is mended, or switch it off and on to try again"
            )
        return await _load(installed)


async def _load(installed: Installed) -> Loaded:
    """In a thread, seen by the watchdog: code that hangs when it is imported must not hold up the process."""

    def load() -> Loaded:
        with pulse().open_call(installed.slug, LOADING, LOAD_SECONDS):
            return plugins.load(installed)

    try:
        return await asyncio.wait_for(asyncio.to_thread(load), LOAD_SECONDS)
    except TimeoutError:
        raise UnfitError(f"its code was not imported within {LOAD_SECONDS:g} s") from None


running = Running()


def _forget_jobs(loaded: Mapping[str, Loaded]) -> None:
    for slug in {job.plugin for job in outbox.registry.jobs.values() if job.plugin} - set(loaded):
        outbox.forget_plugin_jobs(slug)


async def _wanted() -> list[Any]:
    """`killed`: how often a process was killed while it loaded the plugin as it stands now."""
    return await db.fetch(
        "SELECT slug, applied_version, (SELECT count(*) FROM core_fault f WHERE f.slug = p.slug AND f.kind = 'killed' "
        "AND f.place = $1 AND f.at > p.changed_at) AS killed FROM core_plugin p WHERE wanted_on",
        LOADING,
    )


async def standings(blocked: tuple[str, ...] = ()) -> list[Standing]:
    """Every plugin known here, installed or only remembered, in the order of slugs."""
    installed = plugins.discover(blocked)
    rows = {row["slug"]: row for row in await db.fetch("SELECT * FROM core_plugin")}
    return [_standing(slug, installed.get(slug), rows.get(slug)) for slug in sorted({*installed, *rows})]


def _standing(slug: str, found: Installed | None, row: Any) -> Standing:
    wanted = bool(row and row["wanted_on"])
    return Standing(
        slug=slug,
        state=_state(found, row),
        version=found.version if found else "",
        applied_version=row["applied_version"] if row else "",
        problem=_problem(found, row) or (running.problems.get(slug, "") if wanted else ""),
        manifest=found.manifest if found else None,
        changed_at=row["changed_at"] if row else None,
        kept=bool(row and row["kept"]),
        declaration=row["declaration"] if row else {},
    )


def _problem(found: Installed | None, row: Any) -> str:
    if found is None:
        return "its distribution is not installed"
    return found.problem or (too_old(found.version, row["applied_version"]) if row else "")


def _state(found: Installed | None, row: Any) -> str:
    if found is None:
        return "missing"
    if _problem(found, row):
        return "incompatible"
    if row is None or row["kept"]:
        return "installed"
    if not row["wanted_on"]:
        return "disabled"
    if row["applied_version"] != found.version:
        return "upgrade needed"
    return "incompatible" if found.slug in running.problems else "enabled"


def too_old(version: str, applied: str) -> str:
    """Why an installed version cannot follow the one that was applied; empty where it can. Versions that cannot be read
    are not compared."""
    try:
        if not applied or Version(version) >= Version(applied):
            return ""
    except InvalidVersion:
        return ""
    return (
        f"version {applied} was in use here, and {version} cannot read what it wrote; install {applied} or a later one"
    )
