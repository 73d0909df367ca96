"""One plugin: what it is, reaches and keeps, what went wrong; turning it on with a look at what that would do, and
taking it away."""

from pathlib import Path
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.exceptions import NotFoundException

from ombud.desk.administration.trail import trail
from ombud.kernel import faults, lifecycle, plugin_tables, plugins
from ombud.kernel.database import db
from ombud.kernel.lifecycle import Standing, running
from ombud.kernel.migrations import MigrationError
from ombud.kernel.plugins import UnfitError
from ombud.speech import both, counted, joined, sentence, word
from ombud.web import plugin_changes
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import Given
from ombud.web.pages.plugins import MANAGE, drawn, reach
from ombud.web.shell import go

Req = Request[Any, Any, Any]
ERASED = {"delete": "Erasing a person deletes the row.", "blank": "Erasing a person blanks these columns."}
DOORS = {"file": "/complain", "track": "/track", "rights": "/your-data"}
CHANGES_SHOWN = 20_000  # characters


@get("/plugins/{slug:str}", opt=MANAGE)
async def show(request: Req, slug: str) -> Response[Any]:
    standing = await _standing(slug)
    found = await faults.recent_faults(slug, limit=10)
    plugin = drawn(standing, found[0] if found else None, slug in await faults.resting())
    if not viewer_of(request).may("setting.manage"):
        plugin["settings_href"] = ""
    plugin["uninstall_href"] = f"/plugins/{slug}/uninstall" if standing.changed_at else ""
    if standing.kept:
        plugin["why"] = plugin["why"] or "It was uninstalled, and its data was kept."
    return await administration_page(
        request, "pages/plugin.html", "plugins", plugin=plugin, facts=_facts(standing),
        tables=await _tables(standing), permissions=await _permissions(slug), faults=found,
        faults_href=f"/jobs/faults?plugin={slug}", changes=_changes(slug),
        trail=await trail([f"plugin/{slug}"], size=20),
    )  # fmt: skip


async def _standing(slug: str) -> Standing:
    found = next((each for each in await lifecycle.standings(running.blocked) if each.slug == slug), None)
    if found is None:
        raise NotFoundException
    return found


def _facts(standing: Standing) -> list[tuple[str, str]]:
    manifest = standing.manifest
    none = word("none")
    facts = [("Installed version", standing.version or none), ("Version in use", standing.applied_version or none)]
    if manifest is None:
        return facts
    facts += [
        ("Made for", sentence("plugin API %(version)s", version=manifest.api)),
        ("Needs", ", ".join(manifest.needs) or word("no other plugin")),
        ("Reaches", ", ".join(manifest.reaches) or word("no other host")),
        ("Hears", ", ".join(manifest.events) or word("no events")),
    ]
    if manifest.doors:
        facts.append(("Serves", both(DOORS[each] for each in manifest.doors)))
    if manifest.security_contact:
        facts.append(("Security contact", manifest.security_contact))
    return facts


async def _tables(standing: Standing) -> list[dict[str, Any]]:
    """As applied; of one that was never on, as its manifest says."""
    declared = standing.declaration.get("tables") or plugin_tables.declared(
        standing.manifest.tables if standing.manifest else ()
    )
    rows = await plugin_tables.counted({"tables": declared})
    return [
        {"name": each["name"], "personal": each["personal"], "rows": rows.get(each["name"], 0),
         "erase": ERASED[each["erase"]] if each["personal"] else ""}
        for each in declared
    ]  # fmt: skip


async def _permissions(slug: str) -> list[dict[str, str]]:
    """Of a plugin that is on, with the roles that hold each today."""
    loaded = running.loaded.get(slug)
    if loaded is None or not loaded.permissions:
        return []
    rows = await db.fetch("SELECT label, permissions FROM core_role ORDER BY label")
    return [
        {"key": each.key, "label": each.label,
         "roles": joined(word(row["label"]) for row in rows if each.key in row["permissions"])}
        for each in loaded.permissions
    ]  # fmt: skip


