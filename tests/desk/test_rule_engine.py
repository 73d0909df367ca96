"""The rule engine keeps its laws: one plan, in any order; logic; chains that end; timers neither missed nor doubled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.desk.engine import effects, folding, rules, timers
from ombud.desk.engine.clashes import AT_LEAST, ONE_VALUE, clashes
from ombud.desk.engine.rules import DEEPEST_CHAIN, Trigger, evaluate
from ombud.desk.engine.terms import Definition, Rule
from ombud.desk.engine.vocabulary import ACTIONS, CONDITIONS, vocabulary
from ombud.desk.words import MOODS, PRIORITIES
from ombud_plugin_api import AssignQueue, Change, Condition, SetPriority

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WORDS = vocabulary()


@dataclass(frozen=True)
class Entry:
    kind: str
    body: dict[str, Any] = field(default_factory=dict)
    at: datetime = NOON
    seq: int = 1
    stream: str = "case/7"


def opened(**more: Any) -> Entry:
    aspects = [{"id": "a", "position": 1, "status": "open", "priority": "normal", "severity": 1, "category": "fees"}]
    body = {
        "reference": "OMB-1", "unit": "team", "channel": "email", "status": "new", "case_type": "complaint",
        "priority": "normal", "severity": 1, "owner": "", "queue": "q1", "received_at": effects.text_of(NOON),
        "due_at": effects.text_of(NOON + timedelta(days=56)), "aspects": aspects, "confidential": False,
        "language": "en", "coded": {}, **more,
    }  # fmt: skip
    return Entry("case.opened", body)


def facts_of(*entries: Entry, **more: Any) -> Any:
    return folding.fold([opened(), *entries], parents={"team": "firm"}, **more)


def rule(key: str = "r", **more: Any) -> Rule:
    shadow, version = more.pop("shadow", False), more.pop("version", 1)
    given = {"when": {"event": ["case.opened"]}, "actions": ({"do": "tag", "tag": key},), **more}
    return Rule(definition=Definition(key=key, **given), version=version, shadow=shadow)


ON = Trigger("case/7/1", "case.opened", {}, NOON)
LEAF = {"is": "priority", "priorities": ["normal"]}


def test_the_facts_of_a_case_are_a_fold_of_its_entries() -> None:
    facts = facts_of(
        Entry("message.received", {"direction": "in"}),
        Entry("case.changed", {"mood": "angry", "suggested": True}),
        Entry("case.changed", {"priority": "high", "severity": "3", "queue": "q2"}),
        Entry("aspect.added", {"aspect": "b", "position": 2, "category": "data", "severity": 2}),
        Entry("aspect.changed", {"aspect": "b", "amount_in_dispute": "120.50", "currency": "EUR"}),
        Entry("aspect.concerns_staff", {"aspect": "b", "about": "u1"}),
        Entry("support_needs.confirmed", {"person": "p"}),
        Entry("case.assigned", {"owner": "u2", "queue": "q2"}),
        Entry("case.tagged", {"tag": "vip"}),
        Entry("clock.started", {"clock": "answer", "due_at": effects.text_of(NOON), "policy_version": 2}),
        Entry("clock.warned", {"clock": "answer", "step": 1}),
        Entry("clock.breached", {"clock": "answer"}),
        Entry("case.escalated", {"ladder": "usual", "level": 2}),
        Entry("message.sent", {}, NOON + timedelta(hours=1)),
    )  # fmt: skip
    assert (facts.mood, facts.priority, facts.severity, facts.queue, facts.owner) == ("angry", "high", 3, "q2", "u2")
    assert facts.units == ("team", "firm")
    assert [each.id for each in facts.aspects] == ["a", "b"]
    assert (facts.aspects[1].amount_in_dispute, facts.aspects[1].concerns_staff) == (Decimal("120.50"), True)
    assert (facts.support_needs, facts.tags, facts.escalated) == (True, frozenset({"vip"}), 2)
    clock = facts.clocks["answer"]
    assert (clock.state, clock.late, clock.warned, clock.policy_version) == ("breached", True, 1, 2)
    assert (facts.messages_in, facts.messages_out) == (1, 1)
    assert folding.missing([opened()]) == ()


def test_a_stream_of_before_names_what_it_lacks_and_still_folds() -> None:
    old = opened()
    for name in ("language", "coded"):
        del old.body[name]
    del old.body["aspects"][0]["category"]
    assert folding.missing([old]) == ("category", "coded", "language")
    assert folding.fold([old]).aspects[0].category == ""
    assert folding.missing([Entry("case.assigned", {"owner": "u"})]) == ("opening",)


def test_merged_and_reopened_cases_fold_to_what_they_are() -> None:
    state = folding.folded([opened(), Entry("case.merged", {"aspects": ["a"]})])
    assert (state.gone, state.aspects) == (True, {})
    state = folding.folded(
        [opened(), Entry("case.status_changed", {"status": "closed"}),
         Entry("case.status_changed", {"status": "in_progress", "reopened": True})]
    )  # fmt: skip
    assert (state.closed_at, state.status) == (None, "in_progress")


@pytest.mark.parametrize(
    ("leaf", "holds"),
    [
        ({"is": "case_type", "types": ["complaint"]}, True),
        ({"is": "unit", "units": ["firm"]}, True),
        ({"is": "unit", "units": ["other"]}, False),
        ({"is": "channel", "channels": ["phone"]}, False),
        ({"is": "category", "categories": ["fees", "x"]}, True),
        ({"is": "severity", "count": 2}, False),
        ({"is": "mood", "moods": ["angry"]}, False),
        ({"is": "support_needs"}, False),
        ({"is": "unowned"}, True),
        ({"is": "uncategorised"}, False),
        ({"is": "all_decided"}, False),
        ({"is": "concerns_staff"}, False),
        ({"is": "amount", "amount": "1", "currency": "EUR"}, False),
        ({"is": "age", "amount": 0, "unit": "days"}, True),
        ({"is": "age", "amount": 1, "unit": "hours"}, False),
        ({"is": "due_within", "hours": 24}, False),
        ({"is": "clock", "clock": "answer", "states": ["running"]}, False),
        ({"is": "tag", "tag": "vip"}, False),
        ({"is": "field", "name": "branch", "value": "north"}, False),
        ({"is": "outside_hours"}, False),
        ({"is": "unanswered"}, False),
    ],
)
def test_each_condition_says_whether_it_holds_and_what_it_saw(leaf: dict[str, Any], holds: bool) -> None:
    answer = rules.answer_of(leaf, facts_of(), WORDS)
    assert (answer.holds, answer.fault) == (holds, "")
    assert WORDS.conditions[leaf["is"]].describe({name: value for name, value in leaf.items() if name != "is"})


# Conditions of every kind, over facts of every kind.
leaf = st.one_of(
    st.builds(lambda them: {"is": "priority", "priorities": sorted(them)}, st.sets(st.sampled_from(PRIORITIES))),
    st.builds(lambda them: {"is": "mood", "moods": sorted(them)}, st.sets(st.sampled_from(MOODS))),
    st.just({"is": "support_needs"}),
    st.just({"is": "unowned"}),
    st.builds(lambda count: {"is": "severity", "count": count}, st.integers(1, 4)),
    st.just({"is": "gone.plugin"}),
)
tree = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(lambda them: {"all": them}, st.lists(inner, max_size=3)),
        st.builds(lambda them: {"any": them}, st.lists(inner, max_size=3)),
        st.builds(lambda one: {"not": one}, inner),
    ),
    max_leaves=8,
)
cases = st.builds(
    lambda priority, mood, needs, owner, severity: facts_of(
        Entry("case.changed", {"priority": priority, "mood": mood, "severity": severity}),
        *([Entry("support_needs.confirmed", {"person": "p"})] if needs else []),
        Entry("case.assigned", {"owner": owner}),
    ),
    st.sampled_from(PRIORITIES), st.sampled_from(("", *MOODS)), st.booleans(), st.sampled_from(("", "u1")),
    st.integers(1, 4),
)  # fmt: skip


def truth(conditions: dict[str, Any], facts: Any) -> bool | None:
    asked = rules._Asked(facts, WORDS, {}, {})
    asked.rule = rule()
    return asked.tree(conditions)[0]


@given(tree, tree, cases)
@settings(max_examples=150, deadline=None)
def test_and_or_and_not_keep_the_laws_of_logic_also_where_nobody_can_tell(a: Any, b: Any, facts: Any) -> None:
    assert truth({"not": {"not": a}}, facts) is truth(a, facts)
    assert truth({"all": [a, b]}, facts) is truth({"all": [b, a]}, facts)
    assert truth({"any": [a, b]}, facts) is truth({"any": [b, a]}, facts)
    assert truth({"not": {"all": [a, b]}}, facts) is truth({"any": [{"not": a}, {"not": b}]}, facts)
    assert truth({"not": {"any": [a, b]}}, facts) is truth({"all": [{"not": a}, {"not": b}]}, facts)
    assert truth({"all": [a, a]}, facts) is truth(a, facts)
    assert truth({"all": []}, facts) is True
    assert truth({"any": []}, facts) is False


@given(tree, cases)
@settings(max_examples=100, deadline=None)
def test_what_matched_is_what_made_it_hold(conditions: Any, facts: Any) -> None:
    plan = evaluate([rule(conditions=conditions)], facts, ON, WORDS)
    for firing in plan.fired:
        for said in firing.matched:
            plain = {name: value for name, value in said.items() if name not in {"value", "not"}}
            assert rules.answer_of(plain, facts, WORDS).holds is not said.get("not", False)


action = st.one_of(
    st.builds(lambda to: {"do": "set_priority", "priority": to}, st.sampled_from(PRIORITIES)),
    st.builds(lambda to: {"do": "put_in_queue", "queue": to}, st.sampled_from(("q1", "q2", "q3"))),
    st.builds(lambda to: {"do": "tag", "tag": to}, st.sampled_from(("x", "y"))),
    st.just({"do": "give_to", "user": "u9"}),
    st.just({"do": "answer_within", "clock": "call", "amount": 1, "unit": "hours", "business": False}),
)
events = st.sampled_from(("case.opened", "case.changed", "case.changed:mood", "case.changed:queue", "case.assigned"))
rule_sets = st.lists(
    st.tuples(st.sets(events, min_size=1), tree, st.lists(action, min_size=1, max_size=3), st.integers(0, 3),
              st.booleans(), st.booleans()),
    min_size=1, max_size=6,
).map(
    lambda them: [
        rule(f"r{place}", when={"event": sorted(on)}, conditions=conditions, actions=tuple(actions), position=position,
             stop=stop, shadow=shadow)
        for place, (on, conditions, actions, position, stop, shadow) in enumerate(them)
    ]
)  # fmt: skip


@given(rule_sets, cases, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_same_input_gives_the_same_plan_in_whatever_order_the_rules_are_handed_over(
    given_rules: list[Rule], facts: Any, chance: Any
) -> None:
    first = evaluate(given_rules, facts, ON, WORDS)
    shuffled = list(given_rules)
    chance.shuffle(shuffled)
    assert evaluate(shuffled, facts, ON, WORDS) == first
    assert evaluate(given_rules, facts, ON, WORDS) == first


@given(rule_sets, cases)
@settings(max_examples=100, deadline=None)
def test_one_thing_is_set_once_and_the_last_rule_wins(given_rules: list[Rule], facts: Any) -> None:
    plan = evaluate(given_rules, facts, ON, WORDS)
    targets = [target for each in plan.fired for change in each.changes if (target := rules.target_of(change))]
    assert len(targets) == len(set(targets))
    if plan.fired:
        last = plan.fired[-1]
        wanted = {rules.target_of(each): each for each in (*last.overruled, *last.changes) if rules.target_of(each)}
        assert set(wanted.values()) <= set(last.changes)


# Rules that contradict each other.
@given(rule_sets, cases)
@settings(max_examples=200, deadline=None)
def test_where_one_rule_takes_back_what_another_asked_for_a_clash_was_told_beforehand(
    given_rules: list[Rule], facts: Any
) -> None:
    open_rules = [each for each in given_rules if not each.shadow]
    for place, one in enumerate(open_rules):
        for other in open_rules[place + 1 :]:
            fired = evaluate([one, other], facts, ON, WORDS).fired
            sets = [{rules.target_of(each): each for each in (*it.overruled, *it.changes)} for it in fired]
            if len(sets) == 2 and any(
                sets[0][each] != sets[1][each] for each in sets[0].keys() & sets[1].keys() if each
            ):
                assert [each.with_(one.key).key for each in clashes(one, [other], WORDS, {})]
            told = [(each.first, each.second, each.thing) for each in clashes(one, [other], WORDS, {})]
            assert told == [(each.first, each.second, each.thing) for each in clashes(other, [one], WORDS, {})]


@given(tree, tree, cases)
@settings(max_examples=200, deadline=None)
def test_two_conditions_that_hold_of_one_case_are_never_said_to_exclude_each_other(a: Any, b: Any, facts: Any) -> None:
    if truth(a, facts) and truth(b, facts):
        assert contradiction(a, b)


def contradiction(a: Any, b: Any, **more: Any) -> list[str]:
    """What two rules with these conditions, one making it urgent and one making it low, clash about."""
    up = rule("up", conditions=a, actions=({"do": "set_priority", "priority": "urgent"},))
    down = rule(
        "down", conditions=b, **{"position": 5, "actions": ({"do": "set_priority", "priority": "low"},), **more}
    )
    return [each.thing for each in clashes(up, [down], WORDS, {"team": "firm", "other": "firm"})]


def severe(count: int) -> dict[str, Any]:
    return {"is": "severity", "count": count}


@pytest.mark.parametrize(
    ("a", "b", "clash"),
    [
        ({"all": []}, {"all": []}, True),
        ({"is": "mood", "moods": ["angry"]}, {"is": "mood", "moods": ["calm"]}, False),
        ({"is": "mood", "moods": ["angry", "upset"]}, {"not": {"is": "mood", "moods": ["angry"]}}, True),
        ({"is": "mood", "moods": ["angry"]}, {"not": {"is": "mood", "moods": ["angry", "calm"]}}, False),
        (severe(3), {"not": severe(2)}, False),
        (severe(2), {"not": severe(3)}, True),
        ({"is": "age", "amount": 2, "unit": "days"}, {"not": {"is": "age", "amount": 47, "unit": "hours"}}, False),
        ({"is": "age", "amount": 2, "unit": "days"}, {"not": {"is": "age", "amount": 49, "unit": "hours"}}, True),
        ({"is": "amount", "amount": "100", "currency": "EUR"},
         {"not": {"is": "amount", "amount": "50", "currency": "EUR"}}, False),
        ({"is": "amount", "amount": "100", "currency": "EUR"},
         {"not": {"is": "amount", "amount": "50", "currency": "GBP"}}, True),
        ({"is": "support_needs"}, {"not": {"is": "support_needs"}}, False),
        ({"is": "unowned"}, {"is": "owner", "users": ["u1"]}, False),
        ({"any": [severe(3), {"is": "support_needs"}]}, {"not": severe(2)}, True),
        ({"any": [severe(3), severe(4)]}, {"all": [{"not": severe(2)}, {"is": "support_needs"}]}, False),
        ({"any": []}, {"all": []}, False),
        ({"is": "gone.plugin"}, {"all": []}, False),
    ],
)  # fmt: skip
def test_rules_clash_where_their_conditions_can_both_hold(a: dict[str, Any], b: dict[str, Any], clash: bool) -> None:
    assert contradiction(a, b) == (["priority"] if clash else [])


def test_rules_clash_only_for_the_same_event_unit_and_thing_and_not_where_the_first_stops() -> None:
    always: dict[str, Any] = {"all": []}
    assert contradiction(always, always, when={"event": ["case.changed", "case.opened"]})
    assert not contradiction(always, always, when={"event": ["case.changed"]})
    assert not contradiction(always, always, actions=({"do": "set_priority", "priority": "urgent"},))
    assert not contradiction(always, always, actions=({"do": "set_severity", "severity": 1},))
    assert not contradiction(always, always, shadow=True)
    assert not contradiction(always, always, position=-1, stop=True)
    assert contradiction(always, always, stop=True), "the one before it is asked all the same"
    timed = {"time": {"after": "P2D", "of": "received"}}
    assert not contradiction(always, always, when=timed)
    two = [rule(key, when=timed, actions=({"do": "give_to", "user": key},)) for key in ("one", "two")]
    assert [(each.thing, each.first.key) for each in clashes(two[1], two, WORDS, {})] == [("owner", "one")]
    here, there = [rule(key, unit=key, actions=({"do": "give_to", "user": key},)) for key in ("team", "other")]
    firm = rule("firm", unit="firm", actions=({"do": "route"},))
    above = {"team": "firm", "other": "firm"}
    assert clashes(here, [there], WORDS, above) == []
    assert [each.with_("team").key for each in clashes(here, [there, firm], WORDS, above)] == ["firm"]


def test_what_depends_on_the_case_clashes_too() -> None:
    fees, staff = [rule(key, actions=({"do": "set_category", "category": key},)) for key in ("fees", "staff")]
    assert [each.thing for each in clashes(fees, [staff], WORDS, {})] == ["category"]
    hour, day = [
        rule(unit, actions=({"do": "answer_within", "clock": "call", "amount": 1, "unit": unit, "business": True},))
        for unit in ("hours", "days")
    ]
    assert [each.thing for each in clashes(hour, [day], WORDS, {})] == ["clock:call"]


def test_what_is_known_of_conditions_is_said_of_conditions_there_are() -> None:
    for key, name in (*ONE_VALUE.items(), *AT_LEAST.items()):
        assert name in WORDS.conditions[key].schema


def chain(rule_set: Sequence[Rule], entries: Sequence[Entry], limit: int = 10_000) -> Iterator[int]:
    """Runs everything that rules set off until nothing is left; gives the depth of each round."""
    state = folding.folded(entries)
    waiting = [Trigger("case/7/1", "case.opened", entries[0].body, NOON)]
    seq = len(entries)
    while waiting:
        trigger = waiting.pop(0)
        yield trigger.depth
        for firing in evaluate(rule_set, folding.facts_of(state), trigger, WORDS).fired:
            for change in firing.changes:
                for kind, body in effects.effects(change, state, NOON):
                    seq += 1
                    folding.step(state, kind, body, NOON, seq)
                    waiting.append(rules.trigger_of("case/7", seq, kind, {**body, "because": firing.because}, NOON))
        assert seq < limit


@given(rule_sets)
@settings(max_examples=150, deadline=None)
def test_every_chain_of_rules_ends(given_rules: list[Rule]) -> None:
    assert max(chain(given_rules, [opened()])) <= DEEPEST_CHAIN


def test_two_rules_that_set_each_other_off_run_once_each_and_are_named() -> None:
    high = rule("high", when={"event": ["case.changed"]}, conditions=LEAF,
                actions=({"do": "set_priority", "priority": "high"},))  # fmt: skip
    back = rule("back", when={"event": ["case.changed"]}, conditions={"is": "priority", "priorities": ["high"]},
                actions=({"do": "set_priority", "priority": "normal"},))  # fmt: skip
    first = evaluate([high, back], facts_of(), Trigger("case/7/2", "case.changed", {}, NOON), WORDS).fired[0]
    again = facts_of(Entry("case.changed", {"priority": "high"}))
    then = rules.trigger_of("case/7", 3, "case.changed", {"priority": "high", "because": first.because}, NOON)
    second = evaluate([high, back], again, then, WORDS).fired[0]
    assert (second.rule.key, second.because["chain"], second.because["depth"]) == ("back", ["high", "back"], 1)
    last = rules.trigger_of("case/7", 4, "case.changed", {"priority": "normal", "because": second.because}, NOON)
    plan = evaluate([high, back], facts_of(), last, WORDS)
    assert plan.fired == ()
    assert [(each.rule.key, each.why) for each in plan.halted] == [("high", "loop")]


def test_a_rule_that_stops_lets_no_later_one_be_asked_but_a_shadow_stops_nobody() -> None:
    first, second = rule("a", position=1, stop=True), rule("b", position=2)
    assert [each.rule.key for each in evaluate([second, first], facts_of(), ON, WORDS).fired] == ["a"]
    shadow = rule("a", position=1, stop=True, shadow=True)
    plan = evaluate([second, shadow], facts_of(), ON, WORDS)
    assert ([each.rule.key for each in plan.fired], [each.rule.key for each in plan.shadowed]) == (["b"], ["a"])


def test_a_rule_holds_in_its_unit_and_all_below() -> None:
    assert evaluate([rule(unit="firm")], facts_of(), ON, WORDS).fired
    assert not evaluate([rule(unit="elsewhere")], facts_of(), ON, WORDS).fired


def test_a_condition_that_fails_does_not_hold_not_even_negated_and_is_named() -> None:
    def fail(facts: Any, args: Any) -> bool:
        raise RuntimeError("on purpose")

    words = vocabulary([Condition("bad.one", "Bad", {}, fail, lambda args: "it is bad")])
    for conditions in ({"is": "bad.one"}, {"not": {"is": "bad.one"}}, {"is": "away.one"}):
        plan = evaluate([rule(conditions=conditions)], facts_of(), ON, words)
        assert plan.fired == ()
        assert len(plan.faults) == 1
        assert plan.faults[0].word in {"bad.one", "away.one"}
    plan = evaluate([rule(conditions={"any": [{"is": "bad.one"}, LEAF]})], facts_of(), ON, words)
    assert len(plan.fired) == 1, "another condition suffices"


def test_an_action_that_asks_for_what_core_does_not_know_is_named_and_the_others_are_made() -> None:
    class Strange(Change, tag="strange"):
        pass

    from ombud_plugin_api import Action

    words = vocabulary(actions=[Action("odd.do", "Odd", {}, lambda facts, args: [Strange()], lambda args: "odd")])
    plan = evaluate([rule(actions=({"do": "odd.do"}, {"do": "tag", "tag": "x"}))], facts_of(), ON, words)
    assert [each.kind for each in plan.fired[0].changes] == ["add_tag"]
    assert "core does not know" in plan.faults[0].problem


def test_every_action_plans_changes_of_the_closed_list() -> None:
    given_args: dict[str, dict[str, Any]] = {
        "put_in_queue": {"queue": "q"}, "give_to": {"user": "u"}, "set_priority": {"priority": "high"},
        "set_severity": {"severity": 3}, "set_category": {"category": "fees"}, "set_type": {"case_type": "c"},
        "tag": {"tag": "x"}, "answer_within": {"clock": "c", "amount": 1, "unit": "hours", "business": True},
        "start_clock": {"policy": "p"}, "escalate": {"ladder": "l"}, "tell": {"to": "owner"},
        "send_template": {"template": "t"},
    }  # fmt: skip
    for word in ACTIONS:
        planned = rules.plan_of({"do": word.key, **given_args.get(word.key, {})}, facts_of(), WORDS)
        assert not isinstance(planned, str), (word.key, planned)
        assert word.describe(given_args.get(word.key, {}))
    assert {each.key for each in CONDITIONS} == set(WORDS.conditions)


def test_a_change_that_changes_nothing_has_no_effect() -> None:
    state = folding.folded([opened()])
    assert effects.effects(SetPriority(priority="normal"), state, NOON) == []
    assert effects.effects(AssignQueue(queue="q1"), state, NOON) == []
    assert effects.effects(AssignQueue(queue="q2"), state, NOON) == [("case.changed", {"queue": "q2"})]


# Time rules.
def timed(key: str = "t", version: int = 1, **when: Any) -> Rule:
    return rule(key, version=version, when={"time": when})


@pytest.mark.parametrize(
    ("text", "days", "hours"), [("P2D", 2, 0), ("PT4H", 0, 4), ("P1DT30M", 1, 0.5), ("PT90M", 0, 1.5)]
)
def test_periods_are_read(text: str, days: int, hours: float) -> None:
    assert timers.period_of(text) == timers.Period(days, timedelta(hours=hours))


@pytest.mark.parametrize("text", ["", "P", "PT", "2D", "P2W", "P1DT", "PT-1H"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(timers.BadPeriod):
        timers.period_of(text)


happenings = st.lists(
    st.tuples(st.integers(0, 240), st.sampled_from(("in", "out", "other", "close", "reopen"))), max_size=12
).map(lambda them: sorted(them, key=lambda each: each[0]))
_KINDS = {
    "in": ("message.received", {"direction": "in"}), "out": ("message.sent", {}),
    "other": ("case.changed", {"mood": ""}), "close": ("case.status_changed", {"status": "closed"}),
    "reopen": ("case.status_changed", {"status": "in_progress"}),
}  # fmt: skip


def run_timers(rule_set: list[Rule], happened: Any, looks: Sequence[datetime]) -> list[tuple[Any, ...]]:
    """Looks at these moments, and after each event; gives what fired, with when it was due."""
    entries = [opened(), *(Entry(*_KINDS[what], NOON + timedelta(hours=hour), place + 2)
                           for place, (hour, what) in enumerate(happened))]  # fmt: skip
    state, known, fired = folding.State(), {}, []
    done: set[tuple[str, int, datetime]] = set()
    moments = sorted({(each.at, 0, place) for place, each in enumerate(entries)} | {(at, 1, -1) for at in looks})
    for at, what, place in moments:
        for timer in timers.due_now(known.values(), frozenset(done), at - timedelta(0 if what else 1e-6)):
            done.add((timer.rule, timer.version, timer.anchor))
            fired.append((timer.rule, timer.anchor, timer.due_at))
        if not what:
            folding.step(state, entries[place].kind, entries[place].body, at, entries[place].seq)
            known = timers.watch(known, rule_set, state, at, None)
    return fired


@given(
    happenings,
    st.sampled_from(("received", "opened", "last_in", "last_out", "due")),
    st.integers(1, 100),
    st.lists(st.integers(0, 400), max_size=10),
)
@settings(max_examples=150, deadline=None)
def test_a_timer_is_never_missed_nor_doubled_however_often_somebody_looks(
    happened: Any, of: str, hours: int, looks: list[int]
) -> None:
    rule_set = [timed(after=f"PT{hours}H", of=of)]
    end = NOON + timedelta(hours=3000)
    often = [NOON + timedelta(hours=hour) for hour in looks]
    seldom = run_timers(rule_set, happened, [end])
    assert run_timers(rule_set, happened, [*often, end]) == seldom, "when somebody looks changes nothing"
    assert len({each[:2] for each in seldom}) == len(seldom), "an anchor fires once"
    closed = [what for _, what in happened if what in {"close", "reopen"}]
    if of in {"received", "opened"} and not closed:
        assert [each[2] for each in seldom] == [NOON + timedelta(hours=hours)]


def test_a_new_word_of_the_customer_takes_the_timers_place() -> None:
    rule_set = [timed(after="PT48H", of="last_in")]
    happened = [(1, "in"), (24, "in")]
    fired = run_timers(rule_set, happened, [NOON + timedelta(hours=hour) for hour in range(200)])
    assert [each[2] for each in fired] == [NOON + timedelta(hours=72)]


def test_before_a_deadline_counts_backwards_and_what_is_past_is_due_at_once() -> None:
    state = folding.folded([opened()])
    known = timers.watch({}, [timed(before="P2D", of="due")], state, NOON, None)
    assert known["t@1"].due_at == NOON + timedelta(days=54)
    late = timers.watch({}, [timed(before="P90D", of="due")], state, NOON, None)
    assert late["t@1"].due_at == NOON
    assert timers.watch(known, [timed(before="P2D", of="due")], folding.folded(
        [opened(), Entry("case.status_changed", {"status": "closed"})]), NOON, None) == {}  # fmt: skip
