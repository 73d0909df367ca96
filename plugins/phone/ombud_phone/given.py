"""A form as the browser sent it, into what was typed."""

import re
from typing import Any

from litestar import Request
from litestar.datastructures import UploadFile

from ombud_phone.calls import LINES, LONGEST, MOST_MATTERS, TEXTS, Typed
from ombud_phone.numbers import e164
from ombud_plugin_api import Document

Req = Request[Any, Any, Any]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Given:
    """Text where text should be, files apart; what is missing reads as empty."""

    def __init__(self, parts: list[tuple[str, Any]]) -> None:
        self._texts: dict[str, list[str]] = {}
        self._uploads: list[UploadFile] = []
        for name, value in parts[:500]:
            if isinstance(value, UploadFile):
                self._uploads.append(value)
            else:
                text = _CONTROL.sub("", str(value)).replace("\r\n", "\n")
                self._texts.setdefault(name, []).append(text[:LONGEST])

    def text(self, name: str, longest: int = LONGEST) -> str:
        return self._texts.get(name, [""])[0].strip()[:longest]

    def all(self, name: str) -> list[str]:
        return self._texts.get(name, [])

    def has(self, name: str) -> bool:
        return name in self._texts

    def beginning_with(self, prefix: str) -> dict[str, str]:
        return {name[len(prefix) :]: self.text(name) for name in self._texts if name.startswith(prefix)}

    async def documents(self) -> list[Document]:
        found = [await _document(each) for each in self._uploads]
        return [each for each in found if each.name or each.data]


async def _document(upload: UploadFile) -> Document:
    name, kind = (upload.filename or "")[-200:], (upload.content_type or "")[:100]
    return Document(name=name, content_type=kind, data=await upload.read())


async def read(request: Req) -> Given:
    return Given(list((await request.form()).multi_items()))


def into(given: Given, typed: Typed, country: str) -> None:
    """Takes over what the form of a call holds; what it does not show stays."""
    for name, longest in LINES.items():
        if given.has(name) and hasattr(typed, name):
            setattr(typed, name, given.text(name, longest))
    for name in TEXTS:
        if given.has(name):
            setattr(typed, name, given.text(name))
    if given.has("matter"):
        typed.matters = [each.strip() for each in given.all("matter")][:MOST_MATTERS]
    if given.has("shown"):  # boxes that are not ticked are not sent
        typed.represented, typed.told_of_recording = given.has("represented"), given.has("told_of_recording")
    answers = {key[:20]: text for key, text in given.beginning_with("answer.").items()}
    typed.answers = {key: text for key, text in {**typed.answers, **answers}.items() if text}
    typed.number, typed.rep_number = e164(typed.number, country), e164(typed.rep_number, country)
