"""Every plugin, exemplary: typed, translated, accessible, and upgraded without loss."""

import asyncio
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from ombud_plugin_api import deprecation
from ombud_plugin_api.testing.checks import Broken, Contract, NotTried, check
from ombud_plugin_api.testing.kinds.manifest import address
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

LANGUAGES = ("en", "pl")


class PolishContract(Contract):
    """What exemplary plugins promise."""

    kind: ClassVar[str] = "plugin"
    title: ClassVar[str] = "Every plugin, exemplary"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return True

    @check(
        "exemplary-01",
        "It is typed",
        why="Types are read by whoever mends the plugin after you, and find mistakes before customers do.",
        example="ombud_postbox/py.typed\nmypy --strict ombud_postbox",
        remedy="Add py.typed to the package and mend what mypy --strict says.",
    )
    async def typed(self) -> None:
        if not (self.plugin.folder / "py.typed").is_file():
            raise Broken("its package has no py.typed")
        if find_spec("mypy") is None:
            raise NotTried("mypy is not installed: pip install mypy")
        words = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--explicit-package-bases",
                 "--exclude", "migrations/", "--ignore-missing-imports", str(self.plugin.folder)]  # fmt: skip
        done = await asyncio.to_thread(_said_by, words, self.plugin.folder.parent)
        if done.returncode:
            raise Broken(f"mypy --strict says: {done.stdout.strip().splitlines()[0] if done.stdout else done.stderr}")

    @check(
        "exemplary-02",
        "Its words are there in English and in Polish",
        why="Half a translation is worse than none: the page changes its language in mid-sentence.",
        example='# texts/en.toml\n[problems]\nname_missing = "Tell us your name."\n# texts/pl.toml: the same keys',
        remedy="Give texts/en.toml and texts/pl.toml the same keys.",
    )
    async def translated(self) -> None:
        if not self.plugin.templates:
            return
        found = {each: self._texts(each) for each in LANGUAGES}
        for language, texts in found.items():
            if texts is None:
                raise Broken(f"there are no texts/{language}.toml (nor locale/{language})")
        english, polish = found["en"] or set(), found["pl"] or set()
        if english != polish:
            raise Broken(f"only one language has {', '.join(sorted(english ^ polish)[:5])}")

    def _texts(self, language: str) -> set[str] | None:
        path = self.plugin.folder / "texts" / f"{language}.toml"
        if path.is_file():
            return set(_keys(tomllib.loads(path.read_text("utf-8"))))
        folder = self.plugin.folder / "locale" / language
        catalogues = sorted(folder.rglob("*.po")) if folder.is_dir() else []
        return {line for each in catalogues for line in _messages(each)} if catalogues else None

    @check(
        "exemplary-03",
        "Its pages have no barrier that axe finds, in light and dark, wide and narrow",
        why="People with disabilities complain too, often about barriers.",
        example="# components/forms.html has fields with labels, hints and errors that are read out",
        remedy="Use core's components; give each control a label and each page one heading of the first level.",
    )
    async def accessible(self) -> None:
        if not self.plugin.implements("provide_pages"):
            return
        await self.stage.enable()
        paths = [
            (address(self, each.path), await self.stage.may(each.permission) if each.permission else "")
            for each in self.stage.routes()
            if each.method == "GET" and "{" not in each.path
        ]
        if found := await self.stage.barriers(paths):
            raise Broken("; ".join(found[:3]))

    @check(
        "exemplary-04",
        "The release before it is upgraded without loss",
        why="Whoever installs the next version has the rows of the last one.",
        example="tests/releases/ombud_postbox-0.1.0-py3-none-any.whl     # kept from the second release on",
        remedy="Keep the wheel of the last release under tests/releases and write a migration for what changed.",
    )
    async def the_release_before_is_upgraded(self) -> None:
        wheels = self.plugin.earlier_releases()
        if not wheels:
            if _releases(self.plugin) > 1:
                raise Broken("CHANGES.md tells of several releases, but tests/releases holds none")
            return
        person = Marked.person(71)
        async with self.stage.earlier(wheels[-1]):
            await self.own.door(self.stage, self.plugin, person)
            await self.stage.work()
            before = {table: len(await self.stage.rows(table)) for table in await self.stage.tables()}
        await self.stage.enable()
        after = {table: len(await self.stage.rows(table)) for table in await self.stage.tables()}
        if lost := [table for table, count in before.items() if table in after and after[table] < count]:
            raise Broken(f"the upgrade loses rows of {', '.join(lost)}")

    @check(
        "exemplary-05",
        "It uses nothing of the API that goes",
        why="What is deprecated works for twelve months and two minor releases more, then it is gone. Who changes "
        "early has a quiet release.",
        example="plugin postbox: provide_letters is deprecated since 0.9 and goes with 1.0 of the plugin API; use …",
        remedy="Use what the message names; docs/plugins/deprecation.md lists all that goes.",
    )
    async def nothing_deprecated(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", deprecation.OmbudDeprecation)
            said = deprecation.of_hooks(self.plugin.hooks(), self.plugin.slug)
        if said:
            raise Broken("; ".join(said))


def _said_by(words: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder, check=False)  # noqa: S603


def _releases(plugin: Subject) -> int:
    changes = plugin.project / "CHANGES.md" if plugin.project else Path()
    return sum(line.startswith("## ") for line in changes.read_text("utf-8").splitlines()) if changes.is_file() else 1


def _keys(texts: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _messages(catalogue: Path) -> Iterator[str]:
    for line in catalogue.read_text("utf-8").splitlines():
        if line.startswith("msgid "):
            yield line
