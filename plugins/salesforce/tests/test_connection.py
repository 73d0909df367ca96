"""Speaking with a Salesforce that works, and with one that misbehaves in every way."""

import logging
import time
from typing import Any

import jwt
import pytest

from ombud_plugin_api import Misconfigured, Permanent, PluginFault, Transient
from ombud_salesforce import connection, login
from ombud_salesforce.breaker import FAILURES, FIRST_REST, LONGEST_REST, Breaker
from ombud_salesforce.connection import connected


async def _query(fake: Any, soql: str = "SELECT Id FROM Task WHERE WhoId = 'x'", **more: Any) -> list[dict[str, Any]]:
    async with connected(login.account_of(fake.settings(**more)), timeout=0.5) as there:
        return await there.query(soql)


def _paths(fake: Any) -> list[str]:
    return [path for _, path in fake.asked]


async def test_a_signed_login_is_made_for_the_right_audience_and_kept_for_the_next_call(salesforce: Any) -> None:
    await _query(salesforce)
    await _query(salesforce)
    (posted,) = salesforce.logins
    assert posted["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(posted["assertion"], options={"verify_signature": False})
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("consumer-key-1", "desk@example.org", salesforce.address)
    assert 0 < claims["exp"] - time.time() <= 180
    assert _paths(salesforce).count("/services/data/v62.0/query") == 2


async def test_a_refresh_token_gets_a_token_as_recorded(salesforce: Any) -> None:
    await _query(salesforce, flow="refresh", refresh_token="refresh-me", client_secret="shh")
    assert salesforce.logins == [
        {
            "grant_type": "refresh_token",
            "client_id": "consumer-key-1",
            "refresh_token": "refresh-me",
            "client_secret": "shh",
        }
    ]


async def test_pages_are_followed_to_their_end_as_recorded(salesforce: Any, sample: Any) -> None:

    first = sample("sobject__query_paginated_first_page_response")
    last = sample("sobject__query_success_response")
    salesforce.pages = [first, last]
    records = await _query(salesforce)
    assert [each["Text_Label"] for each in records] == ["First Page", "Hi there!"]
    assert _paths(salesforce)[-1] == "/services/data/v26.0/query/01gD"


async def test_pages_that_never_end_do(salesforce: Any) -> None:
    onward = "/services/data/v26.0/query/01gD"
    page = {"done": False, "nextRecordsUrl": onward, "records": [{"Id": "x"}] * 3}
    salesforce.pages = [dict(page) for _ in range(50)]
    assert len(await _query(salesforce)) == 3 * connection.MOST_PAGES


async def test_a_next_page_elsewhere_is_not_followed(salesforce: Any) -> None:
    salesforce.pages = [{"done": False, "nextRecordsUrl": "https://evil.example/query", "records": []}]
    with pytest.raises(Transient, match="none of its own"):
        await _query(salesforce)


async def test_a_token_that_expired_is_got_anew_once(salesforce: Any) -> None:
    await _query(salesforce)
    salesforce.token = "another"
    assert await _query(salesforce)
    assert len(salesforce.logins) == 2
    salesforce.trouble = [401, 401]
    with pytest.raises(Misconfigured, match="refuses a token it has just given"):
        await _query(salesforce)
    assert len(salesforce.logins) == 3


@pytest.mark.parametrize("what", [500, 503, 429, "slow", "cut", "rubbish"])
async def test_what_passes_is_tried_again(salesforce: Any, what: Any) -> None:
    salesforce.trouble = [what, what]
    assert [each["Subject"] for each in await _query(salesforce)] == ["Called about the fee"]


@pytest.mark.parametrize(
    ("what", "words"),
    [(500, "busy or faulty"), ("slow", "did not answer in time"), ("cut", "cannot be reached"), ("rubbish", "no JSON")],
)
async def test_what_does_not_pass_is_told_in_plain_words_without_what_was_asked(
    salesforce: Any, what: Any, words: str
) -> None:
    salesforce.trouble = [what] * 9
    with pytest.raises(Transient, match=words) as told:
        await _query(salesforce, "SELECT Id FROM Contact WHERE Email = 'canary@example.org'")
    assert "canary" not in str(told.value)
    assert _paths(salesforce).count("/services/data/v62.0/query") == connection.TRIES


async def test_an_answer_that_is_huge_is_refused_at_once(salesforce: Any) -> None:
    salesforce.trouble = ["huge"]
    with pytest.raises(Permanent, match="more than 5 MB"):
        await _query(salesforce)
    assert _paths(salesforce).count("/services/data/v62.0/query") == 1


async def test_a_short_wish_for_rest_is_honoured_and_a_long_one_handed_on(salesforce: Any) -> None:
    salesforce.trouble = [(429, [], {"retry-after": "1"})]
    started = time.monotonic()
    assert await _query(salesforce)
    assert time.monotonic() - started >= 1
    salesforce.trouble = [(503, [], {"retry-after": "120"})]
    with pytest.raises(Transient) as told:
        await _query(salesforce)
    assert told.value.retry_after == 120  # type: ignore[attr-defined]
    assert salesforce.trouble == []


async def test_the_end_of_the_days_requests_waits_a_quarter_of_an_hour(salesforce: Any) -> None:
    over = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    salesforce.trouble = [(403, over)]
    with pytest.raises(Transient, match="in a day are used") as told:
        await _query(salesforce)
    assert told.value.retry_after >= 900  # type: ignore[attr-defined]


async def test_reading_stops_at_the_share_of_the_day_and_writing_goes_on(salesforce: Any) -> None:
    salesforce.usage = "api-usage=4100/5000"
    await _query(salesforce)
    with pytest.raises(Transient, match="4100 of 5000 requests"):
        await _query(salesforce)
    async with connected(login.account_of(salesforce.settings())) as there:
        await there.patch("/sobjects/Case/Ombud_Key__c/k", {"Subject": "S"})
    assert salesforce.writes == 1
    assert await _query(salesforce, share=90), "a larger share reads on"


async def test_what_keeps_failing_is_left_alone_and_then_tried_once(salesforce: Any, monkeypatch: Any) -> None:
    salesforce.trouble = [500] * 100
    for _ in range(FAILURES):
        with pytest.raises(Transient, match="busy or faulty"):
            await _query(salesforce)
    asked = len(salesforce.asked)
    with pytest.raises(Transient, match="left alone for a while") as told:
        await _query(salesforce)
    assert len(salesforce.asked) == asked, "nothing is sent meanwhile"
    assert 0 < told.value.retry_after <= FIRST_REST  # type: ignore[attr-defined]


def test_a_breaker_rests_longer_each_time_and_closes_when_it_works() -> None:
    moment = [0.0]
    breaker = Breaker(clock=lambda: moment[0])
    rests = []
    for _ in range(12):
        while breaker.wait() == 0 and not breaker.rest:
            breaker.failed()
        rests.append(breaker.wait())
        moment[0] += breaker.wait()
        assert breaker.wait() == 0, "one is let through"
        assert breaker.wait() > 0, "and no other beside it"
        breaker.failed()
    assert rests[0] == FIRST_REST
    assert rests[1] == FIRST_REST * 2
    assert rests[-1] == LONGEST_REST
    moment[0] += LONGEST_REST
    assert breaker.wait() == 0
    breaker.worked()
    assert [breaker.wait(), breaker.wait()] == [0, 0]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("invalid_grant", "user hasn't approved this consumer"), "does not allow this user yet"),
        (("invalid_grant", "expired access/refresh token"), "Authorise the app again"),
        (("invalid_client_id", "client identifier invalid"), "Copy it from the connected app"),
        (("odd", "something new"), "odd: something new"),
    ],
)  # fmt: skip
async def test_a_refused_login_is_explained(salesforce: Any, said: tuple[str, str], words: str) -> None:
    salesforce.login_trouble = [(400, {"error": said[0], "error_description": said[1]})]
    with pytest.raises(Misconfigured, match=words):
        await _query(salesforce)


