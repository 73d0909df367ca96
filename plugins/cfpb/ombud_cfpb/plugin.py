"""What the plugin gives core."""

from collections.abc import Sequence
from typing import Any

from ombud_cfpb import importing, pages
from ombud_cfpb.beside import RESPOND, beside
from ombud_cfpb.channel import CfpbChannel
from ombud_cfpb.deadlines import due
from ombud_cfpb.settings import SCHEMA, try_out
from ombud_plugin_api import Channel, Deadlines, Fill, Job, Manifest, NavItem, Permission, Settings, hookimpl


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return [Settings(SCHEMA, try_out)]


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [
        Permission(pages.IMPORT, "Import complaints of the CFPB", ("leader", "administrator")),
        Permission(RESPOND, "Draft responses to the CFPB", ("agent", "leader", "compliance")),
        Permission(pages.HAND_IN, "Give responses in to the CFPB", ("leader", "compliance")),
    ]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [NavItem("CFPB", pages.HERE, "building-bank", RESPOND, sets_up=True)]


@hookimpl
def provide_pages(manifest: Manifest) -> Sequence[Any]:
    return [*pages.HANDLERS]


@hookimpl
def provide_channels(manifest: Manifest) -> list[Channel]:
    return [CfpbChannel()]


@hookimpl
def provide_slots(manifest: Manifest) -> list[Fill]:
    return [Fill("case.side", "cfpb/side.html", beside)]


@hookimpl
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:
    return [Deadlines("cfpb", "CFPB", due, ("US",))]


@hookimpl
def provide_jobs(manifest: Manifest) -> list[Job]:
    return [Job(importing.JOB, importing.run, importing.LIMIT)]
