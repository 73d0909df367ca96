"""What is written on a case: notes, answers, what a person told; drafts while typing; files."""

from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post

from ombud.desk import attachments, messages
from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.colleagues import claims, draft_files, drafts
from ombud.desk.errors import Invalid, NotAllowed, NotNow
from ombud.desk.file_kinds import kind_of, told
from ombud.desk.files import file
from ombud.desk.gate.guarding import GATED, Held
from ombud.desk.outgoing import beginning
from ombud.desk.outgoing import writing as outgoing
from ombud.desk.outgoing.ways import PAGE
from ombud.desk.outgoing.writing import Wanted, Written
from ombud.desk.writing import case_id_of
from ombud.kernel.clock import now
from ombud.speech import counted, day, sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages import asking
from ombud.web.pages.case_drawn import show_case
from ombud.web.pages.composer import PARTS
from ombud.web.pages.fragments import by_htmx, fragment
from ombud.web.pages.gate import checked
from ombud.web.pages.given import Given, Refused, given, identity_of, refused
from ombud.web.shell import go
from ombud_plugin_api.facts import Document

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
KINDS = {"note": "note", "told": "told"}
SAID = {"note": "Your note is saved.", "told": "It is recorded."}
HELD = "The letter did not leave. Your text is safe: mend what is listed below."


@post("/cases/{reference:str}/messages", opt=WRITE)
async def write(request: Req, reference: str) -> Response[Any]:
    """Adds to the timeline once per form; a refusal shows the case with the text in its place."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    kind = form.text("kind")
    view = await case_page(viewer, reference, talk=False)
    purpose = drafts.for_message(view.case.customer_id)
    try:
        await _keep_files(viewer, case_id, purpose, form)
        pinned = _pinned(form, view.aspects)
        documents = await draft_files.documents_of(viewer, case_id, purpose)
        _same_reader(form, kind, view)
        if kind == "reply":
            await _refuse_overrun(viewer, case_id, purpose, form)
            written = await outgoing.write(viewer, case_id, wanted_of(form, view, pinned, documents))
            said, undo = _sent_words(written, view.case.zone), f"/outgoing/{written.id}/back"
        else:
            await messages.write(
                viewer, case_id, KINDS.get(kind, ""), form.text("text"), aspect_ids=pinned, key=_key(form),
                documents=documents,
            )  # fmt: skip
            said, undo = SAID[kind], ""
    except (Invalid, NotNow, NotAllowed) as problem:
        await _keep_quietly(viewer, case_id, purpose, form)
        words = HELD if isinstance(problem, Held) else str(problem)
        kept = {"composer": _typed(form), "composer_error": words, "key": form.text("key")}
        if kind == "reply" and form.text("letter") == GATED:
            kept["gate"] = await checked(viewer, view, form)
        told = NotNow(HELD) if isinstance(problem, Held) else problem
        return await show_case(request, reference, wrong=refused(told), kept=kept)
    await draft_files.drop(viewer, case_id, purpose)
    return go(f"/cases/{quote(reference)}#composer", said, undo)


async def _keep_files(viewer: Viewer, case_id: UUID, purpose: str, form: Given) -> int:
    """Files chosen in the form go into the draft, so that a refusal loses none; gives the version of the draft."""
    documents = await form.documents("documents")
    seen = form.number("draft_version") or 0
    if not documents:
        return seen
    taken, problem = _parted(documents)
    if taken:
        if not await drafts.version_of(viewer, case_id, purpose):
            typed = {**_typed(form), "kept_files": str(len(taken))}
            seen = await drafts.keep(viewer, case_id, purpose, typed)
        await draft_files.put(viewer, case_id, purpose, taken)
    if problem is not None:
        raise problem
    return seen


def _parted(documents: list[Document]) -> tuple[list[Document], Invalid | None]:
    """Those the desk takes, which are kept, and why it does not take the first of the others."""
    taken: list[Document] = []
    problem: Invalid | None = None
    for each in documents:
        try:
            taken += attachments.checked([each])
        except Invalid as refusal:
            problem = problem or refusal
    return taken, problem


@post("/cases/{reference:str}/draft/files", opt=WRITE)
async def keep_files(request: Req, reference: str) -> Response[Any]:
    """Files put into the box are kept at once; `drop` takes one out. For htmx the part of the box that lists them."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    purpose, version, error = drafts.for_message(form.identity("to")), form.number("draft_version") or 0, ""
    try:
        if (out := form.identity("drop")) is not None:
            await draft_files.take_out(viewer, case_id, purpose, out)
        version = await _keep_files(viewer, case_id, purpose, form)
    except (Invalid, NotNow, drafts.Elsewhere) as problem:
        error = str(problem)
    if not by_htmx(request):
        return go(f"/cases/{quote(reference)}#composer", error or "The files are kept with your draft.")
    files = [{"id": str(each.id), "name": each.name, "size": each.size}
             for each in await draft_files.files_of(viewer, case_id, purpose)]  # fmt: skip
    composer = {"kept_files": files, "files_error": error, "draft_version": version, "theirs": "",
                "saved_at": now() if version else None}  # fmt: skip
    case = {"href": f"/cases/{quote(reference)}"}
    return await fragment(request, "fragments/draft_files.html", case=case, composer=composer, alone=True)