@pytest.mark.parametrize(
    ("address", "listed", "words"),
    [
        ("https://evil.example", [], "no host of Salesforce"),
        ("http://login.salesforce.com", [], "without encryption"),
        ("https://salesforce.com.evil.example", [], "no host of Salesforce"),
        ("ftp://login.salesforce.com", [], "no address"),
        ("https://user:pw@login.salesforce.com", [], "no address"), ("https://[", [], "no address"),
        ("http://127.0.0.1:9", [], "no host of Salesforce"),
        ("http://proxy.example", ["proxy.example"], "without encryption"),
    ],
)  # fmt: skip
def test_credentials_are_sent_to_salesforce_alone(salesforce: Any, address: str, listed: list[str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        login.account_of(salesforce.settings(login_url=address, hosts=listed))


async def test_an_instance_elsewhere_gets_no_question(salesforce: Any) -> None:
    salesforce.login_trouble = [(200, {"access_token": "t", "instance_url": "https://evil.example"})]
    with pytest.raises(Misconfigured, match="no host of Salesforce"):
        await _query(salesforce)
    assert _paths(salesforce) == ["/services/oauth2/token"]


async def test_a_redirect_carries_no_token_away(salesforce: Any) -> None:
    salesforce.trouble = [(302, b"", {"location": "https://evil.example/"})]
    with pytest.raises(PluginFault):
        await _query(salesforce)


@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"])
async def test_a_key_that_signs_nothing_is_named_without_a_letter_of_it(salesforce: Any, key: str) -> None:
    with pytest.raises(Misconfigured) as told:
        await _query(salesforce, private_key=key)
    assert "private key" in str(told.value)
    assert "abc" not in str(told.value)


async def test_a_key_pasted_as_one_line_signs(salesforce: Any) -> None:
    key = salesforce.settings()["private_key"]
    assert await _query(salesforce, private_key=key.replace("\n", ""))
    connection.forget()
    assert await _query(salesforce, private_key=key.replace("\n", " "))


async def test_no_log_holds_a_secret_a_token_or_what_was_asked(salesforce: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    settings = {"flow": "refresh", "refresh_token": "refresh-canary", "client_secret": "secret-canary"}
    await _query(salesforce, "SELECT Id FROM Contact WHERE Email = 'mail-canary@example.org'", **settings)
    salesforce.trouble = [500] * 3
    with pytest.raises(Transient):
        await _query(salesforce, "SELECT Id FROM Contact WHERE Email = 'mail-canary@example.org'", **settings)
    assert "canary" not in caplog.text
    assert salesforce.token not in caplog.text
    account = login.account_of(salesforce.settings(**settings))
    for text in (repr(account), str(account), repr(connection._known)):
        assert "canary" not in text
        assert "PRIVATE KEY" not in text
        assert salesforce.token not in text
