"""What the columns of a customer file mean, and when two ways of writing are the same."""

import pytest

from ombud_crm_csv import columns, compare

HEADERS = {
    "Customer No": "reference", "CustomerNumber": "reference", "E-mail": "email", "E-Mail Address": "email",
    "First Name": "first_name", "Surname": "last_name", "Full name": "name", "Mobile phone": "phone", "Tel.": "phone",
    "Post code": "postcode", "ZIP": "postcode", "City": "address", "Product": "account", "Account balance": "account",
    "Last contact": "talk", "Open case": "case", "Segment": "fact", "Date of birth": "", "Password": "",
    "Nr klienta": "reference", "Imię i nazwisko": "name", "Kod pocztowy": "postcode", "Telefon": "phone", "PESEL": "",
    "Ostatni kontakt": "talk", "Umowa": "account", "Kundennummer": "reference", "Nachname": "last_name",
    "PLZ": "postcode",
    "Ort": "address", "Vertrag": "account",
}  # fmt: skip


@pytest.mark.parametrize(("name", "meaning"), HEADERS.items())
def test_a_columns_name_tells_its_meaning(name: str, meaning: str) -> None:
    assert columns.proposal([name]) == {name: meaning}


def test_what_there_is_once_is_proposed_once() -> None:
    assert list(columns.proposal(["Name", "Client name"]).values()) == ["name", "fact"]


def test_a_file_in_which_nobody_could_be_found_is_not_taken() -> None:
    assert columns.problems({"Product": "account"})
    assert columns.problems({"Name": "name"})
    assert not columns.problems({"Name": "name", "ZIP": "postcode"})
    assert columns.problems({"A": "name", "B": "name", "E": "email"}) == (
        "Only one column can be: Name. Choose which.",
    )  # fmt: skip


def test_a_form_with_words_of_its_own_means_nothing() -> None:
    assert columns.read({"A": "drop table", "B": "email"}, ["A", "B", "C"]) == {"A": "", "B": "email", "C": ""}


def test_a_row_without_anything_to_find_it_by_is_refused() -> None:
    means = {"Name": "name", "Mail": "email"}
    assert columns.customer(means, {"Name": "Ann", "Mail": "not told"}, "")[1].startswith("Nobody could be found by it")
    found, problem = columns.customer(means, {"Name": "Ann", "Mail": "Ann@Example.org"}, "")
    assert (found["email"], problem) == ("ann@example.org", "")


@pytest.mark.parametrize(
    ("one", "other", "country"),
    [
        ("+48 500 555 123", "500-555-123", "PL"), ("0048500555123", "+48500555123", ""),
        ("020 7946 0018", "+44 20 7946 0018", "gb"),
        ("500 555 123", "500555123", ""), ("(0)500555123", "0500 555 123", ""),
    ],
)  # fmt: skip
def test_one_number_in_two_ways_of_writing(one: str, other: str, country: str) -> None:
    assert compare.phone(one, country) == compare.phone(other, country) != ""


def test_numbers_of_two_people_stay_two() -> None:
    assert compare.phone("+48 500 555 123", "PL") != compare.phone("+49 500 555 123", "PL")
    assert compare.phone("12345", "PL") == ""
    assert compare.phone("ask me", "PL") == ""


def test_names_numbers_and_postcodes_in_two_ways_of_writing() -> None:
    assert compare.name("Wójcik-Gołąb, Żaneta") == compare.name("żaneta WÓJCIK GOŁĄB")
    assert compare.name("Ann") != compare.name("Anna")
    assert compare.reference("K-1 204/7") == compare.reference("k12047")
    assert compare.postcode("SW1A 1AA") == compare.postcode("sw1a1aa")
    assert compare.email(" Ann@Example.ORG ") == "ann@example.org"
    assert [compare.email(each) for each in ("none", "@", "a b@c", "")] == ["", "", "", ""]
