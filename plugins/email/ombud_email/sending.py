"""The deliverer: one mail handed to the firm's server by SMTP, and what is known of it afterwards."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
)  # fmt: skip

from ombud_email import compose
from ombud_email.compose import Letter
from ombud_email.imap import Session
from ombud_email.login import access_token
from ombud_email.mailbox import Login, Mailbox, Server, mailbox_for
from ombud_email.tables import EmailSent
from ombud_plugin_api import (
    Context,
    Misconfigured,
    OutboundMessage,
    Permanent,
    Platform,
    PluginFault,
    Receipt,
    Transient,
)

CONNECT, ANSWER, AFTER_DATA = 15.0, 30.0, 40.0
LIMIT = 120.0
KEPT = timedelta(days=90)
T = TypeVar("T")
_DOTS = re.compile(rb"(?m)^\.")


async def send(message: OutboundMessage, key: str, context: Context) -> Receipt:
    """Sends once; an attempt of this key that the server took answers again without sending."""
    mailbox = await mailbox_for(context.platform, message.account, message.unit)
    if mailbox.smtp is None and message.account:  # it only receives
        mailbox = await mailbox_for(context.platform, "", message.unit)
    if mailbox.smtp is None:
        raise Misconfigured(f"{mailbox.address} has no server to send by. Name one under Settings, E-mail.")
    known = await EmailSent.objects().get(EmailSent.key == key)
    if known is not None and known.state == "sent":
        return Receipt(
            state="sent", detail="It was sent by an earlier attempt.", remote_id=known.remote_id, at=known.at
        )
    letter = compose.letter(message, mailbox)
    async with connected(mailbox, context.platform) as client:
        await _envelope(client, letter, message.thread.id, mailbox.smtp)
        await _begin_data(client, mailbox.smtp)
        await _note(key, message, mailbox)
        receipt = await _handed_over(client, letter.body, mailbox.smtp)
    if receipt.state == "sent":
        await EmailSent.update({EmailSent.state: "sent", EmailSent.remote_id: receipt.remote_id}).where(
            EmailSent.key == key
        )
        if mailbox.sent_append and mailbox.sent_folder and mailbox.imap is not None:
            return await _with_copy(receipt, letter, mailbox, context.platform)
    return receipt


async def status(key: str, context: Context) -> Receipt | None:
    """What our own note, or the folder of sent mails, tells of an earlier attempt."""
    row = await EmailSent.objects().get(EmailSent.key == key)
    if row is None:
        return None
    if row.state == "sent":
        return Receipt(state="sent", remote_id=row.remote_id, at=row.at)
    mailbox = await mailbox_for(context.platform, row.account, row.unit)
    if mailbox.imap is None or not mailbox.sent_folder or not row.thread_id:
        return None
    if await _at_imap(mailbox, context.platform, lambda there: there.holds(mailbox.sent_folder, row.thread_id)):
        await EmailSent.update({EmailSent.state: "sent"}).where(EmailSent.key == key)
        return Receipt(state="sent", detail=f"It lies in {mailbox.sent_folder}.", at=row.at)
    return None


async def sweep() -> None:
    """What was sent long ago is not asked about any more."""
    await EmailSent.delete().where(EmailSent.at < datetime.now(UTC) - KEPT)


async def _note(key: str, message: OutboundMessage, mailbox: Mailbox) -> None:
    await EmailSent.delete().where(EmailSent.key == key)
    await EmailSent.insert(
        EmailSent(key=key, thread_id=message.thread.id, account=mailbox.address, unit=message.unit,
                  state="sending", at=datetime.now(UTC))
    )  # fmt: skip


@asynccontextmanager
async def connected(mailbox: Mailbox, platform: Platform | None) -> AsyncIterator[SMTP]:
    """Logged in. Whatever fails before is certainly not sent. Raises Transient, Misconfigured, Permanent."""
    server = mailbox.smtp
    assert server is not None
    await server.allowed()
    client = SMTP(
        hostname=server.host, port=server.port, timeout=CONNECT, use_tls=server.tls == "tls", start_tls=False,
        tls_context=server.context(mailbox.authority), validate_certs=True,
    )  # fmt: skip
    try:
        await _opened(client, server, mailbox)
        if mailbox.smtp_login is not None:
            await _logged_in(client, server, mailbox.smtp_login, platform)
        yield client
    finally:
        with suppress(SMTPException, OSError, ValueError):
            async with asyncio.timeout(2):
                await client.quit()
        client.close()


async def _opened(client: SMTP, server: Server, mailbox: Mailbox) -> None:
    try:
        await client.connect()
        if server.tls == "starttls":
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise SMTPNotSupported("STARTTLS")
            await client.starttls(tls_context=server.context(mailbox.authority), validate_certs=True)
        await client.ehlo()
    except SMTPNotSupported as problem:
        words = f"{server.host} offers no STARTTLS. Choose TLS, usually on port 465."
        raise Misconfigured(words) from problem
    except SMTPResponseException as problem:
        raise _refused(problem, server) from problem
    except (SMTPException, OSError, TimeoutError) as problem:
        if (found := _certificate(problem)) is not None:
            words = f"The certificate of {server.host} is not accepted: {found}. Nothing was sent to it."
            raise Misconfigured(f"{words} Correct the host name, or have the certificate mended.") from problem
        if isinstance(problem, SMTPConnectError) and isinstance(problem.__cause__, ssl.SSLError):
            words = f"{server.host}, port {server.port}, does not speak TLS as chosen. Check port and encryption."
            raise Misconfigured(words) from problem
        raise Transient(f"{server.host} cannot be reached. Nothing was sent; it is tried again.") from problem


def _certificate(problem: BaseException | None) -> str | None:
    """What was wrong with a certificate, wherever in the chain of errors it stands."""
    for _ in range(6):
        if isinstance(problem, ssl.SSLCertVerificationError):
            return (problem.verify_message or "not trusted").rstrip(".")
        problem = (problem.__cause__ or problem.__context__) if problem is not None else None
    return None


async def _logged_in(client: SMTP, server: Server, login: Login, platform: Platform | None) -> None:
    try:
        if login.how == "oauth":
            await client.auth_xoauth2(login.user, await access_token(login, platform))
        else:
            await client.login(login.user, login.password)
    except SMTPAuthenticationError as problem:
        if 400 <= problem.code < 500:
            raise Transient(f"{server.host} cannot check the login now. Nothing was sent; it is tried again.") from None
        words = f"{server.host} refuses the login for sending. Check user name and password or token."
        raise Misconfigured(words) from None
    except SMTPResponseException as problem:
        raise _refused(problem, server) from None
    except (SMTPNotSupported, ValueError):
        words = f"{server.host} offers no way to log in that fits. Check port, encryption and login."
        raise Misconfigured(words) from None
    except (SMTPException, OSError, TimeoutError):
        raise Transient(f"{server.host} broke off at the login. Nothing was sent; it is tried again.") from None


async def _envelope(client: SMTP, letter: Letter, thread_id: str, server: Server) -> None:
    options, to_options = [], []
    if client.supports_extension("size"):
        options.append(f"SIZE={len(letter.body)}")
    if letter.international:
        if not client.supports_extension("smtputf8"):
            words = f"{server.host} takes no letters beyond a to z in addresses. Write to another address of the person"
            raise Permanent(f"{words}: {letter.recipient}.")
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    if client.supports_extension("dsn"):
        options += ["RET=HDRS", *([f"ENVID={_xtext(thread_id)}"] if thread_id.isascii() and thread_id else [])]
        to_options.append("NOTIFY=FAILURE,DELAY")
    encoding = "utf-8" if letter.international else "ascii"
    try:
        await client.mail(letter.sender, options=options, encoding=encoding, timeout=ANSWER)
        await client.rcpt(letter.recipient, options=to_options, encoding=encoding, timeout=ANSWER)
    except SMTPResponseException as problem:
        raise _refused(problem, server) from problem
    except (SMTPException, OSError, TimeoutError) as problem:
        raise Transient(f"{server.host} broke off before it had the mail. It is tried again.") from problem


def _xtext(value: str) -> str:
    """RFC 3461."""
    return "".join(sign if "!" <= sign <= "~" and sign not in "+=" else f"+{ord(sign):02X}" for sign in value)


async def _begin_data(client: SMTP, server: Server) -> None:
    try:
        answer = await client.execute_command(b"DATA", timeout=ANSWER)
    except (SMTPException, OSError, TimeoutError) as problem:
        raise Transient(f"{server.host} broke off before it had the mail. It is tried again.") from problem
    if answer.code != 354:
        raise _refused(SMTPResponseException(answer.code, answer.message), server)


async def _handed_over(client: SMTP, body: bytes, server: Server) -> Receipt:
    """The mail, then the dot that ends it. Until the dot is written the server cannot have taken it; after that only
    its answer tells."""
    protocol = client.protocol
    lost = Transient(f"{server.host} broke off in the middle of the mail. It is tried again.")
    if protocol is None:
        raise lost
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    data = _DOTS.sub(b"..", lines)
    try:
        protocol.write(data if data.endswith(b"\r\n") else data + b"\r\n")
        async with asyncio.timeout(AFTER_DATA):
            while _waits(protocol.transport):  # noqa: ASYNC110 - the transport tells nobody when all is written
                await asyncio.sleep(0.01)
        if protocol.transport is None or protocol.transport.is_closing():
            raise lost
    except (SMTPException, OSError, TimeoutError) as problem:
        raise lost from problem
    try:
        protocol.write(b".\r\n")
        answer = await protocol.read_response(timeout=AFTER_DATA)
    except (SMTPException, OSError, TimeoutError):
        words = f"{server.host} had the whole mail and broke off before it answered. It may have been sent."
        return Receipt(state="unsure", detail=words)
    if answer.code != 250:
        raise _refused(SMTPResponseException(answer.code, answer.message), server)
    return Receipt(state="sent", remote_id=_said(answer.message), at=datetime.now(UTC))


def _waits(transport: asyncio.BaseTransport | None) -> bool:
    return isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size() > 0 and (
        not transport.is_closing()
    )  # fmt: skip


def _refused(problem: SMTPResponseException, server: Server) -> PluginFault:
    """4xx: later; 5xx: never."""
    said = f"{server.host} says: {problem.code} {_said(problem.message)}"
    if problem.code in {530, 538}:
        return Misconfigured(f"{said}. It wants a login or encryption; check how mail is sent.")
    if 500 <= problem.code < 600:
        return Permanent(f"{said}. Check the address with the person.")
    return Transient(f"{said}. Nothing was sent; it is tried again.")


def _said(text: str) -> str:
    return compose.one_line(text)[:300].rstrip(".")


async def _at_imap(mailbox: Mailbox, platform: Platform, work: Callable[[Session], T]) -> T:
    assert mailbox.imap is not None
    await mailbox.imap.allowed()
    token = await access_token(mailbox.login, platform) if mailbox.login.how == "oauth" else ""

    def asked() -> T:
        session = Session(mailbox)
        try:
            session.open(token, read_only=True)
            return work(session)
        finally:
            session.close()

    return await asyncio.to_thread(asked)


async def _with_copy(receipt: Receipt, letter: Letter, mailbox: Mailbox, platform: Platform) -> Receipt:
    """The mail has gone; a copy that cannot be kept changes nothing of that, and is said."""
    try:
        async with asyncio.timeout(20):
            await _at_imap(mailbox, platform, lambda there: there.append(mailbox.sent_folder, letter.body))
    except (PluginFault, TimeoutError) as problem:
        words = f"Sent, but no copy could be kept in {mailbox.sent_folder}: {problem}"
        return Receipt(state="sent", detail=words, remote_id=receipt.remote_id, at=receipt.at)
    return receipt


def in_use(settings: Mapping[str, Any]) -> bool:
    """Whether the unit's settings name a way out."""
    return bool(str(settings.get("address") or "").strip() and str(settings.get("smtp_host") or "").strip())
