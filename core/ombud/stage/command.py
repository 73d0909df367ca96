"""`ombud plugin check`: the conformance kit on a slug, a checkout or a wheel, on a database of its own.

Runs in a process of its own, so that nothing of the plugin comes near the desk that is served here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from ombud.kernel.postgres import EmbeddedPostgres
from ombud.stage import wheels
from ombud.stage.theatre import Theatre
from ombud_plugin_api.testing import PluginContract, Subject, subject_of
from ombud_plugin_api.testing.badge import write_badge
from ombud_plugin_api.testing.examine import BROKEN, EXEMPTED, Result, examine, tier_reached
from ombud_plugin_api.testing.quality import QualityError
from ombud_plugin_api.testing.subject import NoSuchPlugin

MARKS = {"kept": "kept", "broken": "BROKEN", "exempt": "exempt", "not tried": "not tried"}


def main(words: Sequence[str] | None = None) -> int:
    """0 where basic is reached, 1 below, 2 where there is no plugin to check."""
    asked = _parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="ombud-check-") as folder:
        try:
            with found(asked.plugin, Path(folder)) as slug, _quiet(asked.verbose):
                return _check(slug, Path(folder), asked)
        except (NoSuchPlugin, wheels.NotAPlugin, QualityError) as refusal:
            print(f"ombud: {refusal}", file=sys.stderr)
            return 2


@contextmanager
def _quiet(verbose: bool) -> Iterator[None]:
    """The desk's log is not what was asked for; checks read it all the same."""
    if verbose:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ombud plugin check")
    parser.add_argument("plugin")
    parser.add_argument("--badge", type=Path)
    parser.add_argument("--tier", choices=("basic", "sound", "exemplary"), default="exemplary")
    parser.add_argument("--verbose", action="store_true")
    return parser


@contextmanager
def found(named: str, where: Path) -> Iterator[str]:
    """The slug of what was named, with its code where this process finds it."""
    path = Path(named).expanduser()
    if path.suffix == ".whl":
        places = [wheels.unpack(path, where)]
        places += _fetched(_missing(places[0]), where)
    elif path.is_dir():
        places = [each.resolve() for each in wheels.described(path, where)]
    else:
        subject_of(named)
        yield named
        return
    slug, before = wheels.slug_in(places[0]), list(sys.path)
    sys.path[:0] = [str(each) for each in places]
    importlib.invalidate_caches()
    try:
        yield slug
    finally:
        sys.path[:] = before


def _missing(home: Path) -> list[str]:
    """What the wheel needs and this machine does not have."""
    missing = []
    for dist in metadata.distributions(path=[str(home)]):
        for each in dist.requires or ():
            need = Requirement(each)
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            try:
                there = need.specifier.contains(metadata.version(need.name), prereleases=True)
            except metadata.PackageNotFoundError:
                there = False
            if not there:
                missing.append(str(need).split(";")[0].strip())
    return missing


def _fetched(missing: list[str], where: Path) -> list[Path]:
    """What is missing, in a folder of its own beside the wheel; the environment of the desk stays as it is."""
    if not missing:
        return []
    if any(Requirement(each).name.replace("_", "-") == "ombud-plugin-api" for each in missing):
        raise wheels.NotAPlugin(f"it needs {', '.join(missing)}, which is not the plugin API of this desk")
    beside = where / "needed"
    done = subprocess.run(  # noqa: S603 - names and versions from the wheel's own metadata, as pip would take them
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(beside), *missing],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise wheels.NotAPlugin(f"it needs {', '.join(missing)}; install that, then check it again")
    return [beside]


def contract_of(plugin: Subject) -> PluginContract:
    """The plugin's own contract: of its tests, of its package (`contract.py`, which a wheel carries), or the usual."""
    places = [
        plugin.folder / "contract.py",
        *([plugin.project / "tests" / "test_contract.py"] if plugin.project else []),
    ]
    for path in places:
        if not path.is_file():
            continue
        name = f"{plugin.package}.contract" if path.parent == plugin.folder else f"contract_of_{plugin.package}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as problem:
            told = f"{type(problem).__name__}: {problem}"
            raise wheels.NotAPlugin(f"its contract in {path} cannot be read: {told}") from problem
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, PluginContract) and value.slug == plugin.slug:
                return value()
    usual: type[PluginContract] = type("Usual", (PluginContract,), {"slug": plugin.slug})
    return usual()


def _check(slug: str, folder: Path, asked: argparse.Namespace) -> int:
    plugin = subject_of(slug)
    embedded = EmbeddedPostgres(folder / "postgres", fast=True)
    url = embedded.start()
    try:
        with Theatre(url, folder / "desk") as theatre:
            print(f"{slug} {plugin.version} against the conformance kit\n")
            stage, own = theatre.for_plugin(plugin), contract_of(plugin)
            results = examine(plugin, stage, own, up_to=asked.tier, tell=_tell)
            stuck = theatre.stuck
    finally:
        embedded.stop()
    code = _conclude(slug, results, asked.badge or Path(f"ombud-{slug}.svg"))
    if asked.plugin.endswith(".whl"):
        code = _publishable(slug) or code
    if stuck:  # a thread that hangs in C would keep this process
        sys.stdout.flush()
        os._exit(code)
    return code


def _publishable(slug: str) -> int:
    """Says whether an index would take the wheel; 1 where it would not."""
    wrong = wheels.unpublishable(slug)
    print("\n".join(wrong) or "An index would take it: its metadata is in order.")
    return 1 if wrong else 0


def _tell(result: Result) -> None:
    check = result.check
    print(f"{check.id:<13} {check.tier:<10} {MARKS[result.outcome]:<10} {check.title}")
    if result.outcome == BROKEN:
        print(f"{'':<25} {result.told}\n{'':<25} → {result.remedy}")
    elif result.outcome == EXEMPTED or result.told:
        print(f"{'':<25} {result.told}")
    sys.stdout.flush()


def _conclude(slug: str, results: Sequence[Result], badge: Path) -> int:
    tier = tier_reached(results)
    write_badge(badge, tier)
    counts = ", ".join(f"{sum(each.outcome == kind for each in results)} {kind}" for kind in MARKS)
    print(f"\n{slug} reaches {tier or 'no tier'} ({counts}). Badge: {badge}")
    return 0 if tier else 1


if __name__ == "__main__":
    sys.exit(main())
