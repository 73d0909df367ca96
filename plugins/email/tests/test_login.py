"""Tokens from an endpoint that works, and from one that misbehaves; and a mailbox that is read with one."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from servers import Dovecot, Tokens

from ombud.kernel.database import db
from ombud_email import login
from ombud_email.mailbox import Login
from ombud_plugin_api import Misconfigured, Transient


def _login(tokens: Tokens, **more: str) -> Login:
    given = {"token_url": f"{tokens.address}/token", "client_id": "desk", "client_secret": "shh",
             "refresh_token": "refresh-1", "scope": "mail", **more}  # fmt: skip
    return Login("oauth", "complaints", **given)


async def test_a_refresh_token_gets_a_token_that_is_kept_until_it_ends(tokens: Tokens) -> None:
    assert await login.access_token(_login(tokens), None) == "token-1"
    assert await login.access_token(_login(tokens), None) == "token-1"
    assert tokens.asked == [
        {"grant_type": "refresh_token", "client_id": "desk", "client_secret": "shh", "scope": "mail",
         "refresh_token": "refresh-1"}
    ]  # fmt: skip
    tokens.seconds = 60  # shorter than the time before the end at which a new one is got
    assert await login.access_token(_login(tokens), None, anew=True) == "token-2"
    assert await login.access_token(_login(tokens), None) == "token-3"


async def test_a_client_without_a_refresh_token_logs_in_for_itself(tokens: Tokens) -> None:
    await login.access_token(_login(tokens, refresh_token=""), None)
    assert tokens.asked[0]["grant_type"] == "client_credentials"


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        ((400, {"error": "invalid_grant"}), Misconfigured, "no longer takes the refresh token"),
        ((401, {"error": "invalid_client"}), Misconfigured, "client id or secret"),
        ((400, {"error": "invalid_scope"}), Misconfigured, "invalid_scope"),
        ((400, {"error": "shh refresh-1 <b>"}), Misconfigured, r"\(400\)"),
        ((429, {"error": "slow_down"}), Transient, "gives no token now"),
        ((503, {"error": "x"}), Transient, "gives no token now"),
        ((200, {"access_token": ""}), Transient, "without a token"),
        ((200, {"access_token": "a b\r\nc"}), Transient, "without a token"),
        ((200, []), Transient, "no JSON"),
        ("rubbish", Transient, "no JSON"),
        ("huge", Transient, "far too much"),
        ("cut", Transient, "cannot be reached"),
    ],
)
async def test_an_endpoint_that_misbehaves_is_told_in_words_without_secrets(
    tokens: Tokens, trouble: Any, error: type[Exception], words: str
) -> None:
    tokens.trouble = [trouble]
    with pytest.raises(error, match=words) as refusal:
        await login.access_token(_login(tokens), None)
    assert not any(secret in str(refusal.value) for secret in ("shh", "refresh-1"))
    assert await login.access_token(_login(tokens), None), "and the next time it works"


async def test_tokens_are_asked_for_over_encrypted_ways_alone(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: Any, **__: Any) -> Any:
        return [(2, 1, 6, "", ("8.8.8.8", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    with pytest.raises(Misconfigured, match="not in your own network"):
        await login.access_token(_login(tokens, token_url="http://tokens.example.org/t"), None)
    with pytest.raises(Misconfigured, match="token address and the client id"):
        await login.access_token(_login(tokens, token_url=""), None)
    assert tokens.asked == []


async def test_a_refresh_token_that_its_provider_changes_is_kept_encrypted(mail_desk: Any, tokens: Tokens) -> None:
    platform = (await mail_desk.context()).platform
    tokens.rotate = "refresh-2"
    await login.access_token(_login(tokens), platform)
    tokens.rotate = "refresh-3"
    await login.access_token(_login(tokens), platform, anew=True)
    await login.access_token(_login(tokens), platform, anew=True)
    assert [each["refresh_token"] for each in tokens.asked] == ["refresh-1", "refresh-2", "refresh-3"]
    assert await db.fetchval("SELECT count(*) FROM email_token") == 1
    assert "refresh" not in str(await db.fetch("SELECT login FROM email_token"))
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/email'") == 1
    await login.access_token(_login(tokens, refresh_token="entered-anew"), platform)
    assert tokens.asked[-1]["refresh_token"] == "entered-anew", "what an administrator enters counts"


async def test_a_mailbox_is_read_with_a_token_and_one_that_ended_is_got_anew(
    mail_desk: Any, oauth_dovecot: Dovecot, tokens: Tokens, mail: Callable[..., bytes]
) -> None:
    tokens.user = "complaints"
    await asyncio.to_thread(oauth_dovecot.deliver, "complaints", mail("One"))
    await mail_desk.set_up(
        imap_host="127.0.0.1", imap_port=oauth_dovecot.port, imap_tls="plain", user="complaints", login="oauth",
        token_url=f"{tokens.address}/token", client_id="desk", refresh_token="refresh-1",
    )  # fmt: skip

    async def broken() -> bool:
        row = await mail_desk.position()
        return row is not None and row["problem"] != ""

    async with mail_desk.polling():
        await mail_desk.until_stored(1)
        tokens.valid.clear()  # the provider takes it back
        await asyncio.to_thread(oauth_dovecot.stop)
        await mail_desk.until(broken)
        await asyncio.to_thread(oauth_dovecot.start)
        await asyncio.to_thread(oauth_dovecot.deliver, "complaints", mail("Two"))
        await mail_desk.until_stored(2)
    assert len(tokens.asked) >= 2
