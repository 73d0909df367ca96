"""A case from a message: in one click, or with what it begins with looked through before."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import choices, fields, taxonomies
from ombud.desk.checking import MATTERS
from ombud.desk.choices import CaseTypeChoice, UnitChoice
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.inbox import deciding, joining, message_shown
from ombud.desk.inbox.deciding import NewCase
from ombud.desk.inbox.message_shown import MessageShown
from ombud.desk.opening import shortened
from ombud.speech import sentence
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.inbox import on
from ombud.web.pages.inbox_words import sender_of
from ombud.web.shell import go, page
from ombud_plugin_api.facts import Matter

Req = Request[Any, Any, Any]
DECIDE = {"permission": "inbox.decide"}
TITLE = 120


@get("/inbox/{message_id:uuid}/case", opt=DECIDE)
async def look_through(request: Req, message_id: UUID, back: str = "") -> Response[Any]:
    """The form, with what the message says."""
    message = await message_shown.message_shown(viewer_of(request), message_id)
    following = request.query_params.get("next", "")
    matters = [(message.text or message.subject, "")]
    return await _form(request, message, _from_message(message), matters, back, following)


def _from_message(message: MessageShown) -> dict[str, str]:
    sender = joining.sender_of(message.sender or "", message.address or "")
    return {"name": sender.name or message.address or "Name withheld", "email": sender.email, "phone": sender.phone,
            "title": title_of(message), "unit": message.unit.key, "case_type": ""}  # fmt: skip


def title_of(message: MessageShown) -> str:
    return shortened(message.subject or message.text, TITLE)


@post("/inbox/{message_id:uuid}/case", opt=DECIDE)
async def make_case(request: Req, message_id: UUID) -> Response[Any]:
    """Opens the case; without fields of the form, with what the message says."""
    viewer, form = viewer_of(request), await given(request)
    message = await message_shown.message_shown(viewer, message_id)
    texts, matters = _from_message(message), _matters(form, message)
    if form.has("name"):
        texts = {name: form.text(name) for name in texts}
    if form.text("step"):
        return await _form(request, message, texts, _stepped(form, matters), form.text("back"), form.text("next"), form)
    try:
        new = await _new_case(viewer, texts, matters, form)
        filed = await deciding.open_case(viewer, message_id, new)
    except Invalid as problem:
        place = _PLACES.get(problem.field, problem.field)
        wrong = Refused(422, [{"field": place, "message": str(problem)}], {place: str(problem)})
        return await _form(request, message, texts, matters, form.text("back"), form.text("next"), form, wrong)
    if form.text("go") == "case":
        return go(f"/cases/{filed.reference}", sentence("%(reference)s is open.", reference=filed.reference))
    return go(on(form), sentence("%(reference)s is open.", reference=filed.reference))


_PLACES = {"person.name": "name", "person.email": "email", "person.phone": "phone", "summary": "title",
           "matters.0.text": "matter-1", "matters": "matter-1"}  # fmt: skip


def _matters(form: Given, message: MessageShown) -> list[tuple[str, str]]:
    if not form.has("matter"):
        return [(message.text or message.subject, "")]
    texts, categories = form.all("matter"), form.all("category")
    return list(zip(texts, categories + [""] * len(texts), strict=False))[:MATTERS]


def _stepped(form: Given, matters: list[tuple[str, str]]) -> list[tuple[str, str]]:
    step = form.text("step")
    if step == "add" and len(matters) < MATTERS:
        return [*matters, ("", "")]
    place = step.removeprefix("remove-")
    if step.startswith("remove-") and place.isdigit() and len(matters) > 1:
        return [each for number, each in enumerate(matters, 1) if number != int(place)]
    return matters


async def _new_case(viewer: Viewer, texts: dict[str, str], matters: list[tuple[str, str]], form: Given) -> NewCase:
    case_type = await _case_type(texts["case_type"])
    own = fields.from_form(case_type.schema, form.texts())
    return NewCase(
        unit=texts["unit"], case_type=case_type.key, name=texts["name"], email=texts["email"], phone=texts["phone"],
        title=texts["title"], confidential=form.ticked("confidential"),
        matters=tuple(Matter(text=text, category=category) for text, category in matters if text.strip()),
        fields=fields.check(case_type.schema, own),
    )  # fmt: skip


async def _case_type(key: str) -> CaseTypeChoice:
    """The chosen one, or the desk's usual one."""
    types = await choices.case_types()
    found = next((each for each in types if each.key == key), None)
    found = (
        found
        or next((each for each in types if not key and each.key == "complaint"), None)
        or (types[0] if types and not key else None)
    )
    if found is None:
        raise Invalid("Choose one of the list.", "case_type")
    return found


async def _form(
    request: Req, message: MessageShown, texts: dict[str, str], matters: list[tuple[str, str]], back: str,
    following: str, form: Given | None = None, wrong: Refused = NOTHING_WRONG,
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    if not message.may_decide:
        raise NotFound(deciding.GONE)
    open_to: list[UnitChoice] = await choices.units_for(viewer, "case.file", in_use=True)
    types = await choices.case_types()
    kind = next((each for each in types if each.key == (texts["case_type"] or "complaint")), types[0])
    unit = next((each for each in open_to if each.key == texts["unit"]), open_to[0] if open_to else None)
    categories = await taxonomies.choices("category", unit.id, taxonomies.today(), viewer.language) if unit else []
    shown = {
        **texts, "case_type": kind.key, "confidential": form.ticked("confidential") if form else False,
        "matters": [{"text": text, "category": category} for text, category in matters],
        "errors": wrong.errors, "error_of": wrong.error_of, "back": back, "next": following,
    }  # fmt: skip
    return await page(
        request, "pages/inbox_case.html", here="inbox", status=wrong.status, form=shown,
        message={"id": str(message.id), "sender": sender_of(message.sender, message.address), "at": message.at,
                 "subject": message.subject, "text": message.text, "files": len(message.files)},
        units=[(each.key, each.name) for each in open_to], case_types=[(each.key, each.label) for each in types],
        own_fields=fields.form(kind.schema, fields.from_form(kind.schema, form.texts() if form else {})),
        categories=[each.path for each in categories], may_add=len(matters) < MATTERS,
        may_hide=any(viewer.may_in("case.confidential", each.id) for each in open_to),
    )  # fmt: skip


handlers = [look_through, make_case]
