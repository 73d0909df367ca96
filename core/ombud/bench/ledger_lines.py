"""Entries of one stream with their sealed values, made by the ledger's own functions, as rows for COPY."""

import os
from datetime import datetime
from typing import Any

from ombud.bench.rows import Rows
from ombud.trust.canonical import ZERO, canonical, commitment, encode_checked, moment_text
from ombud.trust.canonical import entry_hash as hash_of
from ombud.trust.ledger import FORMAT, sealed_label
from ombud.trust.vault import seal


class Stream:
    """The entries of one thing, in order; `subject` and `key`: whose values they seal, and with what."""

    def __init__(self, rows: Rows, stream: str, subject: str, key: bytes) -> None:
        self._rows, self.name, self._subject, self._key = rows, stream, subject, key
        self._seq, self._head = 0, ZERO

    def add(
        self, at: datetime, actor: str, kind: str, body: dict[str, Any], free: dict[str, str] | None = None,
        cause: str = "",
    ) -> None:  # fmt: skip
        """Appends an entry; `free` are its sealed texts."""
        self._seq += 1
        sealed = {name: self._seal(name, text) for name, text in (free or {}).items()}
        fields = {
            "v": FORMAT, "stream": self.name, "seq": self._seq, "at": moment_text(at), "actor": actor, "cause": cause,
            "kind": kind, "body": body, "sealed": sealed, "prev": self._head.hex(),
        }  # fmt: skip
        entry = hash_of(fields)
        # Bodies are made here of codes and ids alone: whether they have a canonical form need not be asked each time.
        self._rows.add(
            "core_ledger_entry", self.name, self._seq, at, actor, cause, kind, encode_checked(body).decode(),
            encode_checked(sealed).decode(), self._head, entry,
        )  # fmt: skip
        self._head = entry

    def _seal(self, name: str, text: str) -> str:
        nonce = os.urandom(32)
        label = sealed_label(self.name, self._seq, name, self._subject)
        box = seal(self._key, nonce + canonical(text), label)
        self._rows.add(
            "core_sealed", self.name, self._seq, name, self._subject, box.wrapped, box.nonce, box.ciphertext
        )  # fmt: skip
        return commitment(nonce, text).hex()

    def end(self) -> None:
        """The head, once nothing follows."""
        self._rows.add("core_stream", self.name, self._seq, self._head)
