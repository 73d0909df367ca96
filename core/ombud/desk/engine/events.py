"""What rules can listen to. A code is a kind of ledger entry, or `kind:field` for one whose body names that field."""

from collections.abc import Iterable, Mapping
from typing import Any

EVENTS: dict[str, str] = {
    "case.opened": "a case is opened",
    "message.received": "a message comes in",
    "case.changed:mood": "the customer's tone changes",
    "support_needs.confirmed": "support needs are confirmed",
    "aspect.added": "an aspect is added",
    "aspect.changed": "an aspect is changed",
    "aspect.decided": "an aspect is decided",
    "aspect.reopened": "an aspect is reopened",
    "case.changed": "the case is changed",
    "case.changed:queue": "the case gets into another queue",
    "case.assigned": "the case is given to somebody, or put back",
    "aspect.assigned": "an aspect is given to somebody",
    "case.status_changed": "the status changes",
    "message.sent": "a message of ours is sent",
    "clock.warned": "a clock warns",
    "clock.breached": "a deadline is missed",
    "clock.met": "a deadline is met",
    "case.escalated": "the case is escalated",
    "redress.added": "redress is given",
    "redress.claimed": "somebody says how much is in dispute",
}

ANCHORS: dict[str, str] = {
    "received": "the complaint was received",
    "opened": "the case was opened",
    "due": "the answer is due",
    "last_in": "the customer last wrote",
    "last_out": "we last wrote",
}

KINDS = frozenset(code.partition(":")[0] for code in EVENTS)


def is_of(codes: Iterable[str], kind: str, body: Mapping[str, Any]) -> bool:
    """Whether an entry is one of these events. Aspects and cases that a merge moved here are none."""
    for code in codes:
        wanted, _, name = code.partition(":")
        if wanted == kind and (not name or name in body):
            return True
    return False
