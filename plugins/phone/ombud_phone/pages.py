"""The pages for whoever talks: the list of calls, the one page of a call, and reading it back."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from litestar import get, post
from litestar.exceptions import NotFoundException

from ombud_phone import calls, checking, given, linking
from ombud_phone.calls import CHANNELS, Call, Typed
from ombud_phone.channel import notes_of, receipt
from ombud_phone.given import Req
from ombud_phone.numbers import e164, same, shown
from ombud_phone.script import Question, questions
from ombud_phone.settings import lines_of, recordings_of
from ombud_phone.wording import TEXTS
from ombud_plugin_api import Conflict, Context, FilingOptions, KnownPerson, Pages, Platform, Refused, UnitView

MAY = "phone.take"
OPT = {"permission": MAY}
HERE = "calls"


@get("/", opt=OPT)
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/calls", opt=OPT)
async def index(pages: Pages, context: Context, number: str = "", call: str = "") -> Any:
    """A telephony system may open this address with the caller's number and its own name for the call."""
    return await pages.show(
        "phone/calls.html", here=HERE, texts=TEXTS, fresh=str(uuid4()), number=number[:50], system_call=call[:100],
        calls=[_line(each) for each in await calls.open_of(context.viewer_id)], listens=context.may["phone.listen"],
    )  # fmt: skip


def _line(call: Call) -> dict[str, Any]:
    name = call.body.rep_name if call.body.represented else call.body.name
    return {"id": call.id, "name": name or shown(call.number), "channel": call.channel, "at": call.updated_at}


@post("/calls", opt=OPT, status_code=303)
async def begin(request: Req, pages: Pages, platform: Platform, context: Context) -> Any:
    """Begins a call; the key of the form makes a second press the same call."""
    sent = await given.read(request)
    options = await platform.filing_options()
    unit = options.units[0] if options.units else UnitView(key="", name="")
    country = await _country(platform, unit)
    typed = Typed(
        unit=unit.key, number=e164(sent.text("number", 50), country), system_call=sent.text("system_call", 100)
    )
    try:
        identity = UUID(sent.text("key", 40))
    except ValueError:
        identity = uuid4()
    channel = sent.text("channel", 20)
    assert context.viewer_id is not None
    await calls.begin(
        identity, context.viewer_id, context.viewer_name, channel if channel in CHANNELS else "phone", typed
    )
    return pages.go(f"calls/{identity}")


async def _country(platform: Platform, unit: UnitView) -> str:
    chosen = await platform.settings(unit.key)
    return str(chosen["country"] or unit.country)


async def _own(call_id: UUID, context: Context) -> Call:
    call = await calls.mine(call_id, context.viewer_id)
    if call is None:
        raise NotFoundException("There is no such call of yours. It may have been thrown away.")
    return call


@get("/calls/{call_id:uuid}", opt=OPT)
async def form(call_id: UUID, pages: Pages, platform: Platform, context: Context) -> Any:
    call = await _own(call_id, context)
    if call.state != "draft":
        return pages.go(f"/cases/{call.reference}")
    return await _page(pages, platform, call)


async def _page(pages: Pages, platform: Platform, call: Call, problems: checking.Problems | None = None,
                refused: str = "") -> Any:  # fmt: skip
    """The one page of a call. `problems`: by field, after somebody wanted to go on."""
    typed, options = call.body, await platform.filing_options()
    unit = _unit(options, typed.unit)
    chosen = await platform.settings(unit.key)
    asked = questions(lines_of(chosen), typed.case_type)
    country = str(chosen["country"] or unit.country)
    return await pages.show(
        "phone/call.html", here=HERE, status=422 if problems or refused else 200, texts=TEXTS, call=call, typed=typed,
        matters=typed.matters or [""], units=[(each.key, each.name) for each in options.units],
        case_types=[(each.key, each.label) for each in options.case_types], opening=chosen["opening"] or "",
        questions=asked, recordings=recordings_of(chosen), people=await _known(platform, typed, country),
        looked=bool(typed.caller_number or typed.name or typed.email), problems=problems or {}, refused=refused,
        number_shown=shown(typed.number, country), rep_number_shown=shown(typed.rep_number, country),
    )  # fmt: skip


def _unit(options: FilingOptions, key: str) -> UnitView:
    return next((each for each in options.units if each.key == key), UnitView(key=key, name=key))


async def _known(platform: Platform, typed: Typed, country: str) -> list[KnownPerson]:
    """Those who may be calling, in the viewer's own view. A number that only ends alike is not theirs."""
    found = await platform.people(
        phone=typed.caller_number, email=typed.email, name=typed.name, postcode=typed.postcode
    )
    return [each for each in found if _agrees(each, typed, country)]


def _agrees(person: KnownPerson, typed: Typed, country: str) -> bool:
    if person.agrees != ("phone",) or not person.phone:
        return True
    written = e164(person.phone, country)
    return not written.startswith("+") or same(written, typed.caller_number, country)


