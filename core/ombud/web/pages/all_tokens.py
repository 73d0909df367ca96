"""All API tokens of the people an administrator reaches: whose, for what, when used; and ending one."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import staff
from ombud.desk.administration.authority import MANAGE
from ombud.desk.administration.token_list import TokenOf, list_tokens
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import given
from ombud.web.pages.set_up import token_state
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": MANAGE}
STATES = [("", "All"), ("holds", "Work now"), ("over", "Expired, revoked or of somebody shut out")]


@get("/tokens", opt=OPT)
async def tokens_listed(request: Req, q: str = "", stands: str = "", after: str = "") -> Response[Any]:
    text = q.replace("\0", "").strip()
    found = await list_tokens(viewer_of(request), text=text, state=stands, cursor=after or None)
    kept = {"q": text, "stands": stands}
    more = urlencode({**kept, "after": found.next_cursor}) if found.next_cursor else ""
    return await administration_page(
        request, "pages/all_tokens.html", "tokens", tokens=[_drawn(each) for each in found.rows], filters=kept,
        states=STATES, filtered=bool(text or stands), next_href=f"/tokens?{more}" if more else "",
    )  # fmt: skip


def _drawn(row: TokenOf) -> dict[str, Any]:
    state = token_state(row.token)
    return {
        "listed": row.token, "state": "shut out" if state == "holds" and not row.owner_active else state,
        "owner": row.owner, "owner_href": f"/users/{row.owner_id}", "beyond": row.beyond,
    }  # fmt: skip


@post("/tokens/{token_id:uuid}/revoke", opt=OPT)
async def end_token(request: Req, token_id: UUID) -> Response[Any]:
    """Back to the list, or to the page of its owner where the form was."""
    form = await given(request)
    owner = await staff.end_token(viewer_of(request), token_id)
    back = f"/users/{owner}" if form.text("back") else "/tokens"
    return go(back, "The token has ended. Whatever used it is refused from now on.")


handlers = [tokens_listed, end_token]
