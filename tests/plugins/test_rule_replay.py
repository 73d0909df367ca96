"""Rules with words of plugins over past cases: asked in the replay's own processes too, and named where they cannot
answer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from ombud.desk.engine.terms import Definition
from ombud.desk.rules import apart, asked, commands, replay, versions
from ombud.kernel.clock import now
from ombud.trust.policy import SYSTEM


def old(days: int) -> Definition:
    return Definition(
        key="old", label="Old to the front", when={"event": ["case.opened"]},
        conditions={"is": "dummy.old", "days": days}, actions=({"do": "dummy.hurry", "tag": "late"},), position=10,
    )  # fmt: skip


@pytest.fixture
def many(monkeypatch: Any) -> None:
    """Even a few cases are shared among processes."""
    monkeypatch.setattr(replay, "SMALL", 0)


@pytest.fixture
async def filed(desk_with_dummy: Any) -> Any:
    for number in range(6):
        received = now() - timedelta(days=number)
        await desk_with_dummy.file(f"The fee was taken {number} times.", received_at=received)
    return desk_with_dummy


def wanted(days: int) -> replay.Wanted:
    return replace(replay.months_back(1, now() + timedelta(minutes=1)), draft=old(days))


async def test_processes_of_their_own_load_the_plugins_whose_words_a_rule_uses(filed: Any, many: None) -> None:
    alone = await replay.run(wanted(3), processes=1)
    assert (alone.cases, alone.changed, alone.unanswered) == (6, 3, {})
    shared = await replay.run(wanted(3), processes=2)
    assert (shared.cases, shared.changed, shared.times, shared.unanswered) == (6, 3, alone.times, {})
    assert {each["case"] for each in shared.shown} == {each["case"] for each in alone.shown}
    changes = [change["change"]["change"] for change in shared.shown[0]["added"]]
    assert sorted(changes) == ["add_tag", "set_priority"]


async def test_a_word_that_cannot_answer_is_named_with_how_many_cases_it_concerns(filed: Any, many: None) -> None:
    for processes in (1, 2):
        report = await replay.run(wanted(13), processes=processes)
        assert (report.cases, report.changed) == (6, 0)
        assert report.unanswered == {"dummy.old: RuntimeError: the dummy fails on purpose": 6}


async def test_a_word_that_never_ends_holds_no_replay_up_and_what_it_cost_is_said(
    filed: Any, many: None, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(replay, "SECONDS", 0.5)
    report = await replay.run(wanted(14), processes=2)
    assert (report.cases, report.untried) == (0, 6)
    assert report.unanswered == {"words of plugins took longer than 0.5 seconds over a page of cases": 6}
    said = commands.told(report, old(14), {})
    assert "6 cases were left untried for it; the sums are without them." in said


async def test_rules_in_force_whose_plugin_went_are_not_found_anew_in_silence(filed: Any, many: None) -> None:
    key = (await versions.save_draft(SYSTEM, structs.replace(old(0), key=""))).rule
    await versions.activate(SYSTEM, key, 1)
    await filed.disable("dummy")
    await filed.file("One more.")
    for processes in (1, 2):
        report = await replay.run(replay.months_back(1, now() + timedelta(minutes=1)), processes=processes)
        gone = "dummy.old: there is no such condition; its plugin is off or was taken away"
        assert report.unanswered == {gone: 1}


async def test_the_page_says_which_words_could_not_answer(filed: Any) -> None:
    key = (await versions.save_draft(SYSTEM, structs.replace(old(13), key=""))).rule
    await asked.ask(SYSTEM, key, old(13), 1)
    await filed.work()
    adam = await filed.signed_in("administrator")
    page = (await adam.get(f"/rules/{key}")).text
    assert "Some conditions or actions could not answer:" in page
    assert "dummy.old: RuntimeError: the dummy fails on purpose (6 cases)" in page


def test_a_plugin_that_does_not_load_in_a_process_brings_no_words(dummy: str, monkeypatch: Any) -> None:
    assert "dummy.old" in apart.words_of([dummy]).conditions
    assert "dummy.old" not in apart.words_of(["nothing"]).conditions
