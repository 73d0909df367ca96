"""What the plugin gives core: every hook of API 0.9, once."""

from litestar.types import ControllerRouterHandler
from ombud_plugin_api import (
    Channel, Command, Event, Fill, Job, Manifest, NavItem, Permission, Platform, Settings, hookimpl,
)

from ombud_keepsake import beside, chosen, door, hearing, pages, showing, tidying


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [Permission(pages.MAY, "Read and write notes of Keepsake", ("agent", "leader"))]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [NavItem("Keepsake", pages.HERE, "notes", pages.MAY)]


@hookimpl
def provide_pages(manifest: Manifest) -> list[ControllerRouterHandler]:
    return [*pages.HANDLERS, *door.HANDLERS]


@hookimpl
def provide_slots() -> list[Fill]:
    return [Fill("case.side", "keepsake/beside.html", beside.beside_the_case)]


@hookimpl
def provide_channels(manifest: Manifest) -> list[Channel]:
    return [door.KeepsakeChannel()]


@hookimpl
def provide_jobs() -> list[Job]:
    return [Job("tidy", tidying.tidy, limit_seconds=60)]


@hookimpl
def provide_settings() -> list[Settings]:
    return [Settings(chosen.SCHEMA, chosen.try_out)]


@hookimpl
def provide_commands() -> list[Command]:
    return [Command("keepsake", "show", "Shows how a case stands.", showing.show, showing.configure)]


@hookimpl
async def on_event(event: Event, platform: Platform) -> None:
    await hearing.hear(event, platform)
