"""Time-stamps (RFC 3161) of checkpoints: somebody outside says that a root was there at a time. Kept beside the file of
published checkpoints, so outside the database too.

A checkpoint names the one before it, so the stamp of the newest covers all of them.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    TimeStampRequest,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from ombud.kernel.database import db
from ombud.trust.canonical import moment_text

_FIELDS = {"type", "n", "hash", "at", "url", "response"}


class StampFailed(RuntimeError):
    """No time-stamp that holds came; the text says why and what to do."""


def path_beside(publish_file: Path) -> Path:
    """Where the stamps of the checkpoints in this file lie: checkpoints.timestamps.jsonl."""
    return publish_file.with_name(f"{publish_file.stem}.timestamps.jsonl")


def roots_in(path: Path | None) -> list[Certificate]:
    """The certificates that vouch for the time-stamping service; raises StampFailed."""
    if path is None:
        raise StampFailed("Nobody vouches for the service. Name a file of root certificates in ledger.timestamp_roots.")
    try:
        found = load_pem_x509_certificates(path.read_bytes())
    except OSError as problem:
        raise StampFailed(f"{path} cannot be read ({problem.strerror}). Correct ledger.timestamp_roots.") from None
    except ValueError:
        raise StampFailed(f"{path} holds no certificates in PEM. Ask the service for its root certificate.") from None
    return found


def checked(
    raw: bytes, checkpoint_hash: bytes, roots: list[Certificate], asked: TimeStampRequest | None = None
) -> datetime:
    """When the checkpoint was stamped, if the bytes prove it; `asked`: the request, whose nonce must come back. Raises
    StampFailed, which names what does not fit."""
    answer = _decoded(raw)
    imprint = answer.tst_info.message_imprint.message
    if imprint != hashlib.sha256(checkpoint_hash).digest():
        raise StampFailed("The time-stamp is over something else than this checkpoint.")
    if asked is not None and answer.tst_info.nonce != asked.nonce:
        raise StampFailed("The time-stamp answers another question (its nonce is not ours): it may be an old one.")
    builder = VerifierBuilder() if asked is None else VerifierBuilder.from_request(asked)
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(answer, checkpoint_hash)
    except (VerificationError, ValueError) as problem:
        raise StampFailed(f"The time-stamp is not signed by a service that we trust ({problem}).") from None
    return answer.tst_info.gen_time.astimezone(UTC)


def _decoded(raw: bytes) -> TimeStampResponse:
    try:
        answer = decode_timestamp_response(raw)
    except ValueError:
        raise StampFailed("The answer is no time-stamp (RFC 3161). Look at the address of the service.") from None
    if answer.status not in (0, 1):
        told = "; ".join(answer.status_string or ())[:200]
        raise StampFailed(f"The time-stamping service refused{': ' + told if told else '.'}")
    return answer


def stamps(path: Path) -> list[dict[str, Any]]:
    """The stamps that were kept, oldest first; an unfinished last line (a crash) is left out. Raises StampFailed."""
    if not path.exists():
        return []
    try:
        found = [msgspec.json.decode(each, type=dict[str, Any]) for each in path.read_bytes().split(b"\n")[:-1]]
    except msgspec.DecodeError:
        raise StampFailed(f"{path} holds a line that is no time-stamp: restore the file from its copy.") from None
    if any(set(each) != _FIELDS for each in found):
        raise StampFailed(f"{path} holds a line that is no time-stamp: restore the file from its copy.")
    return found


async def first_unproved(path: Path, roots: list[Certificate]) -> tuple[int, str, int]:
    """Checks each kept stamp against the checkpoint of the database. Returns how many hold, and the first that does
    not: what is wrong and its number; in the caller's transaction."""
    held = 0
    for each in stamps(path):
        ours = await db.fetchval("SELECT hash FROM core_checkpoint WHERE n = $1", each["n"])
        if wrong := _wrong(each, ours, roots):
            return held, wrong, int(each["n"])
        held += 1
    return held, "", 0


def _wrong(stamp: Mapping[str, Any], ours: bytes | None, roots: list[Certificate]) -> str:
    if ours is None or ours.hex() != stamp["hash"]:
        return f"{'is not in the database' if ours is None else 'is another in the database'}, but was time-stamped"
    try:
        at = checked(base64.b64decode(stamp["response"], validate=True), ours, roots)
    except (StampFailed, binascii.Error) as problem:
        return f"has a time-stamp that does not hold: {problem}"
    return "" if moment_text(at) == stamp["at"] else "was time-stamped at another time than its line says"
