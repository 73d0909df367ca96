"""Words of the search: inflections in English and Polish with and without diacritics, numbers, phrases, any input."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ombud.desk.errors import Invalid
from ombud.desk.search.asked import LONGEST, Asked, marked, read, snippet
from ombud.desk.search.words import COMMON, Part, fold, language_of, stems, vector

POLISH = {
    "reklamacja": "reklamacji reklamację reklamacją reklamacjo reklamacje reklamacjom reklamacjami reklamacjach",
    "opłata": "opłata opłaty opłacie opłatę opłatą opłato opłat opłatom opłatami opłatach",
    "umowa": "umowa umowy umowie umowę umową umowo umów umowom umowami umowach",
    "kredyt": "kredyt kredytu kredytowi kredytem kredycie kredyty kredytów kredytom kredytami kredytach",
    "pieniądze": "pieniądze pieniędzy pieniądzom pieniędzmi pieniądzach pieniądz pieniądza",
    "bank": "bank banku bankowi bankiem banki banków bankom bankami bankach",
    "zwrot": "zwrot zwrotu zwrotowi zwrotem zwrocie zwroty zwrotów zwrotom zwrotami zwrotach",
    "karta": "karta karty karcie kartę kartą kart kartom kartami kartach",
    "konto": "konto konta kontu kontem koncie kont kontom kontami kontach",
    "przelew": "przelew przelewu przelewem przelewie przelewy przelewów przelewom przelewami przelewach",
    "pracownik": "pracownika pracownikowi pracownikiem pracowniku pracownicy pracowników pracownikami pracownikach",
    "odsetki": "odsetki odsetek odsetkom odsetkami odsetkach",
    "rata": "rata raty racie ratę ratą rat ratom ratami ratach",
    "klient": "klient klienta klientowi klientem kliencie klienci klientów klientom klientami klientach",
    "błąd": "błąd błędu błędowi błędem błędzie błędy błędów błędom błędami błędach",
    "odpowiedź": "odpowiedź odpowiedzi odpowiedzią odpowiedziom odpowiedziami odpowiedziach",
    "skarga": "skarga skargi skardze skargę skargą skarg skargom skargami skargach",
    "ubezpieczenie": "ubezpieczenia ubezpieczeniu ubezpieczeniem ubezpieczeń ubezpieczeniami ubezpieczeniach",
    "szkoda": "szkoda szkody szkodzie szkodę szkodą szkód szkodom szkodami szkodach",
    "decyzja": "decyzja decyzji decyzję decyzją decyzje decyzjom decyzjami decyzjach",
    "wniosek": "wniosek wniosku wnioski wniosków wnioskiem wnioskami",
    "pożyczka": "pożyczka pożyczki pożyczce pożyczkę pożyczek pożyczkami",
    "usługa": "usługa usługi usłudze usług usługę",
    "urząd": "urząd urzędu urzędem urzędzie urzędy",
    "miesiąc": "miesiąca miesiące miesięcy miesiącach",
    "zapłacić": "zapłacić zapłaciłem zapłaciłam zapłacił zapłaciła zapłacili zapłacę zapłaci zapłacony zapłacone",
    "pobrać": "pobrać pobrał pobrała pobrano pobrali pobrany pobrana pobrane pobraną pobranej",
    "reklamować": "reklamować reklamuję reklamowałem reklamowałam reklamował",
    "Kowalski": "Kowalski Kowalskiego Kowalskiemu Kowalskim",
    "Nowak": "Nowak Nowaka Nowakowi Nowakiem",
    "Wiśniewski": "Wiśniewskiego Wiśniewskim",
}
ENGLISH = {
    "complaint": "complaint complaints complaint's",
    "complain": "complain complains complained complaining",
    "charge": "charge charges charged charging",
    "refund": "refund refunds refunded refunding",
    "fee": "fee fees",
    "account": "account accounts account's",
    "agency": "agency agencies",
    "pay": "pay pays paying",
    "apply": "apply applies applied applying",
    "loan": "loan loans",
    "close": "close closes closed closing",
    "delay": "delay delays delayed",
}
FORMS = [
    (word, form)
    for forms in (POLISH, ENGLISH)
    for word, said in forms.items()
    for whole in said.split()
    for form in (whole, fold(whole), whole.upper())
]


@pytest.mark.parametrize(("word", "form"), FORMS)
def test_every_form_of_a_word_finds_every_other_with_and_without_diacritics(word, form):
    assert set(stems(fold(word))) & set(stems(fold(form)))
    assert answers(word, f"To jest {form}.")
    assert answers(form, f"It is {word}!")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("umowa", "Umieszczono um na liście."),
        ("bank", "The bandage was banned."),
        ("car", "We take care of every customer and of what they have told us, which is not the case."),
        ("fee", "I feel this is not the way you have treated me."),
        ("zwrot", "Wzrost kosztów."),
        ("karta", "Kartofle z ogrodu są dla nas, nie na sprzedaż przez sklep."),
    ],
)
def test_other_words_are_not_found(asked, text):
    assert not answers(f"{asked} .", text)


def lexemes(text: str, *, prose: bool = True) -> set[str]:
    written = vector([Part("D", text, prose)])
    return {entry.rpartition(":")[0] for entry in written.split(" ")} if written else set()


def answers(asked: str, text: str, *, prose: bool = True) -> bool:
    """Whether the index of the text answers, for questions without phrases: what PostgreSQL would say."""
    question, known = read(asked), lexemes(text, prose=prose)
    assert question is not None
    return all(
        (any(known & set(place) for place in term.alternatives) or begun(term.beginning, known)
         or (bool(term.apart) and set(term.apart) <= known)) != term.without
        for term in question.terms
    )  # fmt: skip


def begun(beginning: str, known: set[str]) -> bool:
    return bool(beginning) and any(word.lstrip("~").startswith(beginning) for word in known)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("600 700 800", "Call me: +48 600-700-800."),
        ("+48600700800", "tel. 600 700 800"),
        ("0700 900123", "my number is 0700900123"),
        ("+44 700 900123", "my number is 0700 900 123"),
        ("OMB-7F3K2-9", "see case omb-7f3k2-9, please"),
        ("7F3K2", "see case OMB-7F3K2-9"),
        ("Helena@Example.org", "write to helena@example.org."),
        ("example.org", "write to helena@example.org."),
        ("49.99", "they took 49,99 zł"),
        ("1090 1014 0000 0712 1981 2874", "account PL61 1090 1014 0000 0712 1981 2874"),
        ("61109010140000071219812874", "account PL61 1090 1014 0000 0712 1981 2874"),
        ("2023 2024", "in 2024, after 2023"),
        ("2026-11-25", "on 2026-11-25"),
        ("straße", "STRASSE 5"),
        ("don’t", "they don't"),
        ("Łódź", "w lodzi"),
        ("reklam", "reklamację złożyłem"),
        ("kowal", "Pan Kowalski"),
    ],
)
def test_numbers_addresses_references_and_beginnings_are_found(asked, text):
    assert answers(asked, text)


def test_common_words_are_left_out_unless_nothing_else_is_asked():
    question = read("the fee of my bank")
    assert question is not None
    assert question.left_out == ("the", "of", "my")
    only = read("to be or not")
    assert only is not None
    assert only.left_out == ()
    assert len(only.terms) == 4


def test_a_phrase_and_what_is_left_out_are_said_to_postgres_with_their_distance():
    question = read('"fee of the bank" -refund')
    assert question is not None
    assert "<3>" in question.query("AB")
    assert "!(" in question.query("AB")
    assert "refund" not in question.wanted()
    assert "'fee':AB" in question.query("AB")


@pytest.mark.parametrize("text", ["", "   ", "!!! ??", "\0\0", "“”", "-", '""', "\ud800", "\u0301"])
def test_what_holds_no_word_asks_for_nothing(text):
    assert read(text) is None


@pytest.mark.parametrize(("text", "said"), [("x" * 10_000, "10,000 characters"), ("ab " * 40, "40 words"),
                                            ("-fee", "leave out")])  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_the_remedy(text, said):
    with pytest.raises(Invalid, match=said):
        read(text)


def test_the_language_of_a_text_is_told_only_where_it_is_plain():
    def told(text):
        return language_of(text, fold(text).split())

    assert told("I have not been told of the fee and this is not what you said it was for") == "en"
    assert told("Proszę o zwrot opłaty, która nie została mi wypłacona przez bank, jest to błąd") == "pl"
    assert told("Karta") == told("Card fee") == "both"


def pieces(shown) -> str:
    return "".join(f"[{piece.text}]" if piece.found else piece.text for piece in shown)


def test_words_that_answer_are_marked_in_the_text_as_it_is_written():
    question = read("reklamacja karta 600700800")
    assert pieces(marked(question, "Reklamację karty zgłosiłem, tel. 600 700 800.")) == (
        "[Reklamację] [karty] zgłosiłem, tel. [600 700 800]."
    )
    assert pieces(marked(read("cafe"), "Cafe\u0301 <b>x</b>")) == "[Café] <b>x</b>"
    assert pieces(marked(None, "nothing")) == "nothing"


def test_a_snippet_is_the_part_of_a_long_text_where_the_words_stand():
    text = "At first. " + "Nothing of note here. " * 60 + "Then the bank charged the fee twice. " + "More. " * 80
    shown = pieces(snippet(read("charge fee"), text))
    assert "[charged] the [fee]" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 260
    assert pieces(snippet(read("absent"), "Short text.")) == "Short text."


WORDS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x24F), min_size=0, max_size=120)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
@example("'a' \\ | & ! : * ( ) <-> \x00 \ud800")
@example("ﬁ ½ ǅ İ ß ŉ")
def test_any_input_has_a_meaning_or_a_refusal_and_reaches_sql_only_as_stems(text):
    try:
        question = read(text)
    except Invalid:
        return
    if question is None:
        return
    for form in (*question.forms, *question.beginnings):
        assert not set("'\\:&|!()<> \t\n") & set(form)
    marked(question, text)
    snippet(question, text, 40)


@settings(max_examples=300, deadline=None)
@given(WORDS)
def test_a_vector_is_written_plainly_and_the_text_finds_itself(text):
    written = vector([Part("A", text), Part("D", text, prose=True)])
    for entry in written.split(" ") if written else []:
        word, _, places = entry.rpartition(":")
        assert word
        assert not set("'\\:&|!()<> \t\n") & set(word)
        assert all(place.rstrip("A").isdigit() for place in places.split(","))
    for word in fold(text).split():
        question = quiet(word)
        if question is not None and word.isalnum():
            assert answers(word, text, prose=False)
            assert word in COMMON or answers(word, text)


def quiet(text: str) -> Asked | None:
    try:
        return read(text[:LONGEST])
    except Invalid:
        return None


def test_a_very_long_text_keeps_to_what_a_tsvector_can_count():
    written = vector([Part("D", "fee card " * 30_000, prose=True)])
    assert {entry.partition(":")[0] for entry in written.split(" ")} == {"fee", "~fee", "card", "~card"}
    assert max(int(place) for entry in written.split(" ") for place in entry.rpartition(":")[2].split(",")) <= 16_383
