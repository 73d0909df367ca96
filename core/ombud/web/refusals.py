"""What goes wrong becomes a page that says what failed, what is safe and how to go on; under /api a problem."""

import logging
import secrets
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException
from litestar.types import Receive, Scope, Send

from ombud.desk import errors
from ombud.kernel import faults
from ombud.kernel.database import is_away
from ombud.trust import links, throttle
from ombud.web.apart import NotAnsweringError
from ombud.web.api import api_exception_handler
from ombud.web.door import SAFE, FormTooOldError, viewer_of
from ombud.web.guard import ConfirmFirstError, EnrolFirstError
from ombud.web.shell import go, page

log = logging.getLogger("ombud.web")

Req = Request[Any, Any, Any]

_STATUS: dict[type[Exception], int] = {
    errors.NotFound: 404,
    errors.NotAllowed: 403,
    errors.Invalid: 422,
    errors.NotNow: 409,
    errors.SearchFailed: 503,
    errors.KeyReused: 409,
    errors.Changed: 409,
    links.LinkInvalid: 404,
    links.BadLink: 410,
    throttle.Throttled: 429,
}
_TITLES = {
    400: "This request could not be read",
    401: "Please sign in",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This does not work here",
    409: "This cannot be done now",
    410: "This link no longer works",
    413: "This is too large",
    422: "Something is missing or does not fit",
    429: "Too many tries",
    503: "Ombud is not ready yet",
}
_SAFE = "Nothing was changed."
FOR_MACHINES = ("/api", "/health/")  # they read problem details, not pages
KEEPS_WORDS = (FormTooOldError, ConfirmFirstError, throttle.Throttled)
SHORT = 3  # characters; codes and choices are not worth copying
UNSHOWN = ("_csrf", "password", "proof", "answer", "token", "key", "login", "next", "version")
_WORDS = {
    404: "The address leads nowhere, or the page is not for you.",
    405: "The page was asked in a way it does not know. Go back and use its buttons.",
    413: "What you sent is larger than this desk takes. Send less at once, or smaller files.",
}


def refusal(request: Req, problem: Exception) -> Response[Any]:
    """The exception handler of the whole app."""
    if _has_left(problem):
        log.info("%s %s: the browser left before it had sent everything", request.method, request.scope["path"])
        return Response(None, status_code=400)
    if request.scope["path"].startswith(FOR_MACHINES):
        return api_exception_handler(request, problem)
    return _DrawnLater(problem)


def _has_left(problem: Exception) -> bool:
    """Whether nobody waits for an answer any more: a failure of nothing, which Litestar tells as one of the server's,
    in these words alone."""
    return isinstance(problem, InternalServerException) and problem.detail == "client disconnected prematurely"


