"""What trials on the past showed, as pages draw it: clocks, routing and ladders. Cases that a viewer may not read are
counted, and no more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.administration.authority import unit_tree
from ombud.desk.clocks.trying import Tried
from ombud.desk.clocks.trying_settings import TriedSettings
from ombud.desk.routing import trying, trying_ladders
from ombud.desk.routing.trying import TriedRouting
from ombud.desk.routing.trying_ladders import TriedLadder
from ombud.desk.rules.asked import readable
from ombud.desk.trials import Trial
from ombud.kernel.database import db
from ombud.trust.policy import Viewer

NONE: Mapping[str, Any] = {"state": "none"}
MONTHS = "3"
"""How far a form looks back unless somebody says otherwise."""

LAWS = {
    "right": "no right to work on it", "confidential": "may not see confidential cases", "away": "away",
    "hours": "outside working hours", "full": "no room left",
}  # fmt: skip
WHY = {
    "answered": "Answered", "decided": "Decided", "acknowledged": "Somebody said what they do",
    "taken_back": "Taken back", "closed": "Closed",
}  # fmt: skip


def _begun(trial: Trial) -> dict[str, Any]:
    return {"state": trial.state, "months": trial.months, "asked_at": trial.asked_at}


async def clocks(viewer: Viewer, trial: Trial | None, said: Sequence[str], kind: type[Tried]) -> dict[str, Any]:
    """Of calendars and of settings; see fragments/clock_trial.html."""
    if trial is None:
        return dict(NONE)
    drawn = {**_begun(trial), "said": said}
    tried = trial.tried(kind)
    if tried is None:
        return drawn
    open_to = await readable(viewer, sorted({each["case"] for each in tried.shown}))
    names = {str(each.id): each.path for each in await unit_tree()}
    drawn |= {"began": 0, "dropped": 0, "unanswered": []}
    if isinstance(tried, TriedSettings):
        drawn |= {
            "began": tried.began, "dropped": tried.dropped, "unanswered": sorted(tried.unanswered.items()),
        }  # fmt: skip
    return {
        **drawn, "clocks": tried.clocks, "cases": tried.cases, "moved": tried.moved, "caused": tried.caused,
        "avoided": tried.avoided, "late": tried.late, "lacking": tried.lacking,
        "units": sorted((names.get(unit, "?"), was, would) for unit, (was, would) in tried.units.items()),
        "shown": [_clock(each, *open_to[each["case"]]) for each in tried.shown if each["case"] in open_to],
        "hidden": sum(each["case"] not in open_to for each in tried.shown),
    }  # fmt: skip


def _clock(each: Mapping[str, Any], reference: str, title: str) -> dict[str, Any]:
    moments = {side: datetime.fromisoformat(each[side]) if each[side] else None for side in ("was", "would")}
    return {**each, **moments, "reference": reference, "title": title, "href": f"/cases/{reference}/clocks"}


async def routing(viewer: Viewer, kind: str, identity: UUID) -> dict[str, Any]:
    """Of a profile, a skill or a queue; see fragments/routing_trial.html."""
    trial = await trying.latest(kind, identity)
    if trial is None:
        return dict(NONE)
    tried = trial.tried(TriedRouting)
    if tried is None:
        return _begun(trial)
    open_to = await readable(viewer, sorted({each["case"] for each in tried.shown}))
    names = await _names()
    return {
        **_begun(trial), "pieces": tried.pieces, "left": tried.left, "as_it_went": tried.as_it_went,
        "owned": tried.owned, "changed": tried.changed, "moved": tried.moved, "nobody": tried.nobody,
        "people": _lines(tried.people, names), "queues": _lines(tried.queues, names),
        "why": [(LAWS.get(law, law), *times) for law, times in sorted(tried.why.items())],
        "shown": [_piece(each, names, *open_to[each["case"]]) for each in tried.shown if each["case"] in open_to],
        "hidden": sum(each["case"] not in open_to for each in tried.shown),
    }  # fmt: skip


def _lines(counted: Mapping[str, Sequence[int]], names: Mapping[str, str]) -> list[tuple[str, int, int]]:
    """(name, now, under the draft), those that differ first."""
    lines = [(names.get(each, "?") if each else "No queue", was, would) for each, (was, would) in counted.items()]
    return sorted(lines, key=lambda line: (line[1] == line[2], line[0].lower()))


def _piece(each: Mapping[str, Any], names: Mapping[str, str], reference: str, title: str) -> dict[str, Any]:
    def pair(of: str, nothing: str) -> list[str]:
        return [names.get(one, "?") if one else nothing for one in each[of]]

    return {
        "reference": reference, "title": title, "href": f"/cases/{reference}",
        "at": datetime.fromisoformat(each["at"]), "owner": pair("owner", "Nobody yet"),
        "queue": pair("queue", "No queue"),
    }  # fmt: skip


async def _names() -> dict[str, str]:
    rows = await db.fetch(
        "SELECT id::text AS id, name FROM core_queue UNION ALL "
        "SELECT id::text, coalesce(nullif(display_name, ''), name) FROM core_user"
    )
    return {row["id"]: row["name"] for row in rows}


async def ladder(viewer: Viewer, ladder_id: UUID | None) -> dict[str, Any]:
    """Of a ladder; see fragments/ladder_trial.html."""
    trial = await trying_ladders.latest(viewer, ladder_id)
    if trial is None:
        return dict(NONE)
    tried = trial.tried(TriedLadder)
    if tried is None:
        return _begun(trial)
    open_to = await readable(viewer, sorted({each["case"] for each in tried.shown}))
    names = {str(each.id): each.path for each in await unit_tree()}
    return {
        **_begun(trial), "cases": tried.cases, "truly": tried.truly, "began": tried.began, "late": tried.late,
        "before": tried.before, "changed": tried.changed,
        "steps": [(place, *times) for place, times in enumerate(tried.steps, 1) if any(times)],
        "ended": [(WHY.get(why, why), *times) for why, times in sorted(tried.ended.items())],
        "units": sorted((names.get(unit, "?"), was, would) for unit, (was, would) in tried.units.items()),
        "shown": [_climb(each, *open_to[each["case"]]) for each in tried.shown if each["case"] in open_to],
        "hidden": sum(each["case"] not in open_to for each in tried.shown),
    }  # fmt: skip


def _climb(each: Mapping[str, Any], reference: str, title: str) -> dict[str, Any]:
    sides = {side: [datetime.fromisoformat(one) for one in each[side]] for side in ("was", "would")}
    return {**sides, "reference": reference, "title": title, "href": f"/cases/{reference}"}


__all__ = ["MONTHS", "NONE", "clocks", "ladder", "routing"]
