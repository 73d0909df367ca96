"""What plugins are installed, what they bring, and which of them run in this process."""

import importlib.util
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pluggy
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from stevedore.named import NamedExtensionManager

import ombud_plugin_api as api
from ombud.kernel import manifests
from ombud.kernel.installed import points, seen, versioned
from ombud.kernel.setting_schema import SchemaUnfit, SettingSchema, read_schema
from ombud_plugin_api import deprecation, specs
from ombud_plugin_api.hooks import PROJECT
from ombud_plugin_api.laws import LawBroken, check_laws
from ombud_plugin_api.responses import unfit

log = logging.getLogger("ombud.plugins")

GROUP = "ombud.plugins"


class UnfitError(Exception):
    """A plugin cannot run; the text says why and is shown on the plugins page."""


@dataclass(frozen=True)
class Installed:
    """A distribution found on this machine. `problem` says why it cannot run, if it cannot; `folder` is the package's,
    where there is a manifest. No code was imported."""

    slug: str
    package: str
    version: str
    manifest: api.Manifest | None
    problem: str = ""
    folder: Path = field(default_factory=Path)


@dataclass(frozen=True)
class Loaded:
    """A plugin's code in this process with everything its hooks gave, checked."""

    slug: str
    package: str
    version: str
    manifest: api.Manifest
    permissions: tuple[api.Permission, ...] = ()
    navigation: tuple[api.NavItem, ...] = ()
    pages: tuple[Any, ...] = ()
    slots: tuple[api.Fill, ...] = ()
    channels: tuple[api.Channel | api.InboundChannel, ...] = ()
    deliverers: tuple[api.Deliverer, ...] = ()
    sentiment_scorers: tuple[api.SentimentScorer, ...] = ()
    conditions: tuple[api.Condition, ...] = ()
    actions: tuple[api.Action, ...] = ()
    routers: tuple[api.Router, ...] = ()
    deadlines: tuple[api.Deadlines, ...] = ()
    response_requirements: tuple[api.ResponseRequirement, ...] = ()
    returns: tuple[api.Return, ...] = ()
    classifiers: tuple[api.Classifier, ...] = ()
    case_files: tuple[api.CaseFileFormat, ...] = ()
    rights: tuple[api.Law, ...] = ()
    personal_data: tuple[api.PersonalData, ...] = ()
    jobs: tuple[api.Job, ...] = ()
    commands: tuple[api.Command, ...] = ()
    settings: tuple[api.Settings, ...] = ()
    crms: tuple[api.Crm, ...] = ()
    demo_data: tuple[api.DemoData, ...] = ()
    setting_schema: SettingSchema | None = None
    on_event: Callable[..., Any] | None = None
    folder: Path = field(default_factory=Path)
    imported: bool = True  # False: known by its manifest alone


def discover(blocked: Iterable[str] = ()) -> dict[str, Installed]:
    """Every installed plugin by slug, from entry points and manifests alone; names are filtered before any import."""
    stopped = set(blocked)
    found: dict[str, Installed] = {}
    facts = seen()
    for point, version in sorted(versioned(GROUP, facts), key=lambda each: each[0].name):
        each = _read(point, version, facts)
        if point.name in stopped:
            each = replace(each, problem="settings.toml blocks it (plugins.blocked)")
        found[point.name] = each
    return found


def _read(point: EntryPoint, version: str, facts: tuple[object, ...]) -> Installed:
    package = point.value.split(":")[0].rsplit(".", 1)[0]
    try:
        manifest, folder = _manifest(package, facts)
        _agree(point.name, manifest, version)
    except (api.ManifestError, UnfitError) as problem:
        return Installed(point.name, package, version, None, str(problem))
    return Installed(point.name, package, version, manifest, folder=folder)


def _manifest(package: str, facts: tuple[object, ...]) -> tuple[api.Manifest, Path]:
    """With the folder it lies in, which is the package's."""
    path = _place(package, facts) / "plugin.toml"
    if not path.is_file():  # perhaps it is elsewhere by now, and if it is nowhere, that is to be said
        path = folder_of(package) / "plugin.toml"
    return manifests.read(path), path.parent


@lru_cache(maxsize=256)
def _place(package: str, facts: tuple[object, ...]) -> Path:
    """Looked for once, as long as nothing is installed and nothing taken away: Python asks every folder it knows."""
    return folder_of(package)


