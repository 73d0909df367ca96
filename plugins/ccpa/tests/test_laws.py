"""What the file says of the laws, as the reference has it."""

from ombud_ccpa.plugin import names
from ombud_ccpa.reading import laws


def test_california_confirms_in_ten_business_days_and_answers_in_forty_five_once_extended_to_ninety() -> None:
    (law,) = [each for each in laws() if each.key == "ccpa"]
    rights = {each.key: each for each in law.rights}
    for key in ("know", "delete", "correct"):
        right = rights[key]
        assert (right.acknowledge.amount, right.acknowledge.unit) == (10, "business_days")
        assert (right.answer.amount, right.extension.amount, right.answer.unit) == (45, 45, "days")
        assert right.identity == "always"
    for key in ("opt-out", "limit"):
        right = rights[key]
        assert (right.answer.amount, right.answer.unit) == (15, "business_days")
        assert (right.acknowledge, right.extension, right.identity) == (None, None, "never")


def test_other_states_are_data_and_say_that_their_numbers_are_to_be_checked() -> None:
    others = [each for each in laws() if each.key != "ccpa"]
    assert {each.places[0] for each in others} == {"US-VA", "US-CO", "US-CT", "US-TX"}
    for law in others:
        for right in law.rights:
            assert {right.provenance, right.answer.provenance, right.extension.provenance} == {"unverified"}


def test_a_denial_has_the_four_reasons_that_metrics_name() -> None:
    for law in laws():
        assert {each.key for each in law.grounds} == {"unverifiable", "not-consumer", "exempt", "other"}


def test_the_signal_of_browsers_is_a_request_to_opt_out_where_the_law_knows_it() -> None:
    found = {law.key: {each.key for each in law.rights if each.signal == "gpc"} for law in laws()}
    assert found == {key: {"opt-out"} for key in ("ccpa", "ccpa.co", "ccpa.ct", "ccpa.tx")} | {"ccpa.va": set()}


def test_every_law_and_right_has_its_words_in_every_language() -> None:
    for words in names().values():
        assert {law.key for law in laws()} <= set(words["laws"])
        assert {right.key for law in laws() for right in law.rights} <= set(words["rights"])
