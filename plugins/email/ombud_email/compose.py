"""What is sent, byte for byte: a mail of core's frozen message in the name of a mailbox."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from html import escape

from ombud_email.charsets import plain
from ombud_email.mailbox import Mailbox
from ombud_plugin_api import Document, OutboundMessage, Permanent

MOST_REFERENCES = 30
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,90}", re.IGNORECASE)
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_ID = re.compile(r"[^\s<>]{1,500}")


@dataclass(frozen=True)
class Letter:
    """`international`: it needs a server that takes letters of all alphabets in addresses (SMTPUTF8)."""

    sender: str
    recipient: str
    body: bytes
    international: bool


def letter(message: OutboundMessage, mailbox: Mailbox) -> Letter:
    """Raises Permanent for a recipient to whom no mail can be sent."""
    recipient = _deliverable(message.recipient.email)
    sender = _deliverable(mailbox.address)
    international = not (recipient + sender).isascii()
    mail = EmailMessage(policy=SMTPUTF8 if international else SMTP)
    mail["From"] = _address(mailbox.name, sender)
    mail["To"] = _address(message.recipient.name, recipient)
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = datetime.now(UTC)
    for name, value in _threading(message, mailbox):
        mail[name] = value
    if message.robot:
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    _body(mail, message, mailbox)  # which takes away headers of content that were set before
    if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", message.language):
        mail["Content-Language"] = message.language
    for each in message.documents:
        _attach(mail, each)
    return Letter(sender, recipient, mail.as_bytes(), international)


def one_line(text: str) -> str:
    return " ".join(plain(text).split())


def _deliverable(address: str) -> str:
    """The address with its domain as the net writes it."""
    local, at, domain = address.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        domain = ""
    if (
        not at
        or not local
        or not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", domain)
        or re.search(r"[\s<>]", local)
    ):
        raise Permanent(f"{address or 'An empty address'} is no e-mail address. Correct it with the person.")
    return f"{local}@{domain}"


def _address(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local.strip('"'), domain)


def answers_to(mailbox: Mailbox, token: str) -> str:
    """Where an answer should come: with core's signed token, where the server takes such addresses."""
    local, _, domain = mailbox.address.rpartition("@")
    return f"{local}+{token}@{domain}" if token and mailbox.plus else ""


def _threading(message: OutboundMessage, mailbox: Mailbox) -> list[tuple[str, str]]:
    found = [("Message-ID", f"<{message.thread.id}>")] if _ID.fullmatch(message.thread.id) else []
    answers = [each for each in message.thread.answers if _ID.fullmatch(each)][:MOST_REFERENCES]
    if answers:
        found.append(("In-Reply-To", f"<{answers[0]}>"))
        found.append(("References", " ".join(f"<{each}>" for each in reversed(answers))))
    if reply_to := answers_to(mailbox, message.reply_token):
        found.append(("Reply-To", reply_to))
    return found


def _body(mail: EmailMessage, message: OutboundMessage, mailbox: Mailbox) -> None:
    signature = plain(mailbox.signature).strip()
    text = plain(message.text).rstrip() + (f"\n\n-- \n{signature}" if signature else "") + "\n"
    mail.set_content(text, cte="quoted-printable")
    if message.html.strip():
        below = f"<p>-- <br>{escape(signature).replace(chr(10), '<br>')}</p>" if signature else ""
        mail.add_alternative(f"{plain(message.html)}{below}", subtype="html", cte="quoted-printable")


def _attach(mail: EmailMessage, document: Document) -> None:
    kind = document.content_type if _TYPE.fullmatch(document.content_type) else "application/octet-stream"
    main, _, sub = kind.lower().partition("/")
    if main in {"message", "multipart"}:  # a mail within a mail would have to be taken apart
        main, sub = "application", "octet-stream"
    mail.add_attachment(document.data, maintype=main, subtype=sub, filename=one_line(document.name), cte="base64")
