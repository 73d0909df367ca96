"""The laws of weighing, tried on thousands of desks: what forbids is never outweighed, nobody waits for ever."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.desk.routing.weighing import (
    Candidate,
    Place,
    Proposed,
    Result,
    Work,
    forbidden,
    place,
    room,
    weigh,
)

# The same desks in each run, however slow the machine.
SETTLED = settings(derandomize=True, deadline=None, max_examples=60)
SKILLS, LANGUAGES = ("cards", "fraud", "loans"), ("en", "pl", "uk")
IDS = [f"person-{number}" for number in range(8)]

works = st.builds(
    Work, skills=st.frozensets(st.sampled_from(SKILLS)), language=st.sampled_from(("", *LANGUAGES)),
    confidential=st.booleans(), weight=st.integers(1, 3), last_handler=st.sampled_from(("", *IDS)),
)  # fmt: skip


@st.composite
def teams(draw: st.DrawFn, **fixed: object) -> list[Candidate]:
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    return [draw(st.builds(
        Candidate, id=st.just(each), right=st.booleans(), secret=st.booleans(), concerned=st.booleans(),
        away=st.booleans(), off_hours=st.booleans(), skills=st.frozensets(st.sampled_from(SKILLS)),
        languages=st.frozensets(st.sampled_from(LANGUAGES)), capacity=st.none() | st.integers(0, 20),
        load=st.integers(0, 30), recent=st.integers(0, 60), passed=st.integers(0, 200),
        stands_in_for=st.frozensets(st.sampled_from(IDS), max_size=1),
    )) for each in ids]  # fmt: skip


words = st.lists(
    st.builds(
        Proposed,
        choice=st.sampled_from(IDS),
        score=st.integers(-500, 5000),
        router=st.sampled_from(("one", "two", "three")),
    ),
    max_size=12,
)


def _ids(result: Result) -> list[str]:
    return [each.id for each in result.ranked]


@SETTLED
@given(works, teams(), words)
def test_what_forbids_is_never_outweighed(work: Work, team: list[Candidate], said: list[Proposed]) -> None:
    result = weigh(work, team, said)
    for each in team:
        law = (
            not each.right
            or (work.confidential and not each.secret)
            or each.concerned
            or each.away
            or each.off_hours
            or (each.capacity is not None and each.load + work.weight > each.capacity)
        )
        assert (each.id in _ids(result)) is not law
        assert bool(forbidden(work, each)) is law
    assert len(result.ranked) + sum(result.left.values()) == len(team)


@SETTLED
@given(works, teams(), words)
def test_nobody_is_ever_given_a_matter_about_themselves(
    work: Work, team: list[Candidate], said: list[Proposed]
) -> None:
    concerned = {each.id for each in team if each.concerned}
    assert not concerned & set(_ids(weigh(work, team, said)))


@SETTLED
@given(works, teams(), words, st.randoms(use_true_random=False))
def test_the_same_desk_gives_the_same_answer_in_any_order(work, team, said, shuffled) -> None:
    first = weigh(work, team, said)
    others, words_then = list(team), list(said)
    shuffled.shuffle(others), shuffled.shuffle(words_then)
    assert weigh(work, others, words_then) == first


@SETTLED
@given(works, teams(), words, st.integers(1, 10))
def test_more_work_in_hand_never_helps(work: Work, team: list[Candidate], said: list[Proposed], more: int) -> None:
    before = _ids(weigh(work, team, said))
    for each in before:
        heavier = [replace(one, load=one.load + more) if one.id == each else one for one in team]
        after = _ids(weigh(work, heavier, said))
        if each in after:
            ahead = set(before[: before.index(each)])
            assert ahead <= set(after[: after.index(each)]), "somebody passed others by carrying more"


@SETTLED
@given(st.integers(0, 50), st.integers(1, 10), st.none() | st.integers(0, 50))
def test_room_only_shrinks(load: int, more: int, capacity: int | None) -> None:
    assert room(load + more, capacity) <= room(load, capacity)


@SETTLED
@given(works, teams(), words)
def test_who_can_do_more_of_what_is_asked_for_comes_first(work, team, said) -> None:
    held = {each.id: len(work.skills & each.skills) for each in team}
    ranked = _ids(weigh(work, team, said))
    assert [held[each] for each in ranked] == sorted((held[each] for each in ranked), reverse=True)


@SETTLED
@given(teams(), words, st.integers(1, 3))
def test_nobody_who_fits_is_passed_over_for_ever(team: list[Candidate], said: list[Proposed], weight: int) -> None:
    """Work that anybody can do, finished as it comes: each gets some, whatever routers favour and whoever is loaded."""
    able = [
        replace(each, right=True, concerned=False, away=False, off_hours=False, capacity=None, load=0, passed=0)
        for each in team
    ]
    work, got = Work(weight=weight), {each.id: 0 for each in able}
    for _ in range(400):
        chosen = weigh(work, able, said).chosen
        assert chosen is not None
        got[chosen.id] += 1
        able = [
            replace(each, recent=each.recent + weight, passed=0)
            if each.id == chosen.id
            else replace(each, passed=each.passed + 1)
            for each in able
        ]
    assert all(got.values()), got


@SETTLED
@given(works, teams(), words)
def test_every_factor_is_named_and_the_points_add_up(work, team, said) -> None:
    for each in weigh(work, team, said).ranked:
        keys = [factor.key for factor in each.factors]
        assert len(keys) == len(set(keys))
        assert {"load", "share", "turn"} <= set(keys)
        assert each.points == sum(factor.points for factor in each.factors)
        assert all(factor.points >= 0 for factor in each.factors)


def test_many_routers_outweigh_no_more_than_one() -> None:
    crowd = [Proposed("person-1", 1000, f"router-{number}") for number in range(9)]
    (only,) = weigh(Work(), [Candidate("person-1")], crowd).ranked
    assert sum(each.points for each in only.factors if each.key.startswith("router:")) <= 300


def test_who_had_the_customer_before_has_them_again_or_whoever_stands_in() -> None:
    work = Work(last_handler="ewa")
    assert _ids(weigh(work, [Candidate("adam"), Candidate("ewa")])) == ["ewa", "adam"]
    away = [Candidate("ewa", away=True), Candidate("adam"), Candidate("zoe", stands_in_for=frozenset({"ewa"}))]
    assert _ids(weigh(work, away)) == ["zoe", "adam"]


def test_a_router_moves_nothing_into_a_queue_whose_condition_does_not_hold() -> None:
    places = [Place("one", fits=False), Place("two", fits=True, position=2), Place("three", fits=True, position=1)]
    loud = [Proposed("one", 1000, "r")]
    assert place(places, loud).id == "three"
    assert place(places, [*loud, Proposed("two", 400, "r")]).id == "two"
    assert place([Place("one", fits=False)], loud) is None
