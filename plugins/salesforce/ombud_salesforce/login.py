"""Logging in: a token for a signed assertion (JWT bearer, RFC 7523) or for a refresh token. Never logged or stored."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ombud_plugin_api import Misconfigured
from ombud_salesforce import hosts

ASSERTION_SECONDS = 180
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class Account:
    """With what a unit logs in. Its secrets are in no text that this class makes of itself."""

    login_url: str
    flow: str
    client_id: str
    username: str = ""
    private_key: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    version: str = "62.0"
    listed: tuple[str, ...] = ()
    share: int = 80

    @property
    def key(self) -> str:
        """The same for the same account, and tells nothing of it."""
        parts = (self.login_url, self.flow, self.client_id, self.username, self.private_key, self.client_secret,
                 self.refresh_token)  # fmt: skip
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def account_of(settings: Mapping[str, Any]) -> Account:
    """Raises Misconfigured, with what is missing."""
    account = Account(
        login_url=hosts.checked(settings["login_url"], settings["hosts"] or ()), flow=settings["flow"],
        client_id=(settings["client_id"] or "").strip(), username=(settings["username"] or "").strip(),
        private_key=settings["private_key"] or "", client_secret=settings["client_secret"] or "",
        refresh_token=settings["refresh_token"] or "", version=settings["api_version"],
        listed=tuple(settings["hosts"] or ()), share=settings["share"],
    )  # fmt: skip
    needed = {"jwt": ("client_id", "username", "private_key"), "refresh": ("client_id", "refresh_token")}[account.flow]
    missing = [WORDS[each] for each in needed if not getattr(account, each)]
    if missing:
        raise Misconfigured(f"To log in, Salesforce needs: {', '.join(missing)}. Fill it in on the page of settings.")
    return account


WORDS = {
    "client_id": "the consumer key", "username": "the user name", "private_key": "the private key",
    "refresh_token": "the refresh token",
}  # fmt: skip


def is_set_up(settings: Mapping[str, Any]) -> bool:
    """Pure; whether a unit uses Salesforce at all."""
    secret = "private_key" if settings["flow"] == "jwt" else "refresh_token"
    return bool((settings["client_id"] or "").strip()) and bool(settings[secret])


def form(account: Account, at: float | None = None) -> dict[str, str]:
    """What is posted to get a token. Raises Misconfigured for a key that signs nothing."""
    if account.flow == "refresh":
        asked = {"grant_type": "refresh_token", "client_id": account.client_id, "refresh_token": account.refresh_token}
        return {**asked, "client_secret": account.client_secret} if account.client_secret else asked
    claims = {
        "iss": account.client_id, "sub": account.username, "aud": hosts.audience(account.login_url),
        "exp": int((at or time.time()) + ASSERTION_SECONDS),
    }  # fmt: skip
    import jwt  # only logins signed with a key wait for it

    try:
        return {"grant_type": GRANT, "assertion": jwt.encode(claims, _pem(account.private_key), algorithm="RS256")}
    except Exception:  # whatever the library makes of a text that is no key; its message could hold parts of it
        raise Misconfigured(
            "The private key cannot be read. Paste the whole RSA key, from BEGIN to END, without a passphrase."
        ) from None


def _pem(text: str) -> str:
    """The key as the library reads it: a field of one line has lost its line ends."""
    found = re.fullmatch(r"\s*(-----BEGIN [A-Z ]+-----)(.*?)(-----END [A-Z ]+-----)\s*", text, re.DOTALL)
    if found is None:
        return text
    body = re.sub(r"\s|\\n", "", found[2])
    return "\n".join([found[1], *(body[at : at + 64] for at in range(0, len(body), 64)), found[3], ""])


_SAID = {
    "user hasn't approved this consumer": "the connected app does not allow this user yet. In Salesforce, set its "
    "permitted users to admin approved, and give the user's profile or a permission set the app",
    "expired access/refresh token": "the refresh token has expired or was revoked. Authorise the app again, and "
    "paste the new token",
    "invalid assertion": "the signature does not fit. Upload the certificate of this private key to the connected app",
    "audience is invalid": "the login address does not fit the user. Use https://test.salesforce.com for a sandbox",
    "client identifier invalid": "the consumer key is not known there. Copy it from the connected app",
    "invalid client credentials": "the consumer secret does not fit the consumer key",
    "inactive user": "the user is not active in Salesforce",
    "user is frozen": "the user is frozen in Salesforce",
    "invalid_app_access": "the user may not use the connected app",
}


def refused(error: str, description: str) -> Misconfigured:
    """What went wrong in plain words; what Salesforce says of itself is cut short."""
    said = f"{error} {description}".lower()
    for sign, words in _SAID.items():
        if sign in said:
            return Misconfigured(f"Salesforce refused the login: {words}.")
    known = "".join(each for each in f"{error}: {description}"[:120] if each.isprintable())
    return Misconfigured(f"Salesforce refused the login ({known}). Check consumer key, user name and key.")
