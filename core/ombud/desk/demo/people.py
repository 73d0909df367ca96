"""People of the demonstration firm: nobody of these names ever complained, and no address can belong to anybody."""

import unicodedata
from random import Random

from ombud_plugin_api.facts import PersonGiven

# First names and last names of one tongue each, so that both parts of a name go together.
TONGUES = (
    (("Helena", "Marek", "Zofia", "Tomasz", "Irena", "Beata", "Jakub", "Danuta", "Kinga", "Paweł", "Halina", "Wanda",
      "Łucja", "Stefan", "Renata", "Oskar", "Żaneta", "Jerzy"),
     ("Kowal", "Brzoza", "Pawlak", "Rogala", "Dudek", "Sowa", "Gajda", "Mazur", "Kania", "Zięba", "Bielak", "Sikora",
      "Wójcik", "Frątczak", "Pająk", "Gołąb")),
    (("Owen", "Miles", "Ruth", "Adrian", "Victor", "Simon", "Hazel", "Joan", "Colin", "Edith", "Iris", "Nigel",
      "Maud", "Percy"),
     ("Marsh", "Farrow", "Hartley", "Quayle", "Stone", "Underhill", "Yates", "Abbott", "Crane", "Ellery", "Grove",
      "Thistle", "Wren", "Larkin")),
    (("Lena", "Greta", "Felix", "Emil", "Jürgen", "Käthe", "Uwe", "Silke"),
     ("Brandt", "Köhler", "Schäfer", "Vogt", "Wegener", "Böhm", "Lindner")),
    (("Oksana", "Bohdan", "Nadia", "Taras", "Lesya", "Ivan"),
     ("Kovalenko", "Shevchuk", "Bondar", "Melnyk", "Hrytsenko", "Koval")),
    (("Chloé", "Étienne", "Amélie", "Rémi", "Solène", "Yves"), ("Lefèvre", "Garnier", "Moreau", "Béranger", "Noël")),
    (("Inés", "Álvaro", "Lucía", "Nuño", "Begoña"), ("Ibáñez", "Muñoz", "Peña", "Castaño", "Vidal")),
    (("Ngozi", "Chidi", "Amara", "Emeka"), ("Okafor", "Eze", "Adeyemi", "Balogun")),
    (("Linh", "Minh", "Thảo", "Quân"), ("Nguyễn", "Trần", "Phạm", "Đặng")),
    (("Astrid", "Lars", "Maja", "Søren"), ("Lindqvist", "Holm", "Sørensen", "Åberg")),
    (("Ayşe", "Emre", "Zeynep", "Kemal"), ("Yılmaz", "Demir", "Aydın", "Şahin")),
)  # fmt: skip
WEIGHTS = (34, 22, 10, 9, 6, 6, 4, 4, 3, 2)

# Organisations that complain for themselves.
ORGANISATIONS = (
    "Brightwater Bakery", "Spółdzielnia Zorza", "Hartley & Daughters Joinery", "Kino Pod Lipą", "Holm Rowing Club",
    "Café Lefèvre", "Tenants of Linden Street", "Nowicka Translations",
)  # fmt: skip


def somebody(rng: Random, number: int, taken: set[str]) -> PersonGiven:
    """A person with a name that nobody had yet, and some of the ways to reach them."""
    while True:
        first, last = rng.choices(TONGUES, WEIGHTS)[0]
        name = f"{rng.choice(first)} {rng.choice(last)}"
        if name not in taken or rng.random() < 0.002:
            break
    taken.add(name)
    return _reached(rng, number, name)


def organisation(rng: Random, number: int) -> PersonGiven:
    return _reached(rng, number, ORGANISATIONS[number % len(ORGANISATIONS)])


def _reached(rng: Random, number: int, name: str) -> PersonGiven:
    """The address can belong to nobody (RFC 2606), the number to nobody either."""
    reachable = rng.random()
    return PersonGiven(
        name=name,
        email=f"{plain_name(name, '.')}@example.org" if reachable < 0.92 else "",
        phone=f"+48 500 555 {number:03d}" if reachable > 0.3 else "",
        postcode=f"{rng.randrange(10, 99)}-{rng.randrange(100, 999)}" if rng.random() > 0.2 else "",
    )


_PLAIN = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d", "ß": "ss", "&": " "})


def plain_name(name: str, between: str = "") -> str:
    """The name in the letters that every mail system takes."""
    letters = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN))
    words = ("".join(sign for sign in word if "a" <= sign <= "z") for word in letters.split())
    return between.join(word for word in words if word)
