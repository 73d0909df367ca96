"""The pages: complaints of the bureau, an import, the response to one, files of responses."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import NotFoundException

from ombud_cfpb import answering, kept, reading
from ombud_cfpb.beside import RESPOND
from ombud_cfpb.codes import lists
from ombud_cfpb.importing import JOB
from ombud_cfpb.reading import UnreadableFile
from ombud_cfpb.wording import TEXTS
from ombud_plugin_api import CaseView, Context, Pages, Platform, Refused, UnitView
from ombud_plugin_api.applicability import ALWAYS, APPLIES

IMPORT, HAND_IN = "cfpb.import", "cfpb.hand_in"
HERE = "complaints"
Req = Request[Any, Any, Any]


@get("/", opt={"permission": RESPOND})
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/complaints", opt={"permission": RESPOND})
async def listed(pages: Pages, platform: Platform, context: Context, which: str = "open", at: int = 1) -> Any:
    """Those whose case the viewer may see."""
    which, at = which if which in kept.LISTS else "open", max(1, min(at, 1000))
    rows = await kept.listed(which, at)
    known, seen = lists(context.settings), await answering.seen(rows[: kept.PAGE], platform)
    lines = [
        {"bureau": bureau, "case": case, "due": bureau.sent_on + timedelta(days=_days(context.settings, bureau)),
         "response": known.responses[bureau.response].text if bureau.response in known.responses else bureau.response}
        for bureau, case in seen
    ]  # fmt: skip
    shown = [bureau for bureau, _ in seen]
    return await pages.show(
        "cfpb/list.html", here=HERE, texts=TEXTS, which=which, lines=lines, lists=list(kept.LISTS),
        next_href=f"/p/cfpb/complaints?which={which}&at={at + 1}" if len(rows) > kept.PAGE else "",
        may_import=context.may[IMPORT], may_hand_in=context.may[HAND_IN], today=datetime.now(UTC).date(),
        batches=list(dict.fromkeys(each.batch for each in shown if each.batch)),
    )  # fmt: skip


def _days(settings: Mapping[str, Any], bureau: kept.Bureau) -> int:
    return int(settings["days_final"] if bureau.first_on else settings["days_first"])


@get("/imports", opt={"permission": IMPORT})
async def imports(pages: Pages, platform: Platform) -> Any:
    return await _imports(pages, platform)


async def _units(platform: Platform) -> list[UnitView]:
    """Those for which it is switched on that complaints come through the bureau."""
    found = []
    for each in await platform.units():
        if (await platform.settings(each.key)).get(APPLIES) == ALWAYS:
            found.append(each)
    return found


async def _imports(pages: Pages, platform: Platform, wrong: str = "", unit: str = "") -> Any:
    units = await _units(platform)
    return await pages.show(
        "cfpb/imports.html", status=422 if wrong else 200, here=HERE, texts=TEXTS, wrong=wrong, unit=unit,
        imports=await kept.newest_imports(), units=[(each.key, each.name) for each in units],
    )  # fmt: skip


@post("/imports", opt={"permission": IMPORT}, status_code=303)
async def upload(request: Req, pages: Pages, platform: Platform, context: Context) -> Any:
    """Keeps the file once it is known that it can be read; its rows are filed in the background."""
    form = await request.form()
    file, unit = form.get("file"), str(form.get("unit") or "")
    if unit not in {each.key for each in await _units(platform)}:
        return await _imports(pages, platform, "no_unit", unit)
    if not isinstance(file, UploadFile) or not file.filename:
        return await _imports(pages, platform, "no_file", unit)
    data = await file.read()
    try:
        count = await asyncio.to_thread(reading.counted, data, await platform.settings(unit))
    except UnreadableFile as problem:
        return await _imports(pages, platform, str(problem), unit)
    name = "".join(sign for sign in file.filename.rpartition("/")[2] if sign.isprintable())
    identity = await kept.add_import(
        name, await platform.keep_file(data), unit, count, context.viewer_name, datetime.now(UTC)
    )
    await platform.start_job(JOB, {"import": str(identity)}, key=str(identity))
    return pages.go("imports", TEXTS["en"]["imports"]["started"])


async def _case(platform: Platform, reference: str) -> tuple[CaseView, kept.Bureau]:
    try:
        case = await platform.case(reference)
    except Refused:
        raise NotFoundException("There is no such case that you may see.") from None
    bureau = await kept.of_case(case.id)
    if bureau is None or case.partly_hidden:
        raise NotFoundException("This case has no complaint of the CFPB that you may answer.")
    return case, bureau


@get("/cases/{reference:str}/response", opt={"permission": RESPOND})
async def response_form(reference: str, pages: Pages, platform: Platform) -> Any:
    case, bureau = await _case(platform, reference)
    settings = await platform.settings(bureau.unit)
    typed = {"response": bureau.response or answering.proposed(case, lists(settings)),
             "public_response": bureau.public_response, "explanation": bureau.explanation}  # fmt: skip
    return await _response_page(pages, case, bureau, settings, typed)


async def _response_page(
    pages: Pages, case: CaseView, bureau: kept.Bureau, settings: Mapping[str, Any], typed: Mapping[str, str],
    wrong: str = "", field: str = "",
) -> Any:  # fmt: skip
    known = lists(settings)
    return await pages.show(
        "cfpb/response.html", status=422 if wrong else 200, here=HERE, texts=TEXTS, reference=case.reference,
        bureau=bureau, typed=typed, wrong=wrong, field=field, decided=case.status in answering.DECIDED,
        responses=[(each.code, each.text, "") for each in known.responses.values() if each.chosen],
        public=[(each.code, each.text) for each in known.public.values()],
        public_until=bureau.sent_on + timedelta(days=int(settings["days_public"])),
        due=bureau.sent_on + timedelta(days=_days(settings, bureau)),
        first=known.responses[bureau.first_code].text if bureau.first_code in known.responses else bureau.first_code,
    )  # fmt: skip


@post("/cases/{reference:str}/response", opt={"permission": RESPOND}, status_code=303)
async def respond(request: Req, reference: str, pages: Pages, platform: Platform, context: Context) -> Any:
    """Keeps the draft; it goes into the next file for the portal."""
    case, bureau = await _case(platform, reference)
    settings, form = await platform.settings(bureau.unit), await request.form()
    typed = {name: str(form.get(name) or "").replace("\0", "").strip()[: answering.LONGEST]
             for name in ("response", "public_response", "explanation")}  # fmt: skip
    wrong = answering.problem_of(case, bureau, lists(settings), typed)
    if wrong is None and not await answering.draft(bureau, typed, context.viewer_name):
        wrong = ("handed", "response")
    if wrong:
        return await _response_page(pages, case, bureau, settings, typed, *wrong)
    return pages.go(f"/cases/{case.reference}", TEXTS["en"]["response"]["done"])


@post("/batches", opt={"permission": HAND_IN}, status_code=303)
async def make_batch(pages: Pages, platform: Platform) -> Any:
    made = await answering.batch(platform)
    told = TEXTS["en"]["batches"]
    return pages.go(f"{HERE}?which=batched", told["made"]) if made else pages.go(HERE, told["none"])


@get("/batches/{batch_id:uuid}/responses.csv", opt={"permission": HAND_IN})
async def batch_file(batch_id: UUID, platform: Platform, pages: Pages) -> Response[str]:
    if not await kept.of_batch(batch_id):
        raise NotFoundException("There is no such file of responses.")
    name, text = await answering.file_of(batch_id, platform)
    return Response(text, media_type="text/csv; charset=utf-8",
                    headers={"content-disposition": f'attachment; filename="{name}"'})  # fmt: skip


@post("/batches/{batch_id:uuid}/given-in", opt={"permission": HAND_IN}, status_code=303)
async def given_in(request: Req, batch_id: UUID, pages: Pages, platform: Platform) -> Any:
    """The day on which it was given in at the portal; a day to come, or none, is refused."""
    form, told = await request.form(), TEXTS["en"]["batches"]
    try:
        day = date.fromisoformat(str(form.get("on") or ""))
    except ValueError:
        return pages.go(f"{HERE}?which=batched", told["no_day"])
    if day > datetime.now(UTC).date():
        return pages.go(f"{HERE}?which=batched", told["no_day"])
    count = await answering.give_in(batch_id, day, platform)
    return pages.go(f"{HERE}?which=handed", told["given_in"]) if count else pages.go(HERE, told["none"])


@post("/batches/{batch_id:uuid}/take-back", opt={"permission": HAND_IN}, status_code=303)
async def taken_back(batch_id: UUID, pages: Pages, platform: Platform) -> Any:
    await answering.take_back(batch_id, platform)
    return pages.go(HERE, TEXTS["en"]["batches"]["taken_back"])


HANDLERS = [
    home, listed, imports, upload, response_form, respond, make_batch, batch_file, given_in, taken_back,
]  # fmt: skip