def folder_of(package: str) -> Path:
    """Where a package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnfitError(f"its package {package} is not there; install the distribution again")
    return Path(next(iter(spec.submodule_search_locations)))


def _agree(slug: str, manifest: api.Manifest, version: str) -> None:
    if manifest.slug != slug:
        raise UnfitError(f"the entry point is called {slug}, the manifest says {manifest.slug}; make them equal")
    if version and manifest.version != version:
        raise UnfitError(f"the manifest says version {manifest.version}, the distribution {version}; make them equal")
    try:
        fits = SpecifierSet(manifest.api).contains(api.API_VERSION, prereleases=True)
    except InvalidSpecifier:
        raise UnfitError(f"api = {manifest.api!r} is no version range; write it like '>=0.9,<0.10'") from None
    if not fits:
        raise UnfitError(f"it is made for plugin API {manifest.api}; this desk has {api.API_VERSION}")


def load(installed: Installed) -> Loaded:
    """Imports a plugin and asks its hooks; raises UnfitError, whatever the plugin raised."""
    if installed.manifest is None or installed.problem:
        raise UnfitError(installed.problem)
    try:
        check_laws(folder_of(installed.package), installed.package, installed.slug)
    except LawBroken as offence:
        raise UnfitError(f"it does what no plugin may: {offence}") from None
    module = _import(installed.slug)
    manager = _manager(installed.slug, module)
    try:
        return _collect(installed, installed.manifest, manager)
    except UnfitError:
        raise
    except Exception as problem:
        raise UnfitError(f"its hooks failed: {type(problem).__name__}: {problem}") from problem


def declared(installed: Installed) -> Loaded:
    """A plugin as its manifest tells of it, with no code imported: enough to know which events it hears."""
    if installed.manifest is None or installed.problem:
        raise UnfitError(installed.problem)
    manifest = installed.manifest
    hears = _not_here if manifest.events else None
    return Loaded(
        installed.slug, installed.package, installed.version, manifest, on_event=hears, imported=False
    )  # fmt: skip


async def _not_here(**_: Any) -> None:
    raise UnfitError("its code is not imported in this process")


def _import(slug: str) -> ModuleType:
    failures: list[BaseException] = []
    NamedExtensionManager.ENTRY_POINT_CACHE[GROUP] = list(points(GROUP))  # what was installed meanwhile counts too
    found: NamedExtensionManager[Any] = NamedExtensionManager(
        GROUP,
        names=[slug],
        on_load_failure_callback=lambda manager, point, problem: failures.append(problem),
        on_missing_entrypoints_callback=lambda missing: None,
    )
    if failures:
        raise UnfitError(f"its code cannot be imported: {type(failures[0]).__name__}: {failures[0]}")
    modules: list[Any] = [extension.plugin for extension in found if extension.name == slug]
    if not modules:
        raise UnfitError("its entry point is gone; install the distribution again")
    return cast(ModuleType, modules[0])


def _manager(slug: str, module: ModuleType) -> pluggy.PluginManager:
    """A manager of its own for each plugin, so that one plugin's mistake concerns no other."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    try:
        manager.register(module, name=slug)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as problem:
        raise UnfitError(f"its hooks do not fit: {problem}") from problem
    _tell_deprecated(slug, manager)
    return manager


_told: set[str] = set()


def _tell_deprecated(slug: str, manager: pluggy.PluginManager) -> None:
    """One line in the log for each hook or argument that goes, once in a process; in our own tests it is an error."""
    used = [
        (each.name, each.get_hookimpls()[0].argnames)
        for each in manager.get_hookcallers(manager.get_plugin(slug)) or ()
    ]
    for line in deprecation.of_hooks(used, slug):
        if line not in _told:
            _told.add(line)
            log.warning("%s", line)


_KINDS: dict[str, type] = {
    "permissions": api.Permission,
    "navigation": api.NavItem,
    "slots": api.Fill,
    "channels": api.Channel,
    "deliverers": api.Deliverer,
    "sentiment_scorers": api.SentimentScorer,
    "conditions": api.Condition,
    "actions": api.Action,
    "routers": api.Router,
    "deadlines": api.Deadlines,
    "response_requirements": api.ResponseRequirement,
    "returns": api.Return,
    "classifiers": api.Classifier,
    "case_files": api.CaseFileFormat,
    "rights": api.Law,
    "personal_data": api.PersonalData,
    "jobs": api.Job,
    "commands": api.Command,
    "settings": api.Settings,
    "crms": api.Crm,
    "demo_data": api.DemoData,
}


def _collect(installed: Installed, manifest: api.Manifest, manager: pluggy.PluginManager) -> Loaded:
    given: dict[str, tuple[Any, ...]] = {"pages": _ask(manager, "pages", manifest, None)}
    for name, kind in _KINDS.items():
        given[name] = _ask(manager, name, manifest, kind)
    _check_names(manifest.slug, given)
    handlers = manager.hook.on_event.get_hookimpls()
    return Loaded(
        slug=installed.slug,
        package=installed.package,
        version=installed.version,
        manifest=manifest,
        setting_schema=_setting_schema(given["settings"]),
        on_event=handlers[0].function if handlers else None,
        folder=folder_of(installed.package),
        imported=True,
        **given,
    )


