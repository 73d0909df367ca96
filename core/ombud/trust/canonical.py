"""The ledger's bytes, format 1: canonical form, entry and checkpoint hashes, commitments."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ombud.speech import Spoken, for_programs

ZERO = bytes(32)
_LARGEST = 2**53 - 1  # what every JSON library reads exactly (RFC 8785, I-JSON)
_DEEPEST = 64

_encode = msgspec.json.Encoder(order="sorted", enc_hook=for_programs).encode


class NotCanonical(ValueError):
    """A value has no canonical form; the message names the place and the remedy."""


def canonical(value: Any) -> bytes:
    """RFC 8785 restricted to ASCII keys and whole numbers; raises NotCanonical for anything else."""
    _check(value, "value", 0)
    try:
        return _encode(value)
    except UnicodeEncodeError:
        raise NotCanonical("a text holds half of a surrogate pair; decode it with errors='replace' first") from None


def encode_checked(value: Any) -> bytes:
    """The same bytes without the checks, for values read back from JSON: a wrong one fails its hash instead."""
    return _encode(value)


def _check(value: Any, path: str, depth: int) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is Spoken:  # whose English is kept
        return
    if kind is int:
        if not -_LARGEST <= value <= _LARGEST:
            raise NotCanonical(f"{path}: {value} is too large for JSON; give it as text")
    elif depth > _DEEPEST:
        raise NotCanonical(f"{path}: nested deeper than {_DEEPEST} levels")
    elif kind is dict:
        for key, inner in value.items():
            if type(key) is not str or not key.isascii():
                raise NotCanonical(f"{path}: the key {key!r} is not ASCII text; use a plain field name")
            _check(inner, f"{path}.{key}", depth + 1)
    elif kind is list or kind is tuple:
        for position, inner in enumerate(value):
            _check(inner, f"{path}[{position}]", depth + 1)
    else:
        raise NotCanonical(f"{path}: {kind.__name__} has no canonical form; give money, rates, ids and times as text")


def moment_text(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ` of an aware datetime."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def entry_hash(fields: Mapping[str, Any]) -> bytes:
    """SHA-256 over the ten fields of an entry (v, stream, seq, at, actor, cause, kind, body, sealed, prev)."""
    return hashlib.sha256(b"ombud-entry-1\n" + _encode(fields)).digest()


def checkpoint_hash(n: int, at: datetime, size: int, root: bytes, prev: bytes) -> bytes:
    fields = {"n": n, "at": moment_text(at), "size": size, "root": root.hex(), "prev": prev.hex()}
    return hashlib.sha256(b"ombud-checkpoint-1\n" + _encode(fields)).digest()


def commitment(nonce: bytes, value: Any) -> bytes:
    """HMAC-SHA-256 with a fresh 32-byte nonce as key over the canonical form of the value."""
    return hmac.digest(nonce, canonical(value), "sha256")
