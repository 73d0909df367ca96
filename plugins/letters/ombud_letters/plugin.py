"""What the plugin gives core."""

from litestar.types import ControllerRouterHandler

from ombud_letters import beside, delivering, pages_head, pages_in, pages_out, reading, receiving, tending, unreceived
from ombud_letters import settings as chosen
from ombud_letters.channel import LetterChannel
from ombud_plugin_api import (
    Deliverer,
    Fill,
    InboundChannel,
    Job,
    Manifest,
    NavItem,
    Permission,
    PersonalData,
    Settings,
    hookimpl,
)


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [
        Permission(pages_out.PRINT, "Print and post letters", ("agent", "leader")),
        Permission(pages_in.MAY, "Take in scanned post", ("agent", "leader")),
        Permission(pages_head.MAY, "Change the letterhead", ("administrator",)),
    ]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [
        NavItem("Letters out", pages_out.HERE, "printer", pages_out.PRINT),
        NavItem("Post in", pages_in.HERE, "mailbox", pages_in.MAY),
        NavItem("Letterhead", pages_head.HERE, "typography", pages_head.MAY, sets_up=True),
    ]


@hookimpl
def provide_pages(manifest: Manifest) -> list[ControllerRouterHandler]:
    return [*pages_out.HANDLERS, *pages_in.HANDLERS, *pages_head.HANDLERS]


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_channels(manifest: Manifest) -> list[InboundChannel]:
    return [LetterChannel()]


@hookimpl
def provide_deliverers(manifest: Manifest) -> list[Deliverer]:
    return delivering.deliverers()


@hookimpl
def provide_personal_data(manifest: Manifest) -> list[PersonalData]:
    return unreceived.personal_data()


@hookimpl
def provide_jobs(manifest: Manifest) -> list[Job]:
    return [
        Job(reading.NAME, reading.read_scan, reading.LIMIT),
        Job(receiving.NAME, receiving.take, receiving.LIMIT),
        Job(tending.NAME, tending.tend, 300.0, every_seconds=tending.EVERY),
    ]


@hookimpl
def provide_slots(manifest: Manifest) -> list[Fill]:
    return [Fill("case.side", "letters/beside.html", beside.beside_the_case)]
