"""Every error under /api as a problem detail (RFC 9457): what is wrong, where, and what to do about it."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from ombud.desk import errors
from ombud.kernel import faults
from ombud.kernel.database import is_away
from ombud.speech import plain
from ombud.trust import links, throttle

log = logging.getLogger("ombud.api")

MEDIA_TYPE = "application/problem+json"

_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.NotFound, 404, "not-found"),
    (errors.NotAllowed, 403, "not-allowed"),
    (errors.Invalid, 422, "invalid"),
    (errors.KeyReused, 409, "key-reused"),
    (errors.Changed, 409, "changed"),
    (errors.NotNow, 409, "not-now"),
    (errors.SearchFailed, 503, "not-ready"),
    (links.BadLink, 410, "link"),
    (throttle.Throttled, 429, "too-many"),
    (RecursionError, 400, "unreadable"),
    (UnicodeError, 400, "unreadable"),
    (asyncpg.DataError, 422, "invalid"),
)
_BY_STATUS = {
    400: "unreadable", 401: "not-signed-in", 403: "not-allowed", 404: "not-found", 405: "method", 413: "too-large",
    415: "media-type", 422: "invalid", 429: "too-many", 503: "not-ready",
}  # fmt: skip
KINDS = {
    "unreadable": ("This request cannot be read", "Send JSON as UTF-8, with the fields that the operation names."),
    "not-signed-in": ("Who asks is not known", "Send a valid token: Authorization: Bearer omb_…"),
    "not-allowed": ("This is not allowed", "Ask an administrator of this desk for the right role, or widen the token."),
    "not-found": ("There is nothing here that you may see", "Check the address and the reference."),
    "method": ("This address does not take this method", "See the operations of this address."),
    "not-now": ("This cannot be done now", "The detail says what must happen first."),
    "changed": ("Somebody else changed it meanwhile", "Compare `theirs` and `yours`, then send the newer version."),
    "key-reused": ("This idempotency key was used for other content", "Send the new content with a new key."),
    "link": ("This link no longer works", "Ask for a new one."),
    "too-large": ("This is too large", "Send less at once."),
    "media-type": ("This content type is not taken", "Send JSON with Content-Type: application/json."),
    "invalid": ("Something is missing or does not fit", "`errors` names the fields."),
    "too-many": ("Too many tries", "Wait as long as Retry-After says, in seconds."),
    "not-ready": ("Ombud is not ready", "Nothing was changed. Send the same request, with its key, again in a moment."),
    "failed": ("Something in Ombud failed", "Send the same request, with its key, again; tell us the number."),
}


def api_exception_handler(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    """Turns whatever went wrong under /api into its problem detail; the app's handler hands it over."""
    status, kind = _kind(problem)
    detail, more = _detail(problem, status, kind)
    if status >= 500 and kind == "failed":
        more["number"] = secrets.token_hex(4)
        faults.log_failure(log, f"{request.method} {request.scope['path']}", more["number"], problem)
    body = {"type": f"/api/docs#{kind}", "title": KINDS[kind][0], "status": status, "detail": detail, **more}
    return Response(
        msgspec.json.encode(body, enc_hook=plain),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=_headers(problem, status),
    )


def _kind(problem: Exception) -> tuple[int, str]:
    if isinstance(problem, HTTPException) and problem.status_code < 500:
        return problem.status_code, _BY_STATUS.get(problem.status_code, "unreadable")
    if is_away(problem):
        return 503, "not-ready"
    for refusal, status, kind in _REFUSALS:
        if isinstance(problem, refusal):
            return status, kind
    return 500, "failed"


def _detail(problem: Exception, status: int, kind: str) -> tuple[str, dict[str, Any]]:
    remedy = KINDS[kind][1]
    if isinstance(problem, errors.Invalid):
        return str(problem), {"errors": [{"field": problem.field, "message": str(problem)}]}
    if isinstance(problem, errors.Changed):
        return str(problem), {"version": problem.version, "theirs": problem.theirs, "yours": problem.yours}
    if isinstance(problem, errors.DeskRefusal | links.BadLink | throttle.Throttled):
        return str(problem), {}
    if isinstance(problem, HTTPException) and status < 500:
        return _http_detail(problem, status, remedy)
    return remedy, {}


def _http_detail(problem: HTTPException, status: int, remedy: str) -> tuple[str, dict[str, Any]]:
    told = problem.extra if isinstance(problem.extra, list) else []
    faults = [_fault(each) for each in told if isinstance(each, Mapping)]
    if faults:
        return "Some values do not fit. Correct them and send the request again.", {"errors": faults}
    own_words = status in {400, 401, 403, 415} and problem.detail and problem.detail != type(problem).__name__
    return (str(problem.detail) if own_words else remedy), {}


def _fault(told: Mapping[str, Any]) -> dict[str, str]:
    return {"field": str(told.get("key", "")), "message": str(told.get("message", "")).replace("`", "")}


def _headers(problem: Exception, status: int) -> dict[str, str]:
    headers = dict(problem.headers or {}) if isinstance(problem, HTTPException) else {}
    if isinstance(problem, throttle.Throttled):
        headers["retry-after"] = str(problem.retry_after)
    if status == 503:
        headers["retry-after"] = "2"
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers
