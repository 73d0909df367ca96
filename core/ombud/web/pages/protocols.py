"""Resolution protocols: the list, one protocol with its versions, and the editor of the next version."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import taxonomies
from ombud.desk.administration import protocols as setup
from ombud.desk.administration.authority import SET_UP, unit_tree, whole_desk
from ombud.desk.administration.protocols import STREAM, ItemGiven, ProtocolShown, VersionShown
from ombud.desk.administration.taxonomies import all_terms
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.taxonomies import worded
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
DESK = "desk"
EMPTY_ROWS = 3
HOME = "/administration/protocols"
DEMANDS = [("free", "Nothing"), ("warn", "A warning"), ("block", "No decision")]
Rows = list[dict[str, str]]


@get(HOME, opt=OPT)
async def listed(request: Req) -> Response[Any]:
    viewer = viewer_of(request)
    words = await _category_words(viewer)
    found = await setup.all_protocols(viewer)
    return await administration_page(
        request, "pages/protocols.html", "protocols", trail=await trail([STREAM], size=15),
        protocols=[{"shown": each, "category": words.get(each.category, each.category)} for each in found],
    )  # fmt: skip


async def _category_words(viewer: Viewer) -> dict[str, str]:
    return {each.code: worded(each.labels, each.code, viewer.language) for each in await all_terms(viewer, "category")}


@get(f"{HOME}/new", opt=OPT)
async def new(request: Req) -> Response[Any]:
    today = taxonomies.today().isoformat()
    kept = {"name": "", "category": "", "unit": "", "valid_from": today}
    return await _editor(request, None, kept, [], [])


@post(f"{HOME}/new", opt=OPT)
async def add(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    kept = {name: form.text(name) for name in ("name", "category", "unit", "valid_from")}
    steps, evidence = _rows(form, "step"), _rows(form, "evidence")
    if form.text("do") == "rows":
        return await _editor(request, None, kept, steps, evidence)
    try:
        if not kept["unit"]:
            raise Invalid("Choose where the protocol holds.", "unit")
        unit_id = None if kept["unit"] == DESK else form.identity("unit")
        await setup.add(
            viewer, kept["name"], kept["category"], unit_id, _items(steps), _items(evidence), form.day("valid_from")
        )
    except REFUSED as problem:
        return await _editor(request, None, kept, steps, evidence, beside(problem))
    return go(HOME, sentence("%(name)s is written.", name=kept["name"]))


@get(f"{HOME}/{{protocol_id:uuid}}", opt=OPT)
async def one(request: Req, protocol_id: UUID) -> Response[Any]:
    """One protocol: its newest version in the editor of the next, and all before it with what changed."""
    found = await setup.protocol(viewer_of(request), protocol_id)
    last = found.versions[0]
    return await _editor(request, found, _kept_of(found), list(last.steps), list(last.evidence))


def _kept_of(found: ProtocolShown) -> dict[str, str]:
    begins = max(found.versions[0].valid_from, taxonomies.today())
    return {"valid_from": begins.isoformat(), "seen": str(found.versions[0].number)}


@post(f"{HOME}/{{protocol_id:uuid}}", opt=OPT)
async def write(request: Req, protocol_id: UUID) -> Response[Any]:
    """Writes the next version, or retires the protocol, or puts it back."""
    viewer, form = viewer_of(request), await given(request)
    found = await setup.protocol(viewer, protocol_id)
    steps, evidence = _rows(form, "step"), _rows(form, "evidence")
    kept = {name: form.text(name) for name in ("valid_from", "seen")}
    doing = form.text("do")
    if doing == "rows":
        return await _editor(request, found, kept, steps, evidence)
    try:
        if doing in {"retire", "restore"}:
            await setup.set_active(viewer, protocol_id, doing == "restore", form.version())
            return go(
                HOME,
                sentence(
                    "%(name)s is %(retired)s.",
                    name=found.name,
                    retired="in use again" if doing == "restore" else "retired",
                ),
            )
        number = await setup.write_version(
            viewer, protocol_id, _items(steps), _items(evidence), form.day("valid_from"), form.number("seen") or 0
        )
    except Changed:
        wrong = Refused(409, [{"field": "", "message": _NEWER}])
        return await _editor(request, found, {**kept, "seen": str(found.versions[0].number)}, steps, evidence, wrong)
    except REFUSED as problem:
        return await _editor(request, found, kept, steps, evidence, beside(problem))
    return go(f"{HOME}/{protocol_id}", sentence("Version %(what)s is written.", what=number))


_NEWER = (
    "Somebody else wrote a version meanwhile; it stands below. Your rows are kept: compare them, then save again to "
    "write yours on top of it."
)


def _rows(form: Given, what: str) -> Rows:
    parts = [form.all(f"{what}_{part}") for part in ("key", "label", "guidance", "demand")]
    names = ("key", "label", "guidance", "demand")
    return [
        dict(zip(names, row, strict=True))
        for row in zip_longest(*parts, fillvalue="")
        if row[1].strip() or row[2].strip()
    ]


def _items(rows: Rows) -> list[ItemGiven]:
    return [ItemGiven(row["label"], row["guidance"], row["demand"] or "free", row["key"]) for row in rows]


async def _editor(
    request: Req, found: ProtocolShown | None, kept: Mapping[str, str], steps: Sequence[Mapping[str, Any]],
    evidence: Sequence[Mapping[str, Any]], wrong: Refused = NOTHING_WRONG,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    words = await _category_words(viewer)
    blank = [{"key": "", "label": "", "guidance": "", "demand": "free"}] * EMPTY_ROWS
    units = [(str(each.id), each.path) for each in await unit_tree() if each.active and viewer.may_in(SET_UP, each.id)]
    whole = await whole_desk(viewer, SET_UP)
    may = found is None or (whole if found.unit_id is None else viewer.may_in(SET_UP, found.unit_id))
    return await administration_page(
        request, "pages/protocol.html", "protocols", status=wrong.status, protocol=found, may_change=may,
        category=words.get(found.category, found.category) if found else "",
        categories=sorted(words.items(), key=lambda pair: pair[1].casefold()),
        units=[*([(DESK, "The whole desk")] if whole else []), *units], demands=DEMANDS,
        steps=[*steps, *blank], evidence=[*evidence, *blank],
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
        versions=[{"shown": each, "changes": _changes(each, before)} for each, before in _pairs(found)],
    )  # fmt: skip


def _pairs(found: ProtocolShown | None) -> list[tuple[VersionShown, VersionShown | None]]:
    if found is None:
        return []
    return list(zip(found.versions, [*found.versions[1:], None], strict=True))


def _changes(version: VersionShown, before: VersionShown | None) -> list[str]:
    """What a version changed, row by row."""
    if before is None:
        return []
    said: list[str] = []
    for new, old in ((version.steps, before.steps), (version.evidence, before.evidence)):
        was, now = {row["key"]: row for row in old}, {row["key"]: row for row in new}
        said += [sentence("New: %(key)s", key=now[key]["label"]) for key in now if key not in was]
        said += [sentence("Gone: %(key)s", key=was[key]["label"]) for key in was if key not in now]
        said += [
            sentence("Changed: %(key)s", key=now[key]["label"]) for key in now if key in was and now[key] != was[key]
        ]
        kept = [key for key in now if key in was]
        if kept != [key for key in was if key in now]:
            said.append("Another order")
    return said or ["Nothing but the day it begins"]


handlers = [listed, new, add, one, write]
