"""The steps of the form. Each saves what was typed before it says anything else."""

from typing import Any

from litestar import get, post

from ombud_plugin_api import BadLink, Context, Pages, Platform
from ombud_webform import checking, draft, given, matters
from ombud_webform.at_once import file_at_once
from ombud_webform.checking import Cleaning
from ombud_webform.filing import file_draft
from ombud_webform.given import Req
from ombud_webform.sweeping import look, sweep_when_due
from ombud_webform.visiting import Visit, keep, sent_before, show, visit, with_cookie
from ombud_webform.wording import TEXTS

PUBLIC = {"public": True}


@get(["/", "/matters"], opt=PUBLIC)
async def matters_form(request: Req, pages: Pages, context: Context) -> Any:
    here = await visit(request, context)
    if here.frozen:
        return pages.go("check")
    return await show_matters(pages, here, request.query_params.get("open", ""))


async def show_matters(pages: Pages, here: Visit, opened: str, problems: checking.Problems | None = None) -> Any:
    """`opened`: the id of the matter to write on, "new", or nothing, which opens a new one only where there is none."""
    typed = here.typed.matter(opened)
    if typed is None and (opened == "new" or not here.typed.matters):
        typed = draft.MatterTyped(id=draft.new_matter_id())
    return await show(pages, "matters", here, problems, opened=typed)


@post("/matters", opt=PUBLIC, status_code=303)
async def save_matters(request: Req, platform: Platform, pages: Pages, context: Context) -> Any:
    """Continue, add, change, remove or put back; whichever button it was, the open matter is kept."""
    here = await visit(request, context)
    if here.frozen:
        return pages.go("check")
    sent = await given.read(request)
    here.typed.language = given.language_of(request, sent)
    clean = Cleaning()
    typed = given.matter(sent, clean, sent.text("open")[:20] or draft.new_matter_id())
    full = matters.too_many(here.typed) if here.typed.matter(typed.id) is None and not typed.empty else {}
    if not full:
        matters.put(here.typed, typed)
    opened, problems = _act(here, sent.text("do"), typed)
    if not draft.fits(here.typed):
        opened, problems = typed.id, checking.matter(typed, here.typed.language)
    problems = clean.problems(here.typed.language) | problems | full
    if not here.known:
        await sweep_when_due(platform, await look())
    await keep(here)
    if problems:
        at = typed.id if clean.found or full else opened
        if here.typed.matter(at) is None:  # it found no room, or nothing was typed
            here.typed.matters.append(typed)
            answer = await show_matters(pages, here, typed.id, problems)
        else:
            answer = await show_matters(pages, here, at, problems)
    else:
        answer = pages.go(f"matters?open={opened}" if opened else "about" if _continues(sent.text("do")) else "matters")
    return with_cookie(request, answer, here)


def _continues(do: str) -> bool:
    return do in {"", "next"}


def _act(here: Visit, do: str, typed: draft.MatterTyped) -> tuple[str, checking.Problems]:
    """Which matter stands open next, and what keeps the writer here."""
    what, _, identity = do.partition(":")
    if what == "change":
        return identity, {}
    if what == "remove":
        matters.remove(here.typed, identity)
        return "", {}
    if what == "undo":
        matters.put_back(here.typed)
        return "", {}
    if what == "add":
        wrong = checking.matter(typed, here.typed.language) if not typed.empty else {}
        return (typed.id, wrong) if wrong else ("new", matters.too_many(here.typed))
    return matters.first_wrong(here.typed)


@get("/about", opt=PUBLIC)
async def about_form(request: Req, pages: Pages, context: Context) -> Any:
    here = await visit(request, context)
    return (
        await show(pages, "about", here) if here.known and not here.frozen else pages.go("check" if here.frozen else "")
    )


