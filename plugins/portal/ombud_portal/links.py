"""For staff: who may follow a case by a link, until when; make another, end one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import post

from ombud_plugin_api import CaseView, Context, Pages, Platform, Refused
from ombud_portal import given
from ombud_portal.given import Req
from ombud_portal.wording import TEXTS

WRITE = {"permission": "case.write"}


async def of_case(case: CaseView, context: Context) -> Mapping[str, Any] | None:
    """The slot `case.side`."""
    if not context.may["case.write"]:
        return None
    try:
        found = await context.platform.links(case.id)
    except Refused:  # not for this person in this case
        return None
    moment = datetime.now(UTC)
    shown = [
        {
            "link": each,
            "state": "revoked" if each.revoked_at else "expired" if each.expires_at <= moment else "works",
        }
        for each in found
    ]
    return {"texts": TEXTS, "case": case, "links": shown}


@post("/links/{case_id:uuid}/make", opt=WRITE, status_code=200)
async def make(request: Req, case_id: UUID, platform: Platform, pages: Pages) -> Any:
    """Shows the new address once: the desk stores no address, so that nobody can read it there."""
    reference = (await given.read(request)).text("reference")[:40]
    try:
        case = await platform.case(reference)
        if case.id != case_id:
            raise Refused("This case has another number. Open it again and make the link there.")
        address = await platform.make_link(case_id)
    except Refused as refusal:
        return await pages.show(
            "portal/made.html", status=409, texts=TEXTS, address="", refusal=str(refusal), case=None
        )
    return await pages.show("portal/made.html", texts=TEXTS, address=address, refusal="", case=case)


@post("/links/{link_id:uuid}/revoke", opt=WRITE, status_code=303)
async def revoke(request: Req, link_id: UUID, platform: Platform, pages: Pages) -> Any:
    reference = (await given.read(request)).text("reference")[:40]
    try:
        case = await platform.case(reference)
        if link_id not in {each.id for each in await platform.links(case.id)}:
            raise Refused("This link belongs to another case. Open that case and end it there.")
        await platform.revoke_link(link_id)
    except Refused as refusal:
        return await pages.show(
            "portal/made.html", status=409, texts=TEXTS, address="", refusal=str(refusal), case=None
        )
    return pages.go(f"/cases/{case.reference}", "The link does not work any more.")


handlers = [make, revoke]
