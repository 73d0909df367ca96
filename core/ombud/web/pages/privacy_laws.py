"""The laws of personal data in the administration: their times with the articles they stand in, and corrections."""

from typing import Any

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import SET_UP, whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.errors import DeskRefusal, Invalid, NotAllowed
from ombud.desk.privacy import laws
from ombud.speech import sentence, word
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Refused, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
HOME = "/administration/laws"
PART_WORDS = {"answer": "Answer", "acknowledge": "Confirm receipt", "extension": "Extension, once"}
UNIT_WORDS = [("months", "Months"), ("days", "Days"), ("business_days", "Business days")]


@get(HOME, opt=OPT)
async def laws_listed(request: Req) -> Response[Any]:
    return await _page(request)


@post(HOME, opt=OPT)
async def correct(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        law, _, rest = form.text("time").partition("/")
        kind, _, part = rest.partition("/")
        if part not in laws.PARTS:
            raise Invalid("Choose the time that you correct.", "time")
        await laws.correct(viewer, law, kind, part, form.number("amount"), form.text("unit"), form.text("source"))
    except (DeskRefusal, NotAllowed) as problem:
        return await _page(request, beside(problem), form.texts())
    return go(HOME, "The number is corrected. It counts for requests from now on.")


async def _page(request: Req, wrong: Refused = NOTHING_WRONG, kept: dict[str, str] | None = None) -> Response[Any]:
    found = [
        {"law": law, "rights": [{"right": right, "times": _times(right)} for right in law.rights]}
        for law in await laws.in_force()
    ]
    times = [
        (f"{law.key}/{right.key}/{part}", sentence("%(law)s: %(right)s, %(part)s", law=word(law.label),
            right=word(right.label), part=word(PART_WORDS[part]).lower()))
        for law in laws.brought() for right in law.rights for part in laws.PARTS
    ]  # fmt: skip
    names = ("time", "amount", "unit", "source")
    return await administration_page(
        request, "pages/privacy_laws.html", "laws", status=wrong.status, laws=found, times=times, units=UNIT_WORDS,
        may_change=await whole_desk(viewer_of(request), SET_UP), trail=await trail([laws.STREAM], size=15),
        form={**{name: (kept or {}).get(name, "") for name in names}, "errors": wrong.errors,
              "error_of": wrong.error_of},
    )  # fmt: skip


def _times(right: Any) -> list[dict[str, Any]]:
    return [
        {
            "label": PART_WORDS[part],
            "words": laws.span_words(span),
            "source": span.source,
            "provenance": span.provenance,
        }
        for part in laws.PARTS
        if (span := getattr(right, part)) is not None
    ]


handlers = [laws_listed, correct]