@post("/about", opt=PUBLIC, status_code=303)
async def save_about(request: Req, pages: Pages, context: Context) -> Any:
    here = await visit(request, context)
    if here.frozen:
        return pages.go("check")
    sent, clean = await given.read(request), Cleaning()
    here.typed.language = given.language_of(request, sent)
    given.person(sent, clean, here.typed)
    await keep(here)
    back = sent.text("do") == "back" and draft.fits(here.typed)
    problems = clean.problems(here.typed.language) | ({} if back else checking.person(here.typed, here.offer))
    answer = (
        await show(pages, "about", here, problems) if problems else pages.go("matters" if back else _after_about(here))
    )
    return with_cookie(request, answer, here)


def _after_about(here: Visit) -> str:
    return "files" if here.offer.takes_files else "check"


@get("/files", opt=PUBLIC)
async def files_form(request: Req, pages: Pages, context: Context) -> Any:
    here = await visit(request, context)
    if not here.known or here.frozen:
        return pages.go("check" if here.frozen else "")
    return await show(pages, "files", here) if here.offer.takes_files or here.draft.files else pages.go("check")


@post("/files", opt=PUBLIC, status_code=303)
async def save_files(request: Req, platform: Platform, pages: Pages, context: Context) -> Any:
    """Chosen files are kept whichever button was pressed."""
    here = await visit(request, context)
    if not here.known or here.frozen:
        return pages.go("check" if here.frozen else "")
    sent = await given.read(request)
    here.typed.language = given.language_of(request, sent)
    do, _, identity = sent.text("do").partition(":")
    if do == "remove":
        chosen = [each.id for each in here.draft.files if str(each.id) == identity]
        await draft.drop_files(platform, chosen)
        here.draft.files = [each for each in here.draft.files if each.id not in chosen]
    problems: list[str] = []
    for document in await sent.documents():
        problem = await checking.file(
            platform, here.typed.language, document.name, document.data, here.draft, here.offer
        )
        if problem:
            problems.append(problem)
        else:
            await draft.add_file(platform, here.draft, document.name[-200:], document.content_type[:100], document.data)
    if problems:
        return await show(pages, "files", here, {"documents": " ".join(problems)})
    return pages.go({"remove": "files", "upload": "files", "back": "about"}.get(do, "check"))


@get("/check", opt=PUBLIC)
async def check_form(request: Req, pages: Pages, context: Context) -> Any:
    here = await visit(request, context)
    return await show(pages, "check", here, frozen=here.frozen) if here.known else pages.go("")


@post("/send", opt=PUBLIC, status_code=303)
async def send(request: Req, platform: Platform, pages: Pages, context: Context) -> Any:
    """Files the draft and leads to the acknowledgement, so that reloading it sends nothing."""
    here = await visit(request, context)
    if not here.known:
        token = await sent_before(request)
        return pages.go(f"sent/{token}" if token else "")
    return await file_draft(request, platform, pages, here)


@post("/", opt=PUBLIC, status_code=303)
async def at_once(request: Req, platform: Platform, pages: Pages, context: Context) -> Any:
    """The whole complaint in one request."""
    return await file_at_once(request, platform, pages, context)


@get("/send", opt=PUBLIC)
async def send_again(pages: Pages) -> Any:
    """For a browser that asks for the address of the form again."""
    return pages.go("check")


@get("/sent/{token:str}", opt=PUBLIC)
async def sent(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    """The acknowledgement: the reference, by when we answer, and the way to follow it."""
    try:
        case = await platform.follow(token)
    except BadLink as bad:
        return await pages.show("webform/gone.html", status=410 if bad.gone else 404, texts=TEXTS, reason=str(bad))
    track = f"/track/{token}"
    return await pages.show(
        "webform/sent.html", texts=TEXTS, case=case, track=track, address=f"{str(request.base_url).rstrip('/')}{track}"
    )


handlers = [
    matters_form, save_matters, about_form, save_about, files_form, save_files, check_form, send, send_again, at_once,
    sent,
]  # fmt: skip
