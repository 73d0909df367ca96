"""The gate's judgement: a letter and a record in, findings out. Pure, so without a desk."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from babel.dates import format_date
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from ombud.desk.gate import blocks, days, phrases, reading, sums
from ombud.desk.gate.answering import outcomes_said
from ombud.desk.gate.checking import blocking, check, in_view
from ombud.desk.gate.findings import BLOCK, CHECKS, OFF, WARN, AspectFact, Finding, Letter, Money, Policy, Record
from ombud.desk.references import make
from ombud_plugin_api.responses import REFUSED, ResponseLeaflet, ResponsePart, ResponseRequirement, unfit

REFERENCE = make(17, "OMB")
FEE = AspectFact("fee", "A", "Fee taken twice", "upheld", (Money(Decimal("42.00"), "EUR"),))
CALL = AspectFact("call", "B", "Nobody called back", "not_upheld")
RECORD = Record(
    REFERENCE, date(2026, 11, 2), date(2026, 11, 26), (FEE, CALL), incoming=frozenset({date(2026, 11, 2)}),
    dates=frozenset({date(2026, 11, 3)}), sums=frozenset({Money(Decimal(10), "GBP")}),
)  # fmt: skip
ENGLISH = f"""Dear Helena,

On 2 November 2026 you complained to us. Your complaint is {REFERENCE}.

A. Fee taken twice

Outcome: Upheld

We took it twice by mistake. We pay you €42.00.

B. Nobody called back

Outcome: Not upheld

We called you on 3 November 2026.
"""
POLISH = f"""Dzień dobry,

2 listopada 2026 wpłynęła do nas Twoja skarga. Jej numer to {REFERENCE}.

A. Opłata pobrana dwa razy

Rozstrzygnięcie: Uznana

Pobraliśmy ją dwa razy przez pomyłkę. Zwracamy 42,00 €.

B. Nikt nie oddzwonił

Rozstrzygnięcie: Nieuznana

Dzwoniliśmy do Ciebie 3 listopada 2026.
"""
RIGHT = ResponsePart(
    "ombudsman", "Right to go to the ombudsman", "Rule 1",
    {"en": ("refer* … ombudsman",), "pl": ("Rzecznik* Finansow*",)}, rights=True,
    example={"en": "You can refer your complaint to the ombudsman."},
)  # fmt: skip
GROUNDS = ResponsePart("grounds", "Grounds", "Rule 2", {"en": ("because",), "pl": ("ponieważ",)}, when=REFUSED)
LEAFLET = ResponseLeaflet("leaflet", "The ombudsman's leaflet", "Rule 3", ("leaflet",), ("ombudsman.example/leaflet",))
OFFICE = ResponseRequirement("office", "Office", (RIGHT, GROUNDS), (LEAFLET,), languages=("en", "pl"))


def codes(
    letter: Letter | str, record: Record = RECORD, *more: ResponseRequirement, policy: Policy | None = None
) -> list[str]:
    return [each.code for each in found(letter, record, *more, policy=policy)]


def found(
    letter: Letter | str, record: Record = RECORD, *more: ResponseRequirement, policy: Policy | None = None
) -> tuple[Finding, ...]:
    return check(letter if isinstance(letter, Letter) else Letter(letter), record, more, policy)


@pytest.mark.parametrize("text", [ENGLISH, POLISH, f"{ENGLISH}\n{POLISH}", f"{POLISH}\n{ENGLISH}"])
def test_a_letter_that_says_what_the_record_says_passes_in_either_language_and_in_both(text: str) -> None:
    assert found(text) == ()


def test_an_aspect_that_is_left_out_is_named() -> None:
    [finding] = found(ENGLISH.partition("B. Nobody")[0])
    assert (finding.code, finding.aspects, finding.level) == ("aspect_missing", ("call",), BLOCK)
    assert "Nobody called back" in finding.words


def test_an_aspect_is_known_by_its_title_too_without_its_letter() -> None:
    assert found(ENGLISH.replace("A. Fee", "Fee").replace("B. Nobody", "Nobody")) == ()
    loosely = ENGLISH.replace("B. Nobody called back\n", "You say that nobody had called you back.\n").replace(
        "A. Fee", "Fee"
    )
    assert found(loosely) == ()


def test_an_outcome_that_is_not_said_or_another_one_is_told_with_its_place() -> None:
    [silent] = found(ENGLISH.replace("Outcome: Not upheld", "We looked into it"))
    assert (silent.code, silent.facts["wanted"]) == ("outcome_missing", "not upheld")
    wrong = ENGLISH.replace("Outcome: Not upheld", "Outcome: Partly upheld")
    [other] = found(wrong)
    assert other.code == "outcome_differs"
    assert wrong[slice(*other.passage or ())] == "Partly upheld"


@pytest.mark.parametrize(
    ("text", "language", "outcomes"),
    [
        ("We do not uphold it.", "en", ["not_upheld"]), ("It is partly upheld.", "en", ["partly_upheld"]),
        ("We uphold this. The rest is rejected.", "en", ["upheld", "not_upheld"]),
        ("Nie uznajemy skargi.", "pl", ["not_upheld"]), ("Skarga uznana częściowo.", "pl", ["partly_upheld"]),
        ("Uznajemy skargę.", "pl", ["upheld"]), ("Zarzut jest bezzasadny.", "pl", ["not_upheld"]),
        ("We looked.", "en", []),
    ],
)  # fmt: skip
def test_outcomes_are_read_longest_claim_first(text: str, language: str, outcomes: list[str]) -> None:
    assert [each[0] for each in outcomes_said(text, language)] == outcomes


def test_a_wrong_sum_is_named_beside_the_right_one() -> None:
    text = ENGLISH.replace("€42.00", "€24.00")
    [finding] = found(text)
    assert (finding.code, finding.facts["wrong"], finding.facts["right"]) == ("sum_differs", "€24.00", "€42.00")
    assert text[slice(*finding.passage or ())] == "€24.00"


def test_redress_that_is_not_said_and_a_sum_from_nowhere_are_told_apart() -> None:
    assert codes(ENGLISH.replace(" We pay you €42.00.", "")) == ["sum_missing"]
    [strange] = found(ENGLISH + "\nThe fee is £99 a year.")
    assert (strange.code, strange.level) == ("sum_unknown", WARN)
    assert found(ENGLISH + "\nYou asked for £10.") == (), "said in the record"


def test_several_lines_of_redress_may_be_said_each_or_as_their_sum() -> None:
    lines = (Money(Decimal(40), "EUR"), Money(Decimal(2), "EUR"))
    record = Record(REFERENCE, RECORD.received_on, RECORD.today, (AspectFact("fee", "A", "Fee", "upheld", lines),))
    start = "On 2 November 2026 you complained. It is upheld. "
    assert codes(start + "We pay €42.", record) == []
    assert codes(start + "We pay €40 and €2 of interest.", record) == []
    assert codes(start + "We pay €40.", record) == ["sum_missing"]


def test_a_wrong_day_of_receipt_is_named_beside_the_right_one() -> None:
    text = ENGLISH.replace("On 2 November 2026 you", "On 9 November 2026 you")
    [finding] = found(text)
    assert (finding.code, finding.facts["right"], finding.level) == ("receipt_differs", "2 November 2026", BLOCK)
    assert text[slice(*finding.passage or ())] == "9 November 2026"
    [polish] = found(POLISH.replace("2 listopada 2026 wpł", "12 listopada 2026 wpł"))
    assert (polish.code, polish.facts["right"]) == ("receipt_differs", "2 listopada 2026")


def test_a_day_that_is_none_blocks_and_a_past_one_from_nowhere_warns_but_not_what_is_promised() -> None:
    assert codes(ENGLISH.replace("3 November 2026", "31 November 2026")) == ["no_such_day"]
    assert codes(ENGLISH.replace("3 November 2026", "4 November 2026")) == ["day_unknown"]
    assert codes(ENGLISH + "\nThe money is with you by 10 December 2026.") == []


def test_a_letter_names_its_complaint_and_no_other() -> None:
    other = make(18, "OMB")
    assert codes(ENGLISH.replace(REFERENCE, other)) == ["reference_differs"]
    bare = ENGLISH.replace(REFERENCE, "ours").replace("On 2 November 2026 you", "You")
    assert codes(bare) == ["complaint_not_named"]
    assert codes(Letter(bare, subject=f"Your complaint {REFERENCE}")) == []


def test_required_parts_are_looked_for_and_their_source_is_told() -> None:
    missing = found(ENGLISH, RECORD, OFFICE)
    assert [each.facts["key"] for each in missing] == ["office/grounds/en", "office/ombudsman/en", "office/leaflet"]
    assert "Office, Rule 1" in missing[1].words
    assert "You can refer your complaint" in missing[1].words
    whole = ENGLISH + "\nWe say so because we called. You may refer this to the Financial Ombudsman.\n"
    assert codes(Letter(whole, files=("Leaflet 2026.pdf",)), RECORD, OFFICE) == []
    assert codes(whole + "See https://ombudsman.example/leaflet.", RECORD, OFFICE) == []
    assert codes(whole, RECORD, OFFICE) == ["leaflet_missing"]


def test_grounds_are_asked_for_only_where_something_is_refused() -> None:
    record = Record(REFERENCE, RECORD.received_on, RECORD.today, (FEE,))
    keys = [each.facts["key"] for each in found(ENGLISH.partition("B.")[0], record, OFFICE)]
    assert "office/grounds/en" not in keys
    assert "office/ombudsman/en" in keys


def test_a_letter_in_two_languages_has_the_parts_in_both() -> None:
    more = "\nWe say so because we called. You may refer this to the ombudsman.\n\n"
    keys = [each.facts["key"] for each in found(ENGLISH + more + POLISH, RECORD, OFFICE) if each.code == "part_missing"]
    assert keys == ["office/grounds/pl", "office/ombudsman/pl"]


def test_a_requirement_holds_from_its_first_day_to_its_last_and_for_its_letter_and_language() -> None:
    for wrong in (
        ResponseRequirement("office", "Office", (RIGHT,), valid_from=RECORD.today + timedelta(1)),
        ResponseRequirement("office", "Office", (RIGHT,), valid_to=RECORD.today - timedelta(1)),
        ResponseRequirement("office", "Office", (RIGHT,), letter="summary"),
    ):
        assert found(ENGLISH, RECORD, wrong) == ()
    assert codes(Letter(ENGLISH, kind="summary"), RECORD, ResponseRequirement("o", "O", (RIGHT,), letter="summary"))
    assert codes(ENGLISH, RECORD, ResponseRequirement("urzad", "Urząd", languages=("pl",))) == ["language_missing"]


def test_a_part_without_phrases_in_the_letters_language_is_left_to_the_reader_and_never_blocks() -> None:
    english = ResponsePart("right", "Right", "Rule 1", {"en": ("ombudsman",)})
    [finding] = found(POLISH, RECORD, ResponseRequirement("office", "Office", (english,)))
    assert (finding.code, finding.level) == ("part_unread", WARN)


def test_hard_english_and_hard_polish_are_found_with_their_hardest_sentence() -> None:
    hard = (
        "Notwithstanding the aforementioned considerations regarding administrative responsibilities, the organisation "
        "acknowledges considerable deficiencies in communicational procedures, necessitating comprehensive remediation."
    )
    [finding] = [each for each in found(f"{ENGLISH}\n{hard} {hard}") if each.check == "reading"]
    assert (ENGLISH + "\n" + hard + " " + hard)[slice(*finding.passage or ())] == hard
    trudne = (
        "Niezależnie od przedstawionych okoliczności organizacyjnych przedsiębiorstwo zidentyfikowało nieprawidłowości "
        "proceduralne uniemożliwiające przeprowadzenie postępowania wyjaśniającego w przewidzianym terminie."
    )
    [polish] = [each for each in found(f"{POLISH}\n{trudne} {trudne}") if each.check == "reading"]
    assert polish.facts["limit"] == "16"


@pytest.mark.parametrize(
    ("word", "language", "count"),
    [("fee", "en", 1), ("complaint", "en", 2), ("ombudsman", "en", 3), ("skarga", "pl", 2), ("niezależnie", "pl", 4),
     ("odpowiedź", "pl", 3), ("miasto", "pl", 2), ("w", "pl", 1), ("rozpatrzenie", "pl", 4), ("ii", "pl", 2)],
)  # fmt: skip
def test_syllables(word: str, language: str, count: int) -> None:
    assert reading.syllables(word, language) == count


def test_jargon_is_found_by_the_list_of_its_language_and_what_to_say_instead_is_told() -> None:
    policy = Policy(jargon={"en": (("pursuant to", "under"), ("herein", "")), "pl": (("niniejsz*", "ten"),)})
    finding = found(ENGLISH + "\nPursuant   to our terms.", policy=policy)[0]
    assert (finding.code, finding.facts["plain"]) == ("jargon", "under")
    assert "“under”" in finding.words
    assert codes(POLISH + "\nNiniejszym informujemy.", policy=policy) == ["jargon"]
    assert codes(ENGLISH + "\nNiniejszym.", policy=policy) == []


def test_two_languages_that_differ_are_told_what_stands_in_one_only() -> None:
    # the sum and the day are known to the record, so that only the step between the languages is at fault
    uneven = ENGLISH + "\n" + POLISH.replace("Zwracamy 42,00 €.", "Zwracamy 42,00 € i 10 £.")
    [finding] = found(uneven)
    assert (finding.code, finding.facts["value"], finding.facts["here"]) == ("sum_apart", "£10.00", "Polish")
    assert codes(ENGLISH + "\n" + POLISH.replace("3 listopada 2026", "2 listopada 2026")) == ["day_apart"]
    assert codes(ENGLISH + "\nGoodbye and thank you for the letter.\n\n" + POLISH) == ["parts_apart"]


def test_policy_turns_a_check_off_or_lets_it_warn_and_findings_that_block_come_first() -> None:
    text = ENGLISH.replace("€42.00", "€24.00").replace("3 November", "4 November")
    assert [each.level for each in found(text)] == [BLOCK, WARN]
    assert codes(text, policy=Policy({"sums": OFF})) == ["day_unknown"]
    assert {each.level for each in found(text, policy=Policy({"sums": WARN}))} == {WARN}
    assert codes(text, policy=Policy(dict.fromkeys(CHECKS, OFF))) == []


def test_what_somebody_let_pass_does_not_block_and_a_new_shortcoming_does() -> None:
    first = found(ENGLISH.replace("€42.00", "€24.00"))
    passed = frozenset(each.key for each in blocking(first))
    assert passed
    assert blocking(first, passed) == ()
    assert blocking(found(ENGLISH.replace("€42.00", "€25.00")), passed)


def test_findings_about_a_hidden_aspect_are_left_out() -> None:
    findings = found(ENGLISH.partition("B. Nobody")[0])
    assert in_view(findings, frozenset({"call"})) == ()
    assert in_view(findings, frozenset({"fee"})) == findings


AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("9999999.99"), places=2)


@given(AMOUNTS, st.sampled_from(["GBP", "EUR", "USD", "PLN", "CHF"]), st.sampled_from(["en_GB", "en_US", "pl", "de"]))
def test_a_sum_is_read_as_it_was_written(amount: Decimal, currency: str, locale: str) -> None:
    text = f"We pay {format_currency(amount, currency, locale=locale)} to you."
    assert [each.money for each in sums.said(text)] == [Money(amount, currency)]


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [("1 234,50 zł", "1234.50", "PLN"), ("zwracamy 100 zł.", "100", "PLN"), ("PLN 1,000", "1000", "PLN"),
     ("£1.2m", "1200000", "GBP"), ("12 tys. zł", "12000", "PLN"), ("42 pounds", "42", "GBP"), ("5 euros", "5", "EUR"),
     ("w 2026 € 42", "42", "EUR"), ("20 złotych", "20", "PLN"), ("1.234,50 EUR", "1234.50", "EUR")],
)  # fmt: skip
def test_sums_in_many_ways_of_writing(text: str, amount: str, currency: str) -> None:
    assert [each.money for each in sums.said(text)] == [Money(Decimal(amount), currency)]


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.sampled_from(["en_GB", "en_US", "pl"]), st.booleans())
def test_a_day_is_read_as_it_was_written(day: date, locale: str, long: bool) -> None:
    form = "long" if long else "medium"
    written = format_date(day, form, locale=locale)
    [said] = days.said(f"On {written} it was.")
    assert day in said.could_be
    [iso] = days.said(f"({day.isoformat()})")
    assert iso.could_be == {day}


def test_days_in_figures_have_the_day_first_and_both_ways_are_thought_of() -> None:
    [slashes] = days.said("02/11/2026")
    assert slashes.could_be == {date(2026, 11, 2), date(2026, 2, 11)}
    [dots] = days.said("dnia 02.11.2026 r.")
    assert dots.could_be == {date(2026, 11, 2)}
    assert [each.month_day for each in days.said("on 2nd November")] == [(11, 2)]
    assert [each.could_be for each in days.said("dnia 2 XI 2026")] == [{date(2026, 11, 2)}]
    assert days.said("option 3 may apply, call 0800 12 34 56 or 3.4.5") == []


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400), st.sampled_from(["en", "pl", "de", ""]))
def test_no_text_breaks_the_gate_and_each_passage_lies_in_it(text: str, language: str) -> None:
    first = check(Letter(text, language=language), RECORD, (OFFICE,))
    assert first == check(Letter(text, language=language), RECORD, (OFFICE,)), "the same letter gets the same findings"
    for each in first:
        assert each.words
        assert each.level in {WARN, BLOCK}
        if each.passage is not None:
            assert 0 <= each.passage[0] <= each.passage[1] <= len(text)


@given(
    st.lists(
        st.sampled_from(["We pay €42.00.", "Uznana.", "3 may", "A. Fee", "\n\n", "not upheld", "1/1/2026", REFERENCE]),
        max_size=12,
    )
)
def test_pieces_in_any_order_are_read_the_same_twice_and_a_stricter_policy_finds_no_less(pieces: list[str]) -> None:
    text = " ".join(pieces)
    usual = {each.key for each in found(text)}
    strict = found(text, policy=Policy(dict.fromkeys(CHECKS, BLOCK)))
    assert usual <= {each.key for each in strict}


def test_phrases_bridge_words_and_endings_and_nothing_else() -> None:
    assert phrases.first(("refer* … ombudsman",), "You may REFER this complaint,\nnow, to the Ombudsman")
    assert phrases.first(("Rzecznik* Finansow*",), "do Rzecznika Finansowego")
    assert phrases.first(("don't",), "we don’t")
    assert not phrases.first(("hold",), "we uphold it")
    assert not phrases.first(("refer … ombudsman",), "refer " + "word " * 13 + "ombudsman")


@given(st.text("ab *…", max_size=30), st.text("ab \n", max_size=3000))
def test_no_phrase_runs_away(phrase: str, text: str) -> None:
    if not unfit(ResponseRequirement("o", "O", (ResponsePart("p", "P", "S", {"en": (phrase,)}),))):
        phrases.first((phrase,), text)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (ResponseRequirement("Of fice", "O"), "codes of small letters"),
        (ResponseRequirement("o", " "), "a label"),
        (ResponseRequirement("o", "O", (ResponsePart("p", "P", "", {"en": ("x",)}),)), "its source"),
        (ResponseRequirement("o", "O", (ResponsePart("p", "P", "S", {}),)), "at least one phrase"),
        (ResponseRequirement("o", "O", (ResponsePart("p", "P", "S", {"en": ("… x",)}),)), "between words only"),
        (ResponseRequirement("o", "O", (ResponsePart("p", "P", "S", {"en": ("x*y",)}),)), "at the end of a word"),
        (ResponseRequirement("o", "O", (ResponsePart("p", "P", "S", {"en": ("x",)}, when="now"),)), "when is one of"),
        (ResponseRequirement("o", "O", (), (ResponseLeaflet("l", "L", "S"),)), "a file's name or of a link"),
        (ResponseRequirement("o", "O", (), (LEAFLET, LEAFLET)), "two parts"),
        (ResponseRequirement("o", "O", valid_from=RECORD.today, valid_to=RECORD.received_on), "ends before it"),
        (ResponseRequirement("o", "O", provenance="mine"), "official, secondary or unverified"),
    ],
)  # fmt: skip
def test_a_requirement_that_cannot_be_used_says_what_to_mend(wrong: ResponseRequirement, says: str) -> None:
    assert says in unfit(wrong)
    assert unfit(OFFICE) == ""


def test_sentences_do_not_end_at_what_is_short_for_a_word() -> None:
    text = "We saw Mr. Smith, e.g. in art. 9. Then we left on 3.11.2026 r. Dobrze."
    assert [text[a:b] for a, b in blocks.sentences(text)] == [
        "We saw Mr. Smith, e.g. in art. 9.", "Then we left on 3.11.2026 r.", "Dobrze.",
    ]  # fmt: skip
