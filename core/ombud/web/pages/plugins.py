"""Plugins: how each stands and why, and switching them on and off."""

from collections.abc import Awaitable, Sequence
from typing import Any

from litestar import Request, Response, get, post

from ombud.kernel import faults, lifecycle
from ombud.kernel.faults import FaultRecord
from ombud.kernel.lifecycle import Standing, running
from ombud.kernel.migrations import MigrationError
from ombud.kernel.plugins import UnfitError, discover
from ombud.speech import counted, joined, noted, sentence, word
from ombud.trust import switching
from ombud.trust.group_settings import key_of_plugin
from ombud.web import plugin_changes
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.shell import go

Req = Request[Any, Any, Any]
MANAGE = {"permission": "plugin.manage"}

GROUPS = ("Needs you", "Turned on", "Turned off")
REMEDIES = {
    "upgrade needed": "Another version is installed than the one in use. Upgrade to use it.",
    "missing": "Its distribution is not installed any more. Install it again, or turn it off; its data stays.",
}
WORDS = {
    "crm": "Customer system", "channel": noted("Channel"), "deliverer": "Delivery", "importer": noted("Import"),
    "deadlines": noted("Deadlines"),
    "tables": "Tables of its own", "case file": "Case file", "settings": noted("Settings"),
    "classifier": noted("Categories"), "returns": noted("Returns"), "rights": "Rights of people",
    "router": noted("Routing"), "sentiment": noted("Mood"), "tracking": "Following a complaint",
    "theme": noted("Theme"),
    "report": noted("Report"),
}  # fmt: skip
KINDS = {"channel": "message-2", "tracking": "route", "importer": "upload", "theme": "palette", "report": "chart-bar"}


@get("/plugins", opt=MANAGE)
async def plugins(request: Req, show: str = "", kind: str = "") -> Response[Any]:
    return await _page(request, show=show, kind=kind)


@post("/plugins/{slug:str}/enable", opt=MANAGE)
async def enable(request: Req, slug: str) -> Response[Any]:
    """Turns on, or upgrades; why it could not be done stands at the plugin."""
    return await _switched(request, slug, plugin_changes.enable(viewer_of(request), slug), "%(name)s is on.")


@post("/plugins/{slug:str}/disable", opt=MANAGE)
async def disable(request: Req, slug: str) -> Response[Any]:
    act = switching.disable(viewer_of(request), slug)
    return await _switched(request, slug, act, "%(name)s is off. Its data stays.")


@post("/plugins/{slug:str}/restart", opt=MANAGE)
async def restart(request: Req, slug: str) -> Response[Any]:
    """Ends a rest early, when its cause was mended."""
    return await _switched(request, slug, faults.wake(slug), "%(name)s may work again.")


async def _switched(request: Req, slug: str, act: Awaitable[Any], words: str) -> Response[Any]:
    try:
        await act
    except (UnfitError, MigrationError) as problem:
        return await _page(request, status=409, slug=slug, why=str(problem))
    await running.refresh()  # this process answers the next page; the others hear the notice
    return go("/plugins", sentence(words, name=_name(slug)))


def _name(slug: str) -> str:
    """As its manifest says, whether it is on or off."""
    found = discover(running.blocked).get(slug)
    return word(found.manifest.name) if found and found.manifest else slug


async def _page(
    request: Req, *, status: int = 200, show: str = "", kind: str = "", slug: str = "", why: str = ""
) -> Response[Any]:
    standings = await lifecycle.standings(running.blocked)
    faulted = {each.slug: each for each in reversed(await faults.recent_faults())}
    resting = await faults.resting()
    shown = [drawn(each, faulted.get(each.slug), each.slug in resting) for each in standings]
    for each in shown:
        if not viewer_of(request).may("setting.manage"):
            each["settings_href"] = ""
        if each["slug"] == slug:
            each |= {"why": sentence("Nothing was changed: %(why)s.", why=why), "group": "Needs you"}
    return await administration_page(
        request, "pages/plugins.html", "plugins", status=status, counts=_counts(shown),
        views=_views(shown, show, kind), groups=_groups(_chosen(shown, show, kind)),
        unknown=sentence("Nothing was changed: %(why)s.",
            why=why) if why and slug not in {each["slug"] for each in shown} else "",
    )  # fmt: skip


