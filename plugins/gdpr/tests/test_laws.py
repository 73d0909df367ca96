"""What the file says of the laws, as the reference has it."""

from ombud_gdpr.plugin import names
from ombud_gdpr.reading import laws


def _rights(key: str) -> dict:
    (law,) = [each for each in laws() if each.key == key]
    return {each.key: each for each in law.rights}


def test_every_right_of_the_gdpr_has_one_month_and_two_more_by_article_12_3() -> None:
    rights = _rights("gdpr")
    assert {each.source for each in rights.values()} == {f"GDPR Art. {n}" for n in (15, 16, 17, 18, 20, 21, 22)}
    for right in rights.values():
        assert (right.answer.amount, right.answer.unit, right.answer.source) == (1, "months", "GDPR Art. 12(3)")
        assert (right.extension.amount, right.extension.unit) == (2, "months")


def test_erasure_knows_the_five_exceptions_of_article_17_3() -> None:
    for law in laws():
        sources = {each.source for each in law.grounds if each.against == ("erase",)}
        assert {each.rpartition("17(3)")[2] for each in sources} == {"(a)", "(b)", "(c)", "(d)", "(e)"}


def test_a_complaint_in_the_united_kingdom_is_acknowledged_within_thirty_days_and_has_no_extension() -> None:
    right = _rights("gdpr.uk")["complaint"]
    assert (right.acknowledge.amount, right.acknowledge.unit, right.extension) == (30, "days", None)
    assert "complaint" not in _rights("gdpr")
    assert right.answer.provenance == "unverified", "the law gives no number"


def test_nothing_calls_itself_official_that_was_not_read_in_the_law() -> None:
    for law in laws():
        for right in law.rights:
            assert right.answer.provenance != "official"


def test_every_law_and_right_has_its_words_in_every_language() -> None:
    for words in names().values():
        assert {law.key for law in laws()} <= set(words["laws"])
        assert {right.key for law in laws() for right in law.rights} <= set(words["rights"])
