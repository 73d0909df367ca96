"""Background work: what waits, runs and failed and why; run again or given up; the schedule; faults."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from ombud.desk.shown import read_cursor, write_cursor
from ombud.kernel import faults, job_list
from ombud.kernel.clock import now
from ombud.kernel.job_list import COUNTED, Piece
from ombud.kernel.lifecycle import running
from ombud.process import settings
from ombud.speech import counted, joined, sentence, word
from ombud.trust import jobs as work
from ombud.trust.jobs import JobRefused
from ombud.web.door import viewer_of
from ombud.web.pages import job_words
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import given
from ombud.web.shell import go

Req = Request[Any, Any, Any]
MANAGE = {"permission": "job.manage"}
LATE_SECONDS = 60.0
ICONS = {
    "parked": "alert-circle",
    "running": "player-play",
    "waiting": "hourglass",
    "done": "circle-check",
    "given_up": "ban",
}
CORE = "core"  # how the filter names what belongs to no plugin


class Place(msgspec.Struct):
    """Where a page ended."""

    at: datetime
    id: UUID


@get("/jobs", opt=MANAGE)
async def jobs(request: Req, show: str = "", plugin: str = "", kind: str = "", after: str = "") -> Response[Any]:
    """One state at a time; without one, the parked ones where there are any, else what runs."""
    chosen = _plugin(plugin)
    counts = await job_list.counts(chosen, kind)
    state = show if show in job_list.STATES else ("parked" if counts["parked"] else "running")
    size = settings().limits.page_size
    place = read_cursor(after, Place, "after") if after else None
    found = await job_list.page(
        state, plugin=chosen, subscriber=kind, after=(place.at, place.id) if place else None, size=size + 1
    )
    asked = {"plugin": plugin, "kind": kind}
    return await administration_page(
        request, "pages/jobs.html", "jobs", state=state, asked=asked, at=now(), refresh_href=_href(show=state, **asked),
        views=_views(counts, state, asked), pieces=[_piece(each) for each in found[:size]],
        filters=_filters(await job_list.kinds(), plugin, kind), groups=await _groups(state, chosen, kind),
        next_href=_next(found, size, state, asked), first=not after,
    )  # fmt: skip


def _plugin(name: str) -> str | None:
    """What the filter asks for: None for all, empty for core's own."""
    return None if not name else "" if name == CORE else name


def _href(**parts: str) -> str:
    given_parts = {name: value for name, value in parts.items() if value}
    return f"/jobs?{urlencode(given_parts)}" if given_parts else "/jobs"


def _next(found: Sequence[Piece], size: int, state: str, asked: dict[str, str]) -> str:
    if len(found) <= size:
        return ""
    at, identity = job_list.place_of(found[size - 1])
    return _href(show=state, after=write_cursor(Place(at, identity)), **asked)


def _views(counts: dict[str, int], state: str, asked: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"label": job_words.STATES[each], "icon": ICONS[each], "href": _href(show=each, **asked),
         "count": min(counts[each], COUNTED), "more": counts[each] > COUNTED, "current": each == state}
        for each in job_list.STATES
    ]  # fmt: skip


def _filters(kinds: Sequence[tuple[str, str]], plugin: str, kind: str) -> list[dict[str, Any]]:
    slugs = sorted({each for _, each in kinds if each} | set(running.loaded) | ({plugin} - {"", CORE}))
    plugins = [(CORE, word("Ombud itself")), *((slug, job_words.plugin_name(slug)) for slug in slugs)]
    work_of = {subscriber: job_words.what(subscriber, of) for subscriber, of in kinds} | ({kind: kind} if kind else {})
    return [
        {"name": "plugin", "label": "Whose", "value": plugin, "options": plugins},
        {"name": "kind", "label": "Work", "value": kind, "options": sorted(work_of.items(), key=lambda each: each[1])},
    ]


async def _groups(state: str, plugin: str | None, kind: str) -> list[dict[str, Any]]:
    """Kinds with parked work, for "run all again"."""
    if state != "parked":
        return []
    rows = await job_list.parked_kinds(plugin, kind)
    return [
        {"label": job_words.what(each.subscriber, each.plugin), "count": each.count,
         "href": f"/jobs/again?{urlencode({'kind': each.subscriber, 'plugin': each.plugin})}"}
        for each in rows
    ]  # fmt: skip


def _piece(piece: Piece) -> dict[str, Any]:
    said = piece.progress or {}
    return {
        "id": str(piece.id), "href": f"/jobs/{piece.id}", "what": job_words.what(piece.subscriber, piece.plugin),
        "subscriber": piece.subscriber, "plugin": piece.plugin, "state": piece.state,
        "whose": job_words.plugin_name(piece.plugin) if piece.plugin else word("Ombud itself"),
        "attempts": piece.attempts, "kills": piece.kills, "why": job_words.why(piece),
        "done": int(said.get("done", 0)), "total": int(said.get("total", 0)), "note": str(said.get("note", "")),
        "since": piece.started_at if piece.state == "running" else piece.finished_at or piece.created_at,
        "next_at": piece.available_at if piece.state == "waiting" else None,
        "worker": sentence("%(host)s, process %(pid)s", host=piece.host, pid=piece.pid) if piece.pid else "",
    }  # fmt: skip


