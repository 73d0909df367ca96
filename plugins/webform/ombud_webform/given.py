"""A form as the browser sent it."""

from typing import Any

from litestar import Request
from litestar.datastructures import UploadFile

from ombud_plugin_api import Document
from ombud_webform.checking import Cleaning
from ombud_webform.draft import MatterTyped, Typed
from ombud_webform.wording import TEXTS

COOKIE = "ombud_complaint"
COOKIE_PATH = "/p/webform"
LANGUAGE_COOKIE = "ombud_language"
PARTS = 500

Req = Request[Any, Any, Any]


class Given:
    """Text where text should be, and files apart; a part that is missing reads as empty text."""

    def __init__(self, parts: list[tuple[str, Any]]) -> None:
        self._texts: dict[str, list[str]] = {}
        self.uploads: list[UploadFile] = []
        for name, value in parts[:PARTS]:
            if isinstance(value, UploadFile):
                self.uploads.append(value)
            else:
                self._texts.setdefault(name, []).append(str(value))

    def text(self, name: str) -> str:
        return self._texts.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        return self._texts.get(name, [])

    async def documents(self) -> list[Document]:
        """The chosen files; a box left empty sends one without name and bytes."""
        found = [
            Document(name=each.filename, content_type=each.content_type, data=await each.read())
            for each in self.uploads
        ]
        return [each for each in found if each.name or each.data]


async def read(request: Req) -> Given:
    return Given(list((await request.form()).items()))


def language_of(request: Req, given: Given) -> str:
    """The language the form was shown in."""
    for code in (given.text("language"), request.cookies.get(LANGUAGE_COOKIE, "")):
        if code in TEXTS:
            return code
    return "en"


def matter(given: Given, clean: Cleaning, identity: str) -> MatterTyped:
    return MatterTyped(
        id=identity,
        title=clean("title", given.text("title")),
        text=clean("text", given.text("text")),
        when=clean("when", given.text("when")),
        wanted=[code for code in TEXTS["en"]["wanted"] if code in given.all("wanted")],
    )


def person(given: Given, clean: Cleaning, typed: Typed) -> None:
    """Puts what was typed about the person into the draft."""
    typed.name = clean("name", given.text("name"))
    typed.email = clean("email", given.text("email")).strip()
    typed.phone = clean("phone", given.text("phone"))
    typed.postcode = clean("postcode", given.text("postcode"))
