"""What the plugin gives core."""

from litestar.types import ControllerRouterHandler

from ombud_csv_import import command, job, pages, waiting
from ombud_csv_import.receipts import ImportChannel
from ombud_plugin_api import Channel, Command, Job, Manifest, NavItem, Permission, PersonalData, hookimpl


@hookimpl
def provide_permissions(manifest: Manifest) -> list[Permission]:
    return [Permission(pages.MAY, "Import complaints from files", ("leader", "administrator"))]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [NavItem("Import", pages.HERE, "table-import", pages.MAY, sets_up=True)]


@hookimpl
def provide_pages(manifest: Manifest) -> list[ControllerRouterHandler]:
    return [*pages.HANDLERS]


@hookimpl
def provide_channels(manifest: Manifest) -> list[Channel]:
    return [ImportChannel()]


@hookimpl
def provide_personal_data(manifest: Manifest) -> list[PersonalData]:
    return waiting.personal_data()


@hookimpl
def provide_jobs(manifest: Manifest) -> list[Job]:
    return [Job(job.NAME, job.run_import, job.LIMIT)]


@hookimpl
def provide_commands(manifest: Manifest) -> list[Command]:
    return [
        Command(
            "import",
            "csv",
            "Import complaints from a CSV file; safe to kill and to run again.",
            command.run_command,
            command.configure,
        )
    ]
