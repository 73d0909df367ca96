"""Access tokens for Microsoft 365, Google and others that want XOAUTH2 in place of a password."""

import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ombud_email.mailbox import Login, Server
from ombud_email.tables import EmailToken
from ombud_plugin_api import Misconfigured, Permanent, Platform, Transient

SECONDS, LARGEST, EARLY = 10.0, 100_000, 120.0
_CODE = re.compile(r"[a-z_]{1,60}")
_known: dict[str, tuple[str, float]] = {}  # access tokens of this process, by login, with when they end


def forget() -> None:
    """Every access token: for tests, and after a login was refused."""
    _known.clear()


async def access_token(login: Login, platform: Platform | None, anew: bool = False) -> str:
    """`platform`: where a refresh token that changed is kept, None where nothing is to be kept. Raises Misconfigured,
    Transient."""
    held = _known.get(login.fingerprint)
    if held and not anew and time.monotonic() < held[1]:
        return held[0]
    refresh = await _kept(login, platform) or login.refresh_token
    answer = await _asked(login, refresh)
    token, seconds = answer.get("access_token"), answer.get("expires_in", 3600)
    if not isinstance(token, str) or not token or any(sign <= " " for sign in token):
        raise Transient(f"{_host(login)} answered without a token; it is asked again.")
    lasts = float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else 600.0
    _known[login.fingerprint] = (token, time.monotonic() + max(0.0, lasts - EARLY))
    newer = answer.get("refresh_token")
    if platform is not None and isinstance(newer, str) and newer and newer != refresh:
        await _keep(login, newer, platform)
    return token


def _host(login: Login) -> str:
    return urlsplit(login.token_url).hostname or "The token address"


async def _asked(login: Login, refresh: str) -> dict[str, Any]:
    parts = urlsplit(login.token_url)
    if not login.client_id or not parts.hostname:
        raise Misconfigured("A login with OAuth needs the token address and the client id. Fill in both.")
    if parts.scheme != "https":
        await Server(parts.hostname, parts.port or 80, "plain").allowed()
    form = {"client_id": login.client_id, "scope": login.scope, "client_secret": login.client_secret}
    form |= (
        {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {"grant_type": "client_credentials"}
    )
    import httpx  # only mailboxes with such a login wait for it

    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", login.token_url, data={name: each for name, each in form.items() if each}) as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > LARGEST:
                    raise Transient(f"{_host(login)} answered with far too much; it is asked again.")
            return _understood(login, answer.status_code, body)
    except httpx.HTTPError as problem:
        if "CERTIFICATE" in str(problem).upper():
            raise Misconfigured(f"The certificate of {_host(login)} is not trusted. Check the token address.") from None
        raise Transient(f"{_host(login)} cannot be reached for a token; it is tried again.") from None


def _understood(login: Login, status: int, body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict):
        raise Transient(f"{_host(login)} answered with no JSON (status {status}); it is asked again.")
    if status == 200:
        return said
    code = said.get("error")
    code = code if isinstance(code, str) and _CODE.fullmatch(code) else str(status)
    if status == 429 or status >= 500 or code in {"temporarily_unavailable", "slow_down", "server_error"}:
        raise Transient(f"{_host(login)} gives no token now ({code}); it is asked again.")
    if code == "invalid_grant":
        raise Misconfigured(f"{_host(login)} no longer takes the refresh token. Authorise the mailbox anew.")
    if code in {"invalid_client", "unauthorized_client"}:
        raise Misconfigured(f"{_host(login)} refuses the client id or secret ({code}). Check both.")
    raise Misconfigured(f"{_host(login)} refuses to give a token ({code}). Check the scope and the rest of the login.")


async def _kept(login: Login, platform: Platform | None) -> str:
    if platform is None or not login.refresh_token:
        return ""
    row = await EmailToken.objects().get(EmailToken.login == login.fingerprint)
    if row is None or row.kept_file is None:
        return ""
    try:
        return (await platform.kept_file(row.kept_file)).decode()
    except Permanent:
        return ""


async def _keep(login: Login, token: str, platform: Platform) -> None:
    """The newest takes the place of the one before, which its provider will stop taking."""
    row = await EmailToken.objects().get(EmailToken.login == login.fingerprint)
    file = await platform.keep_file(token.encode())
    moment = datetime.now(UTC)
    if row is None:
        await EmailToken.insert(EmailToken(login=login.fingerprint, kept_file=file, at=moment))
        return
    old = row.kept_file
    await EmailToken.update({EmailToken.kept_file: file, EmailToken.at: moment}).where(
        EmailToken.login == login.fingerprint
    )
    if old is not None:
        await platform.drop_file(old)
