"""The demonstration firm before its first complaint: units, queues, case types and the people who work there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from ombud.desk import first_desk
from ombud.desk.administration import taxonomies
from ombud.desk.errors import NotNow
from ombud.desk.retention import rules as retention
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import users
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import SYSTEM, Viewer
from ombud.trust.viewers import viewer_of_user

PASSWORD = "harbour lantern moss"  # noqa: S105  of the demonstration log-ins; printed by the command, for no real desk

LOCK = 0x6F6D_6465_6D6F  # one load or removal at a time

# key, kind, parent, name, currency, phone
UNITS = (
    ("modra", "entity", "", "Modra Bank", "EUR", "+48 22 555 01 00"),
    ("modra-direct", "brand", "modra", "Modra Direct", "PLN", "+48 22 555 01 10"),
    ("modra-cards", "team", "modra-direct", "Card services", "PLN", "+48 22 555 01 15"),
    ("modra-home", "brand", "modra", "Modra Home", "EUR", "+48 22 555 01 20"),
    ("modra-loans", "team", "modra-home", "Student and car loans", "EUR", "+48 22 555 01 25"),
    ("modra-collections", "team", "modra-home", "Payments team", "EUR", "+48 22 555 01 30"),
    ("modra-register", "entity", "", "Modra Register", "EUR", "+48 22 555 01 40"),
    ("modra-files", "team", "modra-register", "File corrections", "EUR", "+48 22 555 01 45"),
)

# key, name, position, what it takes beside the firm's own units; those with units take only from these
QUEUES: tuple[tuple[str, str, int, str, dict[str, Any]], ...] = (
    ("modra-fraud", "Fraud and lost cards", 10, "", {"category": ["fraud"]}),
    ("modra-letters", "Letters and branch", 20, "", {"channel": ["letter", "branch"]}),
    ("modra-grave", "Grave matters", 30, "", {"severity": {"min": 3}}),
    ("modra-cards", "Cards and payments", 40, "modra-direct modra-cards", {"case_type": "modra_card"}),
    ("modra-accounts", "Accounts", 50, "modra-direct modra-cards", {}),
    ("modra-loans", "Mortgages and loans", 60, "modra-home modra-loans", {}),
    ("modra-collections", "Payments and arrears", 70, "modra-collections", {}),
    ("modra-files", "Credit files", 80, "modra-register modra-files", {}),
)

_CARD = {
    "card_ending": {
        "type": "string", "regex": "[0-9]{4}",
        "meta": {"label": "Last four digits", "help": "Never the whole number."},
    },
    "disputed_amount": {"type": "string", "maxlength": 20, "meta": {"label": "Disputed amount"}},
    "card_blocked": {"type": "boolean", "meta": {"label": "Card is blocked"}},
}  # fmt: skip
_LOAN = {
    "contract": {"type": "string", "maxlength": 30, "meta": {"label": "Contract number"}},
    "years_left": {"type": "integer", "min": 0, "max": 40, "meta": {"label": "Years left"}},
    "in_arrears": {"type": "boolean", "meta": {"label": "In arrears"}},
}
_ARREARS = {
    "file_number": {"type": "string", "maxlength": 30, "meta": {"label": "File number"}},
    "stage": {"type": "string", "allowed": ["reminder", "agreement", "court"], "meta": {"label": "Stage"}},
}

_FILE = {
    "entry": {"type": "string", "maxlength": 20, "meta": {"label": "Number of the entry"}},
    "source": {
        "type": "string", "allowed": ["lender", "court", "agency", "unknown"], "meta": {"label": "Who reported it"},
    },
    "copy_sent": {"type": "boolean", "meta": {"label": "Copy of the file was sent"}},
}  # fmt: skip

# key, label, fields, calendar days until the answer is due (None: the desk's own term)
CASE_TYPES = (
    ("modra_card", "Card or payment", _CARD, 15),
    ("modra_loan", "Mortgage or loan", _LOAN, None),
    ("modra_arrears", "Arrears", _ARREARS, 30),
    ("modra_file", "Entry in a credit file", _FILE, 30),
)


# unit, case type, period, from when it counts, where it stands
RETENTION = (
    ("modra", "", 6, "years", "closed", "PL: limitation of claims, six years (Civil Code, art. 118)"),
    ("modra-register", "", 3, "years", "closed", "PL: claims of a business, three years (Civil Code, art. 118)"),
    ("modra", "modra_card", 13, "months", "last_word", "PSD2 art. 71: payments may be disputed for 13 months"),
)

# code, English, Polish
CATEGORIES = (
    ("account_access", "Access to an account", "Dostęp do rachunku"),
    ("account_closing", "Closing an account", "Zamknięcie rachunku"),
    ("payments", "Payments and transfers", "Płatności i\u00a0przelewy"),
    ("fees", "Fees and charges", "Opłaty i\u00a0prowizje"),
    ("fraud", "Fraud", "Oszustwa"),
    ("promotions", "Promotions and bonuses", "Promocje i\u00a0premie"),
    ("information", "Information", "Informacja"),
    ("staff", "Conduct of staff", "Zachowanie pracowników"),
    ("lending_terms", "Terms of lending", "Warunki kredytów"),
    ("loan_servicing", "Servicing of loans", "Obsługa pożyczek"),
    ("mortgage_application", "Application for a mortgage", "Wniosek o\u00a0kredyt hipoteczny"),
    ("mortgage_servicing", "Servicing of mortgages", "Obsługa kredytów hipotecznych"),
    ("collection", "Collection of debts", "Windykacja"),
    ("credit_reporting", "Credit reporting", "Wpisy w\u00a0biurze informacji"),
)


@dataclass(frozen=True)
class LogIn:
    """A member of the firm's staff; all share PASSWORD."""

    name: str
    display_name: str
    role: str


LOG_INS = (
    LogIn("ewa", "Ewa Wrona", "agent"),
    LogIn("piotr", "Piotr Lis", "agent"),
    LogIn("anna", "Anna Zając", "leader"),
    LogIn("quentin", "Quentin Hale", "quality"),
    LogIn("celia", "Celia Moss", "compliance"),
    LogIn("adam", "Adam Rey", "administrator"),
)

# name, shown name, role, unit; they work here and cannot sign in, so that six log-ins are enough to know
COLLEAGUES = (
    ("jonas", "Jonas Lindgren", "agent", "modra"),
    ("ines", "Inês Carvalho", "agent", "modra"),
    ("deniz", "Deniz Çelik", "agent", "modra"),
    ("luca", "Luca Ferri", "agent", "modra"),
    ("aoife", "Aoife Brennan", "agent", "modra"),
    ("katarina", "Katarína Nováková", "agent", "modra"),
    ("mateusz", "Mateusz Gruszka", "agent", "modra"),
    ("sofie", "Sofie Aagaard", "agent", "modra"),
    ("tomas", "Tomáš Beran", "agent", "modra"),
    ("yasmin", "Yasmin Haddad", "agent", "modra"),
    ("marta", "Marta Ilves", "leader", "modra"),
    ("oleh", "Oleh Kravets", "agent", "modra-register"),
    ("henrik", "Henrik Vos", "agent", "modra-register"),
)

# Who takes the complaints of a unit; the more often named take more.
TEAMS = {
    "modra-direct": ("ewa", "ewa", "piotr", "piotr", "jonas", "ines"),
    "modra-cards": ("ewa", "piotr", "deniz", "luca"),
    "modra-home": ("anna", "aoife", "katarina", "ewa"),
    "modra-loans": ("mateusz", "sofie", "piotr", "marta"),
    "modra-collections": ("ewa", "piotr", "tomas", "tomas", "yasmin", "yasmin", "marta"),
    "modra-register": ("oleh", "ewa", "anna"),
    "modra-files": ("oleh", "henrik", "henrik"),
}


@dataclass
class Firm:
    """The firm as founded; `made` is what `demo remove` has to find again, as (kind, id)."""

    units: dict[str, UUID] = field(default_factory=dict)
    queues: dict[str, UUID] = field(default_factory=dict)
    staff: dict[str, Viewer] = field(default_factory=dict)
    made: list[tuple[str, UUID]] = field(default_factory=list)


def case_type_id(key: str) -> UUID:
    """Case types are known by their key; the note of what was made holds ids, so the key has one of its own."""
    return uuid5(NAMESPACE_URL, f"ombud:case-type/{key}")


async def found() -> Firm:
    """Writes the firm below the desk's first unit; refuses a desk that uses one of its names already."""
    await _refuse_taken()
    firm = Firm()
    await _units(firm)
    await _case_types(firm)
    await _queues(firm)
    await _retention(firm)
    await _categories(firm)
    for each in LOG_INS:
        await _employ(firm, each.name, each.display_name, each.role, None, PASSWORD)
    for name, display_name, role, unit in COLLEAGUES:
        await _employ(firm, name, display_name, role, unit, None)
    return firm


async def _refuse_taken() -> None:
    taken = await db.fetchval(
        "SELECT string_agg(name, ', ') FROM ("
        "SELECT 'user ' || name AS name FROM core_user WHERE name = ANY($1) "
        "UNION ALL SELECT 'unit ' || key FROM core_unit WHERE key = ANY($2) "
        "UNION ALL SELECT 'queue ' || key FROM core_queue WHERE key = ANY($3) "
        "UNION ALL SELECT 'case type ' || key FROM core_case_type WHERE key = ANY($4) "
        "UNION ALL SELECT 'category ' || code FROM core_taxonomy_term WHERE kind = 'category' AND code = ANY($5)) "
        "AS taken",
        [each.name for each in LOG_INS] + [each[0] for each in COLLEAGUES],
        [unit[0] for unit in UNITS],
        [queue[0] for queue in QUEUES],
        [kind[0] for kind in CASE_TYPES],
        [category[0] for category in CATEGORIES],
    )
    if taken:
        raise NotNow(f"This desk has {taken} already. Load the demonstration data into a desk without them.")


FRONT = "Modra Group"  # what the front door is called meanwhile
FRONT_PHONE = "+48 22 555 01 00"


async def lend_name() -> None:
    """A first unit that nobody named yet gets the firm's name and number, so that the public pages speak for it."""
    await _rename(first_desk.NAME, FRONT, FRONT_PHONE)


async def take_name_back() -> None:
    await _rename(FRONT, first_desk.NAME, "")


async def _rename(before: str, after: str, phone: str) -> None:
    changed = await db.fetchval(
        "UPDATE core_unit SET name = $2, phone = $3, version = version + 1 WHERE id = (SELECT id FROM core_unit "
        "WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1) AND name = $1 RETURNING id",
        before,
        after,
        phone,
    )
    if changed is not None:
        await _tell(f"unit/{changed}", "unit.changed", {"fields": ["name", "phone"], "why": "demonstration"})


async def _units(firm: Firm) -> None:
    await lend_name()
    top = await db.fetchrow("SELECT id FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1")
    if top is None:
        raise NotNow("This desk has no unit yet. Run `ombud migrate`, then load the demonstration data.")
    for key, kind, parent, name, currency, phone in UNITS:
        identity = new_id()
        await db.execute(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
            "created_at, version) VALUES ($1, $2, $3, $4, $5, 'Europe/Warsaw', $6, 'PL', 'en', $7, $8, 1)",
            identity, firm.units.get(parent, top["id"]), kind, key, name, currency, phone, now(),
        )  # fmt: skip
        firm.units[key] = identity
        firm.made.append(("unit", identity))
        await _tell(f"unit/{identity}", "unit.added", {"key": key, "kind": kind})


async def _case_types(firm: Firm) -> None:
    for key, label, fields, days in CASE_TYPES:
        await db.execute(
            "INSERT INTO core_case_type (key, label, fields, answer_within_days, active) VALUES ($1, $2, $3, $4, TRUE)",
            key, label, fields, days,
        )  # fmt: skip
        firm.made.append(("case_type", case_type_id(key)))
        await _tell("setting/case-types", "case_type.added", {"key": key})


async def _queues(firm: Firm) -> None:
    """Each queue's condition names units of the firm, so that no other case falls into one."""
    everywhere = [str(identity) for identity in firm.units.values()]
    for key, name, position, unit, more in QUEUES:
        condition = {"unit_id": [str(firm.units[each]) for each in unit.split()] or everywhere, **more}
        identity = new_id()
        await db.execute(
            "INSERT INTO core_queue (id, key, name, unit_id, condition, position, active) "
            "VALUES ($1, $2, $3, NULL, $4, $5, TRUE)",
            identity, key, name, condition, position,
        )  # fmt: skip
        firm.queues[key] = identity
        firm.made.append(("queue", identity))
        await _tell(f"queue/{identity}", "queue.added", {"key": key, "position": position})


async def _retention(firm: Firm) -> None:
    """How long the firm keeps its cases; none of it is carried out unless somebody orders it."""
    for unit, case_type, amount, span, counts_from, source in RETENTION:
        given = retention.RuleGiven(firm.units[unit], "", case_type, amount, span, counts_from, source, False)
        await retention.write(SYSTEM, given)


async def _categories(firm: Firm) -> None:
    """They count on the whole desk, since what is filed at the front door belongs to no unit of the firm yet."""
    for place, (code, english, polish) in enumerate(CATEGORIES, 1):
        given = taxonomies.TermGiven({"en": english, "pl": polish}, position=10 * place)
        firm.made.append(("term", await taxonomies.add(SYSTEM, "category", code, None, given)))


async def _employ(firm: Firm, name: str, display_name: str, role: str, unit: str | None, password: str | None) -> None:
    """Those who can sign in hold their role in the desk's first unit, above the firm, so that what is filed at the
    front door is seen too."""
    identity = await users.add(name, display_name, f"{name}@modra.example.org", password, [role], unit, "system")
    viewer = await viewer_of_user(identity)
    assert viewer is not None
    firm.staff[name] = viewer
    firm.made.append(("user", identity))


async def _tell(stream: str, kind: str, body: Mapping[str, Any]) -> None:
    await append(actor="system", entries=[NewEntry(stream, kind, body)])
