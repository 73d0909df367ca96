"""Settings: drawn from their schema, scoped by unit, tried out before they are saved, each change in the ledger."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post

from ombud.desk import taxonomies
from ombud.desk.clocks import trying_settings
from ombud.desk.clocks.trying import Tried
from ombud.desk.clocks.trying_settings import TriedSettings
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.settings.changes import Standing, attempt, candidate, missing, save, standing
from ombud.desk.settings.form import NOTHING, Asked, read_form
from ombud.desk.settings.groups import Group, group, groups
from ombud.desk.settings.history import PAGE, changes
from ombud.desk.settings.places import Place, place_of, places
from ombud.desk.settings.trying import TriedOut
from ombud.desk.trials import Trial
from ombud.speech import sentence, word
from ombud.trust.group_settings import GroupChangedError
from ombud.trust.settings import MayNotSetError
from ombud.web.door import viewer_of
from ombud.web.pages import trials_drawn
from ombud.web.pages.administration import administration_page
from ombud.web.pages.fragments import by_htmx, fragment, leave
from ombud.web.pages.given import Given, given
from ombud.web.pages.settings_drawn import conflict_drawn, form_drawn, named, options_of
from ombud.web.shell import toast_cookie

Req = Request[Any, Any, Any]
MANAGE = {"permission": "setting.manage"}
WHOLE = "*"  # the whole desk, where an empty choice means everywhere


@get("/settings", opt=MANAGE)
async def index(request: Req) -> Response[Any]:
    """The groups of this desk."""
    listed = [
        {"label": each.label, "summary": each.summary, "icon": each.icon, "href": f"/settings/{each.key}",
         "plugin": bool(each.slug), "count": len(each.schema.fields)}
        for each in groups()
    ]  # fmt: skip
    return await administration_page(request, "pages/settings.html", "settings", groups=listed)


@get("/settings/history", opt=MANAGE)
async def history(request: Req, group: str = "", unit: str = "", before: int | None = None) -> Response[Any]:
    """What was changed, of one group or all, in one place or all that are this viewer's."""
    open_to = await places(viewer_of(request))
    chosen = [place_of(open_to, "" if unit == WHOLE else unit)] if unit else open_to
    found = await changes(chosen, groups(), group, before, PAGE + 1)
    more = {"group": group, "unit": unit, "before": found[PAGE - 1].id} if len(found) > PAGE else {}
    return await administration_page(
        request, "pages/settings_history.html", "settings", entries=found[:PAGE], group=group, unit=unit,
        group_options=[("", "All settings"), *((each.key, each.label) for each in groups())],
        unit_options=[("", "Everywhere"), *((key or WHOLE, name) for key, name in options_of(open_to))],
        next_href=f"/settings/history?{urlencode(more)}" if more else "",
    )  # fmt: skip


@get("/settings/{key:str}", opt=MANAGE)
async def show(request: Req, key: str, unit: str = "") -> Response[Any]:
    """One group in one place."""
    open_to = await places(viewer_of(request))
    now = await standing(group(key), place_of(open_to, unit))
    return await _page(request, now, open_to)


@post("/settings/{key:str}", opt=MANAGE)
async def change(request: Req, key: str) -> Response[Any]:
    """Tries it out and saves it; where trying failed, the page offers to save it anyway."""
    form = await given(request)
    open_to, now, asked = await _asked(request, key, form)
    viewer = viewer_of(request)
    wanted = await candidate(now, asked)
    wrong = {**missing(now, wanted), **asked.wrong}
    if wrong:
        return await _page(request, now, open_to, asked, wrong)
    version = form.version()
    if version != now.version:  # before anything is tried on a state that is gone
        return await _conflict(request, now, open_to, asked)
    tried = await attempt(viewer, now, wanted)
    if tried is not None and tried.code == "failed" and not form.ticked("anyway"):
        return await _tried(request, now, open_to, asked, tried, saving=True)
    try:
        saved = await save(viewer, now, asked, version, tried)
    except GroupChangedError:
        return await _conflict(request, await standing(now.group, now.place), open_to, asked)
    except MayNotSetError as refusal:
        raise NotFound(str(refusal)) from refusal
    return leave(request, address(now.group, now.place), toast_cookie(_said(now, saved != version, tried)))


def _said(now: Standing, changed: bool, tried: TriedOut | None) -> str:
    if not changed:
        return "Nothing was different, so nothing was changed."
    said = sentence("Saved for %(name)s. It holds from now on.", name=word(now.place.name))
    if tried is not None and tried.code == "fault":
        return sentence(
            "%(said)s %(group)s could not try it out; that is the plugin's fault.",
            said=said,
            group=word(now.group.label),
        )
    return said


@post("/settings/{key:str}/try", opt=MANAGE)
async def try_it(request: Req, key: str) -> Response[Any]:
    """Says whether it works, and saves nothing."""
    open_to, now, asked = await _asked(request, key, await given(request))
    wanted = await candidate(now, asked)
    wrong = {**missing(now, wanted), **asked.wrong}
    if wrong:
        return await _page(request, now, open_to, asked, wrong)
    tried = await attempt(viewer_of(request), now, wanted)
    return await _tried(request, now, open_to, asked, tried or TriedOut("works", "There is nothing to try out here."))


