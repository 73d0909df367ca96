"""Plain text as HTML for ways out that show it: paragraphs, lists and links, nothing else. Pure."""

import re
from html import escape

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
_BOLD = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*")


def as_html(text: str) -> str:
    """Each block between empty lines is a paragraph; lines that begin with `- ` are a list, `# ` a heading."""
    return "\n".join(_block(each) for each in re.split(r"\n\s*\n", text.strip()) if each.strip())


def _block(text: str) -> str:
    lines = text.split("\n")
    if all(line.startswith(("- ", "* ")) for line in lines):
        return "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>"
    if len(lines) == 1 and (found := re.match(r"(#{1,3}) (.+)", lines[0])):
        return f"<h{len(found[1]) + 1}>{_inline(found[2])}</h{len(found[1]) + 1}>"
    return "<p>" + "<br>".join(_inline(line) for line in lines) + "</p>"


def with_bold(text: str) -> str:
    """The text as it was written, character by character, with what stands between stars in bold: for a reader who pins
    passages of it, which are counted in its characters."""
    sign = '<span class="sign">**</span>'
    return _BOLD.sub(rf"<strong>{sign}\1{sign}</strong>", escape(text, quote=False))


def _inline(text: str) -> str:
    """Escaped first, so that nothing typed becomes markup."""
    safe = escape(text, quote=False)
    linked = _LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', safe)
    return _BOLD.sub(r"<strong>\1</strong>", linked)
