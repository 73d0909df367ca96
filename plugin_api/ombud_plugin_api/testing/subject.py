"""The plugin under examination, as its files tell it: manifest, sources, metadata. Nothing of it is imported here."""

import ast
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ombud_plugin_api.laws import LawBroken, Source, read_source
from ombud_plugin_api.manifest import Manifest, ManifestError, read_manifest
from ombud_plugin_api.testing.checks import Broken

GROUP = "ombud.plugins"


class NoSuchPlugin(LookupError):
    """There is no plugin of this name here; the text says what was looked for."""


@dataclass(frozen=True)
class Subject:
    """`folder` is the package's, `project` the one with pyproject.toml where there is a checkout."""

    slug: str
    package: str
    folder: Path
    project: Path | None = None
    requires: tuple[str, ...] = ()
    version: str = ""
    overrides: dict[str, str] = field(default_factory=dict)

    @cached_property
    def manifest(self) -> Manifest:
        """Raises `Broken` where it cannot be read."""
        try:
            return read_manifest(self.folder / "plugin.toml")
        except ManifestError as problem:
            raise Broken(str(problem)) from None

    @cached_property
    def said(self) -> dict[str, object]:
        """The manifest as it is written, for choosing checks where it has mistakes."""
        try:
            return tomllib.loads((self.folder / "plugin.toml").read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
            return {}

    @property
    def kinds(self) -> tuple[str, ...]:
        kinds = self.said.get("kinds", ())
        return tuple(str(each) for each in kinds) if isinstance(kinds, list) else ()

    @property
    def prefix(self) -> str:
        return self.slug.replace("-", "_") + "_"

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every module of the package; raises `Broken` for one that is not Python."""
        return tuple(self._source(path) for path in sorted(self.folder.rglob("*.py")))

    def _source(self, path: Path) -> Source:
        try:
            return read_source(path, self.folder)
        except LawBroken as problem:
            raise Broken(str(problem)) from None

    def implements(self, hook: str) -> bool:
        """Whether the module of the entry point defines this hook."""
        return any(name == hook for name, _ in self.hooks())

    def hooks(self) -> list[tuple[str, tuple[str, ...]]]:
        """The hooks that module defines, each with the arguments it asks for."""
        module = self.folder / "plugin.py"
        if not module.is_file():
            return []
        tree = ast.parse(module.read_text("utf-8"))
        named = (each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
        return [(each.name, tuple(arg.arg for arg in each.args.args)) for each in named if each.decorator_list]

    @property
    def has_tables(self) -> bool:
        return (self.folder / "piccolo_app.py").is_file() or bool(self.said.get("tables"))

    @property
    def has_migrations(self) -> bool:
        return (self.folder / "migrations").is_dir()

    @cached_property
    def templates(self) -> tuple[Path, ...]:
        return tuple(sorted((self.folder / "templates").rglob("*.html")))

    def distributions(self) -> frozenset[str]:
        """What it declares to need, by canonical name."""
        return frozenset(canonicalize_name(Requirement(each).name) for each in self.requires)

    def samples(self, channel: str) -> list[Path]:
        """Files named `canary.<channel>.<type>` or `canary.<type>`, in the package or beside its tests."""
        folders = [self.folder / "samples", *([self.project / "tests" / "samples"] if self.project else [])]
        every = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("canary.*"))]
        own = [path for path in every if path.name.startswith(f"canary.{channel}.")]
        return own or [path for path in every if path.name.count(".") == 1]

    def earlier_releases(self) -> list[Path]:
        """Wheels of releases before this one, kept beside the tests, the oldest first."""
        folder = self.project / "tests" / "releases" if self.project else None
        return sorted(folder.glob("*.whl")) if folder and folder.is_dir() else []


def subject_of(slug: str) -> Subject:
    """The installed plugin of this name; raises NoSuchPlugin."""
    for point in metadata.entry_points(group=GROUP):
        if point.name == slug:
            package = point.value.split(":")[0].rsplit(".", 1)[0]
            spec = find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise NoSuchPlugin(f"the package {package} of the plugin {slug} is not there; install it again")
            folder = Path(next(iter(spec.submodule_search_locations)))
            requires = tuple(point.dist.requires or ()) if point.dist else ()
            version = point.dist.version if point.dist else ""
            return Subject(slug, package, folder, _project(folder), requires, version)
    known = ", ".join(sorted({each.name for each in metadata.entry_points(group=GROUP)})) or "none"
    raise NoSuchPlugin(f"there is no plugin {slug} installed here; there are: {known}")


def _project(folder: Path) -> Path | None:
    """The checkout around a package: its folder or the one above it holds a pyproject.toml."""
    for place in (folder.parent, folder.parent.parent):
        if (place / "pyproject.toml").is_file():
            return place
    return None


def library_of(module: str) -> frozenset[str]:
    """The distributions that bring a module, by canonical name; empty where it is not installed."""
    return frozenset(canonicalize_name(each) for each in _modules().get(module, ()))


@cache
def _modules() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


__all__ = ["NoSuchPlugin", "Source", "Subject", "library_of", "subject_of"]
