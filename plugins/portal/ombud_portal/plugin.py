"""What the portal gives to core."""

from collections.abc import Sequence
from typing import Any

from ombud_plugin_api import Fill, Settings, hookimpl
from ombud_portal import documents as papers
from ombud_portal import links, pages, proof, withdrawing
from ombud_portal import settings as chosen


@hookimpl
def provide_pages() -> Sequence[Any]:
    return [*links.handlers, *pages.handlers, *proof.handlers, *papers.handlers, *withdrawing.handlers]


@hookimpl
def provide_settings() -> list[Settings]:
    return chosen.settings()


@hookimpl
def provide_slots() -> list[Fill]:
    return [Fill("case.side", "portal/links.html", links.of_case, "case.write")]
