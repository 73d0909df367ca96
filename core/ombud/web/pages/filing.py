"""A complaint written down for somebody: a letter, a call, a visit, an e-mail."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict

from ombud.desk import choices, fields, hand_filing, intake, taxonomies
from ombud.desk.checking import MATTERS, checked_email, clean_text
from ombud.desk.choices import CaseTypeChoice, UnitChoice
from ombud.desk.colleagues import drafts
from ombud.desk.errors import Invalid, KeyReused
from ombud.desk.hand_filing import CHANNELS, RECEIPTS, complaint_of, matters_of, received_at
from ombud.desk.merges.similar import similar
from ombud.kernel.clock import now
from ombud.process import settings
from ombud.speech import joined, sentence, word
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.merges import alike_drawn
from ombud.web.pages.messages import kept_draft
from ombud.web.shell import go, page
from ombud_plugin_api.facts import RawReceipt

Req = Request[Any, Any, Any]
FILE = {"permission": "case.file"}
SENT_BEFORE = "This form was sent before with other words. Look whether that case is there, then send it again."


@get("/cases/new", opt=FILE)
async def new_case(request: Req, draft: UUID | None = None) -> Response[Any]:
    """An empty form, dated today; or one that was begun (`draft`) and goes on where it was left."""
    begun = [
        each for each in await drafts.all_mine(viewer_of(request), draft) if each.purpose.startswith(drafts.FILING)
    ]
    if draft is None or not begun:
        return await _form(request, Given(FormMultiDict({})), [("", "")], begun=[each.id for each in begun])
    kept = begun[0]
    form = Given(FormMultiDict([*_unfolded(kept.body), ("key", kept.purpose.removeprefix(drafts.FILING))]))
    return await _form(request, form, matters_of(form.parts()) or [("", "")], kept=kept)


@post("/cases/new/draft", opt=FILE)
async def keep_filing(request: Req) -> Response[Any]:
    """What is typed so far; it hangs on the writer, as there is no case yet."""
    form = await given(request)
    purpose, seen = drafts.for_filing(form.text("key")), form.number("draft_version") or 0
    viewer = viewer_of(request)
    filed = await hand_filing.is_filed(f"user/{viewer.user_id}", form.text("key")[:100])
    return await kept_draft(request, viewer, None, purpose, {} if filed else _folded(form), seen, "filing")


UNTYPED = ("_csrf", "key", "step", "draft_version")
_CHOSEN = ("channel", "received_on", "unit", "case_type", "confidential")


def _folded(form: Given) -> dict[str, str]:
    """The form as one level of texts, `name.n` where a name repeats; nothing while only choices were made."""
    flat = {
        f"{name}.{n}" if n else name: text
        for name, texts in form.parts().items()
        if name not in UNTYPED
        for n, text in enumerate(texts)
    }
    typed = any(text.strip() for name, text in flat.items() if name.partition(".")[0] not in _CHOSEN)
    return dict(list(flat.items())[: drafts.PARTS]) if typed else {}


def _unfolded(body: Mapping[str, str]) -> list[tuple[str, str]]:
    """A field of the case type has a point in its name by itself."""
    return [(name if name.startswith("fields.") else name.partition(".")[0], text) for name, text in body.items()]


@post("/cases/new", opt=FILE)
async def file_case(request: Req) -> Response[Any]:
    """Opens the case; a button for another matter, or a refusal, shows the form again with every text kept."""
    form, viewer = await given(request), viewer_of(request)
    if form.text("step"):
        return await _form(request, form, _stepped(form))
    open_to = {unit.key: unit for unit in await choices.units_for(viewer, "case.file", in_use=True)}
    types = {each.key: each for each in await choices.case_types()}
    wrong = _wrong(form, open_to, types)
    if wrong:
        return await _form(request, form, matters_of(form.parts()), _beside(wrong))
    try:
        return await _filed(request, viewer, form, open_to[form.text("unit")], types[form.text("case_type")])
    except Invalid as problem:
        return await _form(request, form, matters_of(form.parts()), _beside([problem]))
    except KeyReused:
        again = Refused(409, [{"field": "", "message": SENT_BEFORE}])
        return await _form(request, form, matters_of(form.parts()), again, key=_new_key())


async def _filed(
    request: Req, viewer: Viewer, form: Given, unit: UnitChoice, case_type: CaseTypeChoice
) -> Response[Any]:
    raw = RawReceipt(
        channel=RECEIPTS, key=form.text("key")[:100] or _new_key(), body=await request.body(),
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    complaint = complaint_of(form.parts(), unit.time_zone, case_type.schema)
    if complaint.confidential and not viewer.may_in("case.confidential", unit.id):
        raise Invalid("You have no right to confidential cases here. Ask your team leader to file it.", "confidential")
    filed = await intake.file(raw, complaint, principal=f"user/{viewer.user_id}", actor=viewer.actor)
    await drafts.drop(viewer, None, drafts.for_filing(form.text("key")))
    words = "was opened already" if filed.duplicate else "is open"
    return go(f"/cases/{filed.reference}", f"{filed.reference} {words}.")


def _stepped(form: Given) -> list[tuple[str, str]]:
    matters, step = matters_of(form.parts()), form.text("step")
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
    texts = [text for text, _ in matters_of(form.parts())]
    zone = open_to[form.text("unit")].time_zone if form.text("unit") in open_to else "UTC"
    tries: list[Callable[[], Any]] = [
        lambda: clean_text(form.text("name"), "name", longest=200, required=True),
        lambda: checked_email(form.text("email"), "email"),
        lambda: clean_text(form.text("phone"), "phone", longest=50),
        lambda: _chosen(form.text("channel"), CHANNELS, "channel"),
        lambda: _chosen(form.text("unit"), open_to, "unit"),
        lambda: _chosen(form.text("case_type"), types, "case_type"),
        lambda: received_at(form.text("received_on"), zone),
        lambda: clean_text(form.text("summary"), "summary", longest=200),
        *(_checks_matter(place, text, longest) for place, text in enumerate(texts, 1) if text.strip()),
    ]
    if not any(text.strip() for text in texts):
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


_LABELS = {"name": "Who complains", "email": "E-mail", "phone": "Phone", "channel": "Channel", "unit": "Unit",
           "case_type": "Case type", "received_on": "Received on", "summary": "In one line"}  # fmt: skip


def _beside(problems: Sequence[Invalid]) -> Refused:
    """Each text stands at its field; in the summary it names the field too."""
    placed = [(_place(each.field), str(each)) for each in problems]
    errors = [{"field": place, "message": _named(place, text)} for place, text in placed]
    return Refused(422, errors, dict(reversed(placed)))


def _named(place: str, text: str) -> str:
    number = place.removeprefix("matter-")
    label = sentence("Matter %(what)s", what=number) if number != place else word(_LABELS.get(place, ""))
    return joined((label, word(text)), ": ") if label else text


def _place(name: str) -> str:
    if name.startswith("matters."):
        return f"matter-{int(name.split('.')[1]) + 1}"
    return _FIELDS.get(name, name)


async def _form(
    request: Req, form: Given, matters: Sequence[tuple[str, str]], wrong: Refused = NOTHING_WRONG, key: str = "",
    kept: drafts.Mine | None = None, begun: Sequence[UUID] = (),
) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    open_to, types = await choices.units_for(viewer, "case.file", in_use=True), await choices.case_types()
    chosen = next((each for each in types if each.key == form.text("case_type")), types[0] if types else None)
    unit = next((each for each in open_to if each.key == form.text("unit")), open_to[0] if open_to else None)
    today = now().astimezone(ZoneInfo(unit.time_zone if unit else "UTC")).date()
    names = ("name", "email", "phone", "summary")
    shown = {
        **{name: form.text(name) for name in names},
        "channel": form.text("channel", "phone"), "received_on": form.text("received_on", today.isoformat()),
        "unit": form.text("unit"), "case_type": chosen.key if chosen else "",
        "confidential": form.ticked("confidential"),
        "matters": [{"text": text, "category": category} for text, category in matters],
        "errors": wrong.errors, "error_of": wrong.error_of, "key": key or form.text("key")[:100] or _new_key(),
    }  # fmt: skip
    likely = await similar(
        viewer, email=form.text("email"), phone=form.text("phone"), text=" ".join(text for text, _ in matters)
    )
    categories = await taxonomies.choices("category", unit.id, taxonomies.today(), viewer.language) if unit else []
    own = fields.form(chosen.schema, fields.from_form(chosen.schema, form.texts())) if chosen else []
    return await page(
        request, "pages/case_new.html", here="queue", status=wrong.status, form=shown, channels=list(CHANNELS.items()),
        units=[(each.key, each.name) for each in open_to], case_types=[(each.key, each.label) for each in types],
        draft={"draft_version": kept.version if kept else form.number("draft_version") or 0,
               "saved_at": kept.updated_at if kept else None},
        begun=len(begun), begun_href=f"/cases/new?draft={begun[0]}" if len(begun) == 1 else "/me/drafts",
        alike=[alike_drawn(each) for each in likely], looked=form.text("step") == "alike",
        own_fields=own, categories=[each.path for each in categories], may_add=len(matters) < MATTERS,
        may_hide=any(viewer.may_in("case.confidential", each.id) for each in open_to),
    )  # fmt: skip


def _new_key() -> str:
    return secrets.token_urlsafe(18)


handlers = [new_case, file_case, keep_filing]