@post("/settings/{key:str}/replay", opt=MANAGE)
async def replay_it(request: Req, key: str) -> Response[Any]:
    """Settings of a plugin that sets deadlines, on the cases of the last months; saves nothing."""
    form = await given(request)
    open_to, now, asked = await _asked(request, key, form)
    if not trying_settings.tries(now.group):
        raise NotFound("These settings set no deadlines, so there is nothing to try on the past.")
    wrong = {**missing(now, await candidate(now, asked)), **asked.wrong}
    months = form.text("months")
    if wrong:
        return await _page(request, now, open_to, asked, wrong, months=months)
    try:
        await trying_settings.ask(viewer_of(request), now, asked, form.number("months") or 0)
    except Invalid as problem:
        return await _page(request, now, open_to, asked, months=months, months_error=str(problem), status=422)
    return await _page(request, now, open_to, asked, months=months)


def _tried_values(now: Standing, trial: Trial | None) -> list[str]:
    """What was tried, in the words of the form: `Service levels: any: first 4h`."""
    values = trial.definition["values"] if trial else {}
    own = now.own.values if now.own else {}
    said = []
    for name, field in now.group.schema.fields.items():
        if name in values and values[name] != own.get(name) and not field.secret:
            value = values[name]
            said.append(named(field, "; ".join(map(str, value)) if isinstance(value, list) else field.words(value)))
    return said


def address(group: Group, place: Place) -> str:
    return f"/settings/{group.key}" + (f"?{urlencode({'unit': place.key})}" if place.key else "")


async def _asked(request: Req, key: str, form: Given) -> tuple[list[Place], Standing, Asked]:
    open_to = await places(viewer_of(request))
    unit = form.text("unit")
    if not unit and open_to and open_to[0].id is not None:
        raise NotFound("Only who may change settings in every topmost unit changes them for the whole desk.")
    now = await standing(group(key), place_of(open_to, unit))
    return open_to, now, read_form(now.group.schema, form.parts(), now.editable)


async def _conflict(request: Req, now: Standing, open_to: list[Place], asked: Asked) -> Response[Any]:
    return await _page(request, now, open_to, asked, conflict=conflict_drawn(now, asked), status=409)


async def _tried(
    request: Req, now: Standing, open_to: list[Place], asked: Asked, tried: TriedOut, saving: bool = False
) -> Response[Any]:
    """With scripts only the result comes into the page, and what was typed stays there, a secret too; without them the
    page is drawn anew, and a secret must be typed again: it is kept nowhere before it is saved."""
    status = 422 if saving else 200
    drawn = {"code": tried.code, "message": tried.message, "saving": saving, "plugin": now.group.label}
    if by_htmx(request):
        answer = await fragment(request, "fragments/setting_tried.html", status=status, tried=drawn)
        answer.headers |= {"hx-retarget": "#tried", "hx-reswap": "innerHTML show:bottom"}
        return answer
    wrong = {tried.field: tried.message} if tried.code == "failed" and tried.field else {}
    return await _page(request, now, open_to, asked, wrong, tried=drawn, status=status)


async def _page(
    request: Req, now: Standing, open_to: list[Place], asked: Asked = NOTHING, wrong: dict[str, str] | None = None, *,
    conflict: dict[str, Any] | None = None, tried: dict[str, Any] | None = None, status: int = 0,
    months: str = trials_drawn.MONTHS, months_error: str = "",
) -> Response[Any]:  # fmt: skip
    terms = {each: await _terms(request, now, each) for each in _named(now)}
    form = {**form_drawn(now, asked, wrong, terms), "months": months, "months_error": months_error}
    replays = trying_settings.tries(now.group)
    trial = await trying_settings.latest(now) if replays else None
    status = status or (422 if form["errors"] else 200)
    context = {
        "group": {
            "label": now.group.label, "summary": now.group.summary, "href": f"/settings/{now.group.key}",
            "tries": now.group.try_out is not None, "replays": replays,
            "history_href": f"/settings/history?group={now.group.key}",
        },
        "where": now.place.name, "form": form, "conflict": conflict, "tried": tried,
        "trial": await trials_drawn.clocks(
            viewer_of(request), trial, _tried_values(now, trial), TriedSettings if now.group.slug else Tried
        ),
    }  # fmt: skip
    if by_htmx(request):
        return await fragment(request, "fragments/setting_form.html", status=status, **context)
    return await administration_page(
        request, "pages/settings_group.html", "settings", status=status, unit_options=options_of(open_to), **context
    )


def _named(now: Standing) -> set[str]:
    """The taxonomies that columns of its lists name."""
    return {column.terms for field in now.group.schema.fields.values() for column in field.columns if column.terms}


async def _terms(request: Req, now: Standing, kind: str) -> list[tuple[str, str]]:
    unit, language = now.place.id, viewer_of(request).language
    known = (
        await taxonomies.choices(kind, unit, taxonomies.today(), language)
        if unit
        else await taxonomies.all_choices(kind, taxonomies.today(), language)
    )
    return [(each.code, each.path) for each in known]


handlers = [index, history, show, change, try_it, replay_it]
