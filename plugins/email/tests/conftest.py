"""Servers for the length of a test, a desk with the plugin on, and mails to send through them."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import trustme

sys.path.insert(0, str(Path(__file__).parent))

from servers import DOVECOT, PASSWORD, Dovecot, Post, Tokens, Wire

from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_email import fetching, login, mailbox
from ombud_email.mailbox import Mailbox
from ombud_email.settings import SCHEMA

ADDRESS = "complaints@firm.example"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    login.forget()
    made = Tokens()
    yield made
    made.close()
    login.forget()


@pytest.fixture
def dovecot(authority: trustme.CA) -> Iterator[Dovecot]:
    yield from _dovecot(authority)


@pytest.fixture
def oauth_dovecot(authority: trustme.CA, tokens: Tokens) -> Iterator[Dovecot]:
    yield from _dovecot(authority, f"{tokens.address}/introspect")


def _dovecot(authority: trustme.CA, introspect: str = "") -> Iterator[Dovecot]:
    if not DOVECOT:
        pytest.skip("Dovecot is not installed here (Debian: dovecot-imapd)")
    made = Dovecot(authority, introspect)
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def post() -> Iterator[Post]:
    made = Post()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def wire(dovecot: Dovecot) -> Iterator[Wire]:
    made = Wire(dovecot.port)
    yield made
    made.close()


def _values(**more: Any) -> dict[str, Any]:
    usual = {name: rule.get("default") for name, rule in SCHEMA.items()}
    return {**usual, "address": ADDRESS, "display_name": "Complaints of the Firm", **more}


@pytest.fixture
def values() -> Callable[..., dict[str, Any]]:
    """Settings of a mailbox, as core hands them over."""
    return _values


@pytest.fixture
def box(dovecot: Dovecot) -> Callable[..., Mailbox]:
    """A mailbox on this Dovecot, in clear, which loopback allows."""

    def made(**more: Any) -> Mailbox:
        given = {"imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_tls": "plain", "user": "complaints",
                 "password": dovecot.password, **more}  # fmt: skip
        found = mailbox.mailbox_of(_values(**given))
        assert found is not None
        return found

    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short."""
    monkeypatch.setattr(fetching, "PAUSES", (0.05, 0.1))
    monkeypatch.setattr(fetching, "POLLED", 0.1)
    monkeypatch.setattr(fetching, "NOTICE", 0.3)


class MailDesk:
    """A desk with the plugin on and mailboxes set up; what came in is asked from the database."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def set_up(self, unit: str = "", **chosen: Any) -> None:
        """Settings of a unit, secrets among them, as an administrator saves them."""
        from ombud.trust import group_settings
        from ombud.trust.policy import SYSTEM

        secrets = {name: chosen.pop(name) for name in list(chosen) if name in mailbox.SECRETS}
        held = await group_settings.levels("p-email", unit or None)
        unit_id = await db.fetchval("SELECT id FROM core_unit WHERE key = $1", unit) if unit else None
        version = next((each.version for each in held if each.unit_id == unit_id), 0)
        change = group_settings.Change(values={"address": ADDRESS, **chosen}, secrets=secrets)
        await group_settings.change(SYSTEM, "p-email", change, unit_id, version)

    async def context(self, unit: str = "") -> Any:
        from ombud.desk.platform import context_in
        from ombud.trust.policy import Viewer

        return await context_in("email", Viewer(actor="plugin/email"), None, unit)

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[asyncio.Task[None]]:
        """The channel's run, for the length of the block."""
        task = asyncio.create_task(fetching.EmailChannel().poll(await self.context()))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stored(self) -> int:
        return int(await db.fetchval("SELECT count(*) FROM core_raw WHERE channel = 'email'"))

    async def position(self) -> Any:
        return await db.fetchrow("SELECT * FROM email_position")

    async def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> None:
        """Waits for it, looking often."""
        end = asyncio.get_running_loop().time() + seconds
        while not await condition():
            assert asyncio.get_running_loop().time() < end, "it did not happen"
            await asyncio.sleep(0.02)

    async def until_stored(self, count: int) -> None:
        async def there() -> bool:
            return await self.stored() >= count

        await self.until(there)
        assert await self.stored() == count

    async def subjects(self) -> list[str]:
        await self.desk.work()
        rows = await db.fetch("SELECT m.subject FROM core_message m JOIN core_raw r ON r.message_id = m.id "
                              "WHERE m.channel = 'email' ORDER BY r.received_at, r.id")  # fmt: skip
        return [row["subject"] for row in rows]


@pytest.fixture
async def mail_desk(desk: Desk, quick: None) -> MailDesk:
    await desk.enable("email")
    return MailDesk(desk)


def _mail(subject: str = "The fee", text: str = "It was taken twice.", **headers: str) -> bytes:
    made = EmailMessage()
    made["From"] = headers.pop("From", "Helena Marsh <helena@example.org>")
    made["To"] = headers.pop("To", ADDRESS)
    made["Subject"] = subject
    made["Date"] = "Mon, 23 Nov 2026 10:00:00 +0100"
    made["Message-ID"] = headers.pop("Message_ID", f"<{crc32(subject.encode())}@example.org>")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


@pytest.fixture(name="mail")
def _mail_fixture() -> Callable[..., bytes]:
    return _mail


__all__ = ["PASSWORD"]
