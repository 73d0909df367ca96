"""A letter that came by post, as core keeps it: what a person saw on it, and the scan, in one MIME message that can be
read in fifty years without this program."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from ombud_letters.settings import CHANNEL
from ombud_plugin_api import Document, InboundMessage, Mark, Permanent, PersonGiven, RawReceipt

CONTENT_TYPE = "multipart/mixed; boundary=ombud-letter"
SEPARATOR = "OMBUD:LETTER:SEPARATOR:1"
"""What the code on a separator sheet says."""


class LetterChannel:
    key = CHANNEL
    label = "Letter"
    icon = "mailbox"

    def parse(self, raw: RawReceipt) -> InboundMessage:
        """Raises `Permanent` for bytes that no letter of ours is made of."""
        try:
            parts = [part for part in _message(raw).iter_parts() if isinstance(part, EmailMessage)]
            said = json.loads(_bytes(parts[0]))
            documents = tuple(_document(part) for part in parts[1:])
            received = datetime.fromisoformat(said["received_at"]).astimezone(UTC)
            return InboundMessage(
                channel=CHANNEL,
                sender=PersonGiven(
                    name=str(said["sender"]["name"]), email=str(said["sender"].get("email", "")),
                    phone=str(said["sender"].get("phone", "")), postcode=str(said["sender"].get("postcode", "")),
                ),
                text=str(said["text"]), subject=str(said.get("subject", "")), language=str(said.get("language", "")),
                received_at=received, unit=str(said.get("unit", "")), documents=documents, marks=_marks(said),
            )  # fmt: skip
        except Permanent:
            raise
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, LookupError, RecursionError) as problem:
            raise Permanent("these bytes are no letter as this plugin hands them over; look at them") from problem


def _message(raw: RawReceipt) -> EmailMessage:
    made = BytesParser(policy=policy.default).parsebytes(raw.body)
    if not isinstance(made, EmailMessage) or made.get_content_type() != "multipart/mixed":
        raise Permanent("these bytes are no letter as this plugin hands them over; look at them")
    return made


def _bytes(part: EmailMessage) -> bytes:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        raise ValueError("a part without bytes")
    return data


def _document(part: EmailMessage) -> Document:
    name = part.get_filename() or "letter.pdf"
    return Document(name=name, content_type=part.get_content_type(), data=_bytes(part))


def _marks(said: Mapping[str, Any]) -> tuple[Mark, ...]:
    if said.get("read") == "machine":
        return (Mark(key="ocr", label="Text read by a machine; the scan is beside it"),)
    return (Mark(key="typed", label="Text looked over or typed by a colleague"),) if said.get("text") else ()


def receipt(key: str, said: Mapping[str, Any], pdf: bytes, name: str = "letter.pdf") -> RawReceipt:
    """The bytes that core keeps; the same letter gives the same bytes."""
    about = json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1).encode()
    body = b"".join((
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=ombud-letter\r\n\r\n",
        _part(b'Content-Type: application/json; charset="utf-8"', about),
        _part(b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="%b"' % _ascii(name), pdf)
        if pdf else b"",
        b"--ombud-letter--\r\n",
    ))  # fmt: skip
    return RawReceipt(channel=CHANNEL, key=key, content_type=CONTENT_TYPE, body=body)


def _ascii(name: str) -> bytes:
    return "".join(
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\' else "_" for sign in name
    ).encode()


def _part(headers: bytes, content: bytes) -> bytes:
    lines = b64encode(content)
    wrapped = b"\r\n".join(lines[place : place + 76] for place in range(0, len(lines), 76))
    return b"--ombud-letter\r\n" + headers + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrapped + b"\r\n"
