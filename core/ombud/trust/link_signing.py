"""The key that signs links, proofs and public forms: a file beside the master key, outside the database."""

import base64
import hmac
import logging
import secrets
from pathlib import Path

from ombud.trust.keys import KeyTrouble, create_once

log = logging.getLogger(__name__)

FILE = "signing.key"
_SIZE = 32

_key: bytes | None = None


def open_signing(folder: Path) -> None:
    """Reads `signing.key` in the secrets folder, and makes it on first use; call it once at the start of a process.

    Every machine of one desk needs the same file; without it the links that were sent stop working.
    """
    global _key
    path = folder / FILE
    if not path.exists():
        create_once(path, base64.b64encode(secrets.token_bytes(_SIZE)) + b"\n")
    if path.stat().st_mode & 0o077:
        log.warning("%s can be read by others on this machine; run: chmod 600 %s", path, path)
    _key = _read(path)


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _SIZE:
        raise KeyTrouble(
            f"{path} does not hold a signing key ({_SIZE} bytes as base64): put back its copy, or delete it; "
            "then a new one is made and links sent before stop working"
        )
    return key


def close_signing() -> None:
    global _key
    _key = None


def signature(purpose: str, data: bytes) -> bytes:
    """HMAC-SHA-256; what was signed for one purpose never passes for another."""
    if _key is None:
        raise KeyTrouble("the signing key is not open in this process: call `link_signing.open_signing(folder)` first")
    return hmac.digest(_key, f"ombud-{purpose}-1\n".encode() + data, "sha256")
