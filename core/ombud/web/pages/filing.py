"""A complaint written down for somebody: a letter, a call, a visit, an e-mail."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict

from ombud.desk import cases, choices, fields, intake, units
from ombud.desk.checking import checked_email, checked_moment, clean_text
from ombud.desk.choices import CaseTypeChoice, UnitChoice
from ombud.desk.errors import Invalid, KeyReused
from ombud.kernel.clock import now
from ombud.process import settings
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.shell import go, page
from ombud_plugin_api.facts import Complaint, Matter, PersonGiven, RawReceipt

Req = Request[Any, Any, Any]
FILE = {"permission": "case.file"}
CHANNELS = {"phone": "Phone call", "letter": "Letter", "in_person": "Visit", "email": "E-mail"}
MATTERS = 20
_AT_NOON = time(12)
SENT_BEFORE = "This form was sent before with other words. Look whether that case is there, then send it again."


@get("/cases/new", opt=FILE)
async def new_case(request: Req) -> Response[Any]:
    """An empty form, dated today."""
    return await _form(request, Given(FormMultiDict({})), [("", "")])


@post("/cases/new", opt=FILE)
async def file_case(request: Req) -> Response[Any]:
    """Opens the case; a button for another matter, or a refusal, shows the form again with every text kept."""
    form, viewer = await given(request), viewer_of(request)
    if form.text("step"):
        return await _form(request, form, _stepped(form))
    open_to = {unit.key: unit for unit in await choices.units_for(viewer, "case.file")}
    types = {each.key: each for each in await choices.case_types()}
    wrong = _wrong(form, open_to, types)
    if wrong:
        return await _form(request, form, matters_of(form), _beside(wrong))
    try:
        return await _filed(request, viewer, form, open_to[form.text("unit")], types[form.text("case_type")])
    except Invalid as problem:
        return await _form(request, form, matters_of(form), _beside([problem]))
    except KeyReused:
        again = Refused(409, [{"field": "", "message": SENT_BEFORE}])
        return await _form(request, form, matters_of(form), again, key=_new_key())


async def _filed(
    request: Req, viewer: Viewer, form: Given, unit: UnitChoice, case_type: CaseTypeChoice
) -> Response[Any]:
    raw = RawReceipt(
        channel=form.text("channel"), key=form.text("key")[:100] or _new_key(), body=await request.body(),
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    complaint = complaint_of(form, unit.time_zone, case_type.schema)
    filed = await intake.file(raw, complaint, principal=f"user/{viewer.user_id}", actor=viewer.actor)
    if form.ticked("confidential") and viewer.may_in("case.confidential", unit.id) and not filed.duplicate:
        await cases.set_confidential(viewer, filed.case_id, True, None)
    words = "was opened already" if filed.duplicate else "is open"
    return go(f"/cases/{filed.reference}", f"{filed.reference} {words}.")


async def parse_filed(raw: RawReceipt) -> Complaint:
    """Reads a stored form again, for the job that resumes intake; raises Invalid."""
    pairs = parse_qsl(raw.body.decode("utf-8", "replace"), keep_blank_values=True)
    form = Given(FormMultiDict(pairs))
    unit = await units.by_key(form.text("unit")) or await units.first()
    return complaint_of(form, unit.time_zone, await fields.schema_of(form.text("case_type")))


def complaint_of(form: Given, zone: str, schema: dict[str, Any]) -> Complaint:
    """What the form says, as intake takes it; raises Invalid for what it cannot say."""
    return Complaint(
        channel=form.text("channel"),
        person=PersonGiven(name=form.text("name"), email=form.text("email"), phone=form.text("phone")),
        matters=tuple(Matter(text=text, category=category) for text, category in matters_of(form) if text.strip()),
        summary=form.text("summary"),
        received_at=received_at(form.day("received_on"), zone),
        unit=form.text("unit"),
        case_type=form.text("case_type"),
        fields=fields.check(schema, fields.from_form(schema, form.texts())),
    )


def received_at(day: date | None, zone: str) -> datetime | None:
    """Noon of a past day where the unit is; None for today, which means the moment of filing."""
    today = now().astimezone(ZoneInfo(zone)).date()
    if day is None or day == today:
        return None
    if day > today:
        raise Invalid("This day lies in the future. Give the day it reached you.", "received_on")
    return checked_moment(datetime.combine(day, _AT_NOON, ZoneInfo(zone)).astimezone(UTC), "received_on")


def matters_of(form: Given) -> list[tuple[str, str]]:
    """The matters as (text, category), empty ones too, at most twenty."""
    texts, categories = form.all("matter"), form.all("category")
    padded = categories + [""] * len(texts)
    return list(zip(texts, padded, strict=False))[:MATTERS] or [("", "")]


def _stepped(form: Given) -> list[tuple[str, str]]:
    matters, step = matters_of(form), form.text("step")
    if step == "add" and len(matters) < MATTERS:
        return [*matters, ("", "")]
    place = step.removeprefix("remove-")
    if step.startswith("remove-") and place.isdigit() and len(matters) > 1:
        return [each for number, each in enumerate(matters, 1) if number != int(place)]
    return matters


_FIELDS = {"person.name": "name", "person.email": "email", "person.phone": "phone", "received_at": "received_on",
           "matters": "matter-1"}  # fmt: skip


def _wrong(form: Given, open_to: dict[str, UnitChoice], types: dict[str, CaseTypeChoice]) -> list[Invalid]:
    """Everything that can be said at once about the form, so that nobody corrects it thing by thing."""
    longest = settings().limits.text_chars
    tries: list[Callable[[], Any]] = [
        lambda: clean_text(form.text("name"), "name", longest=200, required=True),
        lambda: checked_email(form.text("email"), "email"),
        lambda: clean_text(form.text("phone"), "phone", longest=50),
        lambda: _chosen(form.text("channel"), CHANNELS, "channel"),
        lambda: _chosen(form.text("unit"), open_to, "unit"),
        lambda: _chosen(form.text("case_type"), types, "case_type"),
        lambda: _has_a_day(form),
        lambda: clean_text(form.text("summary"), "summary", longest=200),
        *(_checks_matter(place, text, longest) for place, (text, _) in enumerate(matters_of(form), 1) if text.strip()),
    ]
    if not any(text.strip() for text, _ in matters_of(form)):
        tries.append(lambda: clean_text("", "matter-1", longest=longest, required=True))
    found = []
    for check in tries:
        try:
            check()
        except Invalid as problem:
            found.append(problem)
    return found


def _checks_matter(place: int, text: str, longest: int) -> Any:
    return lambda: clean_text(text, f"matter-{place}", longest=longest)


def _chosen(code: str, known: Any, field: str) -> None:
    if code not in known:
        raise Invalid("Choose one of the list.", field)


def _has_a_day(form: Given) -> None:
    if form.day("received_on") is None:
        raise Invalid("Give the day it reached you. Clocks run from it.", "received_on")


def _beside(problems: Sequence[Invalid]) -> Refused:
    placed = [(_place(each.field), str(each)) for each in problems]
    return Refused(422, [{"field": place, "message": text} for place, text in placed], dict(reversed(placed)))


def _place(name: str) -> str:
    if name.startswith("matters."):
        return f"matter-{int(name.split('.')[1]) + 1}"
    return _FIELDS.get(name, name)


async def _form(
    request: Req, form: Given, matters: Sequence[tuple[str, str]], wrong: Refused = NOTHING_WRONG, key: str = ""
) -> Response[Any]:
    viewer = viewer_of(request)
    open_to, types = await choices.units_for(viewer, "case.file"), await choices.case_types()
    chosen = next((each for each in types if each.key == form.text("case_type")), types[0] if types else None)
    unit = next((each for each in open_to if each.key == form.text("unit")), open_to[0] if open_to else None)
    today = now().astimezone(ZoneInfo(unit.time_zone if unit else "UTC")).date()
    names = ("name", "email", "phone", "summary")
    kept = {
        **{name: form.text(name) for name in names},
        "channel": form.text("channel", "phone"), "received_on": form.text("received_on", today.isoformat()),
        "unit": form.text("unit"), "case_type": chosen.key if chosen else "",
        "confidential": form.ticked("confidential"),
        "matters": [{"text": text, "category": category} for text, category in matters],
        "errors": wrong.errors, "error_of": wrong.error_of, "key": key or form.text("key")[:100] or _new_key(),
    }  # fmt: skip
    own = fields.form(chosen.schema, fields.from_form(chosen.schema, form.texts())) if chosen else []
    return await page(
        request, "pages/case_new.html", here="queue", status=wrong.status, form=kept, channels=list(CHANNELS.items()),
        units=[(each.key, each.name) for each in open_to], case_types=[(each.key, each.label) for each in types],
        own_fields=own, may_add=len(matters) < MATTERS,
        may_hide=any(viewer.may_in("case.confidential", each.id) for each in open_to),
    )  # fmt: skip


def _new_key() -> str:
    return secrets.token_urlsafe(18)


handlers = [new_case, file_case]
