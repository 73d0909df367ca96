"""Taking back one matter or all of them, behind the second factor and with one more look before it is done."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import get, post

from ombud_plugin_api import BadLink, CustomerCase, Pages, Platform, Refused
from ombud_portal import given
from ombud_portal.given import Given, Req
from ombud_portal.pages import PUBLIC, bad_link
from ombud_portal.wording import TEXTS, problem

ALL = "all"
Wishes = Mapping[str, Any]


@get("/{token:str}/withdraw", opt=PUBLIC)
async def withdraw_form(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    try:
        case = await platform.follow(token)
        wishes = await platform.settings(case.unit)
        if not wishes["may_withdraw"]:
            return await _not_here(pages, token, case, wishes)
        await platform.documents(token, given.proof_of(request))
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused:
        return pages.go(f"{token}/prove?to=withdraw")
    return await _draw(pages, token, case, wishes, Given(), {})


async def _not_here(pages: Pages, token: str, case: CustomerCase, wishes: Wishes) -> Any:
    """The unit wants to be written to instead; nothing is taken back."""
    return await pages.show(
        "portal/withdraw.html", status=403, texts=TEXTS, case=case, wishes=wishes, at=given.home(token), undecided=[],
        wrong={}, problems=[],
    )  # fmt: skip


async def _draw(
    pages: Pages, token: str, case: CustomerCase, wishes: Wishes, sent: Given, wrong: dict[str, str]
) -> Any:
    undecided = [each for each in case.aspects if each.state != "decided"]
    return await pages.show(
        "portal/withdraw.html",
        status=422 if wrong else 200,
        texts=TEXTS,
        case=case,
        wishes=wishes,
        at=given.home(token),
        undecided=undecided,
        all_code=ALL,
        chosen=sent.text("aspect"),
        reason=sent.text("reason"),
        wrong=wrong,
        problems=[{"field": field, "message": message} for field, message in wrong.items()],
    )


@post("/{token:str}/withdraw", opt=PUBLIC, status_code=303)
async def withdraw(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    sent, proof = await given.read(request), given.proof_of(request)
    try:
        case = await platform.follow(token)
        wishes = await platform.settings(case.unit)
        if not wishes["may_withdraw"]:
            return await _not_here(pages, token, case, wishes)
        await platform.documents(token, proof)
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused:
        return pages.go(f"{token}/prove?to=withdraw")
    wrong = _missing(sent, case)
    if wrong:
        return await _draw(pages, token, case, wishes, sent, wrong)
    aspect_id = None if sent.text("aspect") == ALL else UUID(sent.text("aspect"))
    try:
        await platform.withdraw(token, proof, aspect_id, sent.text("reason"))
    except Refused as refusal:
        return await _draw(pages, token, case, wishes, sent, {refusal.field or "aspect": str(refusal)})
    return pages.go(token)


def _missing(sent: Given, case: CustomerCase) -> dict[str, str]:
    """What must still be said before anything is taken back."""
    wrong = {}
    if sent.text("aspect") not in {ALL, *(str(each.id) for each in case.aspects)}:
        wrong["aspect"] = problem(sent.language, "choose_matter")
    if sent.text("sure") != "yes":
        wrong["sure"] = problem(sent.language, "not_sure")
    return wrong


handlers = [withdraw_form, withdraw]
