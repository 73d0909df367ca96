"""The pages of recordings: where they wait, one to listen to, and the way for files that an agent has."""

from typing import Any
from uuid import UUID, uuid4

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from ombud_phone import given, linking, recordings
from ombud_phone.given import Req
from ombud_phone.numbers import shown
from ombud_phone.pages import MAY
from ombud_phone.recordings import LARGEST, NotSound, Recording
from ombud_phone.settings import BASES, recordings_of
from ombud_phone.wording import TEXTS
from ombud_plugin_api import Context, Pages, Platform, Refused

LISTEN = "phone.listen"
HEARS = {"permission": LISTEN}
HERE = "recordings"


@get("/recordings", opt=HEARS)
async def index(pages: Pages, platform: Platform, context: Context) -> Any:
    return await _index(pages, platform, context)


async def _index(
    pages: Pages, platform: Platform, context: Context, refused: str = "", reference: str = "", about: str = ""
) -> Any:
    """Those of cases in view, and those that wait for their case: of these nobody hears anything yet."""
    kept = [each for each in await recordings.newest("kept") if await _seen(platform, each)]
    units = {each.key for each in (await platform.filing_options()).units}
    lost = [each for each in await recordings.newest("waiting") if each.case_id is None and each.unit in units]
    return await pages.show(
        "phone/recordings.html", here=HERE, status=422 if refused else 200, texts=TEXTS, kept=kept,
        waiting=[(each, shown(each.number) if context.may["person.contact"] else "") for each in lost],
        refused=refused, reference=reference, about=about, may_take=context.may[MAY],
    )  # fmt: skip


async def _seen(platform: Platform, recording: Recording) -> bool:
    """A recording of a case of which something is kept from the viewer could tell them just that."""
    try:
        return not (await platform.case(recording.reference)).partly_hidden
    except Refused:
        return False


async def _one(recording_id: UUID, platform: Platform) -> Recording:
    recording = await recordings.get(recording_id)
    if recording is None or recording.case_id is None or not await _seen(platform, recording):
        raise NotFoundException("There is no such recording that you may hear.")
    return recording


@get("/recordings/{recording_id:uuid}", opt=HEARS)
async def one(recording_id: UUID, pages: Pages, platform: Platform) -> Any:
    recording = await _one(recording_id, platform)
    return await pages.show(
        "phone/recording.html", here=HERE, texts=TEXTS, recording=recording, basis=BASES.get(recording.basis, ""),
        address=f"/p/phone/recordings/{recording.id}/sound",
    )  # fmt: skip


@get("/recordings/{recording_id:uuid}/sound", opt=HEARS)
async def sound(recording_id: UUID, request: Req, platform: Platform) -> Response[bytes]:
    """The bytes, whole or in part. Who listens is written into the case's history before the first byte goes out."""
    recording = await _one(recording_id, platform)
    if recording.file_id is None or recording.case_id is None:
        raise NotFoundException("This recording is gone: its time is over.")
    begin, end = span_of(request.headers.get("range", ""), recording.size)
    if begin == 0:
        await platform.record(recording.case_id, "phone.listened", {"recording": str(recording.id)})
    data = await platform.kept_file(recording.file_id)
    part = data[begin : end + 1]
    headers = {
        "accept-ranges": "bytes", "cache-control": "no-store", "content-disposition": "inline",
        "content-security-policy": "sandbox; default-src 'none'",
    }  # fmt: skip
    whole = len(part) == len(data)
    if not whole:
        headers["content-range"] = f"bytes {begin}-{begin + len(part) - 1}/{len(data)}"
    return Response(part, status_code=200 if whole else 206, media_type=recording.content_type, headers=headers)


def span_of(header: str, size: int) -> tuple[int, int]:
    """The first and the last byte that a Range header asks for; the whole where it asks for nothing that is there."""
    unit, _, span = header.partition("=")
    first, dash, last = span.partition("-")
    if unit.strip() != "bytes" or not dash or "," in span or not (first + last).isdigit():
        return 0, size - 1
    begin, end = (int(first), int(last) if last else size - 1) if first else (max(size - int(last), 0), size - 1)
    return (begin, min(end, size - 1)) if begin <= end and begin < size else (0, size - 1)


@post("/recordings/{recording_id:uuid}", opt=HEARS, status_code=303)
async def place(request: Req, recording_id: UUID, pages: Pages, platform: Platform, context: Context) -> Any:
    """Somebody knows to which case a waiting recording belongs; they must be able to write there."""
    sent, recording = await given.read(request), await recordings.get(recording_id)
    units = {each.key for each in (await platform.filing_options()).units}
    if recording is None or recording.case_id is not None or recording.unit not in units:
        raise NotFoundException("This recording does not wait for a case any more.")
    reference = sent.text("reference", 40)
    try:
        await platform.write(reference, "note", "A recording of a call was attached.", f"recording/{recording.id}")
        case = await platform.case(reference)
    except Refused as refusal:
        return await _index(pages, platform, context, str(refusal), reference, str(recording.id))
    await linking.attach(platform, recording, case.id, case.reference)
    return pages.go(f"recordings/{recording.id}")


@get("/upload", opt={"permission": MAY})
async def upload_form(pages: Pages, reference: str = "") -> Any:
    return await _upload_page(pages, reference[:40])


async def _upload_page(pages: Pages, reference: str, refused: str = "") -> Any:
    return await pages.show(
        "phone/upload.html", here="calls", status=422 if refused else 200, texts=TEXTS, reference=reference,
        refused=refused, fresh=str(uuid4()),
    )  # fmt: skip


@post("/upload", opt={"permission": MAY}, status_code=303)
async def upload(request: Req, pages: Pages, platform: Platform) -> Any:
    """A recording that somebody has as a file. The key of the form makes a second press the same recording."""
    sent = await given.read(request)
    reference, documents = sent.text("reference", 40), await sent.documents()
    refused = await _upload(platform, reference, documents[0].data if documents else b"", sent.text("key", 40))
    if refused:
        return await _upload_page(pages, reference, refused)
    return pages.go(f"/cases/{reference}")


async def _upload(platform: Platform, reference: str, data: bytes, key: str) -> str:
    """Why not, in a code of the texts or in core's words; empty where it is kept."""
    try:
        case = await platform.case(reference)
        rules = recordings_of(await platform.settings(case.unit))
        if not rules.wanted:
            return "no_basis"
        recordings.sound_type(data)
        if len(data) > LARGEST:
            return "too_large"
        await platform.write(reference, "note", "A recording of a call was attached.", f"upload/{key}")
    except NotSound:
        return "no_sound"
    except Refused as refusal:
        return str(refusal)
    identity = await recordings.announce(case.unit, f"upload/{key}", "", case.received_at)
    recording = await recordings.keep(platform, identity, data, rules)
    if recording is not None:
        await linking.attach(platform, recording, case.id, case.reference)
    return ""


HANDLERS = (index, one, sound, place, upload_form, upload)
