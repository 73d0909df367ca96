"""Requests of telephony systems: published vectors hold, and nothing else does."""

import hmac
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ombud_phone import signatures
from ombud_phone.signatures import BadSignature, body_digest, verify

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "webhook_signatures" / "vectors.json"
NOW = 1_764_147_600.0
FORM = "application/x-www-form-urlencoded"


def _vectors() -> list[dict[str, Any]]:
    if VECTORS.is_file():
        return list(json.loads(VECTORS.read_text()))
    if os.environ.get("CI") == "true":
        pytest.fail("the published vectors are not beside this checkout")
    pytest.skip("the folder shared/data is not beside this checkout")


def _signed(vector: dict[str, Any]) -> tuple[str, str, dict[str, str], bytes, str]:
    """Scheme, secret, headers, body and address of a vector."""
    if vector["vendor"] == "twilio":
        pairs = [(name, value) for name, values in vector.get("params", {}).items() for value in values]
        headers = {"content-type": FORM, "x-twilio-signature": vector["X-Twilio-Signature"]}
        return "twilio", vector["auth_token"], headers, urlencode(pairs).encode(), vector["url_received"]
    if vector["vendor"] == "slack":
        named = {"x-slack-signature": vector["X-Slack-Signature"],
                 "x-slack-request-timestamp": str(vector["X-Slack-Request-Timestamp"])}  # fmt: skip
        return "stamped", vector["signing_secret"], named, vector["body"].encode(), ""
    headers = {"x-hub-signature-256": vector["X-Hub-Signature-256"]}
    return "hub", vector["secret"], headers, vector["body"].encode(), ""


def test_every_published_vector_holds_and_tampered_it_does_not() -> None:
    tried = 0
    for vector in _vectors():
        if "bodySHA256" in vector:
            assert body_digest(vector["body"].encode()) == vector["bodySHA256"]
            assert body_digest(vector["body"].encode() + b" ") != vector["bodySHA256"]
            continue
        scheme, secret, headers, body, url = _signed(vector)
        at = float(headers.get("x-slack-request-timestamp", NOW))
        verify(scheme, secret, headers, body, url, at)
        tried += 1
        forged = {name: value[:-2] + "AA" if "sign" in name else value for name, value in headers.items()}
        for other in (
            (secret + "x", headers, body, url), (secret, headers, body + b"&Digits=9", url),
            (secret, forged, body, url), (secret, {"content-type": FORM}, body, url), ("", headers, body, url),
        ):  # fmt: skip
            with pytest.raises(BadSignature):
                verify(scheme, *other, at)
        if scheme == "twilio":
            with pytest.raises(BadSignature):
                verify(scheme, secret, headers, body, url.replace("myapp", "other"), at)
    assert tried >= 4


def _stamped(body: bytes, at: float, secret: str = "s3cret") -> dict[str, str]:
    stamp = str(int(at))
    signed = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, "sha256").hexdigest()
    return {"x-signature": f"v0={signed}", "x-signature-timestamp": stamp}


def test_the_scheme_with_a_time_as_slack_publishes_it() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
        b".803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    verify("stamped", "8f742231b10e8888abcd99yyyzzz85a5", headers, body, "", 1_531_420_620)


@pytest.mark.parametrize("late", [-301, 301, 3600])
def test_what_was_signed_too_long_ago_or_ahead_is_refused(late: int) -> None:
    headers = _stamped(b"{}", NOW)
    for in_time in (0, 299, -299):
        verify("stamped", "s3cret", headers, b"{}", "", NOW + in_time)
    with pytest.raises(BadSignature, match="seconds"):
        verify("stamped", "s3cret", headers, b"{}", "", NOW + late)
    verify("stamped", "s3cret", headers, b"{}", "", NOW + late, tolerance=4000)


@pytest.mark.parametrize("stamp", ["", "soon", "1e9", "-5", "٣", "9" * 400])
def test_a_time_that_is_none_is_refused_even_if_it_is_signed(stamp: str) -> None:
    signed = hmac.new(b"s3cret", f"v0:{stamp}:".encode() + b"{}", "sha256").hexdigest()
    with pytest.raises(BadSignature):
        verify("stamped", "s3cret", {"x-signature": f"v0={signed}", "x-signature-timestamp": stamp}, b"{}", "", NOW)


def test_a_json_body_must_be_the_one_whose_digest_is_signed() -> None:
    body = b'{"event": "recording"}'
    url = f"https://desk.example/p/phone/hook/main?bodySHA256={body_digest(body)}"
    headers = {"content-type": "application/json", "x-twilio-signature": signatures.twilio("t0ken", url, [])}
    verify("twilio", "t0ken", headers, body, url, NOW)
    with pytest.raises(BadSignature, match="digest"):
        verify("twilio", "t0ken", headers, body + b" ", url, NOW)


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each candidate goes through compare_digest, whichever fits."""
    seen: list[bytes] = []

    def watched(one: bytes, other: bytes) -> bool:
        seen.append(other)
        return one == other

    monkeypatch.setattr(signatures.hmac, "compare_digest", watched)
    url = "https://desk.example/p/phone/hook/main"
    good = {"content-type": FORM, "x-twilio-signature": signatures.twilio("t0ken", url, [])}
    verify("twilio", "t0ken", good, b"", url, NOW)
    assert len(seen) == len(signatures.addresses(url)) == 2
    verify("stamped", "s3cret", _stamped(b"{}", NOW), b"{}", "", NOW)
    with pytest.raises(BadSignature):
        verify("hub", "s3cret", {"x-hub-signature-256": "sha256=ż"}, b"{}", "", NOW)
    assert len(seen) == 4


@pytest.mark.parametrize("scheme", ["", "plain", "none"])
def test_without_a_scheme_nothing_holds(scheme: str) -> None:
    with pytest.raises(BadSignature, match="no way of signing"):
        verify(scheme, "s3cret", {}, b"", "", NOW)
