"""Global Privacy Control on the pages of the public: honoured where it comes, said on the page, written down once for a
browser. What is written down is in `desk/privacy/signals.py`."""

import secrets
from typing import Any

from litestar import Request, Response
from litestar.connection import ASGIConnection

from ombud.desk.privacy import signals
from ombud.trust import throttle
from ombud.web.door import cookie_of, put_cookie, viewer_of
from ombud.web.throttled import address_of

HEADER = "sec-gpc"
COOKIE = "ombud_gpc"
KEPT = 365 * 24 * 3600


def is_sent(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the browser opts out and a law that is turned on here knows the signal."""
    return connection.headers.get(HEADER, "").strip() == "1" and bool(signals.honoured_by())


def opted_out(request: Request[Any, Any, Any]) -> str | None:
    """The random value of its cookie, for the log; None without the signal, or from somebody who works here."""
    if viewer_of(request).user_id is not None or not is_sent(request):
        return None
    return cookie_of(request, COOKIE)[:100]


async def honour(request: Request[Any, Any, Any], answer: Response[Any]) -> None:
    """Writes the browser down at its first page with the signal; its cookie says that this was done."""
    if opted_out(request) == "":
        secret = secrets.token_urlsafe(18)
        await signals.of_browser(secret, throttle.network(address_of(request)))
        put_cookie(answer, COOKIE, secret, KEPT)
