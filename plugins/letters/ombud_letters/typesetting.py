"""Letters, covers and separator sheets as PDF; each is made in the workshop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ombud_letters import bounded
from ombud_letters.bounded import Broke, TooLong
from ombud_letters.channel import SEPARATOR
from ombud_letters.wording import said, texts
from ombud_plugin_api import Misconfigured, Permanent, Transient

LOGO_NAMES = {"image/png": "logo.png", "image/jpeg": "logo.jpg"}


@dataclass(frozen=True)
class Typeset:
    pdf: bytes
    pages: int


async def letter(data: Mapping[str, Any], made_at: datetime, logo: bytes = b"", language: str = "en") -> Typeset:
    """Raises `Permanent` for a text that cannot be set, `Misconfigured` for a logo that cannot be drawn, and
    `Transient` where the typesetter did not come to an end."""
    return await _made("typeset", "letter.pdf", language, {data["logo"]: logo} if data.get("logo") else {},
                       data=dict(data), made_at=int(made_at.timestamp()))  # fmt: skip


async def cover(data: Mapping[str, Any], made_at: datetime) -> Typeset:
    return await _made("cover", "cover.pdf", "en", {}, data=dict(data), made_at=int(made_at.timestamp()))


async def separator(language: str, made_at: datetime) -> Typeset:
    words = texts(language)["sheet"]
    data = {"lang": language, "title": words["title"], "told": words["told"], "alt": words["alt"]}
    return await _made("sheet", "sheet.pdf", language, {}, data=data, code=SEPARATOR, made_at=int(made_at.timestamp()))


async def _made(task: str, name: str, language: str, files: Mapping[str, bytes], **about: Any) -> Typeset:
    with bounded.folder() as place:
        for file, content in files.items():
            (place / file).write_bytes(content)
        try:
            answer = await bounded.workshop(task, place, seconds=45.0, **about)
        except (TooLong, Broke) as problem:
            raise Transient(said(language, "refusals", "typesetter_away", about=str(problem)[:200])) from problem
        if code := answer.get("refused"):
            kind = Misconfigured if code == "bad_logo" else Permanent
            raise kind(said(language, "refusals", str(code), about=answer.get("about", "")))
        return Typeset((place / name).read_bytes(), int(answer["pages"]))
