"""Steps of a request beside collecting and erasing: documents, corrections and who must hear of them, looking again at
what rules did, news to who asks; and lifting what a request left with a person."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.errors import Invalid, NotNow
from ombud.desk.privacy import automated, correcting, letters, marks, papers, requests, shown
from ombud.desk.privacy.requests import HANDLE
from ombud.trust import links
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import Given, given, identity_of
from ombud.web.pages.privacy import HERE, NOT_SENT, SENT, step
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT = {"permission": HANDLE}


@post(HERE + "/files", opt=OPT)
async def add_files(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await papers.add(viewer, request_id, form.text("kind"), await form.documents("documents"))

    return await step(request, request_id, work, "The document is kept with the request.")


@get(HERE + "/files/{file_id:uuid}", opt=OPT)
async def take_file(request: Req, request_id: UUID, file_id: UUID) -> Response[Any]:
    """Always as a download, whatever it is: strangers send it."""
    found = await papers.taken(viewer_of(request), request_id, file_id)
    name = found.name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(found.data, status_code=200, media_type="application/octet-stream", headers=headers)


@post(HERE + "/correct", opt=OPT)
async def correct(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        person = identity_of(form.text("person"), "person")
        values = {name: form.text(name) for name in correcting.DETAILS if form.has(name)}
        await correcting.correct(viewer, request_id, person, values, form.version())

    return await step(request, request_id, work, "The details are corrected. See below who must hear of it.")


@post(HERE + "/recipients", opt=OPT)
async def recipients(request: Req, request_id: UUID) -> Response[Any]:
    """Those the desk knows of, or one that somebody names."""

    async def work(viewer: Viewer, form: Given) -> str:
        if form.has("who"):
            await correcting.add_recipient(viewer, request_id, form.text("who"), form.version())
            return "It is on the list."
        many = await correcting.find_recipients(viewer, request_id, form.version())
        return "The list is made." if many else "The desk knows of nobody else who got the data."

    return await step(request, request_id, work)


@post(HERE + "/told/{told_id:uuid}", opt=OPT)
async def told(request: Req, request_id: UUID, told_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await correcting.settle(viewer, request_id, told_id, form.text("state"), form.text("how"), form.version())

    return await step(request, request_id, work, "It is kept.")


@post(HERE + "/review", opt=OPT)
async def review(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await automated.review(viewer, request_id, form.text("review_result"), form.text("review"), form.version())

    return await step(request, request_id, work, "What you found is kept.")


@post(HERE + "/news", opt=OPT)
async def news(request: Req, request_id: UUID) -> Response[Any]:
    """Tells who asks how it stands; who complains about data protection is kept informed."""

    async def work(viewer: Viewer, form: Given) -> str:
        await requests.tell_news(viewer, request_id, form.text("news"), form.version())
        row = (await shown.one(viewer, request_id)).row
        slug = str(row["law"]).partition(".")[0]
        there = f"/p/{slug}/asked/{links.token_of(request_id)}"
        sent = await letters.send(row, "update", viewer.actor, there, text=form.text("news").strip())
        return SENT if sent else NOT_SENT

    return await step(request, request_id, work)


@get("/privacy/marks/{mark_id:uuid}/end", opt=OPT)
async def end_form(request: Req, mark_id: UUID) -> Response[Any]:
    return await _end_page(request, mark_id)


@post("/privacy/marks/{mark_id:uuid}/end", opt=OPT)
async def end_mark(request: Req, mark_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        person = await marks.end(viewer_of(request), mark_id, form.text("because"))
    except (Invalid, NotNow) as problem:
        return await _end_page(request, mark_id, str(problem), form.text("because"))
    return go(f"/parties/{person}", "It is lifted.")


async def _end_page(request: Req, mark_id: UUID, wrong: str = "", because: str = "") -> Response[Any]:
    found = await marks.one(viewer_of(request), mark_id)
    return await page(
        request, "pages/privacy_mark.html", here="privacy", status=422 if wrong else 200, found=found, wrong=wrong,
        because=because, errors=[{"field": "because", "message": wrong}] if wrong else [],
    )  # fmt: skip


handlers = [
    add_files, take_file, correct, recipients, told, review, news, end_form, end_mark,
]  # fmt: skip
