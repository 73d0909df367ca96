"""The one Jinja environment: where templates come from, how dates and money are written, in whose language.

The request sets `reader` (language and time zone); filters and `_()` read it, so macros need no context.
"""

import re
from collections.abc import Callable, MutableMapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
)
from markupsafe import Markup
from pyphen import Pyphen, language_fallback

from ombud import speech, writing
from ombud.desk.outgoing import plain
from ombud.desk.trail.ledger_words import sealed_name
from ombud.kernel.clock import now
from ombud.speech import CATALOGUES, NOBODY, Reader, Spoken, gettext, ngettext, reader
from ombud.web import assets, drawing
from ombud.web.compiled import Compiled
from ombud.web.drawing import DrawnContext, DrawnTemplate, safe, written
from ombud.web.themes import Theme

speech.clock = now
TEMPLATES = Path(__file__).parent / "templates"
__all__ = ["CATALOGUES", "NOBODY", "Reader", "gettext", "ngettext", "reader"]  # where tests and pages find them


_compiled = Compiled(
    TEMPLATES, Path(__file__).parent / "__pycache__" / "templates", made_by=(Path(__file__), Path(drawing.__file__))
)


class Templates(Environment):
    """Core's environment. `untouched` is the same without the theme's own templates, where a theme has any: the way out
    when one fails.

    Looks a name up in a dict before among its methods: pages draw from dicts, and Jinja's way there is an exception for
    each name. So `row.title` is quick, and a key called `items` hides the method of that name.
    """

    untouched: "Templates | None" = None

    template_class = DrawnTemplate
    context_class = DrawnContext

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """A plain dict: Jinja's chain of two is copied name by name for every template that a page includes."""
        return {**self.globals, **(d or {})}

    def getattr(self, obj: Any, attribute: str) -> Any:
        try:
            return obj[attribute] if type(obj) is dict else getattr(obj, attribute)
        except (KeyError, AttributeError):
            return super().getattr(obj, attribute)


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
        bytecode_cache=_compiled,
        auto_reload=False,  # a page is made of twenty files; none of them changes under a running process
    )
    jinja.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    jinja.globals.update(
        _=_said,
        ngettext=_said_of_many,
        asset=assets.url,
        draw_icon=draw_icon,
        draw_key=_draw_key,
        draw_once=draw_once,
        theme_styles=theme.style_urls() if theme else [],
        now=now,
    )
    jinja.filters["translated"] = translated
    jinja.filters["softened"] = softened
    jinja.filters["sealed_name"] = sealed_name
    jinja.filters["as_sent"] = lambda text: safe(plain.as_html(text))
    jinja.filters["with_bold"] = lambda text: safe(plain.with_bold(text))
    jinja.filters.update({name: _for_reader(write) for name, write in writing.FILTERS.items()})
    return jinja


@lru_cache(maxsize=128)
def with_templates(jinja: Environment, folder: Path) -> Templates:
    """The same environment with a plugin's own folder behind core's, so that a plugin can add and never replace. One
    for each pair, because each reads its templates anew."""
    loader = jinja.loader
    if loader is None:
        raise ValueError("the environment has no templates")
    more = cast(Templates, jinja.overlay(loader=ChoiceLoader([loader, FileSystemLoader(folder)])))
    untouched = getattr(jinja, "untouched", None)
    more.untouched = with_templates(untouched, folder) if untouched is not None else None
    return more


def _said(message: str, **values: object) -> str:
    """What `_("…", name=value)` gives in a template: as Jinja's own newstyle gettext, without its detours. Some of what
    templates translate is somebody's words (a unit's name among the choices), so marks of HTML are escaped."""
    if type(message) is Markup:
        return message  # translated already
    text = message.said() if isinstance(message, Spoken) else gettext(message)
    if "<" in text or '"' in text or "&" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    return safe(text % _written(values) if values else text)


def translated(value: Any) -> Any:
    """The filter for what Python says plainly: a text in the reader's language, not yet escaped; all else as it is."""
    return gettext(value) if type(value) is str and value else value


def softened(text: str) -> str:
    """With soft hyphens in words that are too long for the narrow places of the rail, so that they break where they
    may; all others stay whole."""
    language = reader.get().language
    if language == "en":
        return text
    return _TOO_LONG.sub(lambda word: _hyphens(language).inserted(word[0], "\u00ad"), str(text))


_TOO_LONG = re.compile(r"\w{14,}")


@cache
def _hyphens(language: str) -> Pyphen:
    return Pyphen(lang=language_fallback(language) or "en_GB", left=3, right=3)


def _said_of_many(one: str, many: str, number: int, **values: object) -> str:
    return safe(ngettext(one, many, number) % _written({"num": number, **values}))


def _written(values: dict[str, object]) -> dict[str, object]:
    return {name: value if type(value) is int else written(value) for name, value in values.items()}


def draw_once(macro: Callable[..., Markup]) -> Callable[..., Markup]:
    """A macro whose drawing depends on its arguments and the reader's language alone, drawn once for each. Arguments
    that cannot be remembered, such as lists, are drawn each time."""

    @lru_cache(maxsize=2048)
    def drawn(language: str, *args: object, **named: object) -> Markup:
        return macro(*args, **named)

    def draw(*args: object, **named: object) -> Markup:
        try:
            return drawn(reader.get().language, *args, **named)
        except TypeError:
            return macro(*args, **named)

    return draw


def draw_icon(name: str, size: str = "") -> Markup:
    """An icon of the sprite, `small`, usual or `large`; a name that is not among them (a plugin's) draws `puzzle`."""
    return _icon(assets.url("icons.svg"), name, size)


@lru_cache(maxsize=1024)
def _icon(sprite: str, name: str, size: str) -> Markup:
    drawn = name if name in _drawable() else "puzzle"
    look = f"icon icon--{size}" if size else "icon"
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(look, sprite, drawn)


@cache
def _drawable() -> frozenset[str]:
    return frozenset(assets.icon_names())


@lru_cache(maxsize=256)
def _draw_key(label: str) -> Markup:
    return Markup('<kbd aria-hidden="true">{}</kbd>').format(label)


def _for_reader(write: writing.Write) -> writing.Filter:
    def filtered(value: object, *args: object) -> str:
        return write(reader.get().style, value, *args)

    return filtered
