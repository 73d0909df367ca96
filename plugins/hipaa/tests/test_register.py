"""The register, the rights, and where they hold."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from ombud.desk.clocks import watching
from ombud.desk.errors import Invalid
from ombud.desk.privacy import laws as desk_laws
from ombud.desk.privacy import requests
from ombud.desk.privacy.requests import RequestGiven
from ombud.insight.returns.figures import collect
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_hipaa import register
from ombud_hipaa.deadlines import due
from ombud_hipaa.reading import laws
from ombud_plugin_api import AspectFacts, CaseFacts, ReturnAspect, ReturnCase, ReturnPeriod
from ombud_plugin_api.testing.kinds.deadlines import AlwaysOpen

YEAR = ReturnPeriod(first=date(2026, 1, 1), last=date(2026, 12, 31))
PRIVACY = {"categories": ["privacy", "breach"], "case_types": ["hipaa_complaint"]}
MARCH = datetime(2026, 3, 2, 10, tzinfo=UTC)


def case(number: int, *matters: tuple[str, str], **more: Any) -> ReturnCase:
    aspects = tuple(
        ReturnAspect(id=f"a{number}-{place}", position=place, category=category, outcome=outcome)
        for place, (category, outcome) in enumerate(matters, 1)
    )
    usual = {"received_on": date(2026, 3, 2), "closed_on": date(2026, 3, 30), "business_days": 20}
    return ReturnCase(id=f"c{number}", aspects=aspects, **{**usual, **more})


def test_each_privacy_complaint_counts_once_with_the_disposition_of_its_matter_about_privacy() -> None:
    made = [
        case(1, ("billing", "upheld"), ("privacy", "not_upheld")), case(2, ("billing", "upheld")),
        case(3, ("breach", "partly_upheld"), ("privacy", "upheld")), case(4, ("privacy", ""), closed_on=None),
        case(5, ("other", "withdrawn"), case_type="hipaa_complaint"),
        case(6, ("privacy", "upheld"), received_on=date(2025, 12, 1)),
    ]  # fmt: skip
    found = collect(register.build(PRIVACY), made, YEAR, {})
    assert found.problems == []
    figures = found.values()
    names = ("open_before", "received", "closed", "upheld", "partly_upheld", "not_upheld", "withdrawn", "open_after")
    assert [figures[each] for each in names] == [1, 4, 4, 1, 1, 1, 1, 1]
    assert (figures["categories/privacy/closed"], figures["categories/breach/closed"]) == (2, 1)
    evidence = {each.number: [row[0] for row in each.evidence] for each in found.figures}
    assert evidence["not_upheld"] == ["c1"]


def test_a_closed_complaint_without_a_disposition_is_named() -> None:
    found = collect(register.build(PRIVACY), [case(1, ("privacy", ""))], YEAR, {})
    assert found.lacking == {"c1": ["disposition"]}


def test_nothing_counts_before_somebody_says_what_is_about_privacy() -> None:
    found = collect(register.build({}), [case(1, ("privacy", "upheld"))], YEAR, {})
    assert found.values()["received"] == 0
    assert any("name categories" in each for each in found.problems)


def test_documentation_is_accounted_for_six_years_back_and_is_a_draft_until_confirmed() -> None:
    found = register.periods(date(2026, 11, 26), {})
    assert [each.label for each in found[:2]] == ["2026", "2025"]
    assert (found[-1].first, found[-1].last) == (date(2020, 1, 1), date(2025, 12, 31))
    assert collect(register.build(PRIVACY), [], YEAR, {}).unverified
    assert not collect(register.build({**PRIVACY, "layout_confirmed": True}), [], YEAR, {}).unverified


def test_the_clock_of_a_complaint_is_the_firms_own_aim() -> None:
    def clocks(category: str, aim: int) -> list[Any]:
        facts = CaseFacts(id="c", received_at=MARCH, opened_at=MARCH, at=MARCH,
                          aspects=(AspectFacts(id="a", category=category),))  # fmt: skip
        return due(facts, AlwaysOpen(), {**PRIVACY, "aim_days": aim})

    assert [(each.days, each.regulatory) for each in clocks("privacy", 45)] == [(45, False)]
    assert clocks("billing", 45) == clocks("privacy", 0) == []


def test_access_has_30_days_and_30_more_once_and_nothing_calls_itself_official() -> None:
    (law,) = laws()
    rights = {each.key: each for each in law.rights}
    spans = {key: (each.answer.amount, each.extension.amount) for key, each in rights.items() if each.extension}
    assert spans == {"access": (30, 30), "amendment": (60, 30), "accounting": (60, 30)}
    assert "in writing" in rights["access"].extension_rule
    assert {each.answer.provenance for each in law.rights} | {each.provenance for each in law.grounds} == {"unverified"}


async def setting(**values: Any) -> None:
    await db.execute(
        "INSERT INTO core_setting (id, key, value, changed_at) VALUES (gen_random_uuid(), 'p-hipaa', $1, now())",
        {"value": values},
    )


async def test_it_holds_nowhere_until_it_is_switched_on_even_in_the_united_states(desk: Desk) -> None:
    await desk.enable("hipaa")
    await db.execute("UPDATE core_unit SET country = 'US', time_zone = 'America/New_York'")
    unit = UUID(str(await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")))
    officer = await desk.viewer("compliance")
    asked = RequestGiven("hipaa", "access", unit, name="Helena Marsh", received_at=MARCH)
    assert await desk_laws.holding([unit]) == []
    with pytest.raises(Invalid, match="does not hold in this unit"):
        await requests.record(officer, asked)
    await setting(applies="always", case_types=["complaint"], aim_days=20)
    request_id = await requests.record(officer, asked)
    due_at = await db.fetchval("SELECT due_at FROM core_privacy_request WHERE id = $1", request_id)
    assert due_at.date() == date(2026, 4, 2), "the end of 1 April in New York"
    filed = await desk.file("My record was read by a neighbour.")
    await watching.start_waiting()
    assert await db.fetchval(
        "SELECT TRUE FROM core_clock WHERE case_id = $1 AND key = 'hipaa.disposition'", filed.case_id
    )
