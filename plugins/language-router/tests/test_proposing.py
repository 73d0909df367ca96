"""Who is proposed for which language, and who is kept free."""

from datetime import UTC, datetime

from ombud_language_router.proposing import propose
from ombud_plugin_api import CaseFacts, Choice

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def case(language: str) -> CaseFacts:
    return CaseFacts(id="1", language=language, received_at=NOW, opened_at=NOW, at=NOW)


def person(name: str, *languages: str) -> Choice:
    return Choice(id=name, languages=frozenset(languages))


def scores(language: str, *people: Choice) -> dict[str, float]:
    return {each.choice: each.score for each in propose(case(language), people)}


def test_the_only_speaker_of_a_rare_language_is_kept_free_for_it() -> None:
    people = (person("ann", "en"), person("ben", "en", "pl"), person("olha", "en", "uk"), person("pawel", "en", "pl"))
    english = scores("en", *people)
    assert english["ann"] == 1.0
    assert english["olha"] < english["ben"] < 1.0
    assert scores("uk", *people) == {"olha": 1.0}


def test_a_neighbouring_language_is_better_than_none() -> None:
    people = (person("ann", "en"), person("jana", "sk", "en"))
    assert scores("cs", *people) == {"jana": 0.6}
    assert scores("cs", *people, person("petr", "cs")) == {"petr": 1.0}
    assert scores("fi", *people) == {}


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert scores("", person("ann", "en")) == {}
    assert scores("en", person("ann")) == {}
    assert scores("en", Choice(id="queue", kind="queue", languages=frozenset({"en"}))) == {}
