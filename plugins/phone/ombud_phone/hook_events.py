"""What a telephony system tells, from the bytes of a verified request. Pure.

Our own form is JSON: {"event": "started|paused|resumed|recording", "call": "…", "from": "+44…",
"at": "2026-11-26T09:00:00Z", "seconds": 61, "recording": "<base64>" or "url": "https://…"}. Twilio's fields are read
too.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

EVENTS = ("started", "paused", "resumed", "recording")
_TWILIO = {"in-progress": "started", "paused": "paused", "completed": "recording"}


class Unreadable(ValueError):
    """The request is no event that is known here; the text is for an administrator."""


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`call`: the system's name for the call; `data`: the recording, if the request brings it; `url`: where it lies."""

    event: str
    call: str
    number: str = ""
    at: datetime | None = None
    seconds: int = 0
    data: bytes = b""
    url: str = ""


def read_event(content_type: str, body: bytes) -> CallEvent:
    """Raises Unreadable."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return _twilio(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Unreadable("it is neither JSON nor a form") from None
    if not isinstance(told, dict):
        raise Unreadable("it is no JSON object")
    return _plain({str(name): value for name, value in told.items()})


def _plain(told: Mapping[str, Any]) -> CallEvent:
    event, call = _text(told, "event"), _text(told, "call")
    if event not in EVENTS or not call:
        raise Unreadable(f"event is one of {', '.join(EVENTS)}, and call names the call")
    try:
        data = base64.b64decode(_text(told, "recording", 200_000_000), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("recording is not base64") from None
    return CallEvent(
        event=event, call=call, number=_text(told, "from", 50), at=_moment(_text(told, "at")),
        seconds=_seconds(told.get("seconds")), data=data, url=_text(told, "url", 2000),
    )  # fmt: skip


def _twilio(told: Mapping[str, str]) -> CallEvent:
    event = _TWILIO.get(told.get("RecordingStatus", ""), "recording" if told.get("RecordingUrl") else "")
    event = event or ("started" if told.get("CallStatus") in {"ringing", "in-progress"} else "")
    if not event or not told.get("CallSid"):
        raise Unreadable("it tells of no recording and of no call that begins")
    url = told.get("RecordingUrl", "")
    return CallEvent(
        event=event, call=told["CallSid"][:100], number=told.get("From", "")[:50],
        seconds=_seconds(told.get("RecordingDuration")), url=f"{url}.mp3" if url and "." not in url[-5:] else url,
    )  # fmt: skip


def _text(told: Mapping[str, Any], name: str, longest: int = 100) -> str:
    value = told.get(name, "")
    return value[:longest] if isinstance(value, str) else ""


def _seconds(value: Any) -> int:
    try:
        return min(max(int(value or 0), 0), 86_400)
    except (TypeError, ValueError):
        return 0


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
