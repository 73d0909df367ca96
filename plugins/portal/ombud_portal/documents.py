"""Documents of the complaint, for whoever has the link and has shown the second factor."""

import secrets
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post

from ombud_plugin_api import BadLink, CustomerCase, DocumentView, Pages, Platform, Refused
from ombud_portal import given
from ombud_portal.given import Req
from ombud_portal.pages import PUBLIC, bad_link
from ombud_portal.wording import TEXTS, problem

SAFE_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "text/plain"})
"""What a browser shows without running anything in it; all else is saved to the disk."""


@get("/{token:str}/documents", opt=PUBLIC)
async def documents(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    return await show(request, token, platform, pages)


async def show(
    request: Req, token: str, platform: Platform, pages: Pages, text: str = "", key: str = "", wrong: str = ""
) -> Any:
    """The list, or the question first where the proof is missing or has run out."""
    try:
        case = await platform.follow(token)
        found = await platform.documents(token, given.proof_of(request))
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused:
        return pages.go(f"{token}/prove?to=documents")
    return await _draw(pages, token, case, found, text, key, wrong)


async def _draw(
    pages: Pages, token: str, case: CustomerCase, found: tuple[DocumentView, ...], text: str, key: str, wrong: str
) -> Any:
    return await pages.show(
        "portal/documents.html",
        status=422 if wrong else 200,
        texts=TEXTS,
        case=case,
        at=given.home(token),
        documents=found,
        text=text,
        key=key or secrets.token_urlsafe(12),
        wrong=wrong,
        problems=[{"field": "documents", "message": wrong}] if wrong else [],
    )


@post("/{token:str}/documents", opt=PUBLIC, status_code=303)
async def add(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    """Adds files with a word to them; the same form twice adds them once."""
    sent = await given.read(request)
    text, key, chosen = sent.text("text"), sent.text("key")[:100], await sent.documents()
    words = text.strip() or ", ".join(each.name for each in chosen)
    try:
        await platform.documents(token, given.proof_of(request))  # asks for the proof before it looks at the files
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused:
        return pages.go(f"{token}/prove?to=documents")
    try:
        if not chosen:
            raise Refused(problem(sent.language, "files_missing"), "documents")
        await platform.say(token, words, key or secrets.token_urlsafe(12), given.proof_of(request), chosen)
    except Refused as refusal:
        return await show(request, token, platform, pages, text, key, str(refusal))
    return pages.go(f"{token}/documents")


@get("/{token:str}/documents/{document_id:uuid}", opt=PUBLIC)
async def download(request: Req, token: str, document_id: UUID, platform: Platform, pages: Pages) -> Any:
    proof = given.proof_of(request)
    try:
        await platform.documents(token, proof)
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused:
        return pages.go(f"{token}/prove?to=documents")
    try:
        found = await platform.document(token, proof, document_id)
    except Refused as refusal:
        return await pages.show("portal/bad_link.html", status=404, texts=TEXTS, reason=str(refusal))
    how = "inline" if found.content_type in SAFE_INLINE else "attachment"
    kind = "text/plain; charset=utf-8" if found.content_type == "text/plain" else found.content_type
    headers = {
        "content-disposition": f"{how}; filename*=UTF-8''{quote(found.name)}",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return Response(found.data, media_type=kind, headers=headers)


handlers = [documents, add, download]
