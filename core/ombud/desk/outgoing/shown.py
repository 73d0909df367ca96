"""How an outgoing message stands, in words. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ombud.desk.outgoing import states
from ombud.desk.outgoing.rules import KIND_WORDS
from ombud.desk.outgoing.ways import label_of


@dataclass(frozen=True)
class Stands:
    """`text`: a sentence for the translator with %(way)s and %(code)s; `at`: the moment it speaks of; `may`: what can
    be done now: back, now, later, settle, again, approve, rewrite, done."""

    text: str
    tone: str
    icon: str
    way: str
    at: datetime | None = None
    detail: str = ""
    code: str = ""
    may: tuple[str, ...] = ()
    counts_down: bool = False
    letter: str = ""


_WORDS = {
    states.WAITING: ("Waits for approval by a second person", "warn", "hourglass", ("back", "approve")),
    states.HELD: ("Leaves by %(way)s", "info", "hourglass", ("back", "now")),
    states.SCHEDULED: ("Leaves by %(way)s", "info", "calendar", ("back", "now", "later")),
    states.INTENDED: ("Is about to leave by %(way)s", "info", "send", ("back",)),
    states.SENDING: ("Is just leaving by %(way)s", "info", "send", ()),
    states.SENT: ("Sent by %(way)s", "ok", "check", ()),
    states.UNSURE: ("Not certain whether it arrived by %(way)s", "warn", "help-circle", ("settle",)),
    states.FAILED: ("Could not be sent by %(way)s", "danger", "alert-circle", ("again",)),
    states.CANCELLED: ("Taken back before it left", "", "arrow-back-up", ()),
}
_DELIVERED = {
    "posted": ("Posted (%(way)s)", "ok", "send"),
    "withdrawn": ("Withdrawn before it was posted (%(way)s)", "warn", "hand-stop"),
    "delivered": ("Sent by %(way)s, delivered", "ok", "circle-check"),
    "delayed": ("Sent by %(way)s, not delivered yet", "warn", "clock"),
    "bounced": ("Came back undelivered (%(way)s)", "danger", "alert-circle"),
}


def stands(way: Any) -> Stands:
    """From a timeline's OnItsWay."""
    text, tone, icon, may = _WORDS[way.state]
    at = way.sent_at if way.state == states.SENT else way.leave_at
    detail, code = way.detail, ""
    if way.state == states.SENT and way.channel == "page":
        text = "On the customer's page"
    if way.state == states.SENT and way.delivery:
        text, tone, icon = _DELIVERED[way.delivery]
        code, detail = way.delivery_code, way.server_said
    if way.state == states.INTENDED and way.trouble:
        text, tone, icon = _TROUBLE[way.trouble]
    if troubled(way):
        may = () if way.seen_to else _remedies(way)
    letter = KIND_WORDS.get(way.kind, "") if way.kind != "reply" else ""
    return Stands(
        text, tone, icon, label_of(way.channel), at, detail, code, may, way.state in {states.HELD, states.SCHEDULED},
        letter,
    )  # fmt: skip


def troubled(way: Any) -> bool:
    """It failed for good, or came back; `way` has `state` and `delivery`."""
    return bool(way.state == states.FAILED or (way.state == states.SENT and way.delivery == "bounced"))


def _remedies(way: Any) -> tuple[str, ...]:
    """What was refused may go again as it is; what came back, or was overtaken before it left, is written anew."""
    refused = way.state == states.FAILED and way.attempts > 0
    return (*(("again",) if refused else ()), *(() if way.robot else ("rewrite",)), "done")


_TROUBLE = {
    "transient": ("Could not leave by %(way)s yet; tried again", "warn", "repeat"),
    "misconfigured": ("Waits until %(way)s is set up; an administrator sees why", "warn", "settings"),
}
