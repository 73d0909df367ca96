"""What the plugin gives core."""

from collections.abc import Sequence
from typing import Any

from ombud_phone import hooks, pages, recording_pages, sweeping, unplaced
from ombud_phone import settings as chosen
from ombud_phone.beside import beside
from ombud_phone.channel import channels
from ombud_plugin_api import Channel, Fill, Job, Manifest, NavItem, Permission, PersonalData, Settings, hookimpl


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [
        Permission(pages.MAY, "Write down calls and visits, and attach recordings", ("agent", "leader")),
        Permission(recording_pages.LISTEN, "Listen to recordings of calls", ("leader", "quality")),
    ]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [
        NavItem("Calls", pages.HERE, "phone", pages.MAY),
        NavItem("Recordings", recording_pages.HERE, "microphone-2", recording_pages.LISTEN),
    ]


@hookimpl
def provide_pages(manifest: Manifest) -> Sequence[Any]:
    return [*pages.HANDLERS, *recording_pages.HANDLERS, hooks.take]


@hookimpl
def provide_channels(manifest: Manifest) -> list[Channel]:
    return channels()


@hookimpl
def provide_slots(manifest: Manifest) -> list[Fill]:
    return [Fill("case.side", "phone/side.html", beside)]


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_personal_data(manifest: Manifest) -> list[PersonalData]:
    return unplaced.personal_data()


@hookimpl
def provide_jobs(manifest: Manifest) -> list[Job]:
    return [
        Job(hooks.JOB, hooks.read, limit_seconds=180),
        Job(sweeping.JOB, sweeping.sweep, limit_seconds=600, every_seconds=sweeping.EVERY),
    ]
