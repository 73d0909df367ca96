"""Incoming post: scans are uploaded, read, looked over by a person, and taken in letter by letter."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException

from ombud_letters import forms, ocr, scans, tending, typesetting
from ombud_letters.forms import Problem, problem
from ombud_letters.pages_out import as_pdf
from ombud_letters.recognising import look, references
from ombud_letters.scans import Incoming, Scan
from ombud_letters.settings import letterhead, zone
from ombud_letters.splitting import Page, letter_pages
from ombud_letters.wording import TEXTS
from ombud_plugin_api import Context, Pages, Platform, Refused

MAY = "letters.scan"
OPT = {"permission": MAY}
HERE = "scans"
MB = 1_000_000

Req = Request[Any, Any, Any]


@get("/scans", opt=OPT)
async def index(pages: Pages, context: Context) -> Any:
    return await _index(pages, context)


async def _index(
    pages: Pages, context: Context, wrong: Sequence[Problem] = (), typed: Mapping[str, str] | None = None
) -> Any:
    found = await scans.newest()
    return await pages.show(
        "letters/scans.html", here=HERE, status=422 if wrong else 200, texts=TEXTS, scans=found, errors=wrong,
        counts=await scans.counts(), reader=(await ocr.program_of()).there, largest=context.settings["scan_mb"],
        typed={"on": _today(context).isoformat(), "unit": "", **(typed or {})},
        moving=any(each.state in scans.MOVING for each in found),
    )  # fmt: skip


def _today(context: Context) -> date:
    return datetime.now(zone(context.settings)).date()


@post("/scans", opt=OPT, status_code=303)
async def upload(request: Req, pages: Pages, context: Context) -> Any:
    """Keeps each file before anything looks into it; the same bytes again lead to what became of them."""
    form = await request.form()
    typed = {"on": forms.text(form, "on"), "unit": forms.text(form, "unit", 80)}
    sent = await forms.files(form, "scan", int(context.settings["scan_mb"]) * MB)
    on = forms.day(form, "on")
    wrong = _wrong_upload(sent, on, context)
    if wrong or on is None:
        return await _index(pages, context, wrong, typed)
    last: UUID | None = None
    for each in sent:
        last = await _kept(each, typed["unit"], on, context)
    return pages.go(f"{HERE}/{last}" if len(sent) == 1 else HERE)


def _wrong_upload(sent: Sequence[forms.Sent], on: date | None, context: Context) -> list[Problem]:
    found = []
    if on is None:
        found.append(problem("on", "no_day"))
    elif on > _today(context):
        found.append(problem("on", "future_day"))
    if not sent:
        found.append(problem("scan", "no_scan"))
    most = int(context.settings["scan_mb"])
    for each in sent:
        if len(each.data) > most * MB:
            found.append(problem("scan", "scan_large", about=each.name, most=most))
        elif not each.data:
            found.append(problem("scan", "scan_empty", about=each.name))
    return found


async def _kept(file: forms.Sent, unit: str, on: date, context: Context) -> UUID:
    digest = scans.digest_of(file.data)
    known = await scans.with_digest(digest)
    if known is None:
        file_id = await context.platform.keep_file(file.data)
        added = await scans.add(
            name=file.name, digest=digest, size=len(file.data), unit=unit, received_on=on, file_id=file_id,
            by=context.viewer_name,
        )  # fmt: skip
        if added is not None:
            await tending.start_reading(added, context)
            return added
        await context.platform.drop_file(file_id)
        known = await scans.with_digest(digest)
    assert known is not None
    return known.id


async def _scan(scan_id: UUID) -> Scan:
    found = await scans.get(scan_id)
    if found is None or found.state == "discarded":
        raise NotFoundException("There is no such scan. It may have been discarded.")
    return found


@get("/scans/{scan_id:uuid}", opt=OPT)
async def review(scan_id: UUID, pages: Pages, context: Context) -> Any:
    return await _review(await _scan(scan_id), pages, context)


async def _review(
    scan: Scan, pages: Pages, context: Context, wrong: Sequence[Problem] = (), typed: Mapping[str, Any] | None = None,
    about: UUID | None = None, status: int = 422,
) -> Any:  # fmt: skip
    letters, texts = await scans.incoming(scan.id), await scans.texts(scan.id)
    by_number = {each.number: each for each in texts}
    shown = [_shown(each, letters, texts, typed if each.id == about else None) for each in letters]
    in_letters = {number for each in shown for number in each["span"]}
    return await pages.show(
        "letters/scan.html", here=HERE, status=status if wrong else 200, texts=TEXTS, scan=scan, letters=shown,
        apart=[each for each in texts if each.kind != "page" or each.number not in in_letters],
        page_by_number=by_number, errors=wrong, about=about, progress=await _progress(scan, context.platform),
        open=sum(each.state == "open" for each in letters),
        reader=(await ocr.program_of()).there if scan.unread or scan.state == "broken" else True,
    )  # fmt: skip


def _shown(
    letter: Incoming, letters: Sequence[Incoming], texts: Sequence[Page], typed: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A letter as the page draws it: what was typed goes before what is kept."""
    numbers = scans.own_pages(letter, letters, texts)
    end = min((each.first_page for each in letters if each.first_page > letter.first_page), default=10**9)
    said = {name: getattr(letter, name) for name in scans.WORDS} | {"received_on": letter.received_on.isoformat()}
    return {
        "id": letter.id, "state": letter.state, "why": letter.why, "version": letter.version,
        "first": letter.first_page, "pages": numbers,
        "span": [each.number for each in texts if letter.first_page <= each.number < end],
        "left": letter.left_pages, "references": references(letter.text), "said": said | dict(typed or {}),
        "settled_by": letter.settled_by, "settled_at": letter.settled_at,
    }  # fmt: skip


