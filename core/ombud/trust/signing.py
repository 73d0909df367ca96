"""The deployment's Ed25519 key, which signs exports; it lies beside the master key, sealed by the deployment's key."""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ombud.kernel.database import db
from ombud.trust import keys
from ombud.trust.link_signing import close_signing, open_signing

__all__ = ["close_signing", "open_signing", "public_key", "signing_key"]

SUBJECT = "deployment"
FILE = "ledger-signing.key"
_LABEL = b"ombud-signing-1"


async def signing_key() -> Ed25519PrivateKey:
    """Made on first use. Raises KeyTrouble when the file belongs to another database."""
    path = keys.master().path.with_name(FILE)
    async with db.outside():  # a key made in a transaction that rolls back would leave a file nobody can open
        sealer = (await keys.sealing_keys([SUBJECT]))[SUBJECT]
    if not path.exists():
        sealed = keys.wrap(sealer, secrets.token_bytes(32), _LABEL)
        keys.create_once(path, base64.b64encode(sealed) + b"\n")
    try:
        seed = keys.unwrap(sealer, base64.b64decode(path.read_bytes()), _LABEL)
    except (InvalidTag, ValueError):
        raise keys.KeyTrouble(
            f"{path} does not belong to this database: put back its copy, or move it away to have a new one made "
            "(then publish the new public key)"
        ) from None
    return Ed25519PrivateKey.from_private_bytes(seed)


async def public_key() -> str:
    """In hex, for the page or notice where the desk publishes it."""
    return (await signing_key()).public_key().public_bytes_raw().hex()
