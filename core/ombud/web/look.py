"""The look in force in this process: core's templates under the theme that was chosen, switched while it runs.

A theme that cannot be used never stops the desk: pages are drawn in the base look, and the health page says why.
"""

import asyncio
import logging
from typing import Any

from jinja2 import Environment, TemplateError, meta

from ombud.kernel import faults
from ombud.trust import settings as kept
from ombud.trust.policy import Viewer
from ombud.web import templating, themes
from ombud.web.themes import Theme, ThemeError

KEY = "theme.name"  # of the setting; without one, `theme.name` of settings.toml holds
PREVIEW = "theme-preview"  # the part of an address that shows a page in another theme, to whoever may choose one
SPOILT = "theme "  # how the place of a fault begins when a theme's template could not be drawn

log = logging.getLogger("ombud.web")


def made(name: str) -> tuple[Theme, Environment]:
    """The theme and its templates, each of them compiled once; raises ThemeError."""
    theme = themes.find(name)
    try:
        jinja = templating.environment(theme)
        _check(theme, jinja)
    except OSError as problem:
        raise ThemeError(f"Theme {name!r} cannot be read: {problem.strerror or problem}. Reinstall it.") from None
    return theme, jinja


def _check(theme: Theme, jinja: Environment) -> None:
    """Every template of the theme compiles, and what it extends or includes is there."""
    if not theme.templates.is_dir():
        return
    known = set(jinja.list_templates())
    for path in sorted(theme.templates.rglob("*.html")):
        name = path.relative_to(theme.templates).as_posix()
        try:
            jinja.get_template(name)
            wanted = meta.find_referenced_templates(jinja.parse(path.read_text("utf-8")))
        except (TemplateError, UnicodeDecodeError) as problem:
            number = getattr(problem, "lineno", None)
            line = f", line {number}" if number else ""
            raise ThemeError(f"{path}{line}: {problem}. Correct it, or choose another theme.") from None
        if missing := sorted({each for each in wanted if each} - known):
            raise ThemeError(f"{path}: there is no template {missing[0]!r}. Correct it, or choose another theme.")


class Look:
    """One per process. `wanted` is what was chosen; `theme` is what is in force, None for the base look."""

    def __init__(self) -> None:
        self.usual = self.wanted = ""
        self.problem = ""
        self.theme: Theme | None = None
        self.jinja: Environment = templating.environment(None)
        self._others: dict[str, tuple[Theme, Environment]] = {}
        self._told: set[tuple[str, str]] = set()
        self._telling: set[asyncio.Task[Any]] = set()

    def begin(self, usual: str) -> None:
        """At the start of a process, before the database is open: the theme of settings.toml."""
        self.usual, self._others, self._told = usual, {}, set()
        self._use(usual)

    async def refresh(self) -> None:
        """Takes what was chosen on the page; called at the start and whenever a setting changed."""
        chosen = await kept.read(KEY)
        name = chosen if isinstance(chosen, str) and chosen else self.usual
        if name != self.wanted or self.problem:
            self._others = {}
            self._use(name)

    def _use(self, name: str) -> None:
        self.wanted, self.problem = name, ""
        try:
            self.theme, self.jinja = made(name)
        except ThemeError as problem:
            self.theme, self.jinja, self.problem = None, templating.environment(None), str(problem)
            log.error("theme %s is not used, pages are drawn in the base look: %s", name, problem)

    def named(self, name: str) -> tuple[Theme, Environment]:
        """An installed theme, in force or not; raises ThemeError."""
        if self.theme is not None and self.theme.name == name:
            return self.theme, self.jinja
        if name not in self._others:
            self._others[name] = made(name)
        return self._others[name]

    def shown_to(self, viewer: Viewer, asked: str) -> Environment:
        """The templates of this answer: those in force, or a preview for whoever may choose."""
        if asked and viewer.may("setting.manage"):
            try:
                return self.named(asked)[1]
            except ThemeError as problem:
                log.info("no preview of theme %s: %s", asked, problem)
        return self.jinja

    def spoilt(self, template: str, problem: Exception) -> None:
        """A template of the theme failed while it was drawn; noted once, the page was drawn in the base look."""
        name = self.wanted
        if (name, template) in self._told:
            return
        self._told.add((name, template))
        log.error("theme %s could not draw %s: %s", name, template, problem)
        task = asyncio.get_running_loop().create_task(
            faults.record("core", "error", f"{SPOILT}{name}, {template}", type(problem).__name__)
        )
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


look = Look()
