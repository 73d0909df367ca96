"""In a running desk: set up on the page of settings, beside a case, at closure; and no secret on any page."""

from typing import Any

import pytest

from ombud.desk import aspects, cases
from ombud.desk.aspects import Decision
from ombud.kernel.database import db
from ombud.testing_desk import Desk

HTMX = {"hx-request": "true"}
PAGE = "/settings/p-salesforce"


@pytest.fixture
async def connected_desk(desk: Desk, salesforce: Any) -> Desk:
    """A desk on which an administrator typed everything that is needed."""
    await desk.enable("salesforce")
    adam = await desk.signed_in("administrator")
    sent = await adam.submit(PAGE, _typed(salesforce), page=PAGE)
    assert sent.status_code == 303, sent.text
    return desk


def _typed(fake: Any, **more: str) -> dict[str, str]:
    plain = {
        name: value.replace("\n", "") for name, value in fake.settings().items() if isinstance(value, str) and value
    }
    shared = {"set.hosts": "\n".join(fake.settings()["hosts"]), "set.share": "80", "version": "0"}
    return {**{f"set.{name}": value for name, value in plain.items()}, **shared, **more}


async def _tried(desk: Desk, fake: Any, **more: str) -> str:
    adam = await desk.signed_in("administrator")
    return str((await adam.submit(f"{PAGE}/try", _typed(fake, **more), page=PAGE)).text)


async def test_trying_it_out_really_connects_and_says_what_it_saw(desk: Desk, salesforce: Any) -> None:
    await desk.enable("salesforce")
    assert "Closures are written to Case" in await _tried(desk, salesforce)
    assert salesforce.logins
    assert "Nothing is written back" in await _tried(desk, salesforce, **{"set.write_object": ""})
    number = {"set.reference_field": "Customer_Number__c"}
    assert "Closures are written to Case" in await _tried(desk, salesforce, **number)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"set.login_url": "https://evil.example"}, "no host of Salesforce"),
        ({"set.private_key": "no key"}, "cannot be read"),
        ({"set.username": ""}, "Salesforce needs: the user name"), ({"set.client_id": ""}, "Salesforce is not used"),
        ({"set.reference_field": "Nothing__c"}, "Contact has no field Nothing__c"),
        ({"set.write_key_field": ""}, "Name the field that holds our key"),
        ({"set.write_key_field": "Loose__c"}, "is no external id, or not unique"),
        ({"set.write_object": "Nowhere"}, "does not know what a setting names"),
        ({"set.write_text_field": "Nothing__c"}, "Case has no field Nothing__c"),
    ],
)  # fmt: skip
async def test_trying_it_out_says_in_plain_words_what_is_wrong(
    desk: Desk, salesforce: Any, typed: dict[str, str], words: str
) -> None:
    await desk.enable("salesforce")
    assert words in (await _tried(desk, salesforce, **typed)).replace("&#39;", "'")


async def test_a_dead_address_and_a_refused_login_are_told(desk: Desk, salesforce: Any) -> None:
    await desk.enable("salesforce")
    salesforce.login_trouble = [
        (400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"})
    ]
    assert "does not allow this user yet" in await _tried(desk, salesforce)
    dead = {"set.login_url": "http://127.0.0.1:9", "set.hosts": "127.0.0.1:9"}
    assert "cannot be reached" in await _tried(desk, salesforce, **dead)


async def test_a_desk_on_which_nobody_set_it_up_shows_nothing(desk: Desk, salesforce: Any) -> None:
    await desk.enable("salesforce")
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    await agent.get(f"/cases/{filed.reference}/crm/salesforce", headers=HTMX)
    await desk.work()
    part = await agent.get(f"/cases/{filed.reference}/crm/salesforce", headers=HTMX)
    assert (part.status_code, part.text.strip()) == (200, "")
    assert "/crm/salesforce" not in (await agent.get(f"/cases/{filed.reference}")).text
    assert salesforce.asked == []


async def test_what_salesforce_knows_stands_beside_the_case_and_no_page_holds_a_secret(
    connected_desk: Desk, salesforce: Any, caplog: Any
) -> None:
    desk = connected_desk
    agent, adam = await desk.signed_in("agent"), await desk.signed_in("administrator")
    filed = await desk.file(phone="020 7946 0018")
    path = f"/cases/{filed.reference}/crm/salesforce"
    await agent.get(path, headers=HTMX)
    await desk.work()
    part = (await agent.get(path, headers=HTMX)).text
    for words in ("Helena Marsh", "Marsh household", "Card does not arrive", "Called about the fee", "as of"):
        assert words in part
    salesforce.trouble = [403] * 3
    await db.execute("UPDATE core_crm_snapshot SET ended_at = ended_at - interval '10 minutes', asked_at = NULL")
    await agent.get(path, headers=HTMX)
    await desk.work()
    assert "Salesforce is not set up rightly." in (await agent.get(path, headers=HTMX)).text
    pages = [part, *[(await adam.get(each)).text for each in (PAGE, f"{PAGE}/history", "/plugins", "/jobs")]]
    stored = str([dict(row) for table in ("core_setting", "core_fault", "core_delivery", "core_ledger_entry")
                  for row in await db.fetch(f"SELECT * FROM {table}")])  # fmt: skip
    for text in (*pages, stored, caplog.text):
        assert "PRIVATE KEY" not in text
        assert salesforce.token not in text


async def test_a_closed_case_is_written_once_also_when_salesforce_was_away(
    connected_desk: Desk, salesforce: Any
) -> None:
    desk = connected_desk
    agent = await desk.viewer("agent")
    filed = await desk.file()
    await cases.take(agent, filed.case_id)
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    await aspects.decide_aspect(agent, aspect, Decision("upheld", "It was.", "system_fault"), None)
    await cases.close(agent, filed.case_id)
    await desk.work()
    salesforce.trouble = [503] * 3
    for _ in range(2):
        await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
        await desk.work()
    ((key, body),) = salesforce.written.items()
    assert key == f"ombud-{filed.case_id}"
    assert filed.reference in body["Description"]
    browser = await desk.signed_in("agent")
    shown = (await browser.get(f"/cases/{filed.reference}")).text
    assert "The closing was written to Salesforce" in shown
    await db.execute(
        "UPDATE core_delivery SET state = 'waiting', available_at = now(), finished_at = NULL "
        "WHERE subscriber IN ('core/crm', 'job/crm.record')"
    )
    for _ in range(2):
        await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
        await desk.work()
    assert salesforce.writes == 1
