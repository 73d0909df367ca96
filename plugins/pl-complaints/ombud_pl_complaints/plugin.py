"""What the plugin gives core."""

from collections.abc import Sequence
from typing import Any

from ombud_pl_complaints import annual, pages
from ombud_pl_complaints.beside import beside
from ombud_pl_complaints.deadlines import PLACES, due
from ombud_pl_complaints.deemed import breached
from ombud_pl_complaints.letters import REQUIREMENTS
from ombud_pl_complaints.settings import SCHEMA, try_out
from ombud_plugin_api import (
    Deadlines,
    Event,
    Fill,
    Manifest,
    Permission,
    Platform,
    ResponseRequirement,
    Return,
    Settings,
    hookimpl,
)


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA, try_out)]


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [Permission(pages.MAY, "Record extensions and late replies under the Polish act", ("agent", "leader"))]


@hookimpl
def provide_pages(manifest: Manifest) -> Sequence[Any]:
    return [*pages.HANDLERS]


@hookimpl
def provide_slots(manifest: Manifest) -> list[Fill]:
    return [Fill("case.side", "pl-complaints/side.html", beside)]


@hookimpl
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:
    return [Deadlines("pl-complaints", "Polish act on complaints", due, PLACES)]


@hookimpl
def provide_response_requirements(manifest: Manifest) -> list[ResponseRequirement]:
    return REQUIREMENTS


@hookimpl
def provide_returns(manifest: Manifest) -> list[Return]:
    return [annual.RETURN]


@hookimpl
async def on_event(event: Event, platform: Platform) -> None:
    await breached(event, platform)
