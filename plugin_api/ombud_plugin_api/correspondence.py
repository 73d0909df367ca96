"""What was said on a channel, what is sent by one, and how heated it sounds: frozen values and the objects that make
them. Times are aware UTC."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from ombud_plugin_api.facts import Complaint, Document, PersonGiven, RawReceipt
from ombud_plugin_api.platform import Context

AUTOMATIC_KINDS = ("auto_reply", "bounce", "report", "list", "bulk")
"""An answer of a machine (out of office), a refusal of our own message, a delivery or read report, a mailing list, and
mass mail. Core joins, acknowledges and reopens nothing on their account; people see them."""

DELIVERY_STATES = ("posted", "delivered", "delayed", "bounced", "withdrawn")
"""Handed to the post, arrived, still on its way after a while, come back, and taken back before it went."""

MOODS = ("calm", "tense", "upset", "angry")

RECEIPT_STATES = ("sent", "unsure", "failed")


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message hangs. `id`: its own Message-ID, or what the channel has for one, without brackets; `answers`:
    what it answers, the nearest first (In-Reply-To, then References from the end); `addresses`: ours to which it was
    sent, in which core looks for its signed token."""

    id: str = ""
    answers: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Automatic(msgspec.Struct, frozen=True, kw_only=True):
    """Said by a machine. `kind`: one of AUTOMATIC_KINDS; `reason`: what told so, such as `Auto-Submitted:
    auto-replied`; shown to people."""

    kind: str
    reason: str


class DeliveryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message of ours. `about`: its Message-ID without brackets, empty where the report does not say;
    `state`: one of DELIVERY_STATES; `code`: an enhanced status code (RFC 3463) or another of a few letters and figures,
    if any; `text`: the server's words, or a person's; `at`: when it was so, if not now."""

    about: str
    state: str
    recipient: str = ""
    code: str = ""
    text: str = ""
    at: datetime | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know of a message, shown beside it: `key` (`dkim`, `spf`, `dmarc`, `encrypted`, `signed`, `damaged`
    …), words, and whether that is `good`, `bad` or `neutral`."""

    key: str
    label: str
    tone: str = "neutral"


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a channel understood it; whether it is a complaint is decided in the inbox, or by whom it joins.

    `sender`: as they gave themselves, name and address or number, empty where unknown; `text`: what they wrote this
    time, in plain text; `quoted`: what stood below it (older messages, signature), kept apart; `html`: a cleaned
    rendering without scripts, forms and anything fetched from outside, empty where the text says all; `received_at`:
    when it reached the firm's server, from which clocks run; `said_at`: what the sender's clock said; `account`: which
    mailbox, number or page it came to, one of the channel's; `unit`: key of the unit that account belongs to, empty
    for the first."""

    channel: str
    sender: PersonGiven
    text: str
    subject: str = ""
    quoted: str = ""
    html: str = ""
    language: str = ""
    received_at: datetime | None = None
    said_at: datetime | None = None
    account: str = ""
    unit: str = ""
    thread: Thread = Thread()
    automatic: Automatic | None = None
    reports: tuple[DeliveryReport, ...] = ()
    marks: tuple[Mark, ...] = ()
    documents: tuple[Document, ...] = ()


@runtime_checkable
class InboundChannel(Protocol):
    """A way in by which anything may come, complaint or not. `parse` as in `Channel`, with an `InboundMessage` (or a
    `Complaint`, where the channel knows that it is one)."""

    key: str
    label: str
    icon: str

    def parse(self, raw: RawReceipt) -> "InboundMessage | Complaint":
        """Pure: the message in the bytes; raises `Permanent` with the reason where they cannot be read, and they wait
        for a person."""
        ...


@runtime_checkable
class PollingChannel(InboundChannel, Protocol):
    """A channel that fetches. `every_seconds`: how often `poll` is started, 10 or more; `limit_seconds`: how long one
    run may take. Never two runs at once."""

    every_seconds: int
    limit_seconds: float

    async def poll(self, context: Context) -> None:
        """Fetches what is new and hands each message's bytes to `context.platform.receive`, which commits them; only
        then may the source forget it. Runs in the work process; raises `Transient`, `Misconfigured`, `Permanent`."""
        ...


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """To whom. Only what the deliverer `needs` is certain to be there; `address` is a postal one, lines by newline."""

    name: str
    email: str = ""
    phone: str = ""
    address: str = ""
    language: str = ""


class OutboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that core has decided to send, frozen. `kind`: reply, acknowledgement, status, request, final_response,
    notice, digest; `thread`: its own fixed id and what it answers; `reply_token`: signs the address to which an answer
    should come, such as `complaints+<token>@…`; empty where none is wanted; `unit`, `reference`: of the case, empty
    without one; `account`: the mailbox or number that the customer wrote to last, to be answered from where it is still
    set up, empty for the unit's usual one; `robot`: nobody wrote it, so it is marked as automatic and no machine
    answers it."""

    id: UUID
    channel: str
    kind: str
    recipient: Recipient
    subject: str
    text: str
    html: str = ""
    language: str = "en"
    thread: Thread = Thread()
    reply_token: str = ""
    unit: str = ""
    reference: str = ""
    account: str = ""
    robot: bool = False
    documents: tuple[Document, ...] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a deliverer knows. `state`: `sent` (the other side took it), `failed` (it refused for good; `detail` says
    why and what helps) or `unsure` (it may have gone: the connection broke after the last byte); `remote_id`: the other
    side's name for it."""

    state: str
    detail: str = ""
    remote_id: str = ""
    at: datetime | None = None


def _always(settings: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True)
class Deliverer:
    """A way out. `key`: the channel's; `needs`: what must be known of a recipient: `email`, `phone` or `address`.

    `send(message, key, context)` hands the message over once; the key stays the same over all attempts. It runs in the
    work process, outside transactions, under `limit_seconds`. `Transient`: certainly not sent, tried again with growing
    pauses; `Permanent`: refused, which fails it; `Misconfigured`: a setting is wrong, and it waits. Anything unexpected
    and any overrun count as *unsure*, so catch what certainly did not send. `status(key, context)`: what is known of an
    earlier attempt, None where nothing is; asked before an unsure message is sent again.

    `in_use(settings)`: pure; False where the unit's settings say that nothing is sent this way."""

    key: str
    label: str
    icon: str
    needs: str
    send: Callable[[OutboundMessage, str, Context], Awaitable[Receipt]]
    status: Callable[[str, Context], Awaitable[Receipt | None]] | None = None
    in_use: Callable[[Mapping[str, Any]], bool] = _always
    limit_seconds: float = 60.0


class CustomerWords(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer wrote this time, without quotes, signature and our own words; nothing of the person."""

    text: str
    language: str
    channel: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider proposes. For `kind` `mood`, `value` holds `mood` (one of MOODS) and `score` (a decimal from -1,
    bad, to 1, good, as text). `spans`: which parts of the text say so, from and up to; `reason`: in a sentence."""

    kind: str
    value: dict[str, str]
    reason: str = ""
    confidence: float | None = None
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class SentimentScorer:
    """How heated a message sounds: a cue about tone, never about credibility, and it decides nothing. `languages`: the
    codes that it reads; `score` is pure, runs in the work process under five seconds and gives Findings of kind `mood`,
    or nothing where it cannot tell."""

    key: str
    label: str
    version: str
    languages: tuple[str, ...]
    score: Callable[[CustomerWords], Sequence[Finding]]
