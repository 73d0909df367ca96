"""A unit's mailbox: who it is, how mail comes in and goes out; and a try that really logs in and sends nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any

from ombud_email.imap import Session
from ombud_email.login import access_token
from ombud_email.mailbox import Mailbox, mailbox_of
from ombud_email.sending import connected
from ombud_plugin_api import Context, PluginFault, Settings, Tried

TRY_SECONDS = 9.0
_WHO, _IN, _LOGIN, _OUT = "Identity", "Coming in (IMAP)", "Login", "Going out (SMTP)"
_TLS = {
    "tls": "Encrypted from the start (TLS)", "starttls": "Encrypted after a greeting (STARTTLS)",
    "plain": "Not encrypted: only for a server in your own network",
}  # fmt: skip
_HOST = r"([A-Za-z0-9]([A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?)?"


def _text(label: str, group: str, help_: str = "", **more: Any) -> dict[str, Any]:
    named: dict[str, Any] = {
        name: more.pop(name) for name in ("placeholder", "multiline", "secret", "choices") if name in more
    }
    meta: dict[str, Any] = {"label": label, "group": group, **({"help": help_} if help_ else {}), **named}
    rule: dict[str, Any] = {"type": "string", "maxlength": 300, "meta": meta, **more}
    if not meta.get("secret"):
        rule.setdefault("default", "")
    return rule


SCHEMA: dict[str, dict[str, Any]] = {
    "address": _text(
        "E-mail address", _WHO, "Under which this unit writes and is written to. Left empty, it has no mailbox.",
        placeholder="complaints@example.org", regex=r"([^\s@<>]+@[^\s@<>]+\.[^\s@<>]+)?",
    ),
    "display_name": _text("Name beside the address", _WHO, placeholder="Complaints of Example Bank", maxlength=120),
    "signature": _text(
        "Lines under each mail", _WHO, "Name, address and whatever the law wants there.", multiline=True,
        maxlength=2000,
    ),
    "imap_host": _text("Server", _IN, "Left empty, no mail is fetched.", placeholder="imap.example.org", regex=_HOST),
    "imap_port": {"type": "integer", "min": 1, "max": 65_535, "default": 993, "meta": {"label": "Port", "group": _IN}},
    "imap_tls": _text("Encryption", _IN, choices=_TLS, allowed=[*_TLS], default="tls"),
    "folder": _text("Folder that is read", _IN, default="INBOX", maxlength=200),
    "since": {
        "type": "date", "nullable": True,
        "meta": {"label": "Only mail from this day on", "group": _IN,
                 "help": "What came before stays untouched. Left empty, the whole folder is taken."},
    },
    "afterwards": _text(
        "When a mail is safe in the desk", _IN, allowed=["seen", "leave", "move"], default="seen",
        choices={"seen": "Mark it as read", "leave": "Leave it as it is", "move": "Move it to a folder"},
    ),
    "moved_to": _text("Folder to move to", _IN, placeholder="Taken", maxlength=200),
    "largest_mb": {
        "type": "integer", "min": 1, "max": 150, "default": 40,
        "meta": {"label": "Largest mail", "group": _IN, "suffix": "MB",
                 "help": "Of a larger one the beginning is taken, and it says so; the mail stays in the mailbox."},
    },
    "authserv": _text(
        "Name of your server in Authentication-Results", _IN,
        "Only what that server found out about a sender (SPF, DKIM, DMARC) is shown.", placeholder="mx.example.org",
    ),
    "login": _text(
        "How to log in", _LOGIN, allowed=["password", "oauth"], default="password",
        choices={"password": "User name and password", "oauth": "OAuth (Microsoft 365, Google)"},
    ),
    "user": _text("User name", _LOGIN, "Left empty, the e-mail address."),
    "password": _text("Password", _LOGIN, secret=True),
    "token_url": _text(
        "Token address", _LOGIN,
        "Microsoft: https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token. "
        "Google: https://oauth2.googleapis.com/token.", regex=r"(https?://\S+)?",
    ),
    "client_id": _text("Client id", _LOGIN),
    "client_secret": _text("Client secret", _LOGIN, secret=True, maxlength=1000),
    "refresh_token": _text(
        "Refresh token", _LOGIN, "Left empty, the client logs in for itself (Microsoft: IMAP.AccessAsApp).",
        secret=True, maxlength=5000,
    ),
    "scope": _text(
        "Scope", _LOGIN, "Microsoft: https://outlook.office.com/IMAP.AccessAsUser.All "
        "https://outlook.office.com/SMTP.Send offline_access. Google: leave it empty.", maxlength=1000,
    ),
    "smtp_host": _text(
        "Server for sending", _OUT, "Left empty, nothing is sent.", placeholder="smtp.example.org", regex=_HOST,
    ),
    "smtp_port": {
        "type": "integer", "min": 1, "max": 65_535, "default": 465,
        "meta": {"label": "Port for sending", "group": _OUT},
    },
    "smtp_tls": _text("Encryption for sending", _OUT, choices=_TLS, allowed=[*_TLS], default="tls"),
    "smtp_login": _text(
        "Login for sending", _OUT, allowed=["same", "own", "none"], default="same",
        choices={"same": "The same as above", "own": "Another user name and password", "none": "None"},
    ),
    "smtp_user": _text("User name for sending", _OUT),
    "smtp_password": _text("Password for sending", _OUT, secret=True),
    "plus": {
        "type": "boolean", "default": True,
        "meta": {"label": "Addresses with a plus sign arrive", "group": _OUT,
                 "help": "Answers then come to complaints+token@…, which finds their case without fail."},
    },
    "sent_folder": _text("Folder of sent mail", _OUT, "Looked into where it is not sure that a mail went.",
                         placeholder="Sent", maxlength=200),
    "sent_append": {
        "type": "boolean", "default": False,
        "meta": {"label": "Keep a copy there", "group": _OUT,
                 "help": "Not where the server does so by itself, as Microsoft and Google do."},
    },
    "authority": _text(
        "Certificate authority of your own", _OUT, "PEM; only where your servers have certificates of your own.",
        multiline=True, maxlength=20_000,
    ),
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Logs in for reading and for sending; sends nothing."""
    mailbox = mailbox_of(candidate)
    if mailbox is None:
        return Tried(True, "Without an address this unit has no mailbox.")
    if mailbox.imap is None and mailbox.smtp is None:
        return Tried(False, "Name a server for mail that comes in, or for mail that goes out.", "imap_host")
    if mailbox.afterwards == "move" and not mailbox.moved_to:
        return Tried(False, "Name the folder to which mail is moved.", "moved_to")
    said = []
    for kind, server in (("imap", mailbox.imap), ("smtp", mailbox.smtp)):
        if server is None:
            continue
        try:
            async with asyncio.timeout(TRY_SECONDS / 2):
                said.append(await (_reads(mailbox, context) if kind == "imap" else _sends(mailbox, context)))
        except TimeoutError:
            return Tried(False, f"{server.host} did not answer in time. Check host, port and network.", f"{kind}_host")
        except PluginFault as problem:
            return Tried(False, " ".join([*said, str(problem)]), f"{kind}_host")
    return Tried(True, " ".join(said))


async def _reads(mailbox: Mailbox, context: Context) -> str:
    assert mailbox.imap is not None
    await mailbox.imap.allowed()
    token = await access_token(mailbox.login, context.platform, anew=True) if mailbox.login.how == "oauth" else ""

    def looked() -> str:
        session = Session(mailbox)
        try:
            session.open(token, read_only=True)
            count = len(session.uids(0))
            for folder in (mailbox.moved_to if mailbox.afterwards == "move" else "", mailbox.sent_folder):
                if folder:
                    session.select(folder, read_only=True)
            soon = "New mail is there within seconds." if session.can_idle else "It is looked at every ten seconds."
            return f"Reading works: {count} mails in {mailbox.folder}. {soon}"
        finally:
            session.close()

    return await asyncio.to_thread(looked)


async def _sends(mailbox: Mailbox, context: Context) -> str:
    assert mailbox.smtp is not None
    async with connected(mailbox, context.platform) as client:
        await client.noop()
    return f"Sending works: {mailbox.smtp.host} takes the login. Nothing was sent."


def settings() -> list[Settings]:
    return [Settings(SCHEMA, try_out)]
