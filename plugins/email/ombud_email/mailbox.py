"""A mailbox as it is set up: its servers, its login, whose it is. Made from settings, or from a row of further ones."""

import asyncio
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from ombud_email.tables import EmailMailbox
from ombud_plugin_api import Misconfigured, Platform, Transient

SECRETS = ("password", "smtp_password", "client_secret", "refresh_token")
_SHARED = ipaddress.ip_network("100.64.0.0/10")


@dataclass(frozen=True)
class Server:
    """`tls`: tls (from the first byte), starttls, or plain."""

    host: str
    port: int
    tls: str

    def context(self, authority: str) -> ssl.SSLContext:
        """Checks certificate and name, always; `authority`: a certificate of one's own, PEM. Raises Misconfigured."""
        made = ssl.create_default_context()
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if authority.strip():
            try:
                made.load_verify_locations(cadata=authority)
            except (ssl.SSLError, ValueError) as problem:
                raise Misconfigured("The certificate authority is no PEM certificate. Paste it anew.") from problem
        return made

    async def allowed(self) -> None:
        """Refuses to speak in clear with a host outside one's own network. Raises Misconfigured, Transient."""
        if self.tls != "plain":
            return
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as problem:
            raise Transient(f"{self.host} cannot be found. Check the name; it is tried again.") from problem
        if not all(_is_own(str(each[4][0])) for each in found):
            words = "is not in your own network, so nothing is sent to it without encryption. Choose TLS or STARTTLS"
            raise Misconfigured(f"{self.host} {words}.")


def _is_own(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_private or found.is_loopback or (found.version == 4 and found in _SHARED)


@dataclass(frozen=True, repr=False)
class Login:
    """`how`: password or oauth."""

    how: str
    user: str
    password: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    scope: str = ""

    @property
    def fingerprint(self) -> str:
        told = "\0".join(
            (self.token_url, self.client_id, self.client_secret, self.refresh_token, self.scope, self.user)
        )
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Mailbox:
    """`address` is its key, which stands in each receipt as the account."""

    address: str
    unit: str
    name: str
    signature: str
    imap: Server | None
    smtp: Server | None
    login: Login
    smtp_login: Login | None
    folder: str
    afterwards: str
    moved_to: str
    since: date | None
    largest: int
    authserv: str
    plus: bool
    sent_folder: str
    sent_append: bool
    authority: str

    @property
    def same(self) -> tuple[str, str, str]:
        """What two descriptions of one folder have in common."""
        assert self.imap is not None
        return (self.imap.host.lower(), self.login.user.lower(), self.folder)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def mailbox_of(values: Mapping[str, Any], unit: str = "") -> Mailbox | None:
    """None where no address is set: the unit has no mailbox."""
    told: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    address = str(told.get("address", "")).strip().lower()
    if not address:
        return None

    def text(name: str) -> str:
        return str(told.get(name, "")).strip()

    login = _login(told, text("user") or address, str(told.get("password", "")))
    return Mailbox(
        address=address, unit=unit, name=text("display_name"), signature=text("signature"),
        imap=_server(told, "imap", 993), smtp=_server(told, "smtp", 465), login=login,
        smtp_login=_smtp_login(told, login), folder=text("folder") or "INBOX",
        afterwards=text("afterwards") or "seen", moved_to=text("moved_to"), since=told.get("since"),
        largest=int(told.get("largest_mb", 40)) * 1_000_000, authserv=text("authserv"),
        plus=bool(told.get("plus", True)), sent_folder=text("sent_folder"),
        sent_append=bool(told.get("sent_append", False)), authority=text("authority"),
    )  # fmt: skip


def _server(told: Mapping[str, Any], kind: str, port: int) -> Server | None:
    host = str(told.get(f"{kind}_host", "")).strip()
    return Server(host, int(told.get(f"{kind}_port", port)), str(told.get(f"{kind}_tls", "tls"))) if host else None


def _login(told: Mapping[str, Any], user: str, password: str) -> Login:
    given = {name: str(told.get(name, "")).strip() for name in
             ("token_url", "client_id", "client_secret", "refresh_token", "scope")}  # fmt: skip
    return Login(str(told.get("login", "password")), user, password, **given)


def _smtp_login(told: Mapping[str, Any], login: Login) -> Login | None:
    """As for IMAP, unless the way out has a name of its own; none for a relay that asks for none."""
    how = str(told.get("smtp_login", "same"))
    if how == "none":
        return None
    if how == "own":
        return _login({**told, "login": "password"}, str(told.get("smtp_user", "")), str(told.get("smtp_password", "")))
    return login


async def every_mailbox(platform: Platform) -> list[Mailbox]:
    """Of all units, those above first, then the further ones; one that a unit has from above counts once."""
    found: dict[str, Mailbox] = {}
    for unit in await platform.units():
        made = mailbox_of(await platform.settings(unit.key), unit.key)
        if made is not None:
            found.setdefault(made.address, made)
    for row in await EmailMailbox.objects().where(EmailMailbox.active.eq(True)).order_by(EmailMailbox.created_at):
        made = mailbox_of({**chosen_of(row), **await secrets_of(row, platform)}, row.unit)
        if made is not None:
            found.setdefault(made.address, made)
    return list(found.values())


async def mailbox_for(platform: Platform, account: str, unit: str) -> Mailbox:
    """By its address where that is said and still set up, else the unit's own. Raises Misconfigured."""
    own = mailbox_of(await platform.settings(unit), unit)
    wanted = account.strip().lower()
    if own is not None and wanted in {"", own.address}:
        return own
    for each in await every_mailbox(platform) if wanted else ():
        if each.address == wanted:
            return each
    if own is not None:
        return own
    raise Misconfigured("This unit has no mailbox to send from. Set one up under Settings, E-mail.")


def chosen_of(row: EmailMailbox) -> dict[str, Any]:
    held = row.chosen
    values: dict[str, Any] = msgspec.json.decode(held) if isinstance(held, str | bytes) else dict(held)
    if values.get("since"):
        values["since"] = date.fromisoformat(values["since"])
    return values


async def secrets_of(row: EmailMailbox, platform: Platform) -> dict[str, str]:
    if row.secrets is None:
        return {}
    return msgspec.json.decode(await platform.kept_file(row.secrets), type=dict[str, str])
