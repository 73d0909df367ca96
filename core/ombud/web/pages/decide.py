"""One aspect: deciding it, what the decision was, and whose it is."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict

from ombud.desk import aspects, messages, scales, taxonomies
from ombud.desk.aspects import Decision
from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.choices import units_for
from ombud.desk.colleagues import drafts
from ombud.desk.colleagues.last_change import last_change
from ombud.desk.errors import Changed, DeskRefusal, Invalid
from ombud.desk.matters import protocols
from ombud.desk.redress.granting import Granted
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.money import typed
from ombud.desk.words import OUTCOMES, PRIORITIES, REDRESS_KINDS, SEVERITIES, label
from ombud.speech import sentence
from ombud.trust import users
from ombud.trust.policy import Viewer
from ombud.web.aspect_frame import aspect_of, aspect_page
from ombud.web.door import viewer_of
from ombud.web.pages import merged
from ombud.web.pages.case_drawn import (
    SEVERITY_WORDS,
    aspect_drawn,
    case_drawn,
    categories_for,
    conflict_of,
    href_of,
    owners,
)
from ombud.web.pages.fragments import asks_for, by_htmx, fragment, leave
from ombud.web.pages.given import NOTHING_WRONG, ON_A_FORM, Given, Refused, given, refused
from ombud.web.pages.messages import kept_draft
from ombud.web.shell import go, page, toast_cookie

Req = Request[Any, Any, Any]
READ, WRITE, DECIDE = {"permission": "case.read"}, {"permission": "case.write"}, {"permission": "case.decide"}
LINES = 20
CURRENCIES = ("EUR", "GBP", "USD", "PLN", "CHF")
END_OF_DAY = time(23, 59, 59)
Lines = list[dict[str, str]]
TYPED = ("outcome", "reason", "cause", "category", "note")


@get("/cases/{reference:str}/aspects/{aspect_id:uuid}/decide", opt=DECIDE)
async def decide_form(request: Req, reference: str, aspect_id: UUID, outcome: str = "") -> Response[Any]:
    """The form with the writer's own draft; an aspect that is decided already is shown instead. `outcome`: what
    somebody proposes, such as a plugin's part of the page; it is chosen, and a person decides."""
    viewer = viewer_of(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    if not aspect.may_decide:
        return await _aspect_page(request, view, aspect)
    draft = (await drafts.mine(viewer, view.case.id)).get(drafts.for_decision(aspect_id))
    proposed = outcome if outcome in OUTCOMES else ""
    kept = {**dict.fromkeys(TYPED, ""), "outcome": proposed, **(draft["body"] if draft else {})}
    return await _decide_page(request, view, aspect, kept, _drafted_lines(kept), draft=draft)


@post("/cases/{reference:str}/aspects/{aspect_id:uuid}/decide", opt=DECIDE)
async def decide(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Decides, or shows the form again with everything typed; typed text is also the writer's draft."""
    viewer, form = viewer_of(request), await given(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    lines = _lines(form)
    kept = {name: form.text(name) for name in TYPED}
    if form.text("step") == "add":
        return await _decide_page(request, view, aspect, kept, [*lines, {"kind": "", "amount": "", "currency": ""}])
    try:
        decision = Decision(kept["outcome"], kept["reason"], kept["cause"], _redress(lines), kept["category"])
        done, other = await _decide_on_newest(viewer, view, aspect, decision, form.version())
    except ON_A_FORM as problem:
        await _keep(viewer, view, aspect_id, kept, lines)
        return await _refused_decision(request, viewer, view, aspect, kept, lines, problem)
    await _note(viewer, view, aspect_id, kept["note"])
    await drafts.drop(viewer, view.case.id, drafts.for_decision(aspect_id))
    return leave(
        request,
        href_of(view),
        toast_cookie(
            sentence(
                "Aspect %(letter)s is decided.%(other)s%(waits)s", letter=aspect.letter, other=other, waits=_waits(done)
            )
        ),
    )


def _waits(done: Sequence[Granted]) -> str:
    return " Redress above your limit waits for a second person." if any(each.waits for each in done) else ""


async def _decide_on_newest(
    viewer: Viewer, view: CasePageView, aspect: AspectShown, decision: Decision, version: int
) -> tuple[Sequence[Granted], str]:
    """A decision is new as a whole: what somebody else changed meanwhile of an aspect still open does not touch it, and
    the decider is told of it. Raises Changed where it was decided, with both sides."""
    try:
        return await aspects.decide_aspect(viewer, aspect.id, decision, version), ""
    except Changed:
        if not aspect.may_decide or aspect.version == version:
            raise
        done = await aspects.decide_aspect(viewer, aspect.id, decision, aspect.version)
        last = await last_change(viewer, view.case.id)
        return done, sentence(" %(who)s changed the aspect meanwhile; both are kept.", who=last.who)


async def _refused_decision(
    request: Req, viewer: Viewer, view: CasePageView, aspect: AspectShown, kept: Mapping[str, str], lines: Lines,
    problem: DeskRefusal,
) -> Response[Any]:  # fmt: skip
    fresh_view, fresh = await aspect_of(viewer, view.case.reference, aspect.id)
    conflict = await conflict_of(viewer, view, problem, aspect) if isinstance(problem, Changed) else None
    wrong = _beside(refused(problem))
    return await _decide_page(request, fresh_view, fresh, kept, lines, wrong, conflict)


def _beside(wrong: Refused) -> Refused:
    """Refusals of a redress line stand at the redress."""
    errors = [{**each, "field": each["field"].partition(".")[0]} for each in wrong.errors]
    return Refused(wrong.status, errors, {key.partition(".")[0]: text for key, text in wrong.error_of.items()})


@post("/cases/{reference:str}/aspects/{aspect_id:uuid}/draft", opt=DECIDE)
async def keep_decision(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """What is typed into the form so far; a newer one of another window is shown, not overwritten unseen."""
    viewer, form = viewer_of(request), await given(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    kept = {name: form.text(name) for name in TYPED}
    typed = {**kept, **_flat(_lines(form))} if aspect.may_decide else {}  # else it was decided in this moment
    seen = form.number("draft_version") or 0
    purpose = drafts.for_decision(aspect_id)
    return await kept_draft(request, viewer, view.case.id, purpose, typed, seen, "decision")


def _flat(lines: Lines) -> dict[str, str]:
    return {f"redress.{n}.{part}": line[part] for n, line in enumerate(lines) for part in line if line["kind"]}


async def _keep(viewer: Viewer, view: CasePageView, aspect_id: UUID, kept: Mapping[str, str], lines: Lines) -> None:
    """What was refused stays as a draft too; a text the database cannot hold stays on the page alone."""
    try:
        await drafts.keep(viewer, view.case.id, drafts.for_decision(aspect_id), {**kept, **_flat(lines)})
    except Invalid:
        return


def _drafted_lines(kept: Mapping[str, str]) -> Lines:
    numbers = range(LINES)
    return [
        {part: kept.get(f"redress.{n}.{part}", "") for part in ("kind", "amount", "currency")}
        for n in numbers
        if kept.get(f"redress.{n}.kind")
    ]


def _lines(form: Given) -> Lines:
    kinds, amounts, currencies = (form.all(f"redress_{part}") for part in ("kind", "amount", "currency"))
    padding = [""] * len(kinds)
    return [
        {"kind": kind, "amount": amount, "currency": currency}
        for kind, amount, currency, _ in zip(kinds, amounts + padding, currencies + padding, range(LINES), strict=False)
        if kind or amount.strip()
    ]


def _redress(lines: Lines) -> tuple[RedressGiven, ...]:
    return tuple(RedressGiven(each["kind"], typed(each["amount"]), each["currency"]) for each in lines)


async def _note(viewer: Viewer, view: CasePageView, aspect_id: UUID, text: str) -> None:
    if text.strip():
        await messages.write(viewer, view.case.id, "note", text, aspect_ids=[aspect_id])


async def _decide_page(
    request: Req, view: CasePageView, aspect: AspectShown, kept: Mapping[str, str], lines: Lines,
    wrong: Refused = NOTHING_WRONG, conflict: dict[str, Any] | None = None, draft: Mapping[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    currency = await _currency(viewer_of(request), view)
    shown = [{**each, "currency": each["currency"] or currency} for each in lines]
    shown = shown or [{"kind": "", "amount": "", "currency": currency}]
    context: dict[str, Any] = {
        "case": case_drawn(view), "aspect": aspect_drawn(aspect, href_of(view)), "conflict": conflict,
        "form": {**kept, "lines": shown[:LINES], "errors": wrong.errors, "error_of": wrong.error_of},
        "draft": {"draft_version": draft["version"] if draft else 0, "saved_at": draft and draft["updated_at"]},
        "plan": await protocols.plan_of(viewer_of(request), aspect.id),
        "outcomes": _pairs(OUTCOMES), "redress_kinds": _pairs(REDRESS_KINDS),
        "causes": await _causes(viewer_of(request), view, kept.get("cause", "")),
        "categories": await categories_for(viewer_of(request), view, [aspect]),
        "currencies": [(code, code) for code in dict.fromkeys((currency, *CURRENCIES))],
    }  # fmt: skip
    status = 409 if conflict else wrong.status
    if asks_for(request, "dialog-body") or by_htmx(request):
        return await fragment(request, "fragments/decide.html", status=status, **context)
    return await page(request, "pages/decide.html", here="queue", status=status, **context)


def _pairs(codes: Sequence[str]) -> list[tuple[str, str]]:
    return [(code, label(code)) for code in codes]


async def _causes(viewer: Viewer, view: CasePageView, chosen: str) -> list[tuple[str, str]]:
    """The causes of the case's unit as they hold today; one chosen before that is no more stays to be seen."""
    known = await taxonomies.choices("cause", view.case.unit.id, taxonomies.today(), viewer.language)
    found = [(each.code, each.path) for each in known]
    return found if not chosen or chosen in {code for code, _ in found} else [*found, (chosen, label(chosen))]


async def _currency(viewer: Viewer, view: CasePageView) -> str:
    units = await units_for(viewer, "case.read")
    return next((each.currency for each in units if each.id == view.case.unit.id), "EUR")


@get("/cases/{reference:str}/aspects/{aspect_id:uuid}", opt=READ)
async def aspect_shown(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """One aspect with the customer's words, its decision and what may be changed."""
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    return await _aspect_page(request, view, aspect)


async def _aspect_page(
    request: Req, view: CasePageView, aspect: AspectShown, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None, kept: Mapping[str, str] | None = None,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    whole = await case_page(viewer, view.case.reference)
    details = _details(view, aspect)
    as_it_is = {**details, "reason": ""}
    staff = [(str(each.id), each.display_name or each.name) for each in await users.list_users(active_only=True)]
    known = await taxonomies.choices("category", whole.case.unit.id, taxonomies.today(), viewer.language)
    scale = await scales.scales_known(view.case.unit.id, viewer.settled)
    return await aspect_page(
        request, "pages/aspect.html", "matter", view, aspect, categories=[each.path for each in known],
        in_taxonomy=aspect.in_taxonomy, status=409 if conflict else wrong.status, base=details,
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of}, conflict=conflict,
        people=_may_own(viewer, whole, aspect), staff=[each for each in staff if each[0] != str(viewer.user_id)],
        priorities=list(scale.priorities.items()), scale=scale,
        severities=[(str(code), words) for code, words in scale.severities.items()],
    )  # fmt: skip


def _details(view: CasePageView, aspect: AspectShown) -> dict[str, str]:
    """What the form of the details is drawn with."""
    due = aspect.due_at.astimezone(ZoneInfo(view.case.zone)).date().isoformat() if aspect.due_at else ""
    return {"title": aspect.title, "category": aspect.category_label, "priority": aspect.priority,
            "severity": str(aspect.severity), "due": due}  # fmt: skip


def _may_own(viewer: Viewer, view: CasePageView, aspect: AspectShown) -> list[tuple[str, str]]:
    """Whom the viewer may give the aspect to; without the right to assign, oneself."""
    people = [(str(each.id), each.name) for each in owners(viewer, view)]
    may_take = any(each.key == "take" and each.allowed for each in aspect.actions)
    return people or ([(str(viewer.user_id), viewer.name)] if may_take else [])


Change = Callable[[Viewer, Given], Awaitable[str]]


async def _do(request: Req, reference: str, aspect_id: UUID, change: Change) -> Response[Any]:
    """Runs one change of an aspect; a refusal shows its page with what was typed."""
    viewer, form = viewer_of(request), await given(request)
    view, aspect = await aspect_of(viewer, reference, aspect_id)
    try:
        toast = await change(viewer, form)
    except ON_A_FORM as problem:
        conflict = await conflict_of(viewer, view, problem, aspect) if isinstance(problem, Changed) else None
        fresh_view, fresh = await aspect_of(viewer, reference, aspect_id)
        return await _aspect_page(request, fresh_view, fresh, refused(problem), conflict, form.texts())
    return go(href_of(view), toast)


@post("/cases/{reference:str}/aspects/{aspect_id:uuid}/reopen", opt=DECIDE)
async def reopen(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        await aspects.reopen(viewer, aspect_id, form.text("reason"), form.version())
        return "The aspect is open again."

    return await _do(request, reference, aspect_id, change)


@post("/cases/{reference:str}/aspects/{aspect_id:uuid}/owner", opt=WRITE)
async def owner(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    async def change(viewer: Viewer, form: Given) -> str:
        to = form.identity("owner")
        await aspects.assign(viewer, aspect_id, to, form.version())
        return "The aspect has a new owner." if to else "The aspect has no owner now."

    return await _do(request, reference, aspect_id, change)


@post("/cases/{reference:str}/aspects/{aspect_id:uuid}/concerns", opt=WRITE)
async def concerns(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Says which member of staff it is about; from then on it is hidden from them."""

    async def change(viewer: Viewer, form: Given) -> str:
        about = form.identity("concerns")
        await aspects.concern(viewer, aspect_id, about, form.version())
        return "It is hidden from that person now." if about else "It is about no member of staff now."

    return await _do(request, reference, aspect_id, change)


@post("/cases/{reference:str}/aspects/{aspect_id:uuid}/change", opt=WRITE)
async def change_aspect(request: Req, reference: str, aspect_id: UUID) -> Response[Any]:
    """Title, category, priority, severity and the day it is due; where somebody else changed others of these
    meanwhile both are kept, and where both changed one the writer chooses."""
    view, aspect = await aspect_of(viewer_of(request), reference, aspect_id)
    form = await given(request)
    found = merged.sides(form, _details(view, aspect))
    if found is not None and found.merged.clashes:
        last = await last_change(viewer_of(request), view.case.id, aspect.id)
        conflict = merged.clashes(found, last.who, last.at, aspect.version, {"due": "Answer by"}, _VALUE_WORDS)
        return await _aspect_page(request, view, aspect, conflict=conflict, kept=found.kept)

    async def change(viewer: Viewer, form: Given) -> str:
        version, said = form.version(), "The aspect is changed."
        if found is not None:
            last = await last_change(viewer, view.case.id, aspect.id) if found.merged.theirs else None
            said = merged.told(last.who if last else "", found, said, {"due": "Answer by"})
            form, version = Given(FormMultiDict(list(found.kept.items()))), aspect.version
        wanted: dict[str, Any] = {name: form.text(name) for name in ("title", "category", "priority") if form.has(name)}
        if wanted.get("category") == aspect.category_label:
            wanted["category"] = aspect.category
        if form.has("severity"):
            wanted["severity"] = form.number("severity")
        if form.has("due"):
            wanted["due_at"] = _end_of(form.day("due"), view.case.zone, aspect.due_at)
        await aspects.change(viewer, aspect_id, wanted, version)
        return said

    return await _do(request, reference, aspect_id, change)


_VALUE_WORDS = {
    "priority": dict(_pairs(PRIORITIES)), "severity": {str(code): SEVERITY_WORDS[code] for code in SEVERITIES}
}  # fmt: skip


def _end_of(day: date | None, zone: str, as_it_is: datetime | None) -> datetime | None:
    """The last second of a day where the unit is; the moment itself where the day did not change."""
    if as_it_is is not None and day == as_it_is.astimezone(ZoneInfo(zone)).date():
        return as_it_is
    return datetime.combine(day, END_OF_DAY, ZoneInfo(zone)).astimezone(UTC) if day else None


handlers = [decide_form, decide, keep_decision, aspect_shown, reopen, owner, concerns, change_aspect]
