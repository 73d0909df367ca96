"""What became of a mail of ours: delivery reports (RFC 3464), read reports (RFC 8098), and refusals without form."""

import re
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from ombud_email.charsets import decoded, plain, text_of
from ombud_email.mime import Mail, Part
from ombud_plugin_api import Automatic, DeliveryReport

MOST = 50
_ID = re.compile(r"<([^<>\s]{1,500})>")
_NAMED = re.compile(r"^[ \t>]*Message-ID:\s*<([^<>\s]{1,500})>", re.IGNORECASE | re.MULTILINE)
_CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_STATES = {"failed": "bounced", "delayed": "delayed", "delivered": "delivered", "relayed": "delivered",
           "expanded": "delivered"}  # fmt: skip


def reports(mail: Mail, automatic: Automatic | None, text: str) -> tuple[DeliveryReport, ...]:
    """`text`: what the mail says, for those who report in words alone."""
    found: list[DeliveryReport] = []
    about = _returned(mail)
    for part in mail.parts:
        if part.kind == "message/delivery-status":
            found += _delivery(part, about)
        elif part.kind == "message/disposition-notification":
            found += _disposition(part, about)
    if not found and automatic is not None and automatic.kind == "bounce":
        about = about or next(iter(_NAMED.findall(text[:60_000])), "")
        code = next(iter(_CODE.findall(text[:60_000])), "")
        found.append(DeliveryReport(about=about, state="bounced", code=code, text=text.strip()[:500]))
    return tuple(found[:MOST])


def _returned(mail: Mail) -> str:
    """The Message-ID of the mail that came back with the report, whole or its headers."""
    for part in mail.parts[1:]:
        if part.kind in {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"}:
            head = message_from_bytes(part.data[:100_000].lstrip(), policy=compat32)
            if found := _ID.search(decoded(head.get("message-id", ""))):
                return found.group(1)
    return ""


def _blocks(part: Part) -> list["Message[str, str]"]:
    """The groups of fields of a report. Some servers put them where a parser sees one text."""
    held = part.message.get_payload()
    if isinstance(held, list):
        return [each for each in held if isinstance(each, Message)][: MOST + 1]
    text = text_of(part.data[:200_000])[0]
    pieces = [each for each in re.split(r"\n\s*\n", text) if each.strip()]
    return [message_from_bytes(each.encode("utf-8", "replace"), policy=compat32) for each in pieces[: MOST + 1]]


def _delivery(part: Part, about: str) -> list[DeliveryReport]:
    found, blocks = [], _blocks(part)
    for block in blocks:
        if not about and (envelope := decoded(block.get("original-envelope-id", ""))):
            about = _xtext(envelope)
    for block in blocks:
        action = decoded(block.get("action", "")).lower()
        status = _CODE.search(decoded(block.get("status", "")))
        if not action and not status:
            continue
        code = status.group(1) if status else ""
        state = _STATES.get(action) or {"2": "delivered", "4": "delayed"}.get(code[:1], "bounced")
        recipient = decoded(block.get("original-recipient") or block.get("final-recipient", "")).rpartition(";")[2]
        words = decoded(block.get("diagnostic-code", "")).partition(";")[2].strip()
        found.append(
            DeliveryReport(about=about, state=state, recipient=recipient.strip()[:320], code=code, text=words[:500])
        )
    return found


def _disposition(part: Part, about: str) -> list[DeliveryReport]:
    for block in _blocks(part):
        said = decoded(block.get("disposition", "")).rpartition(";")[2].strip().lower()
        if not said:
            continue
        named = _ID.search(decoded(block.get("original-message-id", "")))
        recipient = decoded(block.get("final-recipient", "")).rpartition(";")[2].strip()
        failed = said.startswith(("failed", "denied"))
        return [
            DeliveryReport(about=named.group(1) if named else about, state="bounced" if failed else "delivered",
                           recipient=recipient[:320], text=f"Read report: {said[:80]}")
        ]  # fmt: skip
    return []


def _xtext(value: str) -> str:
    """RFC 3461: +3D is =."""
    return plain(re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found.group(1), 16)), value)).strip("<> ")[:500]
