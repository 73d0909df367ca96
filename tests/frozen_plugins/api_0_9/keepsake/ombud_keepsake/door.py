"""A short public form, and what its bytes mean."""

import secrets
from typing import Any

import msgspec
from litestar import Request, get, post
from ombud_plugin_api import (
    BadLink, Complaint, Document, Matter, Pages, Permanent, PersonGiven, Platform, RawReceipt, Refused, TooMany,
)

from ombud_keepsake.wording import TEXTS

KEY = "keepsake"
PUBLIC = {"public": True}
FIELDS = ("name", "email", "phone", "postcode", "text")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    text: str
    email: str = ""
    phone: str = ""
    postcode: str = ""


class KeepsakeChannel:
    key = KEY
    label = "Keepsake"
    icon = "mailbox"

    def parse(self, raw: RawReceipt) -> Complaint:
        try:
            said = msgspec.json.decode(raw.body, type=Said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise Permanent(f"these bytes are no complaint of this form: {problem}") from problem
        return Complaint(
            channel=KEY, matters=(Matter(text=said.text),), language="en",
            person=PersonGiven(name=said.name, email=said.email, phone=said.phone, postcode=said.postcode),
            documents=(Document(name="said.txt", content_type="text/plain", data=said.text.encode()),),
        )


@get("/form", opt=PUBLIC)
async def form(pages: Pages) -> Any:
    return await _form(pages, dict.fromkeys(FIELDS, ""), secrets.token_urlsafe(16))


async def _form(pages: Pages, typed: dict[str, str], key: str, wrong: str = "", status: int = 200) -> Any:
    return await pages.show("keepsake/form.html", status=status, texts=TEXTS, typed=typed, key=key, wrong=wrong)


@post("/form", opt=PUBLIC, status_code=303)
async def send(request: Request[Any, Any, Any], pages: Pages, platform: Platform) -> Any:
    sent = await request.form()
    typed = {name: str(sent.get(name, ""))[:5000].strip() for name in FIELDS}
    key = str(sent.get("key", ""))[:100] or secrets.token_urlsafe(16)
    if not typed["name"] or not typed["text"]:
        return await _form(pages, typed, key, "missing", 422)
    raw = RawReceipt(
        channel=KEY, key=key, content_type="application/json", body=msgspec.json.encode(Said(**typed), order="sorted")
    )
    try:
        filed = await platform.file(raw, KeepsakeChannel().parse(raw))
    except TooMany as refusal:
        return await _form(pages, typed, key, str(refusal), 429)
    except Refused as refusal:
        return await _form(pages, typed, key, str(refusal), 422)
    return pages.go(f"sent/{filed.track_url.rsplit('/', 1)[-1]}")


@get("/sent/{token:str}", opt=PUBLIC)
async def sent(token: str, pages: Pages, platform: Platform) -> Any:
    try:
        case = await platform.follow(token)
    except BadLink as bad:
        return await pages.show("keepsake/sent.html", status=410 if bad.gone else 404, texts=TEXTS, said=str(bad))
    return await pages.show("keepsake/sent.html", texts=TEXTS, said=case.reference)


HANDLERS = (form, send, sent)
