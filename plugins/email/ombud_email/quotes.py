"""What somebody wrote this time, and what stands below it: signature, older messages. Plain text in, plain text out."""

import re
from dataclasses import dataclass

LANGUAGES = ["en", "pl", "de", "fr", "it", "es", "nl", "cs", "sv", "da"]
READ = 12_000  # letters that the library looks at: its patterns are not made for books
LONGEST_LINE = 600
_HEADER = (
    r"(?:from|sent|to|cc|date|subject|reply-to|od|do|dw|data|wys[łl]ano|temat|von|gesendet|an|betreff|datum|de|"
    r"envoy[ée]|[àa]|objet|da|inviato|oggetto|para|enviado|asunto|fra|til|emne|aan|verzonden|onderwerp)"
)
_BLOCK = re.compile(rf"^[*_ ]*{_HEADER}[*_ ]*:[*_ ]*\S", re.IGNORECASE)
_RULE = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|forwarded message|wiadomo[śs][ćc] oryginalna|oryginalna wiadomo[śs][ćc]|"
    r"wiadomo[śs][ćc] przekazana|urspr[üu]ngliche nachricht|message d'origine|messaggio originale|mensaje original|"
    r"reply message|oorspronkelijk bericht)\s*-{2,}|begin forwarded message:)\s*$",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"(?:\bwrote|\bnapisa[łl](?:\(a\)|a)?|\bpisze|\bschrieb\b.{0,80}|\ba [ée]crit|\bha scritto|\bescribi[óo]|"
    r"\bschreef.{0,80}|\bskrev.{0,80}|\bnapsal(?:\(a\))?)\s*:\s*$",
    re.IGNORECASE,
)
_OPENS = re.compile(r"^(?:on|am|le|el|il|op|den|dne|w dniu|dnia|em|på|\d)\b", re.IGNORECASE)
_DATED = re.compile(r"(?:\d{1,2}[./:-]\d{2}|\b(?:19|20)\d{2}\b).{0,200}(?:[@<\"»].{0,120})?:\s*$")
_DASHES = re.compile(r"^(?:--|—|__)\s*$|^-{5,}\s*$|^_{5,}\s*$")
_PHONE = re.compile(
    r"^(?:sent (?:from|with|via) |get outlook for |wys[łl]an[eo] z |von meinem .{1,40} gesendet|"
    r"envoy[ée] de(?:puis)? )",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"^(?:(?:best|kind|warm|many)?\s*regards|best( wishes)?|thanks(?: a lot| again)?|thank you|many thanks|cheers|"
    r"sincerely|yours (?:sincerely|faithfully|truly)|with (?:kind|best) regards|pozdrawiam.{0,30}|pozdrowienia|"
    r"z powa[żz]aniem|z wyrazami szacunku|mit freundlichen gr[üu](?:ß|ss)en|viele gr[üu](?:ß|ss)e|cordialement|"
    r"bien cordialement|saludos|cordiali saluti)\s*[,.!]?\s*$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+")
_SIGNATURE_LINES, _SIGNATURE_WIDTH = 14, 70


@dataclass(frozen=True)
class Said:
    """`reply`: what was written this time; `signature` and `quoted`: what stands below it, word for word."""

    reply: str
    signature: str = ""
    quoted: str = ""

    @property
    def below(self) -> str:
        return "\n\n".join(each for each in (self.signature, self.quoted) if each)


def split(text: str, sender: str = "") -> Said:
    """`sender`: name and address of who wrote, which helps to tell a signature. Nothing is left out: where nothing but
    a quote stands in it, the quote is what was said."""
    text = text.strip("\n")
    lines = text.split("\n")
    begin = _first_quoted(lines)
    own, below = lines[:begin], lines[begin:]
    between = _answers_between(below)
    reply = "\n".join([*own, *between]).strip()
    if not reply:
        return Said(text.strip())
    quoted = "\n".join(below).strip()
    if between:
        return Said(reply, "", quoted)
    reply, signature = signed(reply, sender)
    return Said(reply, signature, quoted)


def _first_quoted(lines: list[str]) -> int:
    """The line at which older messages begin; how many lines there are, where there are none."""
    found = [_by_library(lines), len(lines)]
    for place, line in enumerate(lines):
        if len(line) > LONGEST_LINE:
            continue
        if _RULE.match(line) or (_BLOCK.match(line) and _block(lines, place)):
            found.append(_without_rule(lines, place))
            break
        if line.lstrip().startswith(">") or _attribution(lines, place):
            found.append(place)
            break
    return min(found)


def _block(lines: list[str], place: int) -> bool:
    """Three lines or more as mail programs put above what they quote."""
    after = [each for each in lines[place : place + 7] if each.strip()][:5]
    return sum(1 for each in after if _BLOCK.match(each)) >= 3


