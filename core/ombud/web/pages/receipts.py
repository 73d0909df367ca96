"""Needs a look: what came in and became no case. Its bytes are kept; a person reads them and has them run again."""

from datetime import timedelta
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import receipts
from ombud.desk.channels import channel_label
from ombud.desk.promises import promises_in
from ombud.desk.receipts import ReceiptShown
from ombud.kernel.clock import now
from ombud.web.door import viewer_of
from ombud.web.pages.messages import download
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
LOOK = {"permission": "intake.manage"}
PREVIEW = 5000
HEADERS = 100_000  # bytes in which the first lines of a mail are looked for
STEPS = {
    "stored": "waiting to be read", "parsed": "reading the message", "opened": "opening the case",
    "aspects": "finding its matters", "clocks": "setting clocks", "queued": "choosing a queue",
}  # fmt: skip
REMEDY = "Read it as it came. When its cause is mended, try again; or write the complaint down as a new case."


@get("/intake", opt=LOOK)
async def intake(request: Req, open: UUID | None = None, after: str = "") -> Response[Any]:
    """The list, and one of it beside."""
    viewer = viewer_of(request)
    found = await receipts.need_a_look(viewer, after or None)
    due_after = timedelta(hours=(await promises_in(None)).triage_within_hours)
    chosen = None
    if open is not None:
        receipt, data = await receipts.body(viewer, open)
        chosen = {
            **_receipt(receipt, due_after), **from_headers(receipt.content_type, data),
            "fault": receipt.reason, "remedy": REMEDY,
            "attempts": max(1, receipt.attempts), "size": receipt.size,
            "raw_href": f"/intake/{receipt.id}/raw", "preview": preview(data),
            "may_act": True, "may_place": False,
        }  # fmt: skip
    return await page(
        request, "pages/intake.html", here="look", waiting=found.waiting, oldest_at=found.oldest_at,
        receipts=[_receipt(each, due_after) for each in found.rows], chosen=chosen,
        next_href=f"/intake?after={found.next_cursor}" if found.next_cursor else "",
    )  # fmt: skip


def _receipt(receipt: ReceiptShown, due_after: timedelta) -> dict[str, Any]:
    return {
        "late": receipt.received_at + due_after < now(),
        "id": str(receipt.id), "href": f"/intake?open={receipt.id}", "channel": receipt.channel,
        "channel_label": channel_label(receipt.channel), "at": receipt.received_at,
        "sender": channel_label(receipt.channel),
        "subject": receipt.content_type or "unknown type",
        "step_label": STEPS.get(receipt.step, receipt.step), "state": receipt.state,
    }  # fmt: skip


def from_headers(content_type: str, data: bytes) -> dict[str, str]:
    """Sender and subject as a mail's first lines say them, also where the rest of it cannot be read."""
    if content_type != "message/rfc822":
        return {}
    headers = BytesHeaderParser().parsebytes(data[:HEADERS])
    told = {"sender": headers.get("from"), "subject": headers.get("subject")}
    return {name: shown for name, value in told.items() if (shown := _readable(value))}


def _readable(value: object) -> str:
    """A header in its own character set; as it stands where that is none that anybody knows."""
    if value is None:
        return ""
    try:
        text = str(make_header(decode_header(str(value))))
    except (LookupError, ValueError, HeaderParseError):
        text = str(value)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:200]


def preview(data: bytes) -> str:
    """The beginning as text; bytes that are none are said to be none."""
    text = data[:PREVIEW].decode("utf-8", "replace")
    if text.count("\ufffd") > len(text) // 10 or "\0" in text:
        return "This is not text. Download it to look at it."
    return text + ("\n…" if len(data) > PREVIEW else "")


@post("/intake/{raw_id:uuid}/replay", opt=LOOK)
async def replay(request: Req, raw_id: UUID) -> Response[None]:
    await receipts.replay(viewer_of(request), raw_id)
    return go("/intake", "It is being tried again. If it works, it leaves this list.")


@get("/intake/{raw_id:uuid}/raw", opt=LOOK)
async def raw(request: Req, raw_id: UUID) -> Response[bytes]:
    """The bytes as they came, for download only: nobody knows what they are."""
    _, data = await receipts.body(viewer_of(request), raw_id)
    return download(f"message-{raw_id}.bin", "application/octet-stream", data)


handlers = [intake, replay, raw]
