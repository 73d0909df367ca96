"""Escalation ladders in the administration: steps, what starts and ends them, earlier wordings, and what runs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import SET_UP, unit_tree, whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.choices import active_queues
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.routing import ladders, shown, trying_ladders
from ombud.desk.routing.laddering import (
    ENDS,
    OF,
    STEPS,
    TARGETS,
    After,
    Content,
    Starts,
    Step,
    amount_of,
    read_after,
    starts_in_words,
    write_after,
)
from ombud.desk.routing.ladders import LadderShown
from ombud.desk.words import MOODS, label
from ombud.kernel.database import db
from ombud.speech import capital, sentence, small, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages import trials_drawn
from ombud.web.pages.administration import administration_page
from ombud.web.pages.case_drawn import SEVERITY_WORDS
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
HOME = "/administration/escalations"
DESK = "desk"


@get(HOME, opt=OPT)
async def escalations(request: Req) -> Response[Any]:
    viewer = viewer_of(request)
    names = await _names()
    found = [
        {"ladder": each, "href": f"{HOME}/{each.id}", "starts": starts_in_words(each.content.starts),
         "steps": _steps_told(each.content, names)}
        for each in await ladders.all_ladders()
    ]  # fmt: skip
    running = await shown.overview(viewer) if viewer.may("case.read") else []
    return await administration_page(request, "pages/escalations.html", "escalations", ladders=found, running=running)


def _steps_told(content: Content, names: Mapping[str, str]) -> list[str]:
    told = []
    for step in content.steps:
        whom = names.get(f"{step.to}/{step.target}", step.target)
        what = word(TARGETS[step.to])
        if step.target:
            what = sentence("%(what)s: %(value)s", what=what, value=whom)
        told.append(sentence("%(what)s: %(value)s", what=capital(str(step.after)), value=small(what)))
    return told


async def _names() -> dict[str, str]:
    rows = await db.fetch(
        "SELECT 'queue/' || key AS code, name FROM core_queue UNION ALL SELECT 'role/' || key, label FROM core_role "
        "UNION ALL SELECT 'user/' || id::text, coalesce(nullif(display_name, ''), name) FROM core_user WHERE active"
    )
    return {row["code"]: row["name"] for row in rows}


async def _lists(viewer: Viewer) -> dict[str, Any]:
    roles = await db.fetch("SELECT key, label FROM core_role WHERE active ORDER BY label")
    people = await db.fetch(
        "SELECT DISTINCT u.id::text AS id, coalesce(nullif(u.display_name, ''), u.name) AS name FROM core_user u "
        "JOIN core_user_role h ON h.user_id = u.id JOIN core_role k ON k.key = h.role "
        "WHERE u.active AND 'case.read' = ANY(k.permissions) ORDER BY 2, 1 LIMIT 500"
    )
    units = [(str(each.id), each.path) for each in await unit_tree() if viewer.may_in(SET_UP, each.id)]
    everywhere = [(DESK, "Every unit")] if await whole_desk(viewer, SET_UP) else []
    return {
        "units": [*everywhere, *units], "targets": list(TARGETS.items()), "ends": [(c, w, "") for c, w in ENDS.items()],
        "wheres": [
            *((f"role/{row['key']}", sentence("Role: %(what)s", what=word(row['label']))) for row in roles),
            *((f"queue/{each.key}", sentence("Queue: %(name)s", name=each.name)) for each in await active_queues()),
            *((f"user/{row['id']}", row["name"]) for row in people),
        ],
        "moods": [(code, label(code)) for code in MOODS[1:]],
        "severities": [(str(code), words) for code, words in SEVERITY_WORDS.items() if code > 1],
        "of": [(code, words) for code, words in OF.items()],
    }  # fmt: skip


_EMPTY_STEP = {"to": "", "after": "0", "business": False, "where": "", "hand_over": False}


def _kept(form: Given) -> dict[str, Any]:
    names = ("key", "name", "where", "severity", "mood", "amount", "currency", "of", "start_after", "months")
    kept: dict[str, Any] = {name: form.text(name) for name in names}
    kept |= {name: form.ticked(name) for name in ("support_needs", "start_business", "active")}
    kept["ends"] = form.all("ends")
    kept["steps"] = [_kept_step(form, number) for number in range(1, STEPS + 1)]
    return kept


def _kept_step(form: Given, number: int) -> dict[str, Any]:
    part = f"s{number}."
    return {
        "to": form.text(f"{part}to"), "after": form.text(f"{part}after"), "where": form.text(f"{part}target"),
        "business": form.ticked(f"{part}business"), "hand_over": form.ticked(f"{part}hand_over"),
    }  # fmt: skip


def _content(kept: Mapping[str, Any]) -> Content:
    steps = tuple(_step(each, number) for number, each in enumerate(kept["steps"], 1) if each["to"])
    severity = int(kept["severity"]) if str(kept["severity"]).isdigit() else 0
    length = read_after(kept["start_after"], "start_after") if kept["of"] else After()
    starts = Starts(
        severity, kept["mood"], kept["support_needs"], amount_of(kept["amount"]), kept["currency"].strip().upper(),
        kept["of"], After(length.minutes, kept["start_business"] and bool(kept["of"])),
    )  # fmt: skip
    return Content(steps, starts, tuple(each for each in ENDS if each in kept["ends"]))


def _step(given: Mapping[str, Any], number: int) -> Step:
    after = read_after(given["after"], f"s{number}.after")
    kind, _, target = str(given["where"]).partition("/")
    if given["to"] in {"role", "queue", "user"} and kind != given["to"]:
        target = ""
    needs = given["to"] in {"role", "queue", "user"}
    return Step(given["to"], After(after.minutes, given["business"]), target if needs else "", given["hand_over"])


def _as_it_is(found: LadderShown) -> dict[str, Any]:
    starts = found.content.starts
    steps = [
        {"to": step.to, "after": write_after(step.after), "business": step.after.business,
         "where": f"{step.to}/{step.target}" if step.target else "", "hand_over": step.hand_over}
        for step in found.content.steps
    ]  # fmt: skip
    return {
        "key": found.key, "name": found.name, "where": str(found.unit_id or DESK), "active": found.active,
        "severity": str(starts.severity or ""), "mood": starts.mood, "support_needs": starts.support_needs,
        "amount": "" if starts.amount is None else f"{starts.amount:f}", "currency": starts.currency, "of": starts.of,
        "start_after": write_after(starts.after), "start_business": starts.after.business,
        "ends": list(found.content.ends), "months": trials_drawn.MONTHS,
        "steps": [*steps, *[dict(_EMPTY_STEP)] * (STEPS - len(steps))],
    }  # fmt: skip


_NEW: dict[str, Any] = {
    "key": "", "name": "", "where": "", "active": True, "severity": "", "mood": "", "support_needs": False,
    "amount": "", "currency": "", "of": "", "start_after": "0", "start_business": False, "ends": list(ENDS),
    "months": trials_drawn.MONTHS,
    "steps": [{**_EMPTY_STEP, "to": "owner", "after": "1d", "business": True},
              {**_EMPTY_STEP, "to": "leader", "after": "1d", "business": True},
              *[dict(_EMPTY_STEP)] * (STEPS - 2)],
}  # fmt: skip


@get(f"{HOME}/new", opt=OPT)
async def new_ladder(request: Req) -> Response[Any]:
    return await _page(request, None, _NEW)


@post(f"{HOME}/new", opt=OPT)
async def add_ladder(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    kept = _kept(form)
    try:
        if not kept["where"]:
            raise Invalid("Choose whose cases climb it.", "where")
        unit = None if kept["where"] == DESK else form.identity("where")
        if form.text("step") == "try":
            await trying_ladders.ask(viewer, None, unit, True, _content(kept), form.number("months") or 0)
            return await _page(request, None, kept)
        identity = await ladders.add(viewer, kept["key"].strip(), kept["name"], unit, _content(kept))
    except REFUSED as problem:
        return await _page(request, None, kept, beside(problem))
    return go(f"{HOME}/{identity}", "The ladder is there. It starts from now on.")


@get(HOME + "/{ladder_id:uuid}", opt=OPT)
async def ladder_shown(request: Req, ladder_id: UUID) -> Response[Any]:
    found = await ladders.ladder(ladder_id)
    return await _page(request, found, _as_it_is(found))


@post(HOME + "/{ladder_id:uuid}", opt=OPT)
async def change_ladder(request: Req, ladder_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    found, kept = await ladders.ladder(ladder_id), _kept(form)
    try:
        if form.text("step") == "try":
            months = form.number("months") or 0
            await trying_ladders.ask(viewer, ladder_id, found.unit_id, kept["active"], _content(kept), months)
            return await _page(request, found, kept)
        await ladders.change(viewer, ladder_id, kept["name"], kept["active"], _content(kept), form.version())
    except REFUSED as problem:
        conflict = await clash(problem, [f"ladder/{ladder_id}"])
        return await _page(request, found, kept, beside(problem), conflict)
    return go(f"{HOME}/{ladder_id}", "Saved. What starts from now on follows it; what runs keeps its own steps.")


@post(HOME + "/{ladder_id:uuid}/versions/{number:str}", opt=OPT)
async def go_back(request: Req, ladder_id: UUID, number: str) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    found = await ladders.ladder(ladder_id)
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0
    try:
        await ladders.go_back(viewer, ladder_id, wanted, form.version())
    except REFUSED as problem:
        return await _page(request, found, _as_it_is(found), beside(problem))
    return go(f"{HOME}/{ladder_id}", sentence("Version %(what)s holds again, as a new version.", what=number))


async def _page(
    request: Req, found: LadderShown | None, kept: Mapping[str, Any], wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer, names = viewer_of(request), await _names()
    before = await ladders.versions(found.id) if found else []
    return await administration_page(
        request, "pages/escalation.html", "escalations", status=409 if conflict else wrong.status, ladder=found,
        action=f"{HOME}/{found.id}" if found else f"{HOME}/new", conflict=conflict,
        versions=[
            {"number": each.number, "at": each.at, "by": each.by, "steps": _steps_told(each.content, names),
             "starts": starts_in_words(each.content.starts),
             "current": found is not None and each.number == found.current}
            for each in before
        ],
        trail=await trail([f"ladder/{found.id}"], size=15) if found else [],
        trial=await trials_drawn.ladder(viewer, found.id if found else None),
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
        **await _lists(viewer),
    )  # fmt: skip


handlers = [escalations, new_ladder, add_ladder, ladder_shown, change_ladder, go_back]
