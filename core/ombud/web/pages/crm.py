"""One customer system's part of the 360 panel, beside a case and on a person's page: asked for by the browser once the
page stands, so that no page waits for another system; and the choice of who the person is there."""

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.crm import choosing, kept, panel
from ombud.desk.crm import subject as subjects
from ombud.desk.crm.kept import Known
from ombud.desk.crm.panel import Part
from ombud.desk.crm.subject import Subject
from ombud.desk.errors import Invalid, NotFound
from ombud.kernel.database import db
from ombud.speech import noted, word
from ombud.trust.policy import HIDDEN, Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.fragments import by_htmx, fragment
from ombud.web.pages.given import given
from ombud.web.shell import go, page
from ombud_plugin_api import Datum, PersonMatch

Req = Request[Any, Any, Any]
READ, CHOOSE = {"permission": "person.read"}, {"permission": choosing.MAY}
UNUSED_SECONDS = 30.0
# Until when a system counts as unused in a unit, so that no page waits for it; and on which desk that was seen.
_unused: dict[tuple[str, UUID], tuple[float, object]] = {}

GROUPS = {
    "account": "Accounts and products", "case": "Open cases there", "talk": "Last contacts",
    "contact": "How to reach them", "fact": "More",
}  # fmt: skip
EVIDENCE = {
    "email": noted("e-mail"), "phone": noted("phone number"), "reference": noted("customer number"),
    "name": noted("name"), "postcode": noted("postcode"),
}  # fmt: skip
_TRANSIENT, _WRONG = {"timeout", "transient", "resting", "busy", "lost"}, {"misconfigured"}


def places(viewer: Viewer, units: Iterable[UUID], href: str) -> list[dict[str, Any]]:
    """Where the browser asks for each system's part; without a statement, and nothing on a desk without a system."""
    own = [unit for unit in units if viewer.may_in("person.read", unit)]
    moment = time.monotonic()
    return [
        {"state": "loading", "title": each.crm.label, "href": f"{href}/crm/{each.crm.key}"}
        for each in kept.systems()
        if any(not _is_unused(each.crm.key, unit, moment) for unit in own)
    ]


def _is_unused(crm: str, unit: UUID, moment: float) -> bool:
    until, desk = _unused.get((crm, unit), (0.0, None))
    return until >= moment and desk is db.engine.pool


def _system(key: str) -> Known:
    known = kept.system(key)
    if known is None:
        raise NotFound("There is no such customer system here. It may have been turned off; open the page again.")
    return known


@get("/cases/{reference:str}/crm/{key:str}", opt=READ)
async def of_case(request: Req, reference: str, key: str, again: bool = False, waiting: bool = False) -> Response[Any]:
    """`again`: look anew; `waiting`: answer with nothing while the system is still being asked."""
    known, subject = _system(key), await subjects.of_case(viewer_of(request), reference)
    return await _part(request, known, subject, again, waiting)


@get("/parties/{person_id:uuid}/crm/{key:str}", opt=READ)
async def of_person(
    request: Req, person_id: UUID, key: str, again: bool = False, waiting: bool = False
) -> Response[Any]:
    known, subject = _system(key), await subjects.of_person(viewer_of(request), person_id)
    return await _part(request, known, subject, again, waiting)


async def _part(request: Req, known: Known, subject: Subject, again: bool, waiting: bool) -> Response[Any]:
    if waiting and await panel.is_asking(known, subject):
        return Response(None, status_code=204)
    return await _drawn(request, known, subject, again=again)


async def _drawn(
    request: Req, known: Known, subject: Subject, *, again: bool = False, status: int = 200, problem: str = ""
) -> Response[Any]:
    part = await panel.part(viewer_of(request), known, subject, again=again)
    if part.state == "unused":
        _unused[known.crm.key, subject.unit_id] = (time.monotonic() + UNUSED_SECONDS, db.engine.pool)
    else:
        _unused.pop((known.crm.key, subject.unit_id), None)
    drawn = part_drawn(part, f"{subject.href}/crm/{known.crm.key}", problem)
    if by_htmx(request):
        return await fragment(request, "fragments/crm_part.html", status=status, part=drawn)
    name = HIDDEN if subject.name is None else subject.name
    return await page(
        request, "pages/crm.html", here="people", status=status, part=drawn, back=f"{subject.href}#crm", name=name
    )