def drawn(standing: Standing, fault: FaultRecord | None, rests: bool) -> dict[str, Any]:
    manifest = standing.manifest
    state = "fault" if rests and standing.state == "enabled" else standing.state.replace(" ", "_")
    return {
        "slug": standing.slug, "label": manifest.name if manifest else standing.slug, "state": state,
        "icon": next((KINDS[each] for each in manifest.kinds if each in KINDS), "puzzle") if manifest else "puzzle",
        "version": standing.version or standing.applied_version, "author": "",
        "settings_href": _settings(standing.slug),
        "summary": manifest.summary if manifest else "It was on here before.", "reach": reach(standing),
        "why": _why(standing, fault, rests), "acts": _acts(standing, rests),
        "preview_href": _preview(standing), "preview_label": _preview_label(standing),
        "kinds": manifest.kinds if manifest else (), "faults": fault.count if fault else 0,
        "group": _group(standing, rests),
    }  # fmt: skip


def _settings(slug: str) -> str:
    """Where its settings are changed; empty where it has none or is off."""
    loaded = running.loaded.get(slug)
    return f"/settings/{key_of_plugin(slug)}" if loaded and loaded.setting_schema else ""


def _preview(standing: Standing) -> str:
    """Where it is shown what turning on would do, before it is done; empty where it cannot be turned on."""
    ready = standing.state in {"installed", "disabled", "upgrade needed"} and not standing.problem
    return f"/plugins/{standing.slug}/enable" if ready else ""


def _preview_label(standing: Standing) -> str:
    return (
        sentence("Upgrade to %(version)s", version=standing.version)
        if standing.state == "upgrade needed"
        else "Turn on"
    )


def reach(standing: Standing) -> str:
    manifest = standing.manifest
    if manifest is None:
        return ""
    hosts = (
        sentence("Reaches %(reaches)s.", reaches=joined(manifest.reaches))
        if manifest.reaches
        else "Reaches no other host."
    )
    keeps = sum(bool(table.personal) for table in manifest.tables)
    data = "Keeps personal data of its own." if keeps else "Keeps no personal data of its own."
    return joined((word(hosts), word(data)), " ")


def _why(standing: Standing, fault: FaultRecord | None, rests: bool) -> str:
    parts = [f"{standing.problem[:1].upper()}{standing.problem[1:]}."] if standing.problem else []
    if not parts and standing.state in REMEDIES:
        parts.append(REMEDIES[standing.state])
    if fault is not None:
        times = counted("once", "%(num)s times", fault.count)
        parts.append(
            sentence(
                "Last fault (%(times)s in seven days), at %(place)s: %(splitlines)s",
                times=times,
                place=fault.place,
                splitlines=fault.error.splitlines()[0][:300],
            )
        )
    if rests:
        parts.append("It rests for now. Cases work; only its part is missing.")
    return joined(map(word, parts), " ")


def _acts(standing: Standing, rests: bool) -> list[dict[str, Any]]:
    off = {"action": "disable", "label": "Turn off"}
    if standing.state in {"installed", "disabled"}:
        return []
    if rests:
        return [{"action": "restart", "label": "Start again", "main": True}, off]
    return [off] if standing.changed_at is not None else []


def _group(standing: Standing, rests: bool) -> str:
    if standing.state in {"installed", "disabled"}:
        return "Turned off"
    return "Turned on" if standing.state == "enabled" and not rests else "Needs you"


def _counts(shown: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {"installed": len(shown), "needing": sum(each["group"] == "Needs you" for each in shown)}


def _views(shown: Sequence[dict[str, Any]], show: str, kind: str) -> list[dict[str, Any]]:
    faulty = sum(bool(each["faults"]) for each in shown)
    views = [_view("All", "puzzle", "/plugins", len(shown), not show and not kind)]
    views.append(_view("Faults", "alert-circle", "/plugins?show=faults", faulty, show == "faults"))
    for each in sorted({name for one in shown for name in one["kinds"]}):
        count = sum(each in one["kinds"] for one in shown)
        label, icon = WORDS.get(each, each.capitalize()), KINDS.get(each, "tag")
        views.append(_view(label, icon, f"/plugins?kind={each}", count, kind == each, "Kind"))
    return views


def _view(label: str, icon: str, href: str, count: int, current: bool, group: str = "") -> dict[str, Any]:
    return {"label": label, "icon": icon, "href": href, "count": count, "current": current, "group": group}


def _chosen(shown: Sequence[dict[str, Any]], show: str, kind: str) -> list[dict[str, Any]]:
    return [
        each for each in shown if (show != "faults" or each["faults"]) and (not kind or kind in each["kinds"])
    ]  # fmt: skip


def _groups(shown: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    groups = [(name, [each for each in shown if each["group"] == name]) for name in GROUPS]
    return [{"label": name, "count": len(those), "plugins": those} for name, those in groups if those]


handlers = [plugins, enable, disable, restart]
