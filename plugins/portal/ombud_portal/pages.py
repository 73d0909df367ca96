"""The complaint's page: how each matter stands, what happens next, what was said, and a box to say more."""

import secrets
from typing import Any

from litestar import get, post

from ombud_plugin_api import BadLink, Context, CustomerCase, Pages, Platform, Refused, TooMany
from ombud_portal import given
from ombud_portal.given import Req
from ombud_portal.wording import TEXTS, problem

PUBLIC = {"public": True}


@get("/", opt=PUBLIC)
async def start(pages: Pages, context: Context) -> Any:
    """For those who come without their link."""
    return await pages.show("portal/start.html", texts=TEXTS, wishes=context.settings)


@get("/{token:str}", opt=PUBLIC)
async def follow(token: str, platform: Platform, pages: Pages, said: str = "") -> Any:
    """`said`: a message was sent a moment ago."""
    try:
        case = await platform.follow(token)
    except BadLink as bad:
        return await bad_link(pages, bad)
    return await show_case(pages, platform, token, case, said=bool(said))


async def show_case(
    pages: Pages, platform: Platform, token: str, case: CustomerCase, text: str = "", key: str = "", wrong: str = "",
    *, said: bool = False,
) -> Any:  # fmt: skip
    """`text`: words that could not be sent, kept in their box."""
    return await pages.show(
        "portal/case.html",
        status=422 if wrong else 200,
        texts=TEXTS,
        case=case,
        wishes=await platform.settings(case.unit),
        at=given.home(token),
        text=text,
        key=key or secrets.token_urlsafe(12),
        wrong=wrong,
        said=said,
        problems=[{"field": "text", "message": wrong}] if wrong else [],
        undecided=[each for each in case.aspects if each.state != "decided"],
    )


async def bad_link(pages: Pages, bad: BadLink) -> Any:
    """A friendly page: the complaint itself is not affected."""
    return await pages.show("portal/bad_link.html", status=410 if bad.gone else 404, texts=TEXTS, reason=str(bad))


@post("/{token:str}/say", opt=PUBLIC, status_code=303)
async def say(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    """Adds a message once, however often the form is sent."""
    sent = await given.read(request)
    text, key = sent.text("text"), sent.text("key")[:100]
    try:
        if not text.strip():
            raise Refused(problem(sent.language, "text_missing"), "text")
        await platform.say(token, text, key or secrets.token_urlsafe(12))
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused as refusal:
        try:
            case = await platform.follow(token)
        except BadLink as bad:
            return await bad_link(pages, bad)
        answer = await show_case(pages, platform, token, case, text, key, str(refusal))
        if isinstance(refusal, TooMany):
            answer.status_code, answer.headers["retry-after"] = 429, str(refusal.retry_after)
        return answer
    return pages.go(f"{token}?said=1#said")


@get("/{token:str}/say", opt=PUBLIC)
async def say_again(token: str, pages: Pages) -> Any:
    """For a browser that asks for the address of the form again."""
    return pages.go(token)


handlers = [start, follow, say, say_again]
