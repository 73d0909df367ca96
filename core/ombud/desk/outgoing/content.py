"""What exactly a message says and to whom, and the hash by which an approved one is known again. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud import speech


@dataclass(frozen=True)
class Content:
    """What is approved: nothing of it may change afterwards. `files`: SHA-256 of each, in order."""

    channel: str
    kind: str
    recipient: dict[str, Any]
    subject: str
    text: str
    files: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        plain = speech.builtins_of(self)
        return hashlib.sha256(speech.encoded(plain, order="sorted")).hexdigest()


def outcomes_hash(aspects: Sequence[tuple[UUID, str, str, Any]]) -> str:
    """Of the outcomes that a final response speaks of: id, outcome, reason, redress of each aspect."""
    plain = [[str(each), outcome, reason, redress] for each, outcome, reason, redress in aspects]
    return hashlib.sha256(speech.encoded(plain, order="sorted")).hexdigest()
