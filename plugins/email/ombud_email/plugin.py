"""What the plugin gives core."""

from litestar.types import ControllerRouterHandler

from ombud_email import pages, sending
from ombud_email import settings as chosen
from ombud_email.fetching import EmailChannel
from ombud_plugin_api import Deliverer, InboundChannel, Manifest, NavItem, Permission, Settings, hookimpl


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_channels(manifest: Manifest) -> list[InboundChannel]:
    return [EmailChannel()]


@hookimpl
def provide_deliverers(manifest: Manifest) -> list[Deliverer]:
    return [
        Deliverer("email", "E-mail", "mail", "email", sending.send, sending.status, sending.in_use, sending.LIMIT)
    ]  # fmt: skip


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [Permission(pages.MAY, "Set up mailboxes", ("administrator",))]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [NavItem("Mailboxes", pages.HERE, "mail", pages.MAY, sets_up=True)]


@hookimpl
def provide_pages(manifest: Manifest) -> list[ControllerRouterHandler]:
    return [*pages.HANDLERS]
