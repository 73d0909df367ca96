"""The objects that hooks return."""

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from ombud_plugin_api.facts import Complaint, RawReceipt
from ombud_plugin_api.platform import Context


@dataclass(frozen=True)
class Permission:
    """A right of the plugin's own. `key` begins with `<slug>.`; `default_roles`: agent, leader, quality, compliance,
    administrator."""

    key: str
    label: str
    default_roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class NavItem:
    """A link to a page of the plugin. `path` is relative to its pages; `icon` is the name of a Tabler icon. It stands
    in the rail, or with `sets_up` among the administration's places, for what is set up once and rarely looked at."""

    label: str
    path: str
    icon: str = "puzzle"
    permission: str = ""
    sets_up: bool = False


@dataclass(frozen=True)
class Fill:
    """A piece of a core page. `data(subject, context)` runs under a time limit and gives the template's variables,
    or None to show nothing; `subject` is what the slot documents. `lazy`: asked for by the browser once the page
    stands, so that the page does not wait for it; without script a link opens it."""

    slot: str
    template: str
    data: Callable[[Any, Context], Awaitable[Mapping[str, Any] | None]]
    permission: str = "case.read"
    lazy: bool = False


@runtime_checkable
class Channel(Protocol):
    """A way in. `key` names it in records; `icon` is a Tabler icon."""

    key: str
    label: str
    icon: str

    def parse(self, raw: RawReceipt) -> Complaint:
        """Pure: the complaint in the bytes; raises `Permanent` with the reason where there is none."""
        ...


@dataclass(frozen=True)
class Job:
    """Background work. `run(payload, context)`: the context keeps `state` between runs and takes `progress`.
    `limit_seconds`: how long one run may take before it is stopped and resumed from its state. `every_seconds`: started
    by itself so often, with an empty payload; 0: only by `platform.start_job`."""

    name: str
    run: Callable[[Mapping[str, Any], Context], Awaitable[None]]
    limit_seconds: float = 600.0
    every_seconds: int = 0


@dataclass(frozen=True)
class Command:
    """`ombud <group> <name>`. `configure` adds arguments; `run(arguments, context)` returns the exit code."""

    group: str
    name: str
    help: str
    run: Callable[[argparse.Namespace, Context], Awaitable[int]]
    configure: Callable[[argparse.ArgumentParser], None] = field(default=lambda parser: None)


@dataclass(frozen=True)
class Tried:
    """What `try_out` found. `message`: what works, or what failed and what to do about it, for the administrator; never
    a secret. `field`: the setting it is about, if one."""

    works: bool
    message: str
    field: str = ""


@dataclass(frozen=True)
class Settings:
    """What an administrator may set. `schema`: a cerberus rule by name; core draws the page from it, keeps the values
    by unit and hands them to the plugin as `context.settings`.

    Types: string, integer, decimal (`Decimal`), boolean, date, list (of strings). Rules: required, nullable, default,
    min, max, minlength, maxlength, regex, allowed; for a list also `schema` with the rules of one string.
    `meta`: label (needed), help, secret, scope (`unit`, or `deployment` for what holds everywhere alike), group (a
    heading), placeholder, multiline, suffix (such as `days`), choices (words for what is allowed), columns (of a list
    whose lines have bars between their parts, a field for each: label, terms (category or cause), many, choices,
    code, tick).

    `try_out(candidate, context)` runs before saving, under ten seconds and outside any transaction; `candidate` is what
    would hold, secrets included. A raised `Misconfigured`, `Permanent` or `Transient` counts as not working."""

    schema: Mapping[str, Mapping[str, Any]]
    try_out: Callable[[Mapping[str, Any], Context], Tried | Awaitable[Tried]] | None = None


class DemoPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A complainant of the demonstration firm; nobody of this name exists. `unit`: the key of the unit they came to."""

    id: UUID
    kind: str
    name: str
    email: str
    phone: str
    postcode: str
    unit: str


@dataclass(frozen=True)
class DemoData:
    """What a plugin adds to the demonstration firm. `load(people, context)` after the firm was loaded,
    `remove(context)` after it was removed: outside transactions, safe to run twice; `remove` leaves
    nothing that `load` made. One that fails is told and stops neither."""

    load: Callable[[Sequence[DemoPerson], Context], Awaitable[None]]
    remove: Callable[[Context], Awaitable[None]]
