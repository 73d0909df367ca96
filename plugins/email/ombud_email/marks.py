"""What to know of a mail beside its words: what the firm's own server found out, and how it is wrapped."""

import re
from datetime import date, datetime

from ombud_email.charsets import text_of
from ombud_email.mime import Mail, Part
from ombud_plugin_api import Mark

_RESULT = re.compile(r"\b(dkim|spf|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]{0,1000}\)")
_DOMAIN = re.compile(r"(?:header\.[di]|header\.from|smtp\.mailfrom|smtp\.helo)\s*=\s*@?([^\s;]{1,200})", re.IGNORECASE)
_GOOD, _BAD = {"pass"}, {"fail", "hardfail", "permerror", "policy"}
LARGEST_CALENDAR = 200_000


def checks(mail: Mail, trusted: str) -> list[Mark]:
    """SPF, DKIM and DMARC by the header of the server whose name is trusted; what a sender wrote in its place counts
    for nothing, and the topmost wins, which our server added last."""
    found: dict[str, Mark] = {}
    for value in mail.every("authentication-results")[:20]:
        plain = _COMMENT.sub(" ", value[:4_000])
        server, _, results = plain.partition(";")
        if not trusted or (server.split() or [""])[0].lower() != trusted.strip().lower():
            continue
        for piece in results.split(";"):
            if (result := _RESULT.search(piece)) is None or result.group(1).lower() in found:
                continue
            key, said = result.group(1).lower(), result.group(2).lower()
            domain = _DOMAIN.search(piece)
            tone = "good" if said in _GOOD else "bad" if said in _BAD else "neutral"
            about = f" ({domain.group(1).rpartition('@')[2]})" if domain else ""
            found[key] = Mark(key=key, label=f"{key.upper()}: {said}{about}", tone=tone)
    return [found[key] for key in ("spf", "dkim", "dmarc") if key in found]


def wrapping(mail: Mail, text: str) -> list[Mark]:
    """Signed and encrypted, by whichever standard."""
    kinds = {mail.root.get_content_type().lower(), *(part.kind for part in mail.parts)}
    kinds |= {kind for part in mail.parts for kind in part.inside}
    smime = {str(part.message.get_param("smime-type", "") or "").lower() for part in mail.parts}
    opaque = bool(kinds & {"application/pkcs7-mime", "application/x-pkcs7-mime"})
    found = []
    if "multipart/encrypted" in kinds or "-----BEGIN PGP MESSAGE-----" in text:
        found.append(Mark(key="encrypted", label="Encrypted with PGP: not readable here. Its file is attached."))
    elif opaque and "signed-data" not in smime:
        found.append(Mark(key="encrypted", label="Encrypted with S/MIME: not readable here. Its file is attached."))
    elif opaque:
        found.append(Mark(key="signed", label="Signed with S/MIME around its text: open the attached file to read it."))
    if "multipart/signed" in kinds or "-----BEGIN PGP SIGNED MESSAGE-----" in text:
        how = "S/MIME" if kinds & {"application/pkcs7-signature", "application/x-pkcs7-signature"} else "PGP"
        found.append(Mark(key="signed", label=f"Signed with {how}. The signature was not checked."))
    return found


def invitation(part: Part) -> str:
    """What a calendar part says, in words; empty where it cannot be read."""
    from icalendar import Calendar  # long to import, and most mails bring no invitation

    try:
        calendar = Calendar.from_ical(text_of(part.data[:LARGEST_CALENDAR], part.charset)[0])
        method = str(calendar.get("method", "")).upper()
        events = [each for each in calendar.walk() if each.name in {"VEVENT", "VTODO"}][:5]
        said = [_event(each) for each in events]
    except Exception:
        return ""
    kind = {"CANCEL": "Cancelled", "REPLY": "Answer to an invitation", "COUNTER": "Another time proposed"}.get(method)
    return f"{kind or 'Invitation'}: {'; '.join(said)}"[:600] if said else ""


def _event(event: object) -> str:
    get = getattr(event, "get")  # noqa: B009 - the library's types tell nothing
    words = [str(get("summary") or "without a title")]
    if (start := get("dtstart")) is not None:
        words.append(_when(start.dt) + (f" to {_when(get('dtend').dt)}" if get("dtend") is not None else ""))
    if get("location"):
        words.append(f"at {get('location')}")
    if get("organizer"):
        words.append(f"from {str(get('organizer')).removeprefix('mailto:').removeprefix('MAILTO:')}")
    return " ".join(", ".join(words).split())


def _when(moment: date | datetime) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    zone = str(getattr(moment.tzinfo, "key", "") or moment.tzname() or "")
    return f"{moment:%Y-%m-%d %H:%M} {zone}".strip()
