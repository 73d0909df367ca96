"""How what we make of real mails compares with what others say is right: MIME-tools' and talon's own expectations.

`python plugins/email/tests/scoring.py` prints the score as Markdown; the tests ask the same functions. The mails lie in
the folder that OMBUD_SHARED_DATA names, by default `../shared/data` beside the checkout's parents.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from ombud_email import html, mime, quotes
from ombud_email.charsets import decoded, text_of
from ombud_email.mime import Part
from ombud_email.parsing import parse
from ombud_plugin_api import InboundMessage, Permanent, RawReceipt


def shared_data() -> Path | None:
    """The folder with `emails` and `talon_quotes_signatures`; None where it is not here."""
    given = os.environ.get("OMBUD_SHARED_DATA")
    above = [Path(given)] if given else [each / "shared" / "data" for each in Path(__file__).resolve().parents]
    return next((each for each in above if (each / "emails").is_dir()), None)


@dataclass
class Score:
    """How many of what was asked was right, and what was not."""

    name: str
    right: int = 0
    asked: int = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, holds: bool, about: str) -> None:
        self.asked += 1
        self.right += holds
        if not holds:
            self.wrong.append(about)


def taken(path: Path) -> InboundMessage | Permanent:
    raw = RawReceipt(channel="email", key=path.name, content_type="message/rfc822", body=path.read_bytes())
    try:
        return parse(raw)
    except Permanent as refusal:
        return refusal


def taken_in(data: Path) -> Score:
    """Every mail becomes a message that has a sender, words, files or a report; or waits with the reason."""
    score = Score("taken in whole, or kept for a person with the reason")
    for path in sorted((data / "emails").glob("*/*.eml")):
        said = taken(path)
        if isinstance(said, Permanent):
            score.note("no header" in str(said), f"{path.name}: {said}")
            continue
        empty = not (said.text or said.quoted or said.documents or said.html or said.reports or said.marks)
        score.note(not empty or not _has_body(path), f"{path.name}: nothing came of it")
    return score


def _has_body(path: Path) -> bool:
    return any(part.data.strip() for part in mime.read(path.read_bytes()).parts)


def mime_tools(data: Path) -> Score:
    """Type, file name, subject, sender, recipient, encoding, character set and size of each part, as MIME-tools' own
    tests expect them."""
    score = Score("MIME-tools: facts of parts as its own tests expect them")
    for expected in sorted((data / "emails" / "mime-tools").glob("*.expected.json")):
        mail = expected.with_name(expected.name.replace(".expected.json", ".eml"))
        if mail.is_file():
            _compare(json.loads(expected.read_text("utf-8")), mail, score)
    return score


def _compare(expected: dict[str, Any], path: Path, score: Score) -> None:
    found = _facts(mime.read(path.read_bytes()))
    for place, facts in expected.items():
        if place == "Parser":
            continue
        there = found.get(place, {})
        for name, value in facts.items():
            if name in {"BodyFilename", "Boundary"}:  # what it would be called on a disk; and syntax
                continue
            got = there.get(name, "")
            same = str(value).strip().casefold() == str(got).casefold() or (name == "Size" and _near(value, got))
            score.note(same, f"{path.name} {place} {name}: expected {value!r}, found {got!r}")


def _near(expected: Any, got: Any) -> bool:
    """MIME-tools counts the line end before a boundary in some parts and not in others."""
    return bool(got) and abs(int(expected) - int(got)) <= 2


def _facts(mail: mime.Mail) -> dict[str, dict[str, Any]]:
    return {"Msg": _of(mail.root, not mail.root.is_multipart()), **_below(mail.root, "")} | _uuencoded(mail)


def _below(message: "Message[str, str]", number: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    held = message.get_payload()
    kind = message.get_content_type()
    if not isinstance(held, list):
        return found
    if kind == "message/rfc822" and isinstance(held[0], Message):
        inner = held[0]
        if inner.is_multipart():
            return _below(inner, number)
        return {f"Part_{number.lstrip('_')}_1" if number else "Part_1": _of(inner, True)}
    for place, each in enumerate(held, 1):
        if isinstance(each, Message):
            below = f"{number}_{place}"
            found[f"Part{below}"] = _of(each, not each.is_multipart())
            found |= _below(each, below)
    return found


def _of(message: "Message[str, str]", leaf: bool) -> dict[str, Any]:
    part = Part(message, message.get_content_type())
    disposition = decoded(message.get("content-disposition", "")).partition(";")[0].strip()
    return {
        "Type": part.kind, "Filename": part.name, "Charset": part.charset, "Disposition": disposition,
        "Encoding": decoded(message.get("content-transfer-encoding", "7bit")) or "7bit",
        "Subject": decoded(message.get("subject", "")), "From": decoded(message.get("from", "")),
        "To": decoded(message.get("to", "")), "Size": len(part.data) if leaf else "",
    }  # fmt: skip


def _uuencoded(mail: mime.Mail) -> dict[str, dict[str, Any]]:
    """MIME-tools makes parts of files that stand in the text as letters."""
    if len(mail.parts) != 1 or mail.parts[0].kind != "text/plain":
        return {}
    _, files = mime.uuencoded(text_of(mail.parts[0].data)[0])
    if not files:
        return {}
    facts: dict[str, dict[str, Any]] = {"Msg": {**_of(mail.root, True), "Type": "multipart/mixed"}}
    facts["Part_1"] = {"Type": "text/plain", "Encoding": "7bit"}
    for place, (name, data) in enumerate(files, 2):
        facts[f"Part_{place}"] = {
            "Filename": name, "Size": len(data), "Disposition": "inline", "Type": f"image/{name.rpartition('.')[2]}",
            "Encoding": "base64",
        }  # fmt: skip
    return facts


def replies(data: Path) -> Score:
    """talon's mails: what remains is what was written."""
    score = Score("talon: replies cut out of whole mails")
    for path in sorted((data / "emails" / "talon").glob("*.eml")):
        if "share-block" in path.name:  # talon's own test looks at something else there
            continue
        said = taken(path)
        assert isinstance(said, InboundMessage)
        score.note(said.text.strip() == "Hello", f"{path.name}: {said.text[:80]!r}")
    return score


