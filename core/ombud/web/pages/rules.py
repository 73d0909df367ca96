"""Rules: written, tried on the past, tried in shadow, turned on, changed, taken back and turned off."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import unit_tree
from ombud.desk.administration.trail import trail
from ombud.desk.engine.events import ANCHORS, EVENTS
from ombud.desk.engine.terms import Definition
from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.errors import Changed, DeskRefusal, Invalid
from ombud.desk.rules import asked, in_force, names, versions
from ombud.desk.rules import form as forms
from ombud.desk.rules.asked import Asked
from ombud.desk.rules.checking import problems_of
from ombud.desk.rules.clashing import clashing, of_version
from ombud.desk.rules.names import Known
from ombud.desk.rules.versions import Kept, Version
from ombud.desk.rules.wording import change_words, differences, matched_words, summary
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import counted, joined, noted, sentence, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": "setting.manage"}
NEW = Definition(key="", when={"event": ["case.opened"]}, position=100)
STATES = {
    "on": ("On", "ok", "circle-check"), "waiting": ("Begins later", "info", "calendar"),
    "shadow": ("In shadow", "info", "eye"), "draft": ("Draft", "", "edit"), "off": ("Off", "", "ban"),
}  # fmt: skip
DONE = {
    "activate": "The rule is on.", "shadow": "The rule is in shadow: it writes down what it would do.",
    "off": "The rule is off.", "replay": "The replay runs. Its result will stand here.",
    "rollback": "A draft says what that version said. Turn it on to use it.",
}  # fmt: skip


@get("/rules", opt=OPT)
async def listed(request: Req) -> Response[Any]:
    """All rules in the order in which they are asked, each in a sentence."""
    known, words = await names.known(), in_force.words()
    found = await versions.all_rules()
    return await administration_page(
        request, "pages/rules.html", "rules", rules=[_row(each, words, known) for each in found],
        replay=_replay(await asked.latest(""), {}, known, words, 3),
    )  # fmt: skip


def _row(each: Kept, words: Vocabulary, known: Known) -> dict[str, Any]:
    shown = each.shown
    return {
        "key": each.key, "href": f"/rules/{each.key}", "label": shown.definition.label or each.key,
        "shipped": each.shipped, "state": _state(each.state), "number": shown.number,
        "says": summary(shown.definition, words, known.names),
        "draft": each.newest.number if each.newest.fresh and each.newest.number != shown.number else 0,
        "unit": known.names.get(shown.definition.unit, "") if shown.definition.unit else "",
    }  # fmt: skip


def _state(code: str) -> dict[str, str]:
    text, tone, icon = STATES[code]
    return {"code": code, "text": text, "tone": tone, "icon": icon}


@post("/rules/replay", opt=OPT)
async def replay_in_force(request: Req) -> Response[Any]:
    """Finds anew what the rules in force did."""
    form = await given(request)
    await asked.ask(viewer_of(request), "", None, _months(form))
    return go("/rules", "The replay runs. Its result will stand here.")


def _months(form: Given) -> int:
    months = form.number("months")
    return months if months and 1 <= months <= asked.MOST_MONTHS else 3


@get("/rules/new", opt=OPT)
async def new(request: Req) -> Response[Any]:
    return await _page(request, None, NEW, {}, NOTHING_WRONG)


@get("/rules/{key:str}", opt=OPT)
async def one(request: Req, key: str) -> Response[Any]:
    """The newest version, to read and to change; beside it how it stands and what trying it showed."""
    kept = await versions.rule(key)
    return await _page(request, kept, kept.newest.definition, {}, NOTHING_WRONG)


@post("/rules/form", opt=OPT)
async def form(request: Req) -> Response[Any]:
    """One step of the form (a row more or less), or saving it as a draft."""
    viewer, sent = viewer_of(request), await given(request)
    key, step = sent.text("key"), sent.text("step")
    kept = await versions.rule(key) if key else None
    words, known = in_force.words(), await names.known()
    typed = forms.read(sent.parts(), words, known, key)
    if step != "save":
        definition = forms.stepped(typed.definition, step, words)
        return await _page(request, kept, definition, typed.wrong if definition is typed.definition else {},
                           NOTHING_WRONG, sent.number("version"))  # fmt: skip
    try:
        if not typed.definition.label.strip() or len(typed.definition.label) > 100:
            raise Invalid("Give the rule a name of at most 100 characters.", "label")
        if typed.wrong:
            name, problem = next(iter(typed.wrong.items()))
            raise Invalid(problem, name)
        saved = await versions.save_draft(viewer, typed.definition, sent.number("version") if kept else None)
    except DeskRefusal as problem:
        newest = await versions.rule(key) if key else None
        seen = newest.version if newest and isinstance(problem, Changed) else sent.number("version")
        return await _page(request, newest, typed.definition, typed.wrong, _told(problem), seen)
    return go(f"/rules/{saved.rule}", sentence("Version %(saved)s is saved as a draft.", saved=saved.number))


def _told(problem: DeskRefusal) -> Refused:
    """A conflict as words above the form: what was typed stands there, and saving again means it."""
    if isinstance(problem, Changed):
        words = "Somebody changed this rule meanwhile. What you typed stands here; save it again to make it the draft."
        return Refused(409, [{"field": "", "message": words}])
    return beside(problem)


@post("/rules/{key:str}/act", opt=OPT)
async def act(request: Req, key: str) -> Response[Any]:
    """Turns a version on or off, tries it in shadow or on the past, or takes an earlier one back."""
    viewer, sent = viewer_of(request), await given(request)
    kept = await versions.rule(key)
    number, seen = sent.number("number") or kept.newest.number, sent.number("version")
    what = sent.text("what")
    try:
        match what:
            case "activate":
                begins = await _begins(sent, kept.number(number))
                await versions.activate(viewer, key, number, begins=begins, version=seen)
            case "shadow":
                await versions.try_in_shadow(viewer, key, number, seen)
            case "off":
                await versions.switch_off(viewer, key, seen)
            case "rollback":
                await versions.roll_back(viewer, key, number, seen)
            case "replay":
                versions.refuse_unfit(kept.number(number).definition)
                await asked.ask(viewer, key, kept.number(number).definition, _months(sent))
            case _:
                raise Invalid("Choose what to do with the rule.", "what")
    except DeskRefusal as problem:
        definition = kept.newest.definition
        place = getattr(problem, "field", "")
        path = _paths(definition).get(place, place)
        told = _told(Invalid(str(problem), path) if isinstance(problem, Invalid) else problem)
        return await _page(request, await versions.rule(key), definition, {path: str(problem)} if path else {}, told)
    return go(
        f"/rules/{key}",
        joined(filter(None, (word(DONE[what]), await _clash_note(key, number) if what == "activate" else "")), " "),
    )


async def _clash_note(key: str, number: int) -> str:
    """Said when a rule is turned on beside others that contradict it."""
    found = await of_version(key, number, in_force.words(), (await names.known()).names)
    rules = {each.rule for each in found}
    return (
        counted(
            "Mind one rule that sets the same thing differently; the page says which.",
            "Mind %(num)s rules that set the same thing differently; the page says which.",
            len(rules),
        )
        if rules
        else ""
    )


async def _begins(sent: Given, version: Version) -> datetime | None:
    """The first moment of the day that was chosen, where the rule holds."""
    day = sent.day("begins")
    if day is None:
        return None
    unit = version.definition.unit
    zone = await db.fetchval(
        "SELECT time_zone FROM core_unit WHERE id::text = $1 OR ($1 = '' AND parent_id IS NULL) "
        "ORDER BY created_at, id LIMIT 1",
        unit,
    )
    return datetime.combine(day, time(), ZoneInfo(zone or "UTC")).astimezone(UTC)


def _paths(definition: Definition) -> dict[str, str]:
    """Place in a rule → id in its form."""
    found: dict[str, str] = {}

    def walk(tree: Mapping[str, Any], place: str, path: str) -> None:
        found[place] = f"n.{path}"
        if "is" in tree:
            for name in tree:
                found[f"{place}.{name}"] = f"n.{path}.a.{name}"
            return
        inner, below = (tree["not"], f"{place}.0") if "not" in tree else (tree, place)
        if "is" in inner:
            walk(inner, below, path)
            return
        for number, each in enumerate(inner.get("all") or inner.get("any") or ()):
            walk(each, f"{below}.{number}", f"{path}.{number}")

    walk(definition.conditions, "if", "0")
    for number, action in enumerate(definition.actions):
        found[f"then.{number}"] = f"t.{number}"
        found |= {f"then.{number}.{name}": f"t.{number}.a.{name}" for name in action}
    return found


async def _page(
    request: Req, kept: Kept | None, definition: Definition, wrong: Mapping[str, str], told: Refused,
    version: int | None = None,
) -> Response[Any]:  # fmt: skip
    viewer, words, known = viewer_of(request), in_force.words(), await names.known()
    problems = problems_of(definition, words)
    paths = _paths(definition)
    beside_fields = dict(wrong)
    if told.errors:
        beside_fields = {paths.get(place, place): text for place, text in problems.items()} | beside_fields
    key = kept.key if kept else ""
    latest = await asked.latest(key) if kept else None
    return await administration_page(
        request, "pages/rule.html", "rules", status=told.status,
        rule=_about(kept, version) if kept else None, says=summary(definition, words, known.names),
        unfit=list(problems.values()) if kept else [],
        clashes=[] if problems else await clashing(definition, words, known.names),
        form={**forms.drawn(definition, words, known, beside_fields), "errors": told.errors, "error_of": beside_fields},
        choices=await _choices(viewer, words),
        replay=_replay(latest, await _open_to(viewer, latest), known, words, 3),
        shadow=await _shadow(viewer, kept, known, words) if kept else None,
        versions=_versions(kept, words, known.names) if kept else [],
        trail=await trail([f"rule/{key}"], size=15) if kept else [],
    )  # fmt: skip


def _about(kept: Kept, version: int | None) -> dict[str, Any]:
    moment = now()
    newest, holds = kept.newest, kept.in_force(moment)
    return {
        "key": kept.key, "version": version if version is not None else kept.version, "number": newest.number,
        "fresh": newest.fresh, "shipped": kept.shipped, "state": _state(kept.state),
        "shadowing": newest.shadows(moment), "can_begin": newest.valid_from is None,
        "in_force": holds.number if holds else 0, "running": kept.state in {"on", "shadow", "waiting"},
        "begins": newest.valid_from if newest.begins_later(moment) else None,
        "built_in": kept.key == in_force.BUILT_IN and holds is not None and holds.number == 1,
    }  # fmt: skip


async def _choices(viewer: Viewer, words: Vocabulary) -> dict[str, Any]:
    return {
        "events": list(EVENTS.items()), "anchors": [*ANCHORS.items(), ("clock", noted("a clock is due"))],
        "units": [(str(each.id), each.name) for each in await unit_tree()],
        "conditions": forms.groups_of(words.conditions, "Case"), "actions": forms.groups_of(words.actions, "Do"),
        "groups": list(forms.GROUPS.items()), "periods": list(forms.UNITS.items()),
    }  # fmt: skip


def _versions(kept: Kept, words: Vocabulary, known: Mapping[str, str]) -> list[dict[str, Any]]:
    """Newest first, each with what it changed of the one before."""
    found = []
    for number, each in enumerate(kept.versions):
        before = kept.versions[number + 1] if number + 1 < len(kept.versions) else None
        found.append(
            {
                "number": each.number, "made_at": each.made_at, "made_by": each.made_by, "valid_from": each.valid_from,
                "valid_to": each.valid_to, "shadow_from": each.shadow_from, "shadow_to": each.shadow_to,
                "fresh": each.fresh, "holds": each.holds(now()), "says": summary(each.definition, words, known),
                "changes": differences(before.definition, each.definition, words, known) if before else [],
            }
        )  # fmt: skip
    return found


async def _open_to(viewer: Viewer, latest: Asked | None) -> dict[str, tuple[str, str]]:
    if latest is None or latest.report is None:
        return {}
    ids = [each["case"] for each in (*latest.report.shown, *latest.report.differs)]
    return await asked.readable(viewer, ids)


def _replay(
    latest: Asked | None, open_to: Mapping[str, tuple[str, str]], known: Known, words: Vocabulary, months: int
) -> dict[str, Any]:
    """What the last replay showed; cases that the viewer may not read are counted, and no more."""
    if latest is None:
        return {"state": "none", "months": months}
    drawn: dict[str, Any] = {"state": latest.state, "months": latest.months, "asked_at": latest.asked_at}
    report = latest.report
    if report is None:
        return drawn
    sums = {name: getattr(report, name) for name in (
        "cases", "seconds", "asked", "found_anew", "differing", "changed", "times", "same", "dropped", "halted", "late",
        "acted_before", "caused", "avoided", "untried",
    )}  # fmt: skip
    load = [
        {"name": known.names.get(queue, queue) or "No queue", "was": was, "would": would, "more": would - was}
        for queue, (was, would) in report.load.items()
    ]
    return {
        **drawn, **sums, "load": sorted(load, key=lambda each: (-abs(each["more"]), each["name"])),
        "units": sorted((known.names.get(unit, unit), count) for unit, count in report.units.items()),
        "lacking": sorted(report.lacking.items()), "unanswered": sorted(report.unanswered.items()),
        "shown": [_case(each, open_to[each["case"]], known, words) for each in report.shown if each["case"] in open_to],
        "hidden": sum(each["case"] not in open_to for each in report.shown),
    }  # fmt: skip


def _case(each: Mapping[str, Any], about: tuple[str, str], known: Known, words: Vocabulary) -> dict[str, Any]:
    reference, title = about
    first = (each["added"] or each["dropped"])[0]
    return {
        "reference": reference, "title": title, "href": f"/cases/{reference}", "at": _moment(first["at"]),
        "added": [change_words(one["change"], known.names) for one in each["added"]],
        "dropped": [change_words(one["change"], known.names) for one in each["dropped"]],
        "matched": [one["text"] for one in matched_words(first["matched"], words, known.names)],
        "late": each["late"], "caused": bool(each["caused"]), "avoided": bool(each["avoided"]),
    }  # fmt: skip


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def _shadow(viewer: Viewer, kept: Kept, known: Known, words: Vocabulary) -> dict[str, Any] | None:
    """What the rule wrote down in shadow, and how often it was stopped; cases by right."""
    total, found = await asked.traces(viewer, kept.key, ("rule.shadowed",))
    halted, _ = await asked.traces(viewer, kept.key, ("rule.halted",), 1)
    applied, _ = await asked.traces(viewer, kept.key, ("rule.applied",), 1)
    open_to = await asked.readable(viewer, [each.case_id for each in found])
    return {
        "total": total, "halted": halted, "applied": applied,
        "shown": [
            {"reference": open_to[each.case_id][0], "href": f"/cases/{open_to[each.case_id][0]}", "at": each.at,
             "changes": [change_words(one, known.names) for one in each.body.get("changes") or ()],
             "matched": [one["text"] for one in matched_words(each.body.get("matched") or (), words, known.names)]}
            for each in found if each.case_id in open_to
        ],
    }  # fmt: skip


handlers = [listed, replay_in_force, new, form, one, act]
