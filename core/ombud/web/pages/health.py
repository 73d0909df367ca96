"""How the desk is doing: a page for administrators, and the same for machines."""

from itertools import groupby
from typing import Any

from litestar import Request, Response, get

from ombud import __version__
from ombud.kernel.clock import now
from ombud.kernel.health import BAD, GOOD, LOOK, Examined, health, worst
from ombud.trust.canonical import moment_text
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page

Req = Request[Any, Any, Any]
READ = {"permission": "health.read"}
# Where a finding leads, and who may go there.
_LEADS = {"/jobs": "job.manage", "/plugins": "plugin.manage", "/intake": "intake.manage",
          "/administration/look": "setting.manage", "/administration/ledger": "ledger.read"}  # fmt: skip


@get("/administration/health", opt=READ)
async def health_page(request: Req) -> Response[Any]:
    found = await health.examine()
    viewer = viewer_of(request)
    shown = [_shown(each, viewer.may(_right_for(each.finding.href))) for each in found]
    groups = [
        {"label": label, "checks": list(those)} for label, those in groupby(shown, key=lambda each: each["group"])
    ]
    counts = {state: sum(each["state"] == state for each in shown) for state in (GOOD, LOOK, BAD)}
    first = [each for state in (BAD, LOOK) for each in shown if each["state"] == state]
    return await administration_page(
        request, "pages/health.html", "health", groups=groups, first=first, counts=counts, worst=worst(found), at=now()
    )


def _right_for(href: str) -> str:
    return next((right for start, right in _LEADS.items() if href.startswith(start)), "")


def _shown(each: Examined, may_go: bool) -> dict[str, Any]:
    check, finding = each.check, each.finding
    return {
        "code": check.code, "label": check.label, "group": check.group, "means": check.means, "state": finding.state,
        "said": finding.said, "remedy": finding.remedy, "facts": finding.facts, "href": finding.href if may_go else "",
    }  # fmt: skip


@get("/health/details", opt=READ)
async def details(request: Req) -> dict[str, Any]:
    """For monitoring: send a token whose user may read the health. The state of the whole is that of its worst part."""
    found = await health.examine()
    return {
        "state": worst(found),
        "at": moment_text(now()),
        "version": __version__,
        "checks": [
            {"code": each.check.code, "label": each.check.label, "state": each.finding.state,
             "said": each.finding.said, "remedy": each.finding.remedy,
             "facts": [{"label": label, "value": value} for label, value in each.finding.facts]}
            for each in found
        ],
    }  # fmt: skip


handlers = [health_page, details]
