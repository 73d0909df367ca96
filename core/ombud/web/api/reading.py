"""What every request to the API passes before its handler: readable address, JSON that is strictly of its kind."""

import re
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException, NotFoundException

from ombud.desk.api_complaint import decode
from ombud.desk.errors import Invalid

Req = Request[Any, Any, Any]
_KEY = re.compile(r"[!-~]{1,200}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffd]")


async def check_request(request: Req) -> None:
    """Litestar's `before_request` of the API's router."""
    if _CONTROL.search(request.scope["path"]):
        raise NotFoundException
    if any(_CONTROL.search(f"{name}{value}") for name, value in request.query_params.items()):
        raise ClientException("The query holds control characters or broken UTF-8. Send plain text.")
    kind = body_kind(request)
    if kind is not None:
        await _check_body(request, kind)


def body_kind(request: Req) -> type[msgspec.Struct] | None:
    """The struct the handler takes as `data`."""
    found = request.route_handler.parsed_fn_signature.parameters.get("data")
    return found.annotation if found else None


async def _check_body(request: Req, kind: type[msgspec.Struct]) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        raise HTTPException("Send JSON with the header Content-Type: application/json.", status_code=415)
    decode(await request.body(), kind)


def idempotency_key(text: str | None, *, required: bool) -> str:
    """The key as given; raises a 400 that says how to make one."""
    if not text and not required:
        return ""
    if not text or not _KEY.match(text):
        raise ClientException(
            "The header Idempotency-Key is missing or not 1 to 200 visible ASCII characters. "
            "Make a new UUID for each complaint, and send the same one again when you repeat the request."
        )
    return text


def refuse_unknown(request: Req, known: frozenset[str]) -> None:
    """A misspelt filter must not answer with everything."""
    for name in request.query_params:
        if name not in known:
            raise Invalid(f"There is no such parameter. Use one of: {', '.join(sorted(known))}.", str(name)[:100])
