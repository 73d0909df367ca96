"""What a check is: a promise of a plugin with an id, a tier, its reason, an example and the remedy."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from ombud_plugin_api.testing.contract import PluginContract
    from ombud_plugin_api.testing.stage import Stage
    from ombud_plugin_api.testing.subject import Subject

TIERS = ("basic", "sound", "exemplary")
_ID = re.compile(r"(basic|sound|exemplary)-\d\d\Z")


class Broken(AssertionError):
    """The plugin breaks this promise; the text says what was found and what to do."""


class NotTried(Exception):
    """The check could not be tried here, and why; it counts neither for nor against the plugin."""


@dataclass(frozen=True)
class Check:
    """One promise. `why` and `example` make its section in the guide; `remedy` ends the message where it is broken."""

    id: str
    title: str
    why: str
    example: str
    remedy: str
    run: Callable[[Any], Awaitable[None]]
    kind: str = ""

    @property
    def tier(self) -> str:
        return self.id.split("-")[0]


class Contract:
    """What plugins of one kind promise: subclass it in a module of `ombud_plugin_api.testing.kinds`, and it is found.
    `concerns` says whether a plugin is of this kind; each method marked with `check` is one promise."""

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def __init__(self, plugin: "Subject", stage: "Stage", own: "PluginContract") -> None:
        self.plugin, self.stage, self.own = plugin, stage, own

    @classmethod
    def concerns(cls, plugin: "Subject") -> bool:
        """Whether the plugin brings anything of this kind, told from its files alone."""
        raise NotImplementedError

    @classmethod
    def checks(cls) -> Iterator[Check]:
        """This kind's own checks, in the order of their ids."""
        found = [getattr(method, "check", None) for method in vars(cls).values()]
        yield from sorted((each for each in found if isinstance(each, Check)), key=lambda each: each.id)


Method = TypeVar("Method", bound=Callable[[Any], Awaitable[None]])


def check(id: str, title: str, *, why: str, example: str, remedy: str) -> Callable[[Method], Method]:
    """Marks an asynchronous method of a contract as a check; it raises `Broken` where the promise is broken."""
    if not _ID.match(id):
        raise ValueError(f"{id!r} is no id of a check; it is a tier and two digits, such as basic-07")

    def mark(method: Method) -> Method:
        method.check = Check(id, title, why, example.strip("\n"), remedy, method)  # type: ignore[attr-defined]
        return method

    return mark


__all__ = ["TIERS", "Broken", "Check", "Contract", "NotTried", "check"]
