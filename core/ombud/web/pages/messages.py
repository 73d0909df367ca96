"""What is written on a case: notes, answers, what a person told; drafts while typing; files."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import attachments, drafts, messages
from ombud.desk.case_shown import AspectShown
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.file_kinds import kind_of, told
from ombud.desk.files import file
from ombud.desk.writing import case_id_of
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import show_case
from ombud.web.pages.fragments import fragment
from ombud.web.pages.given import Given, given, refused
from ombud.web.shell import go

Req = Request[Any, Any, Any]
READ, WRITE = {"permission": "case.read"}, {"permission": "case.write"}
DRAFT = "message"
KINDS = {"reply": "answer", "note": "note", "told": "told"}
SAID = {"reply": "Your answer is on the customer's page.", "note": "Your note is saved.", "told": "It is recorded."}
FILES_AGAIN = " Choose the files again; browsers do not keep them."


@post("/cases/{reference:str}/messages", opt=WRITE)
async def write(request: Req, reference: str) -> Response[Any]:
    """Adds to the timeline once per form; a refusal shows the case with the text in its place."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    kind = form.text("kind")
    documents = await form.documents("documents")
    try:
        pinned = _pinned(form, (await case_page(viewer, reference, talk=False)).aspects)
        await messages.write(
            viewer, case_id, KINDS.get(kind, ""), form.text("text"), aspect_ids=pinned,
            key=f"desk/{form.text('key')[:60]}" if form.text("key") else "", documents=documents,
        )  # fmt: skip
    except (Invalid, NotNow) as problem:
        await _keep_quietly(viewer, case_id, form)
        words = str(problem) + (FILES_AGAIN if documents else "")
        kept = {"composer": _typed(form), "composer_error": words, "key": form.text("key")}
        return await show_case(request, reference, wrong=refused(problem), kept=kept)
    await drafts.drop(viewer, case_id, DRAFT)
    return go(f"/cases/{quote(reference)}#composer", SAID[kind])


def _typed(form: Given) -> dict[str, str]:
    return {"kind": form.text("kind"), "text": form.text("text"), "about": ",".join(form.all("about"))}


def _pinned(form: Given, aspects: tuple[AspectShown, ...]) -> list[UUID]:
    known = {each.letter: each.id for each in aspects}
    if any(each not in known for each in form.all("about")):
        raise Invalid("One of the aspects is not in this case. Open the case again.", "about")
    return [known[each] for each in dict.fromkeys(form.all("about"))]


async def _keep_quietly(viewer: Viewer, case_id: UUID, form: Given) -> None:
    """What was refused stays as a draft too; a text the database cannot hold stays on the page alone."""
    try:
        await drafts.keep(viewer, case_id, DRAFT, _typed(form))
    except Invalid:
        return


@post("/cases/{reference:str}/draft", opt=READ)
async def keep_draft(request: Req, reference: str) -> Response[Any]:
    """Keeps what is typed so far; a draft that another window wrote meanwhile is shown, not overwritten unseen."""
    viewer, form = viewer_of(request), await given(request)
    case_id = await case_id_of(viewer, reference)
    stored = (await drafts.mine(viewer, case_id)).get(DRAFT)
    seen = form.number("draft_version") or 0
    if stored and stored["version"] > seen and stored["body"].get("text", "") != form.text("text").strip():
        return await _status(request, stored["version"], stored["updated_at"], stored["body"].get("text", ""))
    typed = _typed(form) if form.text("text").strip() else {}
    version = await drafts.keep(viewer, case_id, DRAFT, typed)
    kept = (await drafts.mine(viewer, case_id)).get(DRAFT)
    return await _status(request, version, kept["updated_at"] if kept else None, "")


async def _status(request: Req, version: int, saved_at: Any, theirs: str) -> Response[Any]:
    composer = {"draft_version": version, "saved_at": saved_at, "theirs": theirs}
    return await fragment(
        request, "fragments/draft_status.html", status=409 if theirs else 200, composer=composer
    )  # fmt: skip


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


handlers = [write, keep_draft, show_file]
