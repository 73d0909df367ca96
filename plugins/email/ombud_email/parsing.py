"""A mail's bytes as a message of the inbox. Pure: what the receiving side knew comes in the receipt's content type."""

import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from ombud_email import html, marks, quotes, tnef
from ombud_email.automatic import automatic
from ombud_email.charsets import decoded, plain, text_of
from ombud_email.mime import Mail, NoMail, Part, flat, read, uuencoded
from ombud_email.reports import reports
from ombud_plugin_api import (
    Automatic,
    DeliveryReport,
    Document,
    InboundMessage,
    Mark,
    Permanent,
    PersonGiven,
    RawReceipt,
    Thread,
)  # fmt: skip

log = logging.getLogger("ombud.plugins.email")

KEY = "email"
LONGEST_TEXT, LONGEST_SUBJECT, MOST_IDS, MOST_ADDRESSES = 200_000, 500, 60, 100
_ID = re.compile(r"<\s*([^<>\s]{1,500})\s*>")
_BARE_ID = re.compile(r"[^\s<>,;\"()]{1,400}@[^\s<>,;\"()]{1,200}")
_RECIPIENTS = (
    "to",
    "cc",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "resent-to",
    "apparently-to",
)
_NO_HTML = re.compile(
    r"(?:does not|doesn't|cannot|can't|unable to) (?:support|display|read|view).{0,40}html", re.IGNORECASE
)


def parse(raw: RawReceipt) -> InboundMessage:
    """Raises Permanent for bytes that are no mail; whatever else is wrong with them is said in a mark."""
    known = arrival(raw.content_type)
    try:
        return _message(read(raw.body), known)
    except NoMail:
        words = "these bytes are no e-mail: they begin with no header; look at them, and ask who sent them"
        raise Permanent(words) from None
    except Exception as problem:  # read again as headers and plain text, which needs less
        log.debug("an e-mail could not be read in full: %s", type(problem).__name__)
    try:
        return _message(flat(raw.body, "it could not be read in full"), known)
    except Exception as problem:
        raise Permanent(f"this e-mail could not be read ({type(problem).__name__}); look at its bytes") from None


def arrival(content_type: str) -> dict[str, str]:
    """What was known of the mail's arrival: account, unit, at, authserv, size (of one that was cut)."""
    holder: Message[str, str] = Message()
    holder["content-type"] = content_type
    try:
        return {name.lower(): str(value) for name, value in holder.get_params(failobj=[])[1:]}
    except (ValueError, LookupError, TypeError):
        return {}


@dataclass
class _Body:
    """What the parts say. `texts`: pieces in their order, plain or HTML, the alternatives of one together."""

    pieces: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    files: list[Document] = field(default_factory=list)
    inline: list[Document] = field(default_factory=list)
    images: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    invitations: list[str] = field(default_factory=list)
    foreign: bool = False

    def piece(self, slot: str, kind: str, text: str) -> None:
        self.pieces.setdefault(slot, {}).setdefault(kind, []).append(text)


def _message(mail: Mail, known: dict[str, str]) -> InboundMessage:
    body = _Body()
    for part in mail.parts:
        _take(part, body)
    sender = _sender(mail)
    said, shown = _words(body, f"{sender.name} {sender.email}")
    text, cut = said.reply[:LONGEST_TEXT], len(said.reply) > LONGEST_TEXT
    if not text and body.invitations:
        text = "\n".join(body.invitations)
    machine = automatic(mail, sender.email)
    told = reports(mail, machine, said.reply + "\n" + said.below)
    return InboundMessage(
        channel=KEY, sender=sender, text=text, subject=mail.header("subject")[:LONGEST_SUBJECT],
        quoted=said.below[:LONGEST_TEXT], html=shown, language=_language(mail), received_at=_received(mail, known),
        said_at=_moment(mail.header("date")), account=known.get("account", ""), unit=known.get("unit", ""),
        thread=_thread(mail), automatic=_kind_of(machine, told), reports=told,
        marks=tuple(_marks(mail, body, known, said, cut)), documents=tuple(_unique([*body.files, *body.inline])),
    )  # fmt: skip


def _kind_of(machine: Automatic | None, told: tuple[DeliveryReport, ...]) -> Automatic | None:
    """A report of nothing but success is no bounce."""
    if machine is not None and machine.kind == "bounce" and told and all(each.state != "bounced" for each in told):
        return Automatic(kind="report", reason=machine.reason)
    return machine


