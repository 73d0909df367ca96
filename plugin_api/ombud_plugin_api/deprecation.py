"""What goes, since when, with which version, and what to use instead; who still uses it is named.

Loud in Ombud's own tests, where each warning is an error; gentle abroad, where it is one line in the log, once a
plugin and name, and one in `ombud plugin check`.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class OmbudDeprecation(DeprecationWarning):
    """A plugin uses something that goes. `RemovedIn…` tells with which version."""


class RemovedIn10(OmbudDeprecation):
    """Goes with 1.0 of the plugin API: searching for this name finds every debt of that release."""


REMOVALS: dict[str, type[OmbudDeprecation]] = {"1.0": RemovedIn10}


@dataclass(frozen=True)
class Deprecated:
    """`name`: a hook (`provide_pages`), an argument of one (`provide_pages.manifest`) or a name of the API.
    `since` and `removed_in`: versions of the API, two minor releases and twelve months apart at least."""

    name: str
    since: str
    removed_in: str
    instead: str

    def told(self, plugin: str) -> str:
        """The sentence that authors read."""
        return (
            f"plugin {plugin}: {self.name} is deprecated since {self.since} and goes with {self.removed_in} of the "
            f"plugin API; use {self.instead}"
        )

    @property
    def warning(self) -> type[OmbudDeprecation]:
        return REMOVALS.get(self.removed_in, OmbudDeprecation)


DEPRECATED: tuple[Deprecated, ...] = ()
"""Everything that is deprecated at this moment; the reference lists it."""


def of_hooks(used: Iterable[tuple[str, tuple[str, ...]]], plugin: str) -> list[str]:
    """Warns for each deprecated hook or argument that a plugin implements (name, arguments); returns the words."""
    said = []
    known = {each.name: each for each in DEPRECATED}
    for hook, arguments in used:
        for name in (hook, *(f"{hook}.{argument}" for argument in arguments)):
            if name in known:
                said.append(known[name].told(plugin))
                warnings.warn(known[name].told(plugin), known[name].warning, stacklevel=2)
    return said


def deprecated(name: str, *, since: str, removed_in: str, instead: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Marks a function or class of the API; whoever calls it is named by the package the call comes from."""
    about = Deprecated(name, since, removed_in, instead)

    def mark(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            warnings.warn(about.told(_caller()), about.warning, stacklevel=2)
            return function(*args, **kwargs)

        call.deprecated = about  # type: ignore[attr-defined]
        return call

    return mark


def _caller() -> str:
    """The slug of the plugin whose code called, or the name of its package."""
    import sys

    frame: Any = sys._getframe(2)
    package = str(frame.f_globals.get("__name__", "?")).split(".")[0]
    return package.removeprefix("ombud_").replace("_", "-")


__all__ = ["DEPRECATED", "Deprecated", "OmbudDeprecation", "RemovedIn10", "deprecated", "of_hooks"]