@get("/jobs/schedule", opt=MANAGE)
async def schedule(request: Req) -> Response[Any]:
    """Each entry, when it was last fired, when it comes next, and whether it is late."""
    entries = [
        {"what": job_words.what(f"job/{each.job}", each.plugin), "name": each.name, "last_at": each.last_at,
         "whose": job_words.plugin_name(each.plugin) if each.plugin else word("Ombud itself"), "next_at": each.next_at,
         "rhythm": job_words.rhythm(each.rhythm), "late": each.late_seconds > LATE_SECONDS}
        for each in await job_list.planned()
    ]  # fmt: skip
    return await administration_page(request, "pages/job_schedule.html", "jobs", entries=entries)


@get("/jobs/faults", opt=MANAGE)
async def fault_list(request: Req, plugin: str = "") -> Response[Any]:
    """What providers and jobs did wrong in seven days, equal faults together."""
    found = await faults.recent_faults(plugin or None, limit=200)
    rows = [
        {"whose": word("Ombud itself") if each.slug == CORE else job_words.plugin_name(each.slug), "place": each.place,
         "kind": job_words.FAULTS.get(each.kind, each.kind), "error": each.error, "count": each.count,
         "last": each.last, "href": f"/jobs/faults?plugin={each.slug}"}
        for each in found
    ]  # fmt: skip
    name = word("Ombud itself") if plugin == CORE else job_words.plugin_name(plugin) if plugin else ""
    return await administration_page(request, "pages/job_faults.html", "jobs", faults=rows, plugin=name)


@get("/jobs/again", opt=MANAGE)
async def again_preview(request: Req, kind: str = "", plugin: str = "") -> Response[Any]:
    """How many would run again, before anything does."""
    return await _again_page(request, kind, plugin)


@post("/jobs/again", opt=MANAGE)
async def run_all_again(request: Req) -> Response[Any]:
    form = await given(request)
    kind, plugin = form.text("kind"), form.text("plugin")
    if not kind:
        return await _again_page(request, kind, plugin, status=422)
    count = await work.run_all_again(viewer_of(request), kind, plugin)
    said = counted("1 runs again", "%(num)s run again", count) if count else word("Nothing was parked any more")
    told = joined((job_words.what(kind, plugin), ": ", said, "."), "")
    return go(_href(show="parked", kind=kind), told)


async def _again_page(request: Req, kind: str, plugin: str, status: int = 200) -> Response[Any]:
    rows = [each for each in await job_list.parked_kinds(None, kind) if each.plugin == plugin] if kind else []
    return await administration_page(
        request, "pages/job_again.html", "jobs", status=status, kind=kind, plugin=plugin,
        what=job_words.what(kind, plugin) if kind else "", count=rows[0].count if rows else 0,
    )  # fmt: skip


@get("/jobs/{delivery_id:uuid}", opt=MANAGE)
async def job(request: Req, delivery_id: UUID) -> Response[Any]:
    return await _job_page(request, delivery_id)


@post("/jobs/{delivery_id:uuid}/again", opt=MANAGE)
async def again(request: Req, delivery_id: UUID) -> Response[Any]:
    try:
        await work.run_again(viewer_of(request), delivery_id)
    except JobRefused as problem:
        return await _job_page(request, delivery_id, wrong=str(problem), status=409)
    return go("/jobs", "It runs again.")


@post("/jobs/{delivery_id:uuid}/give-up", opt=MANAGE)
async def give_up(request: Req, delivery_id: UUID) -> Response[Any]:
    reason = (await given(request)).text("reason")
    try:
        await work.give_up(viewer_of(request), delivery_id, reason)
    except JobRefused as problem:
        return await _job_page(request, delivery_id, wrong=str(problem), reason=reason, status=422)
    return go("/jobs?show=given_up", "It is given up. The reason is kept.")


async def _job_page(
    request: Req, identity: UUID, *, wrong: str = "", reason: str = "", status: int = 200
) -> Response[Any]:
    piece = await job_list.one(identity)
    if piece is None:
        raise NotFoundException
    shown, hidden = job_words.ids(piece.event)
    may_see_plugin = bool(piece.plugin) and viewer_of(request).may("plugin.manage")
    return await administration_page(
        request, "pages/job.html", "jobs", status=status, job=_piece(piece), error=piece.error,
        remedy=job_words.remedy(piece) if piece.state == "parked" else "", ids=shown, unshown=hidden, wrong=wrong,
        reason=reason, created_at=piece.created_at, finished_at=piece.finished_at,
        faults_href=f"/jobs/faults?plugin={piece.plugin or CORE}",
        plugin_href=f"/plugins#plugin-{piece.plugin}" if may_see_plugin else "",
    )  # fmt: skip


handlers = [jobs, schedule, fault_list, again_preview, run_all_again, job, again, give_up]