@post("/calls/{call_id:uuid}", opt=OPT, status_code=303)
async def save(request: Req, call_id: UUID, pages: Pages, platform: Platform, context: Context) -> Any:
    """Whichever button it was, what was typed is kept first."""
    call, sent = await _own(call_id, context), await given.read(request)
    if call.state != "draft":
        return pages.go(f"/cases/{call.reference}")
    options = await platform.filing_options()
    given.into(sent, call.body, await _country(platform, _unit(options, sent.text("unit", 60) or call.body.unit)))
    do, _, about = sent.text("do", 100).partition(":")
    _act(call.body, do, about)
    await calls.keep(call)
    if do == "note":
        return await _note(pages, platform, call, about)
    if do == "drop":
        await calls.drop(call)
        return pages.go(HERE)
    if do == "check":
        problems = await _missing(platform, call, options)
        return await _page(pages, platform, call, problems) if problems else pages.go(f"calls/{call.id}/read")
    return pages.go(f"calls/{call.id}" + (f"#{about}" if do == "look" and about else ""))


def _act(typed: Typed, do: str, about: str) -> None:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    if do == "add" and len(typed.matters) < calls.MOST_MATTERS:
        typed.matters = [*(typed.matters or [""]), ""]
    elif do == "remove" and about.isdigit() and int(about) < len(typed.matters):
        typed.matters = [each for place, each in enumerate(typed.matters) if place != int(about)]
    elif do == "pause" and not typed.paused:
        typed.pauses = [*typed.pauses, [moment, ""]]
    elif do == "continue" and typed.paused:
        typed.pauses[-1][1] = moment


async def _missing(platform: Platform, call: Call, options: FilingOptions) -> checking.Problems:
    unit = _unit(options, call.body.unit)
    asked = await _asked(platform, call.body)
    today = datetime.now(ZoneInfo(unit.time_zone)).date()
    return checking.missing(call.body, asked, [each.key for each in options.units], today)


async def _asked(platform: Platform, typed: Typed) -> tuple[Question, ...]:
    return questions(lines_of(await platform.settings(typed.unit)), typed.case_type)


def _answered(asked: tuple[Question, ...], typed: Typed) -> list[tuple[str, str]]:
    return [(each.text, typed.answers.get(each.key, "")) for each in asked]


async def _note(pages: Pages, platform: Platform, call: Call, reference: str) -> Any:
    """What was said goes to a case that is there already."""
    text = notes_of(call.body, _answered(await _asked(platform, call.body), call.body))
    if not text:
        return await _page(pages, platform, call, {"matter-0": "matter"})
    try:
        await platform.write(reference, "told", text, str(call.id), call.channel)
        case = await platform.case(reference)
    except Refused as refusal:
        return await _page(pages, platform, call, refused=str(refusal))
    await _end(platform, call, "noted", case.id, case.reference)
    return pages.go(f"/cases/{case.reference}", "call")


async def _end(platform: Platform, call: Call, state: str, case_id: UUID, reference: str) -> None:
    await linking.announce(call)
    await calls.done(call, state, case_id, reference)
    await linking.attach_waiting(platform, call, case_id, reference)


@get("/calls/{call_id:uuid}/read", opt=OPT)
async def read_back(call_id: UUID, pages: Pages, platform: Platform, context: Context) -> Any:
    """What was understood, to be read aloud; then it is filed."""
    call = await _own(call_id, context)
    if call.state != "draft":
        return pages.go(f"/cases/{call.reference}")
    options = await platform.filing_options()
    problems = await _missing(platform, call, options)
    if problems:
        return await _page(pages, platform, call, problems)
    return await _read_page(pages, platform, call)


async def _read_page(pages: Pages, platform: Platform, call: Call, refused: str = "", status: int = 422) -> Any:
    options = await platform.filing_options()
    unit = _unit(options, call.body.unit)
    country = await _country(platform, unit)
    return await pages.show(
        "phone/read.html", here=HERE, status=status if refused else 200, texts=TEXTS, call=call, typed=call.body,
        answers=[pair for pair in _answered(await _asked(platform, call.body), call.body) if pair[1]],
        number_shown=shown(call.body.number, country), refused=refused, unit=unit,
    )  # fmt: skip


@post("/calls/{call_id:uuid}/file", opt=OPT, status_code=303)
async def file(request: Req, call_id: UUID, pages: Pages, platform: Platform, context: Context) -> Any:
    """Files it once, as the agent who is signed in; a second press leads to the same case."""
    call, sent = await _own(call_id, context), await given.read(request)
    if call.state != "draft":
        return pages.go(f"/cases/{call.reference}")
    options = await platform.filing_options()
    if problems := await _missing(platform, call, options):
        return await _page(pages, platform, call, problems)
    unit, asked = _unit(options, call.body.unit), await _asked(platform, call.body)
    raw, complaint = receipt(call, unit.language, _answered(asked, call.body), await sent.documents())
    try:
        filed = await platform.file(raw, complaint)
    except Refused as refusal:
        status = 409 if isinstance(refusal, Conflict) else 422
        return await _read_page(pages, platform, call, str(refusal), status)
    await _end(platform, call, "filed", filed.case_id, filed.reference)
    return pages.go(f"/cases/{filed.reference}")


HANDLERS = (home, index, begin, form, save, read_back, file)
