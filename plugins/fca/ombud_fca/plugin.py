"""What the plugin gives core."""

from collections.abc import Sequence
from typing import Any

from ombud_fca import annex1b, annex1r, consolidated, pages
from ombud_fca.deadlines import PLACES, due
from ombud_fca.letters import REQUIREMENTS
from ombud_fca.settings import SCHEMA, try_out
from ombud_plugin_api import (
    Deadlines,
    Manifest,
    NavItem,
    Permission,
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
    return [
        Permission(pages.SEE, "See your upheld rate beside the market's", ("leader", "compliance")),
        Permission(pages.LOAD, "Load figures of the market", ("compliance", "administrator")),
    ]


@hookimpl
def provide_navigation(manifest: Manifest) -> list[NavItem]:
    return [NavItem("FCA market", pages.HERE, "chart-bar", pages.SEE, sets_up=True)]


@hookimpl
def provide_pages(manifest: Manifest) -> Sequence[Any]:
    return [*pages.HANDLERS]


@hookimpl
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:
    return [Deadlines("fca", "DISP", due, PLACES)]


@hookimpl
def provide_response_requirements(manifest: Manifest) -> list[ResponseRequirement]:
    return REQUIREMENTS


@hookimpl
def provide_returns(manifest: Manifest) -> list[Return]:
    return [annex1r.RETURN, annex1b.RETURN, consolidated.RETURN]