class _DrawnLater(Response[None]):
    """Litestar wants its handler's answer at once, but a page waits for the database; so it is drawn when sent."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(None)
        self._problem = problem

    def to_asgi_response(self, app: Any, request: Req, **_: Any) -> Any:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            drawn = await _drawn(request, self._problem)
            await drawn.to_asgi_response(app=None, request=request)(scope, receive, send)

        return answer


async def _drawn(request: Req, problem: Exception) -> Response[Any]:
    status = status_of(problem)
    if status == 401 and request.method == "GET":
        return Response(None, status_code=303, headers={"location": f"/sign-in?next={_here(request)}"})
    if isinstance(problem, EnrolFirstError):
        return go("/me/second-factor", "Your role needs a second factor. Set it up here, then go on.")
    if isinstance(problem, ConfirmFirstError) and request.method == "GET" and request.scope.get("session"):
        return Response(None, status_code=303, headers={"location": f"/me/confirm?next={_here(request)}"})
    number = ""
    if status == 503:
        log.warning("%s %s is not available: %s", request.method, request.scope["path"], faults.told(problem))
    elif status >= 500:
        number = secrets.token_hex(4)
        faults.log_failure(log, f"{request.method} {request.scope['path']}", number, problem)
    kept = await _typed(request) if isinstance(problem, KEEPS_WORDS) or status >= 500 else []
    said = (_title(problem, status), _what(problem, status), _safe(request, problem))
    answer = await _error_page(request, status, *said, number, kept, _ways(request, problem))
    if isinstance(problem, (throttle.Throttled, NotAnsweringError)):
        answer.headers["retry-after"] = str(problem.retry_after)
    return answer


def _title(problem: Exception, status: int) -> str:
    if isinstance(problem, NotAnsweringError):
        return "This page is not answering"
    return _TITLES.get(status, "That did not work")


def _safe(request: Req, problem: Exception) -> str:
    """Of a form that was taken and not answered nobody knows how far it came."""
    return "" if isinstance(problem, NotAnsweringError) and request.method not in SAFE else _SAFE


def _ways(request: Req, problem: Exception) -> list[dict[str, Any]]:
    if isinstance(problem, NotAnsweringError) and request.method in SAFE:
        return [{"label": "Try again", "href": problem.asked or _here(request), "main": True},
                {"label": "Start page", "href": "/"}]  # fmt: skip
    if isinstance(problem, ConfirmFirstError) and request.scope.get("session"):
        back = quote(urlsplit(request.headers.get("referer", "")).path or "/queues", safe="/")
        return [{"label": "Confirm that it is you", "href": f"/me/confirm?next={back}", "main": True}]
    ways: list[dict[str, Any]] = [
        {"label": "Go back", "href": _back(request), "main": True},
        {"label": "Start page", "href": "/"},
    ]
    if isinstance(problem, errors.NotFound) and (reference := _asked_case(request)):
        ways.append({"label": "Emergency access", "href": f"/emergency?reference={quote(reference, safe='')}"})
    return ways


def _asked_case(request: Req) -> str:
    """The reference of a case that was asked for by somebody who may open it in an emergency. Whether there is such a
    case is not told."""
    reference = str(request.path_params.get("reference", ""))
    may = request.scope["path"].startswith("/cases/") and viewer_of(request).may("case.break_glass")
    return reference[:100] if may else ""


def _back(request: Req) -> str:
    """The page before, as a path of this desk: a referring address is a stranger's word."""
    parts = urlsplit(request.headers.get("referer", "").replace("\\", "/"))
    own = parts.path.startswith("/") and not parts.path.startswith("//")
    return parts.path + (f"?{parts.query}" if parts.query else "") if own else "/"


async def _typed(request: Req) -> list[tuple[str, str]]:
    """What was typed into a form that came too late or failed, so that nobody has to write it again; secrets are left
    out."""
    if request.method in SAFE:
        return []
    try:
        form = await request.form()
    except Exception as problem:  # a form that cannot be read may be what failed
        log.warning("what was typed could not be read again: %s", faults.told(problem))
        return []
    return [
        (name.replace("_", " ").capitalize(), text)
        for name, text in form.items()
        if isinstance(text, str) and len(text.strip()) > SHORT and not any(part in name for part in UNSHOWN)
    ][:30]


def status_of(problem: Exception) -> int:
    if isinstance(problem, HTTPException):
        return problem.status_code
    if is_away(problem):
        return 503
    return next((status for kind, status in _STATUS.items() if isinstance(problem, kind)), 500)


def _here(request: Req) -> str:
    return quote(request.scope["path"], safe="/")


def _what(problem: Exception, status: int) -> str:
    if status in _WORDS:
        return _WORDS[status]
    if is_away(problem):
        return "Ombud is starting again. Wait a moment, then send it once more; nothing is filed twice."
    if status >= 500 and status != 503:
        return "Something in Ombud failed. It was written down and somebody will look at it."
    return str(getattr(problem, "detail", "") or problem)


async def _error_page(
    request: Req, status: int, title: str, what: str, safe: str, number: str, kept: list[tuple[str, str]],
    ways: list[dict[str, Any]],
) -> Response[Any]:  # fmt: skip
    try:
        return await page(
            request,
            "pages/error.html",
            status=status,
            title=title,
            what=what,
            safe=safe,
            ways=ways,
            number=number,
            kept=kept,
        )
    except Exception:  # the database is away, and with it the organisation's name
        log.exception("the error page could not be drawn")
        text = f"{title}. {what} {safe}".rstrip() + (f" Number {number}." if number else "")
        return Response(text, media_type="text/plain; charset=utf-8", status_code=status if status >= 400 else 500)