def _take(part: Part, body: _Body) -> None:
    name, kind = part.name, part.kind
    signature = kind in {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
    if signature or kind in {"message/delivery-status", "message/disposition-notification"}:
        return
    if kind in {"text/plain", "text/html", "text/richtext", "text/enriched", "text/rfc822-headers"} and not (
        part.attached or name
    ):
        _take_text(part, body)
    elif kind in {"application/ms-tnef", "application/vnd.ms-tnef"} or name.lower() == "winmail.dat":
        _take_tnef(part, body)
    else:
        _take_file(part, name, body)


def _take_text(part: Part, body: _Body) -> None:
    text, right = text_of(part.data, part.charset)
    body.foreign = body.foreign or not right
    slot = f"alternative {part.group}" if part.group else f"part {part.number}"
    if part.kind == "text/html" or (part.kind == "text/plain" and text.lstrip()[:200].lower().startswith("<html")):
        body.piece(slot, "html", text)
        return
    if part.kind in {"text/richtext", "text/enriched"}:
        text = re.sub(r"<[^>\n]{0,60}>", "", text)
    if part.kind == "text/rfc822-headers":
        body.files.append(Document(name="headers.txt", content_type="text/plain", data=part.data))
        return
    text, files = uuencoded(text)
    body.files += [
        Document(name=plain(each), content_type="application/octet-stream", data=data) for each, data in files
    ]
    body.piece(slot, "plain", text)


def _take_tnef(part: Part, body: _Body) -> None:
    found = tnef.unpacked(part.data)
    if found is None:
        body.files.append(Document(name=part.name or "winmail.dat", content_type=part.kind, data=part.data))
        body.marks.append(Mark(key="damaged", label="Its winmail.dat cannot be unpacked; it is attached as it came."))
        return
    files, text, shown = found
    body.files += files
    if not body.pieces and (text or shown):
        body.piece("winmail", "html" if shown else "plain", shown or text)


def _take_file(part: Part, name: str, body: _Body) -> None:
    data = part.data
    if part.kind == "text/calendar" and (words := marks.invitation(part)):
        body.invitations.append(words)
    if not data:
        return
    name = name or _name_for(part)
    document = Document(name=name, content_type=part.kind, data=data)
    shown = bool(part.content_id) and part.kind.startswith("image/")
    if shown:
        body.images[part.content_id] = (part.kind, data)
    (body.inline if shown and not part.attached else body.files).append(document)


def _name_for(part: Part) -> str:
    """For a file whose sender gave it none."""
    if part.kind == "message/rfc822":
        held = part.message.get_payload()
        inner = held[0] if isinstance(held, list) and held else None
        subject = decoded(inner.get("subject", "")) if isinstance(inner, Message) else ""
        return f"{subject[:80] or 'forwarded message'}.eml"
    endings = {
        "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "application/pdf": "pdf", "text/calendar": "ics",
        "text/plain": "txt", "text/html": "html", "application/pkcs7-mime": "p7m", "application/x-pkcs7-mime": "p7m",
        "application/pgp-encrypted": "asc", "text/csv": "csv", "text/vcard": "vcf",
    }  # fmt: skip
    return f"part-{part.number}.{endings.get(part.kind, 'bin')}"


def _unique(documents: list[Document]) -> list[Document]:
    """Files of one name are told apart by a number."""
    seen: dict[str, int] = {}
    named = []
    for each in documents:
        seen[each.name] = count = seen.get(each.name, 0) + 1
        stem, dot, ending = each.name.rpartition(".")
        name = each.name if count == 1 else f"{stem} ({count}).{ending}" if dot else f"{each.name} ({count})"
        named.append(Document(name=name, content_type=each.content_type, data=each.data))
    return named


def _words(body: _Body, sender: str) -> tuple[quotes.Said, str]:
    """What was said this time, what stands below it, and the mail as it looked, cleaned."""
    replies, below, signature, shown = [], [], "", []
    for slot in body.pieces.values():
        said = _said(slot, sender)
        replies.append(said.reply)
        below += [said.signature, said.quoted]
        shown += slot.get("html", [])
    looked = "\n<hr>\n".join(html.cleaned(each, body.images) for each in shown)
    said = quotes.Said(
        "\n\n".join(each for each in replies if each), signature, "\n\n".join(each for each in below if each)
    )
    return said, looked


def _said(slot: dict[str, list[str]], sender: str) -> quotes.Said:
    plain_text = "\n\n".join(slot.get("plain", []))
    if "html" not in slot:
        return quotes.split(plain_text, sender)
    found = [html.words(each) for each in slot["html"]]
    reply, cut = "\n\n".join(each for each, _ in found), "\n\n".join(each for _, each in found if each)
    if _is_real(plain_text, reply):
        said = quotes.split(plain_text, sender)
        if said.quoted or not cut:
            return said
    said = quotes.split(reply, sender)
    return quotes.Said(said.reply, said.signature, "\n\n".join(each for each in (said.quoted, cut) if each))


def _is_real(text: str, shown: str) -> bool:
    """Whether the plain text says what the HTML says, and not only that there is HTML."""
    if not text.strip() or (len(text) < 400 and _NO_HTML.search(text)):
        return False
    return len(shown) < 200 or len(text) * 5 > len(shown)


def _sender(mail: Mail) -> PersonGiven:
    for name in ("from", "sender", "reply-to", "return-path"):
        for person, address in _addresses(mail, name):
            if "@" in address:
                return PersonGiven(name=(person or address)[:200], email=address[:320])
        if name == "from" and mail.header("from") and "@" not in mail.header("from"):
            written = mail.header("from")[:200]
            others = [each for other in ("reply-to", "sender") for _, each in _addresses(mail, other) if "@" in each]
            return PersonGiven(name=written, email=(others or [""])[0][:320])
    return PersonGiven(name="")


def _addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    values = [" ".join(each[:16_000].split()) for each in mail.every(name)[:20]]
    try:
        pairs = getaddresses(values)[:MOST_ADDRESSES]
    except (RecursionError, ValueError, IndexError, TypeError):  # brackets in brackets without end
        pairs = [("", each) for each in _BARE_ID.findall(" ".join(values)[:20_000])[:MOST_ADDRESSES]]
    found = []
    for person, address in pairs:
        if "=?" in address and "@" not in address:  # the whole of it was encoded, address included
            found += getaddresses([decoded(address)])[:5]
        else:
            found.append((decoded(person), decoded(address).strip("<> ")))
    return [(plain(person), plain(address).replace(" ", "")) for person, address in found]


def _thread(mail: Mail) -> Thread:
    own = _ids([mail.header("message-id")])
    answers = _ids(mail.every("in-reply-to")[:3]) + _ids(mail.every("references")[:3])[::-1]
    to = [address for name in _RECIPIENTS for _, address in _addresses(mail, name) if "@" in address]
    return Thread(
        id=(own or [""])[0], answers=tuple(dict.fromkeys(answers))[:MOST_IDS],
        addresses=tuple(dict.fromkeys(to))[:MOST_ADDRESSES],
    )  # fmt: skip


def _ids(values: list[str]) -> list[str]:
    text = " ".join(plain(each)[:64_000] for each in values)
    return (_ID.findall(text) or _BARE_ID.findall(text))[:200]


def _received(mail: Mail, known: dict[str, str]) -> datetime | None:
    try:
        if known.get("at"):
            return datetime.fromisoformat(known["at"]).astimezone(UTC)
    except ValueError:
        pass
    return _moment(mail.header("received").rpartition(";")[2])


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
    return moment if 1980 <= moment.year <= 2200 else None


def _language(mail: Mail) -> str:
    found = re.match(r"[a-z]{2}(?=$|[-,;])", mail.header("content-language").lower())
    return found.group(0) if found else ""


def _marks(mail: Mail, body: _Body, known: dict[str, str], said: quotes.Said, cut: bool) -> list[Mark]:
    found = [*marks.checks(mail, known.get("authserv", "")), *marks.wrapping(mail, said.reply), *body.marks]
    found += [Mark(key="calendar", label=each) for each in body.invitations[:3]]
    if known.get("size"):
        words = "It is larger than this desk takes: its beginning was kept, the whole lies in the mailbox"
        found.append(Mark(key="damaged", label=f"{words} ({_mb(known['size'])}).", tone="bad"))
    elif mail.damage:
        found.append(Mark(key="damaged", label=f"Damaged: {'; '.join(dict.fromkeys(mail.damage))}.", tone="bad"))
    if cut:
        found.append(Mark(key="damaged", label="Its text is longer than a book; the end is in the mail as it came."))
    if body.foreign:
        found.append(Mark(key="letters", label="It names another alphabet than it uses; some letters may be wrong."))
    return found


def _mb(size: str) -> str:
    return f"{int(size) / 1_000_000:.0f} MB" if size.isdigit() else "size unknown"
