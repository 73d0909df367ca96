"""A recording that lies with the telephony system: fetched from listed hosts, over https alone."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from ombud_phone.recordings import LARGEST
from ombud_plugin_api import Transient

SECONDS = 60.0


class NotFetched(ValueError):
    """It cannot be fetched, and trying again will not help; the text is for an administrator."""


def allowed(url: str, hosts: list[str]) -> bool:
    """https, a listed host with its port, and no name and password in the address. Pure."""
    parts = urlsplit(url)
    return (
        parts.scheme == "https" and "@" not in parts.netloc and parts.netloc.lower() in {each.lower() for each in hosts}
    )


async def fetch(url: str, chosen: Mapping[str, Any]) -> bytes:
    """The bytes, at most so many. Raises NotFetched, or Transient where it may work later."""
    if not url:
        raise NotFetched("it brings no recording and names no address of one")
    if not allowed(url, list(chosen["recording_hosts"] or ())):
        raise NotFetched("the host of the recording is not among those to fetch from; list it in the settings")
    account = (chosen["fetch_account"], chosen["fetch_password"] or "") if chosen["fetch_account"] else None
    found = bytearray()
    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, auth=account) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code >= 500 or answer.status_code in {404, 429}:
                raise Transient(f"the telephony system answers {answer.status_code} for a recording; it is asked again")
            if answer.status_code != 200:
                raise NotFetched(f"the telephony system answers {answer.status_code} for a recording")
            async for part in answer.aiter_bytes():
                found += part
                if len(found) > LARGEST:
                    raise NotFetched(f"the recording is larger than {LARGEST // 1_000_000} MB")
    except httpx.HTTPError as problem:
        raise Transient(f"the telephony system cannot be reached: {type(problem).__name__}") from None
    return bytes(found)
