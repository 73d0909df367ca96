"""Lines of service levels, and the deadlines they make of a case's facts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ombud.desk.calendars.arithmetic import Calendar, Hours
from ombud_plugin_api import AspectFacts, CaseFacts, ClockFacts
from ombud_sla.deadlines import due
from ombud_sla.levels import Unreadable, Within, read
from ombud_sla.settings import DEFAULT, LINE

OFFICE = Calendar("UTC", ((Hours(540, 1020),),) * 5 + ((), ()))
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def case(**changed: Any) -> CaseFacts:
    aspects = changed.pop("aspects", (AspectFacts(id="a"),))
    given: dict[str, Any] = {
        "id": "c",
        "received_at": NOON,
        "opened_at": NOON,
        "at": NOON,
        "aspects": aspects,
        **changed,
    }
    return CaseFacts(**given)


def wanted(facts: CaseFacts, *lines: str, **more: Any) -> dict[tuple[str, str], Any]:
    settings = {"levels": list(lines), "warn_early": 50, "warn_late": 80, **more}
    return {(each.clock, each.aspect): each for each in due(facts, OFFICE, settings)}


@pytest.mark.parametrize(
    "line", [*DEFAULT, "type=card/loan priority=high/urgent channel=phone: next 30m", "any:first 8h"]
)
def test_a_line_the_form_takes_can_be_read(line: str) -> None:
    assert re.fullmatch(LINE, line)
    read(line)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("first 8h", "conditions, a colon"), ("any:", "conditions, a colon"), ("vip=yes: first 8h", "is no condition"),
        ("priority=soon: first 8h", "names no priority"), ("any: last 8h", "is no promise"),
        ("any: first 0h", "is nothing"), ("any: first 9999h", "too long"), (": first 8h", "write any"),
        ("any: first 8h, first 9h", "once each"), ("type=a type=b: first 8h", "once each"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_says_what_to_write(line: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(line)


def test_minutes_and_hours_are_working_time_and_days_are_business_days() -> None:
    found = read("any: first 30m, next 2h, resolution 3d").promises
    assert found == {
        "first": Within(working=timedelta(minutes=30)), "next": Within(working=timedelta(hours=2)),
        "resolution": Within(days=3),
    }  # fmt: skip


def test_the_first_line_that_fits_counts() -> None:
    lines = ("priority=urgent channel=phone: first 1h", "priority=urgent: first 2h", "any: first 8h")
    for facts, hours in (
        (case(priority="urgent", channel="phone"), 1), (case(priority="urgent", channel="email"), 2), (case(), 8),
    ):  # fmt: skip
        assert wanted(facts, *lines)["first_reply", ""].working == timedelta(hours=hours)
    assert wanted(case(), "type=loan: first 1h") == {}


def test_each_aspect_is_resolved_by_the_higher_of_its_own_priority_and_the_cases() -> None:
    facts = case(priority="high", aspects=(AspectFacts(id="a", priority="urgent"), AspectFacts(id="b", priority="low")))
    found = wanted(facts, "priority=urgent: resolution 1d", "priority=high: resolution 2d", "any: resolution 9d")
    assert (found["resolution", "a"].days, found["resolution", "b"].days) == (1, 2)


def test_the_next_reply_is_owed_only_after_the_first_and_from_the_message_on() -> None:
    later = NOON + timedelta(hours=3)
    asked = case(last_in_at=later, last_out_at=NOON)
    assert wanted(asked, "any: next 2h")["next_reply", ""].starts_at == later
    assert wanted(case(last_in_at=NOON, last_out_at=later), "any: next 2h") == {}
    owed = case(last_in_at=later, last_out_at=NOON, clocks={"sla.first_reply": ClockFacts(key="x", state="breached")})
    assert ("next_reply", "") not in wanted(owed, "any: first 1h, next 2h")


def test_a_line_of_an_older_version_promises_nothing_and_harms_nobody() -> None:
    assert ("first_reply", "") in wanted(case(), "what is this", "any: first 8h")


def test_warnings_are_those_that_are_set() -> None:
    assert wanted(case(), "any: first 8h", warn_early=0)["first_reply", ""].warn_at == (80,)


def test_the_name_of_a_line_tells_its_conditions_and_not_what_it_promises() -> None:
    one, other = read("priority=high/urgent: first 1h"), read("priority=urgent/high: first 9h")
    assert one.code == other.code == "priority-high-urgent"
    assert len(read(f"type={'/'.join('x' * 20 + str(n) for n in range(9))}: first 1h").code) <= 60
