"""What the columns of a file mean, and a proposal made from their names. Pure."""

import re
from collections.abc import Mapping, Sequence

from ombud_crm_csv import compare

REFERENCE, NAME, FIRST, LAST = "reference", "name", "first_name", "last_name"
EMAIL, PHONE, POSTCODE, ADDRESS = "email", "phone", "postcode", "address"
ACCOUNT, CASE, TALK, FACT, NOTHING = "account", "case", "talk", "fact", ""

MEANINGS: dict[str, str] = {
    REFERENCE: "Customer number", NAME: "Name", FIRST: "First name", LAST: "Last name", EMAIL: "E-mail", PHONE: "Phone",
    POSTCODE: "Postcode", ADDRESS: "Address", ACCOUNT: "Account or product", CASE: "Open case", TALK: "Last contact",
    FACT: "Something else to show", NOTHING: "Not shown, not kept",
}  # fmt: skip
ONCE = (REFERENCE, NAME, FIRST, LAST)  # one column each

# Words of a column's name, English, Polish and German, that tell its meaning; the first that fits counts.
_WORDS: tuple[tuple[str, str], ...] = (
    (EMAIL, r"e ?mail|mail|email address|adres mail\w*|poczta"),
    (POSTCODE, r"post ?code|postal code|zip( code)?|kod pocztowy|kod|plz|postleitzahl"),
    (PHONE, r"phone|telephone|mobile|cell|tel|telefon|kom[oó]rka|handy|rufnummer"),
    (REFERENCE, r"(customer|client|member|party|cust) ?(no|nr|number|id|ref|reference)|id|nr klienta|numer klienta|"
                r"klient|kundennummer|kunden ?nr|reference|ref"),
    (FIRST, r"first name|given name|forename|imi[eę]|vorname"),
    (LAST, r"last name|surname|family name|nazwisko|nachname"),
    (NAME, r"(full |customer |client )?name|imi[eę] i nazwisko|nazwa|klient nazwa|customer|client"),
    (TALK, r"last (contact|call|visit|letter|message|seen)|ostatni\w* \w+|kontakt|letzter kontakt|contacted"),
    (CASE, r"(open )?(case|ticket|complaint|claim|request)s?|sprawa|zg[lł]oszenie|vorgang|reklamacja"),
    (ACCOUNT, r"(account|product|contract|policy|card|loan|balance|tariff|plan|subscription)\b.*|konto|produkt|umowa|"
              r"polisa|karta|kredyt|saldo|taryfa|vertrag|produkt|konto\w*|police"),
    (ADDRESS, r"(street |home )?address|street|city|town|adres|ulica|miasto|miejscowo[sś][cć]|adresse|stra[sß]+e|ort|"
              r"stadt"),
)  # fmt: skip

# What is nobody's business beside a complaint, wherever it stands in a name.
_PRIVATE = re.compile(
    r"birth|\bdob\b|password|passwort|has[lł]o|\bpin\b|pesel|\bssn\b|social security|urodzenia|geburt|\biban\b|"
    r"passport|paszport|dow[oó]d|national id|gender|religion|ethnic|health|wyznanie|zdrow"
)


def proposal(header: Sequence[str]) -> dict[str, str]:
    """A meaning for each column. Birth, papers, secrets and the like are left out."""
    found: dict[str, str] = {}
    for name in header:
        meaning = _of(name)
        taken = meaning in ONCE and meaning in found.values()
        found[name] = FACT if taken else meaning
    return found


def _of(name: str) -> str:
    words = re.sub(r"[\s_\-./]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().casefold()
    if _PRIVATE.search(words):
        return NOTHING
    for meaning, pattern in _WORDS:
        if re.fullmatch(pattern, words):
            return meaning
    for meaning, pattern in _WORDS[:3]:
        if re.search(rf"\b({pattern})\b", words):
            return meaning
    return FACT


def read(given: Mapping[str, str], header: Sequence[str]) -> dict[str, str]:
    """The meanings of a form or of an earlier file, for the columns there are; unknown ones mean nothing."""
    return {name: given.get(name, NOTHING) if given.get(name) in MEANINGS else NOTHING for name in header}


def problems(columns: Mapping[str, str]) -> tuple[str, ...]:
    """Why this mapping cannot be used."""
    chosen = list(columns.values())
    said = [f"Only one column can be: {MEANINGS[each]}. Choose which." for each in ONCE if chosen.count(each) > 1]
    if not ({REFERENCE, EMAIL, PHONE} & set(chosen) or (POSTCODE in chosen and {NAME, LAST} & set(chosen))):
        said.append(
            "Nobody could be found in this file. Say which column holds the customer number, the e-mail, the phone "
            "number, or name and postcode."
        )
    return tuple(said)


def same(known: Mapping[str, str], header: Sequence[str]) -> bool:
    """True if a file with this header can be taken with the columns of an earlier one: none is new, none is gone."""
    return set(known) == set(header)


def customer(columns: Mapping[str, str], cells: Mapping[str, str], country: str) -> tuple[dict[str, str], str]:
    """What is searched of a row, in the form in which it is compared, and why the row is of no use, if it is not."""
    by = {
        meaning: [cells[each] for each in columns if columns[each] == meaning and cells.get(each)]
        for meaning in MEANINGS
    }
    written = " ".join(by[NAME] or [*by[FIRST], *by[LAST]])
    emails = [compare.email(each) for each in by[EMAIL]]
    phones = [compare.phone(each, country) for each in by[PHONE]]
    found = {
        "reference": compare.reference(" ".join(by[REFERENCE])), "name": written[:200],
        "name_key": compare.name(written),
        "email": next((each for each in emails if each), ""), "phone": next((each for each in phones if each), ""),
        "postcode": compare.postcode(" ".join(by[POSTCODE])),
    }  # fmt: skip
    if found["reference"] or found["email"] or found["phone"] or (found["postcode"] and found["name_key"]):
        return found, ""
    return found, "Nobody could be found by it: no customer number, e-mail, phone number, nor name and postcode."