@post("/cases/{reference:str}/crm/{key:str}/choice", opt=CHOOSE)
async def choose_of_case(request: Req, reference: str, key: str) -> Response[Any]:
    """The record that the person is, none of them, or (`step` back) no choice any more."""
    return await _choose(request, _system(key), await subjects.of_case(viewer_of(request), reference))


@post("/parties/{person_id:uuid}/crm/{key:str}/choice", opt=CHOOSE)
async def choose_of_person(request: Req, person_id: UUID, key: str) -> Response[Any]:
    return await _choose(request, _system(key), await subjects.of_person(viewer_of(request), person_id))


async def _choose(request: Req, known: Known, subject: Subject) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    step = form.text("step")
    try:
        if step == "back":
            await choosing.take_back(viewer, known, subject)
        elif step == "none":
            await choosing.choose(viewer, known, subject, "")
        elif form.text("record"):
            await choosing.choose(viewer, known, subject, form.text("record"))
        else:
            raise Invalid("Choose one of the records, or say that none of them is this person.")
    except Invalid as problem:
        return await _drawn(request, known, subject, status=422, problem=str(problem))
    if by_htmx(request):
        return await _drawn(request, known, subject)
    said = "The choice is taken back." if step == "back" else "The choice is kept. You can take it back at any time."
    return go(f"{subject.href}/crm/{known.crm.key}", said)


def part_drawn(part: Part, href: str, problem: str = "") -> dict[str, Any]:
    """As fragments/crm_part.html draws it."""
    groups = [
        {"label": label, "data": [_datum(each, old) for each, old in part.data if each.kind == kind]}
        for kind, label in GROUPS.items()
        if any(each.kind == kind for each, _ in part.data)
    ]
    none = part.chosen is not None and part.chosen.match is None
    who = None if none else (part.about or (part.chosen.match if part.chosen else None))
    offered = [] if part.chosen else [_match(each) for each in part.matches]
    return {
        "key": part.key, "label": part.label, "icon": part.icon, "href": href, "state": part.state,
        "trouble": _trouble(part), "fetched_at": part.fetched_at, "stale": part.stale, "groups": groups,
        "who": _match(who) if who else None, "offered": offered, "sure": part.about is not None,
        "none": none, "chosen": {"by": part.chosen.by, "at": part.chosen.at} if part.chosen else None,
        "may_choose": part.may_choose, "problem": problem,
        "written": {"record": part.written.record, "href": part.written.href, "at": part.written.at}
        if part.written else None,
    }  # fmt: skip


def _trouble(part: Part) -> str:
    """Why the last look brought nothing, in a word of: away, setup, rubbish; empty where it brought something."""
    if part.state != "away":
        return ""
    return "away" if part.fault in _TRANSIENT else "setup" if part.fault in _WRONG else "rubbish"


def _datum(datum: Datum, old: bool) -> dict[str, Any]:
    return {
        "label": datum.label, "value": datum.value, "at": datum.at, "href": datum.href, "source": datum.source,
        "fetched_at": datum.fetched_at, "stale": old,
    }  # fmt: skip


def _match(match: PersonMatch) -> dict[str, Any]:
    known = (match.note, match.reference, match.email, match.phone, match.postcode)
    return {
        "id": match.id, "name": match.name, "href": match.href,
        "about": [each for each in dict.fromkeys(known) if each],
        "brief": [each for each in (match.reference, match.note) if each],
        "evidence": [word(EVIDENCE[each]) for each in match.evidence], "source": match.source,
        "fetched_at": match.fetched_at,
    }  # fmt: skip


handlers = [of_case, of_person, choose_of_case, choose_of_person]
