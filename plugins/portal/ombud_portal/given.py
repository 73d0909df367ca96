"""A form as the browser sent it, and the cookie that says who was already recognised."""

from dataclasses import dataclass, field
from typing import Any

from litestar import Request
from litestar.datastructures import UploadFile

from ombud_plugin_api import Document

Req = Request[Any, Any, Any]

PROOF_COOKIE = "ombud_proof"
PARTS = 200


@dataclass
class Given:
    """The first text of each part, and the files."""

    texts: dict[str, str] = field(default_factory=dict)
    uploads: list[UploadFile] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    @property
    def language(self) -> str:
        return self.text("language") or "en"

    async def documents(self) -> list[Document]:
        """The chosen files; a box left empty sends one without name and bytes."""
        found = [
            Document(name=each.filename, content_type=each.content_type, data=await each.read())
            for each in self.uploads
        ]
        return [each for each in found if each.name or each.data]


async def read(request: Req) -> Given:
    given = Given()
    for name, value in list((await request.form()).items())[:PARTS]:
        if isinstance(value, UploadFile):
            given.uploads.append(value)
        else:
            given.texts.setdefault(name, str(value))
    return given


def home(token: str) -> str:
    """The address of the complaint's page, below which the proof is sent and nowhere else."""
    return f"/p/portal/{token}"


def proof_of(request: Req) -> str:
    return request.cookies.get(PROOF_COOKIE, "")[:200]


def with_proof(request: Req, answer: Any, token: str, proof: str, minutes: int) -> Any:
    answer.set_cookie(
        key=PROOF_COOKIE, value=proof, path=home(token), max_age=minutes * 60, httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer
