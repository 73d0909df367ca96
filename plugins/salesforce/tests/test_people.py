"""Who is found, what is told of them, and how a closure is written, from core's side of the contract."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ombud.desk.crm import kept
from ombud_plugin_api import ClosedAspect, ClosedCase, Misconfigured, Permanent, PersonHints, PersonMatch
from ombud_salesforce import closing, people

PERSON = UUID(int=7)


@dataclass
class Given:
    """A context with settings."""

    settings: dict[str, Any]
    units: tuple[str, ...] = field(default=("first",))


def _hints(**more: Any) -> PersonHints:
    return PersonHints(person=PERSON, units=("first",), **more)


async def _found(fake: Any, chosen: dict[str, Any] | None = None, **hints: Any) -> list[PersonMatch]:
    found = await people.find(_hints(**hints), Given(fake.settings(**(chosen or {}))))  # type: ignore[arg-type]
    return list(kept.checked_matches(found))


@pytest.mark.parametrize(
    ("hints", "evidence"),
    [
        ({"email": "Helena@Example.org"}, ()), ({"email": "helena@example.org"}, ("email",)),
        ({"phone": "+44 20 7946 0018"}, ("phone",)),
        ({"name": "Helena Marsh", "postcode": "LS1 1AA"}, ("name", "postcode")),
        ({"email": "helena@example.org", "name": "Helena Marsh"}, ("email", "name")),
        ({"email": "stranger@example.org"}, ()),
        ({"name": "Helena Marsh"}, ()), ({}, ()),
    ],
)  # fmt: skip
async def test_a_person_is_found_by_what_agrees(
    salesforce: Any, hints: dict[str, str], evidence: tuple[str, ...]
) -> None:
    found = await _found(salesforce, **hints)
    assert [each.evidence for each in found] == ([evidence] if evidence else [])
    if found:
        assert (found[0].id, found[0].note) == ("Contact:003000000000001AAA", "Marsh household, Leeds")
        assert found[0].href == f"{salesforce.address}/003000000000001AAA"


async def test_a_customer_number_is_looked_for_in_the_named_field(salesforce: Any) -> None:
    chosen = {"reference_field": "Account.AccountNumber", "case_fields": ["contract"]}
    found = await _found(salesforce, chosen, references={"contract": "K-1204", "other": "K-9"})
    assert (found[0].evidence, found[0].reference) == (("reference",), "K-1204")
    assert "Account.AccountNumber IN ('K-1204')" in salesforce.queries[0]
    assert "K-9" not in salesforce.queries[0]
    assert await _found(salesforce, {**chosen, "case_fields": []}, references={"contract": "K-1204"}) == []


async def test_without_anything_to_look_for_nothing_is_asked(salesforce: Any) -> None:
    assert await _found(salesforce, name="Helena Marsh") == []
    assert salesforce.queries == []


async def test_what_is_not_set_up_is_not_used(salesforce: Any) -> None:
    given = Given(salesforce.settings(client_id=""))
    assert await people.find(_hints(email="helena@example.org"), given) is None  # type: ignore[arg-type]
    assert salesforce.asked == []


async def test_a_name_full_of_quotes_asks_for_that_name(salesforce: Any) -> None:
    await _found(salesforce, name="x' OR Name LIKE '%", postcode="1", email="a'b@example.org")
    (asked,) = salesforce.queries
    assert "Name = 'x\\' OR Name LIKE \\'%'" in asked
    assert "Email = 'a\\'b@example.org'" in asked


async def test_organisations_are_looked_for_among_accounts_too(salesforce: Any) -> None:
    await _found(salesforce, kind="organisation", phone="020 7946 0018")
    assert [each.split(" FROM ")[1].split()[0] for each in salesforce.queries] == ["Contact", "Account"]


@pytest.mark.parametrize(
    "broken",
    [{"Id": "not an id"}, {"Id": None}, {"Name": {"a": 1}}, {"Email": ["x"]}, {"Account": "text"}, {"Phone": 7}],
)
async def test_records_that_are_odd_do_no_harm(salesforce: Any, broken: dict[str, Any]) -> None:
    salesforce.contacts = [{**salesforce.contacts[0], **broken}]
    for each in await _found(salesforce, email="helena@example.org", phone="020 7946 0018"):
        data = await people.history(each, Given(salesforce.settings()))  # type: ignore[arg-type]
        kept.checked_data(list(data))


async def test_account_contacts_open_cases_and_last_contacts_are_told_with_source_and_moment(salesforce: Any) -> None:
    (match,) = await _found(salesforce, email="helena@example.org")
    data = kept.checked_data(await people.history(match, Given(salesforce.settings())))  # type: ignore[arg-type]
    told = {(each.kind, each.label, each.value) for each in data}
    assert {
        ("account", "Marsh household", "Customer, K-1204"), ("contact", "E-mail", "helena@example.org"),
        ("contact", "Phone", "020 7946 0018"), ("contact", "Address", "1 Long Lane, LS1 1AA, Leeds"),
        ("case", "Card does not arrive", "Working"), ("talk", "Called about the fee", "Completed"),
    } == told  # fmt: skip
    by = {each.label: each for each in data}
    assert by["Card does not arrive"].source == "Case 00001026"
    assert by["Card does not arrive"].at == datetime(2026, 11, 7, 0, 37, tzinfo=UTC)
    assert by["Phone"].shows == "phone"
    assert all(each.fetched_at.tzinfo for each in data)
    assert all(" LIMIT " in each for each in salesforce.queries)


async def test_a_record_of_another_system_is_not_asked_for(salesforce: Any) -> None:
    odd = PersonMatch(id="Contact:x' OR Id != '", name="X", source="Contact", fetched_at=datetime.now(UTC))
    assert await people.history(odd, Given(salesforce.settings())) == []  # type: ignore[arg-type]
    assert salesforce.asked == []


def _case(**more: Any) -> ClosedCase:
    moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
    aspect = ClosedAspect(
        letter="A", title="Fee", category="fees", outcome="partly_upheld", cause="system_fault",
        redress=(("money", Decimal("12.3000"), "EUR"), ("apology", None, "")),
    )  # fmt: skip
    return ClosedCase(
        id=PERSON, reference="OMB-1", title="Fee taken twice", unit="first", channel="api", received_at=moment,
        closed_at=moment, href="https://desk.example/cases/OMB-1", aspects=(aspect,), **more,
    )  # fmt: skip


async def test_a_closure_is_written_once_under_its_key_and_to_the_chosen_contact(salesforce: Any) -> None:
    person = PersonMatch(id="Contact:003000000000001AAA", name="H", source="Contact", fetched_at=datetime.now(UTC))
    given = Given(salesforce.settings())
    first = await closing.record(_case(person=person), "ombud-1/2", given)  # type: ignore[arg-type]
    second = await closing.record(_case(person=person), "ombud-1/2", given)  # type: ignore[arg-type]
    assert first == second
    assert first.href == f"{salesforce.address}/500000000000009AAA"
    ((key, body),) = salesforce.written.items()
    assert key == "ombud-1/2"
    assert body["ContactId"] == "003000000000001AAA"
    assert body["Subject"] == "Complaint OMB-1 closed: Fee taken twice"
    assert "A: Fee: partly upheld, cause: system fault. Given: 12.3 EUR, apology" in body["Description"]
    assert "https://desk.example/cases/OMB-1" in body["Description"]


async def test_without_a_chosen_contact_it_is_written_to_nobody(salesforce: Any) -> None:
    await closing.record(_case(), "k", Given(salesforce.settings()))  # type: ignore[arg-type]
    assert "ContactId" not in salesforce.written["k"]


async def test_cut_off_after_writing_it_is_tried_again_and_there_once(salesforce: Any) -> None:
    salesforce.trouble = ["cut"]
    await closing.record(_case(), "k", Given(salesforce.settings()))  # type: ignore[arg-type]
    assert list(salesforce.written) == ["k"]


async def test_recorded_refusals_of_a_write_are_told_in_words(salesforce: Any, sample: Any) -> None:
    given = Given(salesforce.settings())
    salesforce.trouble = [(400, sample("sobject__write_error_response"))]
    with pytest.raises(Misconfigured, match="No such column 'foo' on sobject of type Bar"):
        await closing.record(_case(), "k", given)  # type: ignore[arg-type]
    salesforce.trouble = [(404, sample("sobject__upsert_error_response"))]
    with pytest.raises(Misconfigured, match="Provided external ID field does not exist"):
        await closing.record(_case(), "k", given)  # type: ignore[arg-type]
    salesforce.trouble = [(300, sample("sobject__upsert_multiple_error_response"))]
    with pytest.raises(Permanent, match="Several records in Salesforce hold this key"):
        await closing.record(_case(), "k", given)  # type: ignore[arg-type]
    salesforce.trouble = [(400, [{"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "canary"}])]
    with pytest.raises(Permanent, match="FIELD_CUSTOM_VALIDATION_EXCEPTION") as told:
        await closing.record(_case(), "k", given)  # type: ignore[arg-type]
    assert "canary" not in str(told.value)


def test_whether_closures_are_written_follows_from_the_settings(salesforce: Any) -> None:
    assert closing.writes(salesforce.settings())
    assert not closing.writes(salesforce.settings(write_object=""))
    assert not closing.writes(salesforce.settings(write_key_field=""))
