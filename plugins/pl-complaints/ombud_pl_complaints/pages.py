"""Pages about one case: the extension that was told to the client, and a reply in time that was recorded late."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.exceptions import NotFoundException

from ombud_pl_complaints import kept
from ombud_pl_complaints.deadlines import ANSWERED, EXTENDED, days_of, is_payment
from ombud_pl_complaints.where import concerns, unit_of
from ombud_pl_complaints.wording import TEXTS
from ombud_plugin_api import CaseView, Context, Pages, Platform, Refused

MAY = "pl-complaints.record"
OPT = {"permission": MAY}
LONGEST = 2000
Req = Request[Any, Any, Any]


@get("/cases/{reference:str}/extend", opt=OPT)
async def extend_form(reference: str, pages: Pages, platform: Platform, context: Context) -> Any:
    case = await _case(platform, reference)
    return await _extend_page(pages, platform, context, case, {})


async def _case(platform: Platform, reference: str) -> CaseView:
    """Raises NotFoundException, also for whom one of its aspects is about: its letters are not theirs to write."""
    try:
        case = await platform.case(reference)
    except Refused:
        raise NotFoundException("There is no such case that you may see.") from None
    if case.partly_hidden:
        raise NotFoundException("There is no such case that you may write letters for.")
    return case


async def _extend_page(
    pages: Pages, platform: Platform, context: Context, case: CaseView, typed: Mapping[str, str], wrong: str = "",
    field: str = "",
) -> Any:  # fmt: skip
    return await pages.show(
        "pl-complaints/extend.html", status=422 if wrong else 200, texts=TEXTS, reference=case.reference,
        kept=await kept.of_case(case.id), typed=typed, wrong=wrong, field=field, today=await _today(platform, case),
        closed=case.status == "closed", payment=_is_payment(case, context.settings),
    )  # fmt: skip


def _is_payment(case: CaseView, settings: Mapping[str, Any]) -> bool:
    return is_payment({each.category for each in case.aspects}, settings)


async def _zone(platform: Platform, case: CaseView) -> ZoneInfo:
    return ZoneInfo((await unit_of(case, platform)).time_zone)


async def _today(platform: Platform, case: CaseView) -> date:
    return datetime.now(UTC).astimezone(await _zone(platform, case)).date()


@post("/cases/{reference:str}/extend", opt=OPT, status_code=303)
async def extend(request: Req, reference: str, pages: Pages, platform: Platform, context: Context) -> Any:
    """Records the extension in the case, whose clock then runs to the day that the notice names."""
    case, typed = await _case(platform, reference), await _typed(request)
    settings = await platform.settings(case.unit)
    wrong = _wrong_words(typed) or await _wrong_days(platform, case, typed, settings)
    if wrong:
        return await _extend_page(pages, platform, context, case, typed, *wrong)
    until, told_on = date.fromisoformat(typed["until"]), date.fromisoformat(typed["told_on"])
    await platform.record(case.id, EXTENDED, {"until": until.isoformat(), "told": told_on.isoformat()})
    await kept.put(
        case.id, reference=case.reference, told_on=told_on, until=until, cause=typed["cause"],
        circumstances=typed["circumstances"], told_by=context.viewer_name[:200],
    )  # fmt: skip
    return pages.go(f"cases/{case.reference}/extend", TEXTS["en"]["extend"]["done"])


async def _typed(request: Req) -> dict[str, str]:
    form = await request.form()
    names = ("cause", "circumstances", "until", "told_on", "answered_on", "answered_how")
    return {name: str(form.get(name) or "").replace("\0", "").strip()[:LONGEST] for name in names}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _wrong_words(typed: Mapping[str, str]) -> tuple[str, str] | None:
    """A code of the texts' problems, with the field."""
    for name in ("cause", "circumstances"):
        if not typed[name]:
            return f"{name}_missing", name
    for name in ("until", "told_on"):
        if _day(typed[name]) is None:
            return "no_day", name
    return None


async def _wrong_days(
    platform: Platform, case: CaseView, typed: Mapping[str, str], settings: Mapping[str, Any]
) -> tuple[str, str] | None:
    """The notice goes out within the days of a reply, once, and names a day within those of an extension. Business days
    are counted without holidays here; the clock, which knows them, ends at the last lawful day whatever is named."""
    known, zone = await kept.of_case(case.id), await _zone(platform, case)
    if case.status == "closed" or (known is not None and known.until is not None):
        return "not_open", "until"
    if not await concerns(case, platform, settings):
        return "not_here", "until"
    received, today = case.received_at.astimezone(zone).date(), await _today(platform, case)
    until, told_on = date.fromisoformat(typed["until"]), date.fromisoformat(typed["told_on"])
    if told_on > today or told_on < received:
        return "told_when", "told_on"
    if _is_payment(case, settings):
        first, last = received + timedelta(days=3 * days_of(settings, "days_payment")), received + timedelta(
            days=3 * days_of(settings, "days_payment_extended"))  # fmt: skip
    else:
        first = received + timedelta(days=days_of(settings, "days_usual"))
        last = received + timedelta(days=days_of(settings, "days_extended"))
    if told_on > first:
        return "told_late", "told_on"
    return ("too_far", "until") if until > last or until <= told_on else None


@get("/cases/{reference:str}/answered", opt=OPT)
async def answered_form(reference: str, pages: Pages, platform: Platform) -> Any:
    case = await _case(platform, reference)
    return await _answered_page(pages, case, {})


async def _answered_page(
    pages: Pages, case: CaseView, typed: Mapping[str, str], wrong: str = "", field: str = ""
) -> Any:
    return await pages.show(
        "pl-complaints/answered.html", status=422 if wrong else 200, texts=TEXTS, reference=case.reference,
        kept=await kept.of_case(case.id), typed=typed, wrong=wrong, field=field,
    )  # fmt: skip


@post("/cases/{reference:str}/answered", opt=OPT, status_code=303)
async def answered(request: Req, reference: str, pages: Pages, platform: Platform) -> Any:
    """A reply that left in time and was recorded late, such as a letter: the case does not count as upheld any more."""
    case, typed = await _case(platform, reference), await _typed(request)
    known, day, zone = await kept.of_case(case.id), _day(typed["answered_on"]), await _zone(platform, case)
    if known is None or not known.deemed or known.deemed_at is None:
        return await _answered_page(pages, case, typed, "not_deemed", "answered_on")
    if day is None or not case.received_at.astimezone(zone).date() <= day <= known.deemed_at.astimezone(zone).date():
        return await _answered_page(pages, case, typed, "answered_when", "answered_on")
    if not typed["answered_how"]:
        return await _answered_page(pages, case, typed, "how_missing", "answered_how")
    await platform.record(case.id, ANSWERED, {"on": day.isoformat()})
    await kept.put(case.id, reference=case.reference, answered_on=day, answered_how=typed["answered_how"])
    return pages.go(f"/cases/{case.reference}", TEXTS["en"]["answered"]["done"])


HANDLERS = [extend_form, extend, answered_form, answered]
