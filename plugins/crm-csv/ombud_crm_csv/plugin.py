"""What the plugin gives core."""

from litestar.types import ControllerRouterHandler

from ombud_crm_csv import demo, folder, looking, pages, taking
from ombud_crm_csv import settings as chosen
from ombud_plugin_api import Crm, DemoData, Job, Manifest, NavItem, Permission, Settings, hookimpl

STALE_DAYS = 31


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [Permission(pages.MAY, "Change the customer file", ("administrator",))]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [NavItem("Customer file", pages.HERE, "address-book", pages.MAY, sets_up=True)]


@hookimpl
def provide_pages(manifest: Manifest) -> list[ControllerRouterHandler]:
    return [*pages.HANDLERS]


@hookimpl
def provide_settings(manifest: Manifest) -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_jobs(manifest: Manifest) -> list[Job]:
    return [Job(taking.JOB, taking.take, taking.LIMIT), Job(folder.JOB, folder.look, 300.0, every_seconds=60)]


@hookimpl
def provide_crms(manifest: Manifest) -> list[Crm]:
    stale = STALE_DAYS * 86_400.0
    return [Crm("crm-csv", "Customer file", looking.find, looking.history, fresh_for=60.0, stale_after=stale)]


@hookimpl
def provide_demo_data(manifest: Manifest) -> list[DemoData]:
    return demo.demo_data()
