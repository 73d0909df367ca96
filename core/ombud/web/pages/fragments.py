"""Parts of pages for htmx: drawn by the same templates, without the layout around them."""

from typing import Any

from litestar import Request, Response

from ombud.web.look import look
from ombud.web.shell import render, shell

Req = Request[Any, Any, Any]


def asks_for(request: Req, target: str) -> bool:
    """True if htmx will put the answer into this element."""
    return request.headers.get("hx-target", "") == target


def by_htmx(request: Req) -> bool:
    return request.headers.get("hx-request", "") == "true"


async def fragment(request: Req, template: str, *, status: int = 200, **context: Any) -> Response[str]:
    html = render(request, look.jinja, template, await shell(request), context)
    return Response(
        html, media_type="text/html; charset=utf-8", status_code=status, headers={"vary": "HX-Request, HX-Target"}
    )


def leave(request: Req, to: str, toast_cookie: str = "") -> Response[Any]:
    """Sends the whole page elsewhere: a redirect, or the header that htmx follows."""
    headers = {"set-cookie": toast_cookie} if toast_cookie else {}
    if by_htmx(request):
        return Response(None, status_code=200, headers={**headers, "hx-redirect": to})
    return Response(None, status_code=303, headers={**headers, "location": to})
