"""The letterhead: the picture of a unit, and a sample letter as it would be printed."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post

from ombud_letters import composing, forms, logos, typesetting
from ombud_letters.forms import Problem, problem
from ombud_letters.pages_out import as_pdf
from ombud_letters.settings import CHANNEL, letterhead, zone
from ombud_letters.wording import TEXTS, texts
from ombud_plugin_api import Context, Misconfigured, OutboundMessage, Pages, Permanent, Recipient

MAY = "letters.setup"
OPT = {"permission": MAY}
HERE = "letterhead"
NOBODY = UUID(int=0)

Req = Request[Any, Any, Any]


@get("/letterhead", opt=OPT)
async def letterhead_page(pages: Pages, context: Context, unit: str = "") -> Any:
    return await _page(pages, context, unit)


async def _page(pages: Pages, context: Context, unit: str, wrong: tuple[Problem, ...] = ()) -> Any:
    head = letterhead(await context.platform.settings(unit))
    return await pages.show(
        "letters/letterhead.html", here=HERE, status=422 if wrong else 200, texts=TEXTS, unit=unit, head=head,
        units=await logos.units(), has_logo=bool((await logos.of_unit(unit, context.platform)).file_name), errors=wrong,
        largest=logos.LARGEST // 1_000_000,
    )  # fmt: skip


@post("/letterhead", opt=OPT, status_code=303)
async def put_logo(request: Req, pages: Pages, context: Context) -> Any:
    """Keeps the picture once a letter with it could be typeset."""
    form = await request.form()
    unit = forms.text(form, "unit", 80)
    if forms.text(form, "step") == "remove":
        await logos.remove(unit, context.platform)
        return pages.go(f"{HERE}?unit={quote(unit)}")
    sent = await forms.files(form, "logo", logos.LARGEST)
    if not sent:
        return await _page(pages, context, unit, (problem("logo", "no_logo"),))
    data = sent[0].data
    if len(data) > logos.LARGEST:
        return await _page(pages, context, unit, (problem("logo", "logo_large", most=logos.LARGEST // 1_000_000),))
    kind = logos.kind_of(data)
    try:
        if not kind:
            raise Misconfigured("no picture")
        picture = logos.Picture(typesetting.LOGO_NAMES[kind], data, kind)
        await _sample(unit, "en", picture, context)
    except (Misconfigured, Permanent):
        return await _page(pages, context, unit, (problem("logo", "bad_logo"),))
    await logos.put(unit, data, context.platform, context.viewer_name)
    return pages.go(f"{HERE}?unit={quote(unit)}")


async def _sample(unit: str, language: str, picture: logos.Picture, context: Context) -> bytes:
    chosen = await context.platform.settings(unit)
    words = texts(language)["sample"]
    message = OutboundMessage(
        id=NOBODY, channel=CHANNEL, kind="reply", language=language, unit=unit, reference="OMB-7F3K2-9",
        recipient=Recipient(name=words["name"], address=words["address"]), subject=words["subject"], text=words["text"],
    )  # fmt: skip
    now = datetime.now(UTC)
    data = composing.data_of(message, letterhead(chosen), now.astimezone(zone(chosen)).date(), picture.file_name,
                             [words["enclosure"]])  # fmt: skip
    return (await typesetting.letter(data, now, picture.content)).pdf


@get("/letterhead/{language:str}/sample.pdf", opt=OPT)
async def sample(context: Context, language: str, unit: str = "") -> Response[bytes]:
    """As a letter of this unit would look today."""
    picture = await logos.of_unit(unit, context.platform)
    made = await _sample(unit, language if language in TEXTS else "en", picture, context)
    return as_pdf(made, "sample.pdf")


HANDLERS = [letterhead_page, put_logo, sample]
