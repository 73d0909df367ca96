"""The one Jinja environment: where templates come from, how dates and money are written, in whose language.

The request sets `reader` (language and time zone); filters and `_()` read it, so macros need no context.
"""

import gettext as catalogues
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from ombud.kernel.clock import now
from ombud.web import assets, writing
from ombud.web.themes import Theme

TEMPLATES = Path(__file__).parent / "templates"
CATALOGUES = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Reader:
    """Who reads the page: language code (`en`, `pl`) and IANA time zone."""

    language: str = "en"
    zone: str = "UTC"


NOBODY = Reader()
reader: ContextVar[Reader] = ContextVar("ombud_reader", default=NOBODY)


class Templates(Environment):
    """`untouched` is the same without the theme's own templates, where a theme has any: the way out when one fails."""

    untouched: "Templates | None" = None


def environment(theme: Theme | None = None) -> Templates:
    """Core's templates, overridden by the theme's where it has one of the same path."""
    core = FileSystemLoader(TEMPLATES)
    loaders: list[BaseLoader] = [core, PrefixLoader({"core": core})]
    if theme is not None and theme.templates.is_dir():
        jinja = _environment([FileSystemLoader(theme.templates), *loaders], theme)
        jinja.untouched = _environment(loaders, None)
        return jinja
    return _environment(loaders, theme)


def _environment(loaders: list[BaseLoader], theme: Theme | None) -> Templates:
    jinja = Templates(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    jinja.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    jinja.globals.update(
        asset=assets.url,
        drawable=frozenset(assets.icon_names()).__contains__,
        theme_styles=theme.style_urls() if theme else [],
        now=now,
    )
    jinja.filters.update({name: _for_reader(write) for name, write in writing.FILTERS.items()})
    return jinja


def with_templates(jinja: Environment, folder: Path) -> Templates:
    """The same environment with a plugin's own folder behind core's, so that a plugin can add and never replace."""
    loader = jinja.loader
    if loader is None:
        raise ValueError("the environment has no templates")
    more = cast(Templates, jinja.overlay(loader=ChoiceLoader([loader, FileSystemLoader(folder)])))
    untouched = getattr(jinja, "untouched", None)
    more.untouched = with_templates(untouched, folder) if untouched is not None else None
    return more


def gettext(message: str) -> str:
    """`message` in the reader's language; English when there is no translation."""
    return _catalogue(reader.get().language).gettext(message) if message else ""


def ngettext(one: str, many: str, number: int) -> str:
    return _catalogue(reader.get().language).ngettext(one, many, number)


@lru_cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    return catalogues.translation("ombud", CATALOGUES, [language], fallback=True)


def _for_reader(write: writing.Write) -> writing.Filter:
    def filtered(value: object, *args: object) -> str:
        to = reader.get()
        return write(writing.Style(to.language, to.zone, now(), gettext, ngettext), value, *args)

    return filtered