def _ask(manager: pluggy.PluginManager, name: str, manifest: api.Manifest, kind: type | None) -> tuple[Any, ...]:
    answers = getattr(manager.hook, f"provide_{name}")(manifest=manifest)
    items: list[Any] = []
    for answer in answers:
        if not isinstance(answer, list | tuple):
            raise UnfitError(f"provide_{name} gave {type(answer).__name__}; give a list")
        items += answer
    for item in items:
        if kind is not None and not isinstance(item, kind):
            raise UnfitError(f"provide_{name} gave {item!r:.80}; give {kind.__name__} objects")
    return tuple(items)


def _setting_schema(given: tuple[api.Settings, ...]) -> SettingSchema | None:
    if len(given) > 1:
        raise UnfitError("provide_settings gave several Settings; a plugin has one schema, so put all into one")
    if not given:
        return None
    if given[0].try_out is not None and not callable(given[0].try_out):
        raise UnfitError("the try_out of its settings cannot be called; give a function")
    try:
        return read_schema(given[0].schema)
    except SchemaUnfit as problem:
        raise UnfitError(f"its settings do not fit: {problem}") from problem


_NAMED_BY_SLUG = {
    "crms": "customer system", "routers": "router", "case_files": "case file", "returns": "return", "rights": "law",
}  # fmt: skip


def _check_keys(slug: str, given: dict[str, tuple[Any, ...]]) -> None:
    for name, what in _NAMED_BY_SLUG.items():
        for each in given[name]:
            if each.key != slug and not each.key.startswith(f"{slug}."):
                raise UnfitError(f"the key {each.key!r} of a {what} must be '{slug}', or begin with '{slug}.'")


def _check_deadlines(slug: str, given: tuple[Any, ...]) -> None:
    for each in given:
        if each.key != slug and not each.key.startswith(f"{slug}."):
            raise UnfitError(f"the key {each.key!r} of deadlines must be '{slug}', or begin with '{slug}.'")
        if not callable(each.due):
            raise UnfitError(f"the `due` of {each.key} cannot be called; give a function")


def _check_responses(slug: str, given: tuple[Any, ...]) -> None:
    """Data that core can read letters by, under names of the plugin's own."""
    for each in given:
        if each.regulator != slug and not each.regulator.startswith(f"{slug}."):
            raise UnfitError(f"the regulator {each.regulator!r} must be '{slug}', or begin with '{slug}.'")
        if problem := unfit(each):
            raise UnfitError(problem)


def _check_names(slug: str, given: dict[str, tuple[Any, ...]]) -> None:
    for permission in given["permissions"]:
        if not permission.key.startswith(f"{slug}."):
            raise UnfitError(f"permission {permission.key!r} must begin with '{slug}.'")
    for fill in given["slots"]:
        if fill.slot not in api.SLOTS:
            raise UnfitError(f"there is no slot {fill.slot!r}; known are {', '.join(sorted(api.SLOTS))}")
        if not fill.template.startswith(f"{slug}/"):
            raise UnfitError(f"template {fill.template!r} must lie in the folder {slug}/")
    _check_keys(slug, given)
    _check_deadlines(slug, given["deadlines"])
    _check_responses(slug, given["response_requirements"])
    _check_vocabulary(slug, (*given["conditions"], *given["actions"]))
    for job in given["jobs"]:
        if not isinstance(job.every_seconds, int) or job.every_seconds < 0 or 0 < job.every_seconds < 10:
            raise UnfitError(f"its job {job.name} would run every {job.every_seconds!r} s; give 0, or 10 and more")
    for channel in given["channels"]:
        every = getattr(channel, "every_seconds", 10)
        if not isinstance(every, int) or every < 10:
            raise UnfitError(f"its channel {channel.key} would fetch every {every!r} s; give 10 and more")
    names = [job.name for job in given["jobs"]]
    if len(names) != len(set(names)):
        raise UnfitError("two of its jobs have one name")


def _check_vocabulary(slug: str, words: tuple[api.Condition | api.Action, ...]) -> None:
    """The words of rules: named by the slug, each once, with arguments that core can draw."""
    for word in words:
        if word.key != slug and not word.key.startswith(f"{slug}."):
            raise UnfitError(f"the key {word.key!r} of its {word.noun} must be '{slug}', or begin with '{slug}.'")
        try:
            if word.schema:
                read_schema(word.schema)
        except SchemaUnfit as problem:
            raise UnfitError(f"the arguments of its {word.noun} {word.key} do not fit: {problem}") from problem
    for noun in ("condition", "action"):
        keys = [word.key for word in words if word.noun == noun]
        if len(keys) != len(set(keys)):
            raise UnfitError(f"two of its {noun}s have one key")
