"""Queues in the administration: what each takes in plain words, their order, and what a change would mean."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import taxonomies
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.authority import unit_tree, whole_desk
from ombud.desk.administration.queues import MANAGE, QueueGiven, QueueShown, Taken
from ombud.desk.administration.trail import trail
from ombud.desk.choices import active_queues
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.hand_filing import CHANNELS
from ombud.desk.routing import trying
from ombud.desk.words import PRIORITIES, label
from ombud.kernel.database import db
from ombud.speech import LANGUAGES, counted, either, sentence, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages import trials_drawn
from ombud.web.pages.administration import administration_page
from ombud.web.pages.case_drawn import SEVERITY_WORDS
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": MANAGE}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
DESK = "desk"
HOME = "/administration/queues"
MORE_CHANNELS = {"email": "E-mail", "form": "Web form", "api": "API", "csv": "Import"}
WORDS = {
    "unit_id": "Unit", "case_type": "Case type", "channel": "Channel", "priority": "Priority", "severity": "Severity",
    "language": "Language", "category": "Category",
    "account": "Mailbox or number",
}  # fmt: skip


TOLD = 4  # values of a fact that a list tells
MORE = ("channel", "language", "category", "account")  # facts with values that no list names


async def _options() -> dict[str, list[tuple[str, str, str]]]:
    """What a fact may be, in plain words."""
    types = await db.fetch("SELECT key, label FROM core_case_type ORDER BY label")
    terms = await db.fetch(
        "SELECT code, labels FROM core_taxonomy_term WHERE kind = 'category' ORDER BY position, code"
    )
    return {
        "unit_id": [(str(each.id), each.path, "") for each in await unit_tree()],
        "case_type": [(row["key"], row["label"], "") for row in types],
        "channel": [(code, words, "") for code, words in {**CHANNELS, **MORE_CHANNELS}.items()],
        "priority": [(code, label(code), "") for code in PRIORITIES],
        "severity": [(str(code), words, "") for code, words in SEVERITY_WORDS.items()],
        "language": [(code, words, "") for code, words in LANGUAGES.items()],
        "account": [],
        "category": [(row["code"], taxonomies.worded(row["labels"], row["code"]), "") for row in terms],
    }


def _values(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [str(code) for code in SEVERITY_WORDS if code >= value["min"]]
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _in_words(condition: Mapping[str, Any], options: Mapping[str, list[tuple[str, str, str]]]) -> list[str]:
    """`Severity: grave or serious`, one for each fact, of many values the first few and how many more; an empty
    condition takes everything. Units by their own names: their paths would fill the page."""
    lines = []
    for fact, value in condition.items():
        words = {code: text.rpartition(" › ")[2] for code, text, _ in options.get(fact, [])}
        said = [word(words.get(each, each)) for each in _values(value)]
        if len(said) > TOLD + 1:
            said[TOLD:] = [counted("%(num)s more", "%(num)s more", len(said) - TOLD)]
        values = either(said)
        lines.append(sentence("%(what)s: %(value)s", what=word(WORDS.get(fact, fact)), value=values))
    return lines


@get(HOME, opt=OPT)
async def queues_listed(request: Req) -> Response[Any]:
    viewer, options = viewer_of(request), await _options()
    found = await queue_setup.all_queues(viewer)
    return await administration_page(
        request, "pages/queues_setup.html", "queues", may_see=viewer.may("case.read"),
        queues=[
            {"queue": each, "takes": _in_words(each.condition, options), "href": f"{HOME}/{each.id}"} for each in found
        ],
    )  # fmt: skip


def _given(form: Given) -> QueueGiven:
    where = form.text("where")
    if not where:
        raise Invalid("Choose whose cases it takes.", "where")
    condition: dict[str, Any] = {}
    for fact in WORDS:
        chosen = [each for each in form.all(fact) if each]
        chosen += [each.strip() for each in form.text(f"{fact}_more").split(",") if each.strip()]
        if chosen:
            condition[fact] = sorted({int(each) for each in chosen if each.isdigit()}) if fact == "severity" else (
                list(dict.fromkeys(chosen))
            )  # fmt: skip
    return QueueGiven(
        form.text("name"), None if where == DESK else form.identity("where"), condition, form.ticked("active")
    )


def _kept(form: Given) -> dict[str, Any]:
    kept: dict[str, Any] = {name: form.text(name) for name in ("key", "name", "where", "move_to", "months")}
    kept |= {fact: form.all(fact) for fact in WORDS}
    kept |= {f"{fact}_more": form.text(f"{fact}_more") for fact in MORE}
    return {**kept, "active": form.ticked("active")}


async def _lists(viewer: Viewer) -> dict[str, Any]:
    units = [(str(each.id), each.path) for each in await unit_tree() if viewer.may_in(MANAGE, each.id)]
    everywhere = [(DESK, "Every unit")] if await whole_desk(viewer, MANAGE) else []
    others = [(str(each.id), each.name) for each in await active_queues()]
    return {"units": [*everywhere, *units], "options": await _options(), "others": others, "words": WORDS}


_NEW: dict[str, Any] = {
    "key": "", "name": "", "where": "", "move_to": "", "months": trials_drawn.MONTHS, "active": True,
    **dict.fromkeys(WORDS, ()),
    **{f"{fact}_more": "" for fact in MORE},
}  # fmt: skip


@get(f"{HOME}/new", opt=OPT)
async def new_queue(request: Req) -> Response[Any]:
    return await _new_page(request, _NEW)


@post(f"{HOME}/new", opt=OPT)
async def add_queue(request: Req) -> Response[Any]:
    """Adds it, or with step=preview says what it would take."""
    viewer, form = viewer_of(request), await given(request)
    kept = _kept(form)
    try:
        wanted = _given(form)
        if form.text("step") == "preview":
            return await _new_page(request, kept, taken=await queue_setup.preview(viewer, wanted))
        queue_id = await queue_setup.add(viewer, kept["key"].strip(), wanted)
    except REFUSED as problem:
        return await _new_page(request, kept, beside(problem))
    return go(f"{HOME}/{queue_id}", "The queue is there. New complaints that fit go into it from now on.")


async def _new_page(
    request: Req, kept: Mapping[str, Any], wrong: Refused = NOTHING_WRONG, taken: Taken | None = None
) -> Response[Any]:
    return await administration_page(
        request, "pages/queue_new.html", "queues", status=wrong.status, taken=taken,
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of}, **await _lists(viewer_of(request)),
    )  # fmt: skip


@get(HOME + "/{queue_id:uuid}", opt=OPT)
async def queue_shown(request: Req, queue_id: UUID) -> Response[Any]:
    return await _queue_page(request, await queue_setup.queue(viewer_of(request), queue_id))


def _as_it_is(shown: QueueShown, options: Mapping[str, list[tuple[str, str, str]]]) -> dict[str, Any]:
    kept = {**_NEW, "key": shown.key, "name": shown.name, "where": str(shown.unit_id or DESK), "active": shown.active}
    for fact, value in shown.condition.items():
        kept[fact] = _values(value)
        strange = [each for each in kept[fact] if each not in {code for code, _, _ in options.get(fact, [])}]
        if f"{fact}_more" in kept:
            kept[f"{fact}_more"] = ", ".join(strange)
    return kept


async def _queue_page(
    request: Req, shown: QueueShown, kept: Mapping[str, Any] | None = None, wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None, taken: Taken | None = None,
) -> Response[Any]:  # fmt: skip
    lists = await _lists(viewer_of(request))
    lists["others"] = [each for each in lists["others"] if each[0] != str(shown.id)]
    return await administration_page(
        request, "pages/queue_edit.html", "queues", status=409 if conflict else wrong.status, queue=shown,
        conflict=conflict, taken=taken, href=f"{HOME}/{shown.id}", trail=await trail([f"queue/{shown.id}"], size=20),
        trial=await trials_drawn.routing(viewer_of(request), "queue", shown.id),
        form={**_as_it_is(shown, lists["options"]), **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
        **lists,
    )  # fmt: skip


@post(HOME + "/{queue_id:uuid}", opt=OPT)
async def change_queue(request: Req, queue_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    shown, kept = await queue_setup.queue(viewer, queue_id), _kept(form)
    try:
        wanted = _given(form)
        if form.text("step") == "preview":
            return await _queue_page(request, shown, kept, taken=await queue_setup.preview(viewer, wanted, queue_id))
        if form.text("step") == "try":
            await trying.ask_queue(viewer, queue_id, wanted, form.number("months") or 0)
            return await _queue_page(request, shown, kept)
        await queue_setup.change(viewer, queue_id, wanted, form.version(), form.identity("move_to"))
    except REFUSED as problem:
        conflict = await clash(problem, [f"queue/{queue_id}"])
        return await _queue_page(request, shown, kept, beside(problem), conflict)
    return go(f"{HOME}/{queue_id}", "The queue is saved. Cases that wait stay where they are.")


@post(HOME + "/{queue_id:uuid}/{action:str}", opt=OPT)
async def move_queue(request: Req, queue_id: UUID, action: str) -> Response[Any]:
    """One place up or down: the first queue that fits takes a case."""
    if action not in {"up", "down"}:
        raise NotFound("There is nothing to do under this address. Open the queues again.")
    await queue_setup.move(viewer_of(request), queue_id, up=action == "up")
    return go(HOME, "The order is changed. It counts for new complaints.")


handlers = [queues_listed, new_queue, add_queue, queue_shown, change_queue, move_queue]