async def _progress(scan: Scan, platform: Platform) -> dict[str, Any]:
    """How the reading stands, with the error of a job that was parked, which the page tells."""
    if scan.state not in scans.MOVING:
        return {"moving": False}
    done = len(await scans.pages(scan.id))
    trouble = ""
    if scan.job_id is not None:
        try:
            trouble = str((await platform.job(scan.job_id)).get("error") or "")
        except Refused:
            trouble = ""
    return {"moving": True, "done": done, "total": scan.pages, "trouble": trouble[:300]}


@get("/scans/{scan_id:uuid}/pages/{number:int}/page.jpg", opt=OPT)
async def page_image(scan_id: UUID, number: int, platform: Platform) -> Response[bytes]:
    for page in await scans.pages((await _scan(scan_id)).id):
        if page.number == number and page.image_id is not None:
            headers = {"cache-control": "private, max-age=600", "x-content-type-options": "nosniff"}
            return Response(await platform.kept_file(page.image_id), media_type="image/jpeg", headers=headers)
    raise NotFoundException("There is no such page.")


@get("/scans/{scan_id:uuid}/file", opt=OPT)
async def original(scan_id: UUID, platform: Platform) -> Response[bytes]:
    """The file as it was uploaded, for as long as it is kept."""
    scan = await _scan(scan_id)
    if scan.file_id is None:
        raise NotFoundException("The file is gone: its letters were taken in.")
    name = scan.name.encode("ascii", "replace").decode().replace('"', "_").replace("?", "_") or "scan"
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    return Response(await platform.kept_file(scan.file_id), media_type="application/octet-stream", headers=headers)


@post("/scans/{scan_id:uuid}/read-again", opt=OPT, status_code=303)
async def read_again(scan_id: UUID, pages: Pages, context: Context) -> Any:
    """After a remedy: the tools were installed, the limits raised. Only while nothing of it was taken in."""
    scan = await _scan(scan_id)
    if scan.file_id is not None and await scans.start_again(scan, context.platform):
        await tending.start_reading(scan.id, context)
    return pages.go(f"{HERE}/{scan.id}")


@post("/scans/{scan_id:uuid}/discard", opt=OPT, status_code=303)
async def discard(scan_id: UUID, pages: Pages, context: Context) -> Any:
    """All that was not taken in goes, with the file."""
    scan = await _scan(scan_id)
    if not await scans.discard(scan, context.viewer_name, context.platform):
        return await _review(scan, pages, context, [problem("", "not_now")], status=409)
    return pages.go(HERE)


@post("/scans/{scan_id:uuid}/begin/{number:int}", opt=OPT, status_code=303)
async def begin_here(scan_id: UUID, number: int, pages: Pages, context: Context) -> Any:
    """A letter begins on this page."""
    scan = await _scan(scan_id)
    letters, texts = await scans.incoming(scan.id), await scans.texts(scan.id)
    before = max((each for each in letters if each.first_page < number), key=lambda each: each.first_page, default=None)
    fits = any(each.number == number and each.kind == "page" for each in texts)
    if scan.state != "review" or not fits or (before is not None and before.state != "open"):
        return await _review(scan, pages, context, [problem("", "not_now")], status=409)
    firsts = [each.first_page for each in letters]
    own = letter_pages(number, firsts, texts)
    text, rest = scans.joined(own, texts), None
    if before is not None and before.text == scans.joined(scans.own_pages(before, letters, texts), texts):
        rest = scans.joined(letter_pages(before.first_page, [*firsts, number], texts, before.left_pages), texts)
    head = letterhead(await context.platform.settings(scan.unit))
    seen = look(text, (head.name, *head.lines, *head.footer))
    await scans.begin(scan, number, seen, text, before, rest, context.platform)
    return pages.go(f"{HERE}/{scan.id}")


