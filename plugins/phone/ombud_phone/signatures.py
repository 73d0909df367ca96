"""Whether a request came from the telephony system: three schemes that are in use. Pure; compared in constant time.

twilio   X-Twilio-Signature: base64 of HMAC-SHA1 over the address and the sorted fields; a JSON body's SHA-256 stands
         in the address. Proxies add and drop ports, so both ways of writing the address are tried.
stamped  X-Signature-Timestamp and X-Signature: `v0=` and HMAC-SHA256 over `v0:<time>:<body>`, as Slack has it (its own
         header names are read too). A request older than the tolerance is refused, so that none can be sent again.
hub      X-Hub-Signature-256: `sha256=` and HMAC-SHA256 over the body, as GitHub and Meta have it.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

SCHEMES = ("twilio", "stamped", "hub")
TOLERANCE = 300  # seconds
# The headers that are kept of a request, in small letters.
HEADERS = (
    "content-type", "x-twilio-signature", "x-signature", "x-signature-timestamp", "x-slack-signature",
    "x-slack-request-timestamp", "x-hub-signature-256",
)  # fmt: skip
_PORTS = {"https": 443, "http": 80}


class BadSignature(ValueError):
    """It was not signed with this secret, or too long ago; the text is for an administrator."""


def verify(
    scheme: str, secret: str, headers: Mapping[str, str], body: bytes, url: str, now: float, tolerance: int = TOLERANCE
) -> None:
    """Raises `BadSignature`. `headers`: by names in small letters; `now`: when it was received, in Unix seconds."""
    if not secret:
        raise BadSignature("no secret is set, so nothing can be verified")
    if scheme == "twilio":
        _twilio(secret, headers, body, url)
    elif scheme == "stamped":
        _stamped(secret, headers, body, now, tolerance)
    elif scheme == "hub":
        signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        _same(headers.get("x-hub-signature-256", ""), [f"sha256={signed}"])
    else:
        raise BadSignature("the settings name no way of signing")


def _same(given: str, expected: Sequence[str]) -> None:
    """All are compared, whatever came of the first."""
    fits = [hmac.compare_digest(given.encode(), each.encode()) for each in expected]
    if not any(fits):
        raise BadSignature("the signature does not fit the secret" if given else "it carries no signature")


def _stamped(secret: str, headers: Mapping[str, str], body: bytes, now: float, tolerance: int) -> None:
    stamp = headers.get("x-signature-timestamp") or headers.get("x-slack-request-timestamp", "")
    given = headers.get("x-signature") or headers.get("x-slack-signature", "")
    signed = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    _same(given, [f"v0={signed}"])
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp[:12])) > tolerance:
        raise BadSignature(f"it was signed more than {tolerance} seconds before it came")


def _twilio(secret: str, headers: Mapping[str, str], body: bytes, url: str) -> None:
    fields: list[tuple[str, str]] = []
    named = parse_qs(urlsplit(url).query).get("bodySHA256")
    if named is not None:
        if not hmac.compare_digest(named[0].lower().encode(), body_digest(body).encode()):
            raise BadSignature("the body is not the one whose digest was signed")
    elif headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    _same(headers.get("x-twilio-signature", ""), [twilio(secret, each, fields) for each in addresses(url)])


def body_digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def twilio(secret: str, url: str, fields: Sequence[tuple[str, str]]) -> str:
    """The signature of one writing of the address. Fields by name; of one that comes twice each value once, sorted."""
    by_name: dict[str, set[str]] = {}
    for name, value in fields:
        by_name.setdefault(name, set()).add(value)
    told = "".join(name + value for name in sorted(by_name) for value in sorted(by_name[name]))
    return base64.b64encode(hmac.new(secret.encode(), (url + told).encode(), hashlib.sha1).digest()).decode()


def addresses(url: str) -> list[str]:
    """With and without a port: nobody knows which one was signed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
    ported = host if host != bare else f"{bare}:{_PORTS.get(parts.scheme, 443)}"
    return [urlunsplit(parts._replace(netloc=each)) for each in dict.fromkeys((host, bare, ported))]