def _without_rule(lines: list[str], place: int) -> int:
    """The dashes above a block of headers belong to it."""
    above = place - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and _DASHES.match(lines[above].strip()) else place


def _attribution(lines: list[str], place: int) -> bool:
    """ "On Monday X wrote:", on one line or broken over up to three; or a date and a name before a quote."""
    if not lines[place].strip():
        return False
    joined = lines[place].strip()
    for more in range(3):
        joined = " ".join(each.strip() for each in lines[place : place + more + 1])
        if len(joined) > 300:
            return False
        if more and (not _OPENS.match(lines[place].strip()) or not lines[min(place + more, len(lines) - 1)].strip()):
            break
        if _SAID.search(joined):
            return bool(re.search(r"\d|@", joined))
    joined = lines[place].strip()[:300]
    if "@" not in joined or not _DATED.search(joined):
        return False
    following = next((each for each in lines[place + 1 : place + 6] if each.strip()), "")
    return following.startswith(">") or not following


def _by_library(lines: list[str]) -> int:
    text = "\n".join(lines)[:READ]
    if any(len(each) > LONGEST_LINE for each in text.split("\n")):
        return len(lines)
    from mailparser_reply import EmailReplyParser

    try:
        replies = EmailReplyParser(languages=list(LANGUAGES)).read(text).replies
    except (RecursionError, ValueError, IndexError, TypeError, AttributeError):
        return len(lines)
    if len(replies) < 2 or not (first := (replies[0].full_body or "").strip()):
        return len(lines)
    written = [each.strip() for each in first.split("\n") if each.strip()]
    for place, line in enumerate(lines):
        if not written:
            return place
        if line.strip() == written[0]:
            written.pop(0)
    return len(lines)


def _answers_between(below: list[str]) -> list[str]:
    """What somebody wrote between the lines they quote, or under them; nothing where the quote is not marked by >."""
    marked = [place for place, line in enumerate(below) if line.lstrip().startswith(">")]
    if not marked or any(_block(below, place) for place, line in enumerate(below[:40]) if _BLOCK.match(line)):
        return []
    between = [line for line in below[marked[0] :] if not line.lstrip().startswith(">")]
    kept, place = [], 0
    while place < len(between):
        if _attribution(between, place):
            while not _SAID.search(between[place]) and not between[place].rstrip().endswith(":"):
                place += 1
        elif _DASHES.match(between[place].strip()):
            break
        else:
            kept.append(between[place])
        place += 1
    return kept if any(each.strip() for each in kept) else []


def signed(text: str, sender: str = "") -> tuple[str, str]:
    """A text without its signature, and that; the second empty where there is none, or it would be all."""
    lines = text.split("\n")
    begin = _signature(lines, sender)
    above = "\n".join(lines[:begin]).strip()
    return (above, "\n".join(lines[begin:]).strip()) if above else (text.strip(), "")


def _signature(lines: list[str], sender: str) -> int:
    last = len(lines)
    written = [place for place, line in enumerate(lines) if line.strip()]
    window = written[-_SIGNATURE_LINES:]
    for place in window[1:]:
        if _PHONE.match(lines[place].strip()) or _DASHES.match(lines[place].strip()):
            last = place
            break
    else:
        named = [place for place in window[1:] if _is_name(lines[place], sender)]
        if named and all(len(lines[each].strip()) <= _SIGNATURE_WIDTH for each in window if each >= named[0]):
            last = named[0]
    last = min(last, _addressed(lines, window, sender))
    for place in [each for each in window[1:] if each < last]:
        follow = [each for each in written if place < each < last or each > last]
        if _CLOSING.match(lines[place].strip()) and len(follow) <= 8 and _short(lines, follow):
            return place
    return last


def _addressed(lines: list[str], window: list[int], sender: str) -> int:
    """The block at the end in which the sender's own address stands."""
    address = _ADDRESS.search(sender.lower())
    for place in window[1:] if address else []:
        assert address is not None
        if address.group(0) not in lines[place].lower():
            continue
        first = place
        while first > 0 and lines[first - 1].strip():
            first -= 1
        if first and _short(lines, [each for each in window if each >= first]):
            return first
    return len(lines)


def _short(lines: list[str], places: list[int]) -> bool:
    return all(len(lines[each].strip()) <= _SIGNATURE_WIDTH for each in places)


def _is_name(line: str, sender: str) -> bool:
    """Whether a line is the sender's name or what begins with it: "Noam", "John E. Doe, Ph.D."."""
    words = [each for each in re.findall(r"\w+", line.lower()) if len(each) > 1]
    names = {each for each in re.findall(r"\w+", re.sub(r"@\S*", " ", sender.lower())) if len(each) > 1}
    if not words or not names or len(words) > 5:
        return False
    return words[0] in names and sum(1 for each in words if each in names) * 2 >= len(words)