@post("/scans/{scan_id:uuid}/letters/{letter_id:uuid}/join", opt=OPT, status_code=303)
async def join_before(scan_id: UUID, letter_id: UUID, pages: Pages, context: Context) -> Any:
    """Its pages belong to the letter before."""
    scan, letter = await _scan(scan_id), await _letter(scan_id, letter_id)
    letters = await scans.incoming(scan.id)
    before = max(
        (each for each in letters if each.first_page < letter.first_page),
        key=lambda each: each.first_page,
        default=None,
    )
    text = "\n\n".join(each for each in ((before.text if before else ""), letter.text) if each)
    try:
        joined = (
            before is not None and before.state == "open" and await scans.join(letter, before, text, context.platform)
        )
    except scans.JoinedMeanwhile:
        joined = False
    if not joined:
        return await _review(scan, pages, context, [problem("", "not_now")], status=409)
    return pages.go(f"{HERE}/{scan.id}")


async def _letter(scan_id: UUID, letter_id: UUID) -> Incoming:
    found = await scans.one(letter_id)
    if found is None or found.scan != scan_id:
        raise NotFoundException("There is no such letter in this scan any more.")
    return found


@post("/scans/{scan_id:uuid}/letters/{letter_id:uuid}", opt=OPT, status_code=303)
async def change(request: Req, scan_id: UUID, letter_id: UUID, pages: Pages, context: Context) -> Any:
    """Each button keeps what the form says; `take` also takes the letter in, `leave` leaves it out, `page:<n>` takes a
    page out of it or puts it back."""
    scan, letter = await _scan(scan_id), await _letter(scan_id, letter_id)
    form = await request.form()
    step, said = forms.text(form, "step"), _said(form)
    if letter.state != "open":
        return pages.go(f"{HERE}/{scan.id}")
    if forms.text(form, "version") != str(letter.version):
        wrong = [problem("", "changed_meanwhile")]
        return await _review(
            scan, pages, context, wrong, {**said, "received_on": said["received_on"] or ""}, letter.id, 409
        )
    on = forms.day(form, "received_on")
    wrong = [] if step == "leave" else _wrong_letter(said, on, step, scan, context)
    if wrong or on is None:
        return await _review(scan, pages, context, wrong or [problem("received_on", "no_day")], said, letter.id)
    values: dict[str, Any] = {**said, "received_on": on, "settled_by": context.viewer_name}
    if step.startswith("page:"):
        values["left_pages"] = msgspec.json.encode(_toggled(letter, step)).decode()
    if step == "take":
        values["state"] = "taking"
    if await scans.change_letter(letter, **values):
        if step == "take":
            await tending.start_taking(letter.id, context)
        if step == "leave":
            await scans.settle_letter(letter, "left_out", context.viewer_name)
            await scans.settle(scan.id, context.platform)
    return pages.go(f"{HERE}/{scan.id}")


def _said(form: Any) -> dict[str, str]:
    plain = {name: forms.text(form, name) for name in ("sender", "email", "phone", "postcode", "subject")}
    return {
        **plain, "text": forms.words(form, "text"), "language": forms.text(form, "language", 8),
        "received_on": forms.text(form, "received_on", 10),
    }  # fmt: skip


def _wrong_letter(said: Mapping[str, str], on: date | None, step: str, scan: Scan, context: Context) -> list[Problem]:
    found = []
    if on is None:
        found.append(problem("received_on", "no_day"))
    elif on > _today(context):
        found.append(problem("received_on", "future_day"))
    if said["email"] and "@" not in said["email"]:
        found.append(problem("email", "email_shape"))
    if step == "take" and not said["sender"]:
        found.append(problem("sender", "no_sender"))
    if step == "take" and not said["text"]:
        found.append(problem("text", "no_text"))
    return found


def _toggled(letter: Incoming, step: str) -> list[int]:
    number = step.removeprefix("page:")
    chosen = {int(number)} if number.isdigit() else set()
    return sorted({*letter.left_pages} ^ chosen)


@post("/scans/{scan_id:uuid}/take-all", opt=OPT, status_code=303)
async def take_all(scan_id: UUID, pages: Pages, context: Context) -> Any:
    """Every open letter as it stands; those that lack a name or a text stay open and are named."""
    scan = await _scan(scan_id)
    lacking = []
    for place, letter in enumerate(await scans.incoming(scan.id), 1):
        if letter.state != "open":
            continue
        if not letter.sender or not letter.text:
            lacking.append(problem(f"letter-{letter.id}", "lacking", about=place))
        elif await scans.change_letter(letter, state="taking", settled_by=context.viewer_name):
            await tending.start_taking(letter.id, context)
    if lacking:
        return await _review(scan, pages, context, lacking)
    return pages.go(f"{HERE}/{scan.id}")


@get("/separator/{language:str}/separator.pdf", opt=OPT)
async def separator(language: str) -> Response[bytes]:
    """A sheet to lay between letters; it may be copied as often as one likes."""
    made = await typesetting.separator(language if language in TEXTS else "en", datetime(2026, 1, 1, tzinfo=zone({})))
    return as_pdf(made.pdf, "separator.pdf")


HANDLERS = [
    index, upload, review, page_image, original, read_again, discard, begin_here, join_before, change, take_all,
    separator,
]  # fmt: skip