async def _refuse_overrun(viewer: Viewer, case_id: UUID, purpose: str, form: Given) -> None:
    """What a colleague wrote into a shared draft meanwhile is not lost by sending the text before it."""
    seen = form.number("draft_version")
    who = await drafts.changed_by_another(viewer, case_id, purpose, seen) if seen is not None else ""
    if who:
        raise NotNow(
            sentence("%(who)s changed the shared draft meanwhile. Open the case again to see it, then send.", who=who)
        )


def wanted_of(form: Given, view: CasePageView, pinned: list[UUID], documents: list[Document]) -> Wanted:
    """What a form with the box's fields asks for."""
    return Wanted(
        text=form.text("text"), kind=form.text("letter", "reply"), channel=form.text("channel", PAGE),
        recipient=form.identity("recipient"), subject=form.text("subject"), aspect_ids=pinned, documents=documents,
        files=[identity_of(each, "files") for each in form.all("files") if each],
        asks=asking.wanted(form, view.aspects), leave_at=leaving_at(form, view.case.zone), ask=form.ticked("ask"),
        key=_key(form), template_id=form.identity("template_id"), letter_type=form.text("letter_type")[:60],
        override=form.text("override"),
    )  # fmt: skip


def leaving_at(form: Given, zone: str) -> datetime | None:
    """The day and the time chosen, in the unit's zone; None where no day is chosen. Without a time: nine o'clock."""
    day = form.day("leave_on")
    if day is None:
        return None
    try:
        hour = time.fromisoformat(form.text("leave_at").strip() or "09:00")
    except ValueError:
        raise Invalid("This is not a time. Write it like 09:30.", "leave_at") from None
    return datetime.combine(day, hour.replace(tzinfo=None), ZoneInfo(zone)).astimezone(UTC)


def _sent_words(written: Written, zone: str) -> str:
    if written.state == "waiting_approval":
        return "It waits for a second person to approve it."
    if written.state == "scheduled" and written.leave_at is not None:
        local = written.leave_at.astimezone(ZoneInfo(zone))
        return sentence("It leaves on %(day)s at %(time)s.", day=day(local), time=f"{local:%H:%M}")
    if written.state == "held" and written.leave_at is not None:
        left = max(0, round((written.leave_at - now()).total_seconds()))
        return (
            counted("It leaves in one second.", "It leaves in %(num)s seconds.", left)
            if left < 120
            else counted("It leaves in one minute.", "It leaves in %(num)s minutes.", round(left / 60))
        )
    return "It is on its way."


@post("/cases/{reference:str}/insert", opt=WRITE)
async def insert(request: Req, reference: str) -> Response[Any]:
    """Begins, or goes on with, the text in the box from a template; what is not known of the case is named."""
    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    purpose = drafts.for_message(view.case.customer_id)
    typed = _typed(form)
    which = form.text("insert") if form.text("insert") not in {"", "chosen"} else form.text("template")
    try:
        begun = await beginning.begin(viewer, view, await beginning.chosen(view, which), form.identity("recipient"))
        text = "\n\n".join(each for each in (typed["text"].strip(), begun.text) if each)
        typed |= {"kind": "reply", "text": text, "subject": typed.get("subject") or begun.subject}
        typed |= {"letter": begun.template.kind, "template_id": str(begun.template.id or "")}
        seen = await _keep_files(viewer, view.case.id, purpose, form)
        await drafts.keep(viewer, view.case.id, purpose, typed, seen if form.has("draft_version") else None)
    except (Invalid, NotNow, drafts.Elsewhere) as problem:
        kept = {"composer": typed, "composer_error": str(problem), "key": form.text("key")}
        wrong = Refused(409) if isinstance(problem, drafts.Elsewhere) else refused(problem)
        return await show_case(request, reference, wrong=wrong, kept=kept)
    return go(f"/cases/{quote(reference)}#composer", "The text is in the box. Read it before you send it.")


def _key(form: Given) -> str:
    return f"desk/{form.text('key')[:60]}" if form.text("key") else ""


def _same_reader(form: Given, kind: str, view: CasePageView) -> None:
    """What was written to one customer does not go to the next, whoever is the complainant by now."""
    if kind == "reply" and form.has("to") and form.text("to") != str(view.case.customer_id or ""):
        raise Invalid(
            "The customer of this case is somebody else now. Check whom you write to, then send again.", "text"
        )


def _typed(form: Given) -> dict[str, str]:
    """What the box holds; choices that are left as they are take no place in a draft."""
    typed = {name: ",".join(each for each in form.all(name) if each) for name in PARTS if form.has(name)}
    typed["asks"] = asking.as_draft(form)
    return {"kind": "", "text": "", **{name: words for name, words in typed.items() if words}}


def _pinned(form: Given, aspects: tuple[AspectShown, ...]) -> list[UUID]:
    known = {each.letter: each.id for each in aspects}
    if any(each not in known for each in form.all("about")):
        raise Invalid("One of the aspects is not in this case. Open the case again.", "about")
    return [known[each] for each in dict.fromkeys(form.all("about"))]


