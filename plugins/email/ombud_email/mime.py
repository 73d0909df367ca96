"""A mail's bytes as parts in their order, read under bounds: what is nested, long or many on purpose costs no time."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from ombud_email.charsets import decoded, plain, text_of

MOST_PARTS, DEEPEST, MOST_HEADERS = 300, 25, 1_000
MOST_WORK = 6_000_000  # lines times boundaries: what the parser compares
_BEGINS = re.compile(rb"^[!-9;-~]{1,200}[ \t]*:", re.MULTILINE)
_UUENCODED = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,200})\n((?:[ -`]{0,62}\n)*?)[ `]?\n?end[ \t]*$", re.MULTILINE)
_BETWEEN = re.compile(r"^--([^\s\"]{1,70})[ \t]*\r?\n(?:[!-9;-~]+:[^\n]*\n|\r?\n)", re.MULTILINE)
_RAW_HEADERS = re.compile(rb"\r?\n\r?\n")


class NoMail(ValueError):
    """These bytes hold no mail."""


@dataclass(frozen=True)
class Part:
    """A leaf: `kind` in small letters; `inside`: kinds of the multiparts around it, the outermost first; `group`: which
    `multipart/alternative` it stands in, 0 for none; `number`: where it stands, as MIME counts (1.2)."""

    message: "Message[str, str]"
    kind: str
    inside: tuple[str, ...] = ()
    group: int = 0
    number: str = "1"

    @property
    def data(self) -> bytes:
        payload = self.message.get_payload(decode=True)
        if isinstance(payload, bytes):
            return payload
        held = self.message.get_payload()
        if isinstance(held, list):
            return b"\n".join(_bytes_of(each) for each in held if isinstance(each, Message))
        return str(held).encode("utf-8", "surrogateescape")

    @property
    def charset(self) -> str:
        found = self.message.get_param("charset", "")
        return str(found[2] if isinstance(found, tuple) else found or "")

    @property
    def name(self) -> str:
        """The file name as its sender gave it, in whatever way; empty without one."""
        for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
            if name := _parameter(self.message, header, parameter):
                return name
        return ""

    @property
    def attached(self) -> bool:
        return str(self.message.get("content-disposition", "")).strip().lower().startswith("attachment")

    @property
    def content_id(self) -> str:
        return decoded(self.message.get("content-id", "")).strip("<> ")


@dataclass
class Mail:
    """`headers`: by small name, in their order, undecoded; `damage`: in words, what was wrong with the bytes."""

    root: "Message[str, str]"
    headers: dict[str, list[str]]
    parts: list[Part] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    groups: int = 0

    def header(self, name: str) -> str:
        """The first of that name, decoded, or empty."""
        return decoded(next(iter(self.headers.get(name, ())), ""))

    def every(self, name: str) -> list[str]:
        return self.headers.get(name, [])


def read(body: bytes) -> Mail:
    """Raises NoMail where nothing looks like a header."""
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if body.startswith(b"From "):  # the line that mbox files put before a mail
        body = body.partition(b"\n")[2]
    head = _RAW_HEADERS.split(body[:200_000], maxsplit=1)[0]
    if not _BEGINS.match(head.lstrip(b"> \t")):
        raise NoMail("no header")
    boundaries = len(re.findall(rb"boundary", body, re.IGNORECASE))
    if boundaries > 400 or boundaries * body.count(b"\n") > MOST_WORK:
        return flat(body, "it is nested or divided beyond all use, so that only its beginning was read")
    try:
        root = message_from_bytes(body, policy=compat32)
        mail = Mail(root, _headers(root))
        mail.parts = list(_leaves(root, mail))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, IndexError, KeyError):
        return flat(body, "its parts could not be told apart")
    mail.damage += _defects(mail)
    return mail


def flat(body: bytes, why: str) -> Mail:
    """Its headers, and its beginning as plain text: for what cannot be taken apart."""
    head, _, rest = body.replace(b"\r\n", b"\n").partition(b"\n\n")
    root = message_from_bytes(head[:200_000] + b"\n\n", policy=compat32)
    mail = Mail(root, _headers(root), damage=[why])
    leaf: Message[str, str] = Message()
    leaf.set_payload(text_of(rest[:20_000])[0].encode("ascii", "replace").decode())
    mail.parts = [Part(leaf, "text/plain")]
    return mail


def _headers(message: "Message[str, str]") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in list(message.raw_items())[:MOST_HEADERS]:
        found.setdefault(name.lower(), []).append(str(value)[:64_000])
    return found


def _leaves(
    message: "Message[str, str]", mail: Mail, inside: tuple[str, ...] = (), group: int = 0, number: str = ""
) -> Iterator[Part]:
    kind = message.get_content_type().lower()
    held = message.get_payload()
    if len(inside) > DEEPEST:
        mail.damage.append("its parts are nested too deeply; the innermost were not read")
        return
    if not kind.startswith("multipart/") or not isinstance(held, list):
        yield from _leaf(message, kind, mail, inside, group, number)
        return
    if kind == "multipart/alternative":
        mail.groups += 1
        group = mail.groups
    taken = 0
    for place, each in enumerate(held, 1):
        if not isinstance(each, Message):
            continue
        if place > MOST_PARTS:
            mail.damage.append(f"it has more than {MOST_PARTS} parts side by side; the rest was not read")
            return
        below = f"{number}.{place}" if number else str(place)
        for leaf in _leaves(each, mail, (*inside, kind), group, below):
            taken += 1
            if taken > MOST_PARTS:
                mail.damage.append(f"it has more than {MOST_PARTS} parts; the rest was not read")
                return
            yield leaf


def _leaf(
    message: "Message[str, str]", kind: str, mail: Mail, inside: tuple[str, ...], group: int, number: str
) -> Iterator[Part]:
    if kind.startswith("multipart/"):
        if (mended := _mended(message)) is not None and len(inside) < DEEPEST:
            mail.damage.append("the line between its parts is not the one it names")
            message.set_payload(mended.get_payload())
            yield from _leaves(message, mail, inside, group, number)
            return
        kind = "text/plain"
        mail.damage.append("it says that it has parts, but none could be found")
    yield Part(message, kind, inside, group, number or "1")


def _mended(message: "Message[str, str]") -> "Message[str, str] | None":
    """The same with the line that really stands between its parts, where there is one."""
    held = message.get_payload()
    body = held if isinstance(held, str) else ""
    named = " ".join(str(message.get_boundary() or "").split())
    found = _BETWEEN.search(body[:100_000])
    if not (named and f"--{named}\n" in body.replace("\r", "")) and found is None:
        return None
    line = named if found is None or f"--{named}\n" in body.replace("\r", "") else found.group(1)
    kind = message.get_content_type()
    head = f'Content-Type: {kind}; boundary="{line}"\n\n'
    mended = message_from_bytes((head + body).encode("utf-8", "surrogateescape"), policy=compat32)
    return mended if mended.is_multipart() else None


def _defects(mail: Mail) -> list[str]:
    names = {type(each).__name__ for each in mail.root.defects}
    words = {
        "StartBoundaryNotFoundDefect": "the line between its parts is missing",
        "CloseBoundaryNotFoundDefect": "its end is missing; it may have been cut off",
        "MissingHeaderBodySeparatorDefect": "its headers end in the middle",
        "FirstHeaderLineIsContinuationDefect": "its first header is broken",
        "NoBoundaryInMultipartDefect": "it names no line between its parts",
    }
    return [words[each] for each in sorted(names) if each in words]


def _parameter(message: "Message[str, str]", header: str, name: str) -> str:
    """A parameter in any of the ways that are met: plain, RFC 2231 in pieces, RFC 2047, raw letters."""
    try:
        found = message.get_param(name, "", header)
    except (ValueError, LookupError, IndexError, TypeError):
        return ""
    if isinstance(found, tuple):
        charset, _, value = found
        return " ".join(text_of(str(value).encode("latin-1", "replace"), charset or "")[0].split())
    return decoded(found or "")


def _bytes_of(message: "Message[str, str]") -> bytes:
    try:
        return message.as_bytes(policy=compat32.clone(max_line_length=None))
    except (ValueError, LookupError, TypeError, AttributeError, KeyError, RecursionError):
        return b"\n".join(f"{name}: {plain(str(value))}".encode() for name, value in message.raw_items()) + b"\n\n"


def uuencoded(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text without the files that stand in it as letters, as in the days before MIME, and these files."""
    files: list[tuple[str, bytes]] = []

    def taken(match: re.Match[str]) -> str:
        try:
            lines = [_uu_line(line) for line in match.group(2).splitlines()]
        except (binascii.Error, ValueError):
            return match.group(0)
        files.append((match.group(1).strip(), b"".join(lines)))
        return ""

    if text.count("\nbegin ") + text.startswith("begin ") > 50:
        return text, []
    return _UUENCODED.sub(taken, text), files


def _uu_line(line: str) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:  # some encoders count wrongly
        count = (((ord(line[0]) - 32) & 63) * 4 + 5) // 3
        return binascii.a2b_uu(line[:count])
