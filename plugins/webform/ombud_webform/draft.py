"""What somebody is writing: typed words as they were typed, and the files that go with them."""

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud_plugin_api import Platform, Refused
from ombud_webform.complaint import FileGiven, MatterGiven, Submission
from ombud_webform.tables import WebformDraft, WebformFile

LARGEST = 4_000_000  # characters of one draft that are kept between pages


class MatterTyped(msgspec.Struct, kw_only=True):
    id: str
    title: str = ""
    text: str = ""
    when: str = ""
    wanted: list[str] = []

    @property
    def empty(self) -> bool:
        return not (self.title.strip() or self.text.strip() or self.when.strip() or self.wanted)


class Typed(msgspec.Struct, kw_only=True):
    """The body of a draft. `removed`: the matter taken out last, so that it can come back, and where it stood."""

    matters: list[MatterTyped] = []
    name: str = ""
    email: str = ""
    phone: str = ""
    postcode: str = ""
    summary: str = ""
    language: str = "en"
    removed: MatterTyped | None = None
    removed_from: int = 0

    def matter(self, identity: str) -> MatterTyped | None:
        return next((each for each in self.matters if each.id == identity), None)


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    content_type: str
    size: int
    sha256: str


class Draft(msgspec.Struct, kw_only=True):
    """`sent_at`: when "Send" was pressed first; then nothing may change any more."""

    id: str
    typed: Typed
    files: list[KeptFile] = []
    sent_at: datetime | None = None


def new_matter_id() -> str:
    return secrets.token_hex(4)


def new_secret() -> str:
    return secrets.token_urlsafe(24)


def id_of(secret: str) -> str:
    """The database knows only this, so who reads it cannot go on with somebody's draft."""
    return hashlib.sha256(f"webform-draft:{secret}".encode()).hexdigest()


async def load(identity: str) -> Draft | None:
    rows = await WebformDraft.select().where(WebformDraft.id == identity)
    return None if not rows else Draft(
        id=identity, typed=_typed(rows[0]["body"]), files=await _files(identity), sent_at=rows[0]["sent_at"]
    )  # fmt: skip


def _typed(body: Any) -> Typed:
    return msgspec.json.decode(body, type=Typed) if isinstance(body, str) else msgspec.convert(body, Typed)


async def _files(identity: str) -> list[KeptFile]:
    rows = await WebformFile.select().where(WebformFile.draft == identity).order_by(WebformFile.added_at)
    return [KeptFile(**{name: row[name] for name in KeptFile.__struct_fields__}) for row in rows]


def fits(typed: Typed) -> bool:
    """Whether the words can be kept between pages; longer ones stay on the page they were typed on."""
    return len(msgspec.json.encode(typed)) <= LARGEST


async def save(identity: str, typed: Typed) -> None:
    """Writes the words unless the draft was sent meanwhile."""
    moment, body = datetime.now(UTC), msgspec.json.encode(typed).decode()
    fresh = WebformDraft(id=identity, body=body, sent_at=None, updated_at=moment)
    await WebformDraft.insert(fresh).on_conflict(target=WebformDraft.id, action="DO NOTHING")
    await WebformDraft.update({WebformDraft.body: body, WebformDraft.updated_at: moment}).where(
        (WebformDraft.id == identity) & WebformDraft.sent_at.is_null()
    )


async def freeze(identity: str) -> None:
    """Notes when "Send" was pressed first; a second press changes nothing."""
    await WebformDraft.update({WebformDraft.sent_at: datetime.now(UTC)}).where(
        (WebformDraft.id == identity) & WebformDraft.sent_at.is_null()
    )


async def thaw(identity: str) -> None:
    """Core refused it: its writer may change it again."""
    await WebformDraft.update({WebformDraft.sent_at: None}).where(WebformDraft.id == identity)


async def add_file(platform: Platform, draft: Draft, name: str, content_type: str, data: bytes) -> None:
    """Keeps a file with the draft; the same bytes twice are one file."""
    digest = hashlib.sha256(data).hexdigest()
    if any(each.sha256 == digest for each in draft.files):
        return
    kept = KeptFile(
        id=await platform.keep_file(data), name=name, content_type=content_type, size=len(data), sha256=digest
    )
    row = WebformFile(
        id=kept.id, draft=draft.id, name=name, content_type=content_type, size=len(data), sha256=digest,
        added_at=datetime.now(UTC),
    )  # fmt: skip
    await WebformFile.insert(row)
    draft.files.append(kept)


async def drop_files(platform: Platform, files: Sequence[UUID]) -> None:
    """Destroys the bytes, then forgets them; safe to do twice."""
    for each in files:
        with contextlib.suppress(Refused):  # somebody dropped it before us
            await platform.drop_file(each)
        await WebformFile.delete().where(WebformFile.id == each)


async def submission(platform: Platform, draft: Draft) -> Submission:
    """The draft as it is sent; raises `Refused` when its files are gone, because it was sent a moment ago."""
    typed = draft.typed
    return Submission(
        name=typed.name, email=typed.email, phone=typed.phone, postcode=typed.postcode, summary=typed.summary,
        language=typed.language, sent_at=draft.sent_at,
        matters=tuple(
            MatterGiven(text=each.text, title=each.title, when=each.when, wanted=tuple(each.wanted))
            for each in typed.matters
        ),
        files=tuple(
            [
                FileGiven(name=each.name, content_type=each.content_type, data=await platform.kept_file(each.id))
                for each in draft.files
            ]
        ),
    )  # fmt: skip
