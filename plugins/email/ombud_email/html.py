"""What a mail's HTML says: cleaned for the page, as plain text, and without what it quotes."""

import base64
import re
from collections.abc import Mapping
from typing import Any

import html_text
import lxml.html
import nh3
from lxml.etree import LxmlError

from ombud_email.charsets import plain

LONGEST = 1_000_000  # letters that are read
LARGEST_IMAGE, LARGEST_IMAGES = 300_000, 1_500_000
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div", "dl",
    "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "s", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"}, "img": {"src", "alt", "width", "height"}, "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"}, "ol": {"start"}, "*": {"lang", "dir"},
}  # fmt: skip
_REMOVED = (
    "//blockquote[contains(concat(' ', @class, ' '), ' gmail_quote ') or @type='cite' or @cite]"
    " | //*[contains(concat(' ', @class, ' '), ' gmail_attr ')]"
    " | //*[contains(@class, 'moz-cite-prefix')] | //*[contains(@class, 'moz-forward-container')]"
    " | //blockquote[contains(translate(@style, ' ', ''), 'border-left')]"
)
_FROM_HERE = (
    "//*[@id='divRplyFwdMsg' or @id='appendonsend' or @id='OLK_SRC_BODY_SECTION' or @name='quote'"
    " or @id='mail-editor-reference-message-container' or starts-with(@id, 'mail_android_quote')"
    " or contains(@class, 'yahoo_quoted') or contains(@class, 'protonmail_quote') or contains(@class, 'zmail_extra')"
    " or contains(@class, 'tutanota_quote')]"
    " | //div[contains(translate(@style, ' ', ''), 'border-top:solid')"
    " and contains(translate(@style, ' ', ''), 'padding:3.0pt')]"
    " | //hr[following::text()[normalize-space()][1][starts-with(normalize-space(), 'From:')]]"
    " | //div[count(*[1][self::hr]) = 1 and not(normalize-space(text()[1]))]"
    "[.//b[starts-with(normalize-space(), 'From:')]]"
)
_TAGS = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_NESTING = {
    "div", "span", "blockquote", "table", "font", "b", "i", "u", "em", "strong", "center", "ul", "ol", "dl", "a",
    "small",
    "big", "section", "article", "form", "s", "sub", "sup", "code", "pre", "ins", "del", "svg", "math", "object",
}  # fmt: skip
DEEPEST, MOST_TAGS = 250, 60_000
_DATED = re.compile(r"\d{1,2}[./:-]\d{2}.{0,250}@.{0,80}:\s*$")
_TRACKING = re.compile(r"^\s*(?:https?:|mailto:|tel:)", re.IGNORECASE)


def bounded(html: str) -> bool:
    """Whether it is nested and divided as people's pages are; what is not, is read as bare text."""
    depth = deepest = 0
    for count, found in enumerate(_TAGS.finditer(html[:LONGEST])):
        if found.group(2).lower() in _NESTING:
            depth = max(0, depth + (-1 if found.group(1) else 1))
            deepest = max(deepest, depth)
        if deepest > DEEPEST or count > MOST_TAGS:
            return False
    return True


def bare(html: str) -> str:
    return plain(re.sub(r"<[^>]{0,2000}>", " ", html[:LONGEST])).strip()


def cleaned(html: str, images: Mapping[str, tuple[str, bytes]]) -> str:
    """Without scripts, forms, styles and whatever is fetched from outside; images of the mail itself (`images`: type
    and bytes by Content-ID) stand in the text as data."""
    if not bounded(html):
        return ""
    room = LARGEST_IMAGES

    def attribute(tag: str, name: str, value: str) -> str | None:
        nonlocal room
        if tag == "img" and name == "src":
            kind, data = images.get(value.removeprefix("cid:").strip("<> "), ("", b""))
            if not value.lower().startswith("cid:") or kind not in IMAGES or not 0 < len(data) <= LARGEST_IMAGE:
                return None
            room -= len(data)
            return f"data:{kind};base64,{base64.b64encode(data).decode()}" if room >= 0 else None
        if name == "href":
            return value if _TRACKING.match(value) else None
        return value

    return plain(
        nh3.clean(
            plain(html[:LONGEST]), tags=TAGS, attributes=ATTRIBUTES, attribute_filter=attribute, strip_comments=True,
            clean_content_tags={"script", "style", "title", "noscript", "template", "object", "svg", "math"},
            link_rel="noopener noreferrer nofollow", url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        )
    ).strip()  # fmt: skip


def words(html: str) -> tuple[str, str]:
    """What is written this time, and what it quotes below, both as plain text; the second empty where it quotes
    nothing, or nothing else is written."""
    tree = _tree(html) if bounded(html) else None
    if tree is None:
        return bare(html), ""
    whole = _text(tree)
    quoted = _cut(tree)
    reply = _text(tree)
    return (reply, quoted) if reply and quoted else (whole, "")


def _tree(html: str) -> Any:
    try:
        return html_text.parse_html(plain(html[:LONGEST]))
    except (LxmlError, ValueError, TypeError, AssertionError, RecursionError):
        return None


def _text(tree: Any) -> str:
    try:
        return plain(str(html_text.extract_text(tree))).strip()
    except (LxmlError, ValueError, TypeError, RecursionError, AttributeError):
        return " ".join(plain(tree.text_content()).split())


def _cut(tree: Any) -> str:
    """Takes what is quoted out of the tree; what was taken, as text."""
    quoted = []
    found = tree.xpath(_FROM_HERE)
    if found:
        quoted += [_text(each) for each in _rest_of(found[0])]
    for each in [*tree.xpath(_REMOVED), *_after_a_date(tree)]:
        if each.getparent() is not None and tree in (each, *each.iterancestors()):
            quoted.append(_text(each))
            each.drop_tree()
    return "\n\n".join(each for each in quoted if each)


def _after_a_date(tree: Any) -> list[Any]:
    """Quotes of programs that say so in words alone: a line with a date and an address that ends in a colon."""
    found = []
    for each in tree.iter("blockquote"):
        before = each.getprevious()
        line = _text(before).rpartition("\n")[2] if before is not None and isinstance(before.tag, str) else ""
        if _DATED.search(line[-300:]):
            found.append(each)
    return found


def _rest_of(element: Any) -> list[Any]:
    """The element and all that stands behind it in the document, taken out of it."""
    taken = []
    for each in [element, *element.iterancestors()]:
        parent = each.getparent()
        if parent is None or each.tag == "body":
            break
        behind = list(each.itersiblings())
        if each is element:
            behind.insert(0, each)
        else:
            each.tail = None
        for sibling in behind:
            holder = lxml.html.Element("div")
            parent.remove(sibling)
            holder.append(sibling)
            taken.append(holder)
    return taken