HTML = {
    "OLK_SRC_BODY_SECTION.html": "Reply",
    "reply-separated-by-hr.html": "Hi there Bob",
    "html_replies__mail_ru.html": "Hi. I am fine. Thanks, Alex",
    "html_replies__ms_outlook_2003.html": "Hi. I am fine. Thanks, Alex",
    "html_replies__ms_outlook_2010.html": "Hi. I am fine. Thanks, Alex",
    "html_replies__thunderbird.html": "Hi. I am fine. Thanks, Alex",
    "html_replies__yandex_ru.html": "Hi. I am fine. Thanks, Alex",
}
"""What talon's own tests expect of these pages."""


def html_replies(data: Path) -> Score:
    score = Score("talon: replies cut out of HTML")
    for name, expected in HTML.items():
        path = data / "talon_quotes_signatures" / name
        if not path.is_file():
            continue
        reply, _ = html.words(text_of(path.read_bytes())[0])
        said = quotes.split(reply)
        whole = " ".join(f"{said.reply} {said.signature}".split())
        score.note(whole == expected, f"{name}: {whole[:120]!r}")
    return score


def signatures(data: Path) -> Score:
    """talon's triples: the signature, no more and no less, by the name of who sent it."""
    score = Score("talon: signatures, to the line")
    for path in sorted((data / "talon_quotes_signatures").glob("signature__emails__stripped__*_signature")):
        body = path.with_name(path.name.replace("_signature", "_body"))
        sender = path.with_name(path.name.replace("_signature", "_sender"))
        expected = [each.replace("#sig#", "").strip() for each in path.read_text("utf-8").splitlines() if each.strip()]
        text = body.read_text("utf-8").replace("#sig#", "")
        _, signature = quotes.signed(text.strip(), sender.read_text("utf-8"))
        found = [each.strip() for each in signature.splitlines() if each.strip()]
        score.note(found == expected, f"{body.name}: expected {expected}, found {found}")
    return score


SCORES = (taken_in, mime_tools, replies, html_replies, signatures)


def main() -> int:
    data = shared_data()
    if data is None:
        print("The collection of mails is not here; name its folder with OMBUD_SHARED_DATA.")
        return 0
    print("| mails | right | of |\n|---|---|---|")
    wrong = []
    for each in SCORES:
        score = each(data)
        wrong += score.wrong
        print(f"| {score.name} | {score.right} | {score.asked} |")
    if "--wrong" in sys.argv:
        print("\n".join(wrong))
    return 0


if __name__ == "__main__":
    sys.exit(main())
