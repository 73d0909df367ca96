"""Merging two people's changes: nothing that one of them typed is lost, and nobody overwrites the other unseen."""

from hypothesis import given
from hypothesis import strategies as st

from ombud.desk.colleagues.merging import merge, same

names = st.sampled_from(["title", "priority", "queue", "due"])
texts = st.sampled_from(["", "a", "b", "c", "line\nnext", "line\r\nnext", " a "])
records = st.fixed_dictionaries(dict.fromkeys(["title", "priority", "queue", "due"], texts))


@given(base=records, mine=records, theirs=records)
def test_every_field_is_either_settled_or_put_to_a_person(base, mine, theirs):
    merged = merge(base, mine, theirs)
    assert merged.values.keys() | merged.clashes.keys() == mine.keys()
    assert not merged.values.keys() & merged.clashes.keys()


@given(base=records, mine=records, theirs=records)
def test_a_change_of_one_side_alone_survives(base, mine, theirs):
    merged = merge(base, mine, theirs)
    for name in mine:
        i_changed, they_changed = not same(base[name], mine[name]), not same(base[name], theirs[name])
        if i_changed and not they_changed:
            assert same(merged.values[name], mine[name])
            assert name in merged.mine
        if they_changed and not i_changed:
            assert merged.values[name] == theirs[name]
            assert name in merged.theirs
        if i_changed and they_changed and not same(mine[name], theirs[name]):
            assert merged.clashes[name].mine == mine[name]
            assert merged.clashes[name].theirs == theirs[name]


@given(base=records, theirs=records)
def test_who_changed_nothing_writes_nothing(base, theirs):
    merged = merge(base, base, theirs)
    assert merged.mine == ()
    assert merged.clashes == {}
    assert all(merged.values[name] == theirs[name] for name in theirs)


@given(base=records, mine=records, theirs=records)
def test_both_sides_see_the_same_clashes_and_the_same_settled_values(base, mine, theirs):
    one, other = merge(base, mine, theirs), merge(base, theirs, mine)
    assert one.clashes.keys() == other.clashes.keys()
    assert all(same(one.values[name], other.values[name]) for name in one.values)


@given(base=records, mine=records, theirs=records)
def test_choosing_for_every_clash_settles_it(base, mine, theirs):
    """The form comes back drawn with what is theirs now; whatever is chosen, nothing clashes again."""
    merged = merge(base, mine, theirs)
    for chosen in ("mine", "theirs"):
        again = {**merged.values, **{name: getattr(clash, chosen) for name, clash in merged.clashes.items()}}
        settled = merge(theirs, again, theirs)
        assert settled.clashes == {}
        assert all(same(settled.values[name], again[name]) for name in again)


@given(base=st.dictionaries(names, texts), mine=st.dictionaries(names, texts), theirs=records)
def test_only_fields_of_the_form_are_written_and_unknown_origins_are_asked_about(base, mine, theirs):
    merged = merge(base, mine, theirs)
    assert merged.values.keys() | merged.clashes.keys() == mine.keys()
    for name in mine.keys() - base.keys():
        assert (name in merged.clashes) == (not same(mine[name], theirs[name]))