def _changes(slug: str) -> str:
    """Its CHANGES.md, from the package or, in a checkout, from beside it."""
    found = plugins.discover(running.blocked).get(slug)
    if found is None:
        return ""
    try:
        folder = plugins.folder_of(found.package)
    except UnfitError:
        return ""
    for path in (folder / "CHANGES.md", folder.parent / "CHANGES.md" if _is_checkout(folder.parent) else None):
        if path is not None and path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")[:CHANGES_SHOWN].strip()
    return ""


def _is_checkout(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file()


@get("/plugins/{slug:str}/enable", opt=MANAGE)
async def look_first(request: Req, slug: str) -> Response[Any]:
    """What turning on, or the upgrade, would do: tried out and taken back."""
    standing = await _standing(slug)
    wrong = ""
    found: dict[str, Any] = {"statements": [], "permissions": []}
    try:
        found = await plugin_changes.preview(viewer_of(request), slug)
    except (UnfitError, MigrationError) as problem:
        wrong = f"{str(problem)[:1].upper()}{str(problem)[1:]}."
    roles = {row["key"]: row["label"] for row in await db.fetch("SELECT key, label FROM core_role")}
    permissions = [
        {"key": key, "label": label, "roles": joined(word(roles[each]) for each in given if each in roles)}
        for key, label, given in found["permissions"]
    ]
    manifest = standing.manifest
    return await administration_page(
        request, "pages/plugin_enable.html", "plugins", status=409 if wrong else 200,
        plugin={"slug": slug, "label": manifest.name if manifest else slug, "version": standing.version,
                "applied_version": standing.applied_version},
        wrong=wrong, statements=found["statements"], permissions=permissions, reach=reach(standing),
        upgrade=standing.state == "upgrade needed",
    )  # fmt: skip


@get("/plugins/{slug:str}/uninstall", opt=MANAGE)
async def ask_first(request: Req, slug: str) -> Response[Any]:
    return await _form(request, await _standing(slug), Given(FormMultiDict()), [])


@post("/plugins/{slug:str}/uninstall", opt={**MANAGE, "confirm": True})
async def uninstall(request: Req, slug: str) -> Response[Any]:
    standing, form = await _standing(slug), Given(await request.form())
    errors = _wrong(form, slug)
    if errors:
        return await _form(request, standing, form, errors)
    keep = form.text("data") == "keep"
    try:
        rows = await plugin_changes.uninstall(viewer_of(request), slug, keep_data=keep)
    except (UnfitError, MigrationError) as problem:
        return await _form(
            request,
            standing,
            form,
            [{"field": "", "message": sentence("Nothing was changed: %(what)s.", what=problem)}],
        )
    await running.refresh()
    said = (
        word("its data is kept")
        if keep
        else counted("one row of its own was deleted", "%(num)s rows of its own were deleted", sum(rows.values()))
    )
    return go(
        "/plugins",
        sentence(
            "%(slug)s is uninstalled; %(said)s.",
            slug=word(standing.manifest.name) if standing.manifest else slug,
            said=said,
        ),
    )


def _wrong(form: Given, slug: str) -> list[dict[str, str]]:
    if form.text("data") not in {"keep", "delete"}:
        return [{"field": "data", "message": "Choose what becomes of its own data."}]
    if form.text("data") == "delete" and form.text("slug").strip() != slug:
        return [{"field": "slug", "message": sentence("To delete its data, type %(slug)s exactly.", slug=slug)}]
    return []


async def _form(request: Req, standing: Standing, form: Given, errors: list[dict[str, str]]) -> Response[Any]:
    label = standing.manifest.name if standing.manifest else standing.slug
    return await administration_page(
        request, "pages/plugin_uninstall.html", "plugins", status=422 if errors else 200,
        plugin={"slug": standing.slug, "label": label}, tables=await _tables(standing),
        form={"data": form.text("data"), "slug": form.text("slug"), "errors": errors,
              "error_of": {each["field"]: each["message"] for each in errors}},
    )  # fmt: skip


handlers = [show, look_first, ask_first, uninstall]