async def _keep_quietly(viewer: Viewer, case_id: UUID, purpose: str, form: Given) -> None:
    """What was refused stays as a draft too; a text the database cannot hold stays on the page alone."""
    try:
        await drafts.keep(viewer, case_id, purpose, _typed(form), form.number("draft_version"))
    except (Invalid, drafts.Elsewhere):
        return


@post("/cases/{reference:str}/draft", opt=READ)
async def keep_draft(request: Req, reference: str) -> Response[Any]:
    """Keeps what is typed so far; a draft that another window wrote meanwhile is shown, not overwritten unseen."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    purpose = drafts.for_message(form.identity("to"))
    sent = await messages.is_written(case_id, _key(form))  # this word was on its way when the text was sent
    typed = _typed(form) if (form.text("text").strip() or form.text("kept_files")) and not sent else {}
    kept = await kept_draft(request, viewer, case_id, purpose, typed, form.number("draft_version") or 0)
    if typed:
        await claims.prolong(viewer, case_id)
    return kept


async def kept_draft(
    request: Req, viewer: Viewer, case_id: UUID | None, purpose: str, typed: dict[str, str], seen: int,
    place: str = "draft",
) -> Response[Any]:  # fmt: skip
    """Keeps a draft and answers with the line that says so; 409 with the other text where another window was newer."""
    try:
        version = await drafts.keep(viewer, case_id, purpose, typed, seen)
    except drafts.Elsewhere as newer:
        text = newer.body.get("text") or "\n\n".join(str(each) for each in newer.body.values() if each)
        return await _status(request, newer.version, newer.at, text, place)
    return await _status(request, version, now() if version else None, "", place)


async def _status(request: Req, version: int, saved_at: Any, theirs: str, place: str) -> Response[Any]:
    composer = {"draft_version": version, "saved_at": saved_at, "theirs": theirs}
    return await fragment(
        request, "fragments/draft_status.html", status=409 if theirs else 200, composer=composer, draft_at=place
    )  # fmt: skip


@post("/cases/{reference:str}/draft/share", opt=WRITE)
async def share_draft(request: Req, reference: str) -> Response[Any]:
    """Keeps what is in the box and lets colleagues of the case see it and write on, or ends that."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    purpose, shared = drafts.for_message(form.identity("to")), form.text("shared") == "on"
    try:
        seen = await _keep_files(viewer, case_id, purpose, form)
        if form.text("text").strip():
            known = seen if form.has("draft_version") else None
            await drafts.keep(viewer, case_id, purpose, _typed(form), known)
        await drafts.share(viewer, case_id, purpose, shared)
    except (Invalid, NotNow, drafts.Elsewhere) as problem:
        kept = {"composer": _typed(form), "composer_error": str(problem), "key": form.text("key")}
        wrong = Refused(409) if isinstance(problem, drafts.Elsewhere) else refused(problem)
        return await show_case(request, reference, wrong=wrong, kept=kept)
    said = "Colleagues of this case see your draft and can write on." if shared else "The draft is yours alone again."
    return go(f"/cases/{quote(reference)}#composer", said)


@post("/cases/{reference:str}/drafts/{draft_id:uuid}", opt=WRITE)
async def write_on(request: Req, reference: str, draft_id: UUID) -> Response[Any]:
    """Changes a colleague's shared draft; one that changed meanwhile stands beside what was typed."""
    viewer, form = viewer_of(request), await given(request)
    await case_id_of(viewer, reference)
    try:
        await drafts.write_on(viewer, draft_id, form.text("text"), form.version())
    except (Invalid, drafts.Elsewhere) as problem:
        kept = {"shared_draft": {"id": str(draft_id), "text": form.text("text"), "error": str(problem)}}
        wrong = Refused(409) if isinstance(problem, drafts.Elsewhere) else refused(problem)
        return await show_case(request, reference, wrong=wrong, kept=kept)
    return go(f"/cases/{quote(reference)}#composer", "The shared draft is changed.")


@get("/files/{attachment_id:uuid}", opt=READ)
async def show_file(request: Req, attachment_id: UUID) -> Response[bytes]:
    """A file of a message: pictures and plain text open in the browser, everything else is saved."""
    found = await file(viewer_of(request), attachment_id)
    return download(found.name, found.content_type, found.data, inline=found.content_type in attachments.SAFE_INLINE)


def download(name: str, kind: str, data: bytes, *, inline: bool = False) -> Response[bytes]:
    """Bytes of a stranger: sandboxed, never sniffed, and saved rather than opened unless they are harmless."""
    kind, inline = told(kind), inline and not kind_of(kind)
    plain = "".join(sign if 32 <= ord(sign) < 127 and sign not in '"\\%' else "_" for sign in name)
    disposition = "inline" if inline else "attachment"
    return Response(
        data,
        media_type=f"{kind}; charset=utf-8" if kind == "text/plain" else kind,
        headers={
            "content-disposition": f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )


handlers = [write, insert, share_draft, write_on, keep_files, keep_draft, show_file]
