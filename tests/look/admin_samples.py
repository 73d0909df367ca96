"""Sample contexts for the pages of the administration: people, units, words, queues."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from clock_samples import calendar_pages

from ombud.desk.administration.case_types import KINDS as FIELD_KINDS
from ombud.desk.administration.case_types import CaseTypeShown, FieldGiven, Unfit
from ombud.desk.administration.leaving import Waiting
from ombud.desk.administration.queues import QueueShown, Taken
from ombud.desk.administration.roles import Answer, Area, Reason, RoleShown
from ombud.desk.administration.taxonomies import TermShown
from ombud.desk.administration.taxonomy_csv import Line
from ombud.desk.administration.trail import Done, phrase
from ombud.desk.administration.units import KINDS as UNIT_KINDS
from ombud.desk.administration.units import AccessChange, MovePreview, UnitShown
from ombud.desk.taxonomies import KINDS as TAXONOMIES
from ombud.desk.trail.history import Phrase
from ombud.desk.trail.person_history import Counts, Likeness, Moment, Other
from ombud.trust.tokens import TokenListed

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


def pages(work: Callable[..., dict[str, Any]], csrf_field: Callable[[], Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The samples, with the shell of the other pages around them."""

    def around(place: str, **context: Any) -> dict[str, Any]:
        places = [
            {"code": "users", "label": "Users", "icon": "users", "href": "/users"},
            {"code": "units", "label": "Units", "icon": "hierarchy", "href": "/units"},
        ]
        return {
            "shell": work("administration"), "csrf_field": csrf_field, "place": place, "conflict": None,
            "places": [{"label": "People", "places": places}], "trail": TRAIL, "more_href": "", **context,
        }  # fmt: skip

    drawn = {**_users(), **_roles(), **_units(), **_words(), **_queues(), **_plugin(), **calendar_pages()}
    return {name: (template, around(place, **context)) for name, (template, place, context) in drawn.items()}


def _done(number: int, kind: str, body: dict[str, Any], **values: Any) -> Done:
    names = {"role agent": "Agent", str(ONE): "Cards"}
    return Done(number, NOW - timedelta(days=number), "Adam Rey", phrase(kind, body, "Adam Rey", names), values)


TRAIL = [
    _done(3, "user.changed", {"fields": ["email"]}, **{"email.before": "", "email.after": "ewa@modra.example"}),
    _done(2, "user.role_given", {"role": "agent", "unit": str(ONE)}),
    _done(1, "unit.changed", {"fields": ["currency"], "before": {"currency": "EUR"}, "after": {"currency": "PLN"}}),
]
CONFLICT = {
    "who": "Anna Bąk", "at": NOW, "yours": [{"label": "Name", "value": "Cards"}],
    "theirs": [{"label": "Name", "value": "Cards and fees"}], "version": 4,
}  # fmt: skip
ROLES = [("agent", "Agent"), ("leader", "Team leader")]
UNITS = [(str(ONE), "Modra Bank"), (str(TWO), "Modra Bank › Cards")]
LANGUAGES = [("en", "English"), ("pl", "Polski")]


def person() -> dict[str, Any]:
    """What the page of a person shows beside their details and cases."""
    said = Moment(
        "message", NOW, Phrase("Wrote to us in %(case)s", {"case": "OMB-4182"}, "mail"), "OMB-4182", "email", "in",
        "The fee again", "You took the fee twice, and then you blocked my card.",
    )  # fmt: skip
    corrected = Moment(
        "changed", NOW - timedelta(days=2), Phrase("%(who)s corrected: phone", {"who": "Ewa Kruk"}, "edit"),
        values={"phone.before": "58 000", "phone.after": "58 000 20 20"},
    )  # fmt: skip
    return {
        "counts": Counts(1, 2), "history": [said, corrected], "more_href": "/parties/1?before=x#history",
        "earlier": True,
        "others": [
            {"other": Other(TWO, "organisation", "Kancelaria Lis", ("Representative",), 1), "name": "Kancelaria Lis",
             "href": "/parties/2"}
        ],
        "alike": [{"like": Likeness(THREE, "H. Marsh", ("Same e-mail",), 1), "name": "H. Marsh", "href": "/parties/3"}],
    }  # fmt: skip


def _form(**fields: Any) -> dict[str, Any]:
    return {"errors": [], "error_of": {}, **fields}


def _wrong(field: str, message: str, **fields: Any) -> dict[str, Any]:
    return {**fields, "errors": [{"field": field, "message": message}], "error_of": {field: message}}


def _token(**more: Any) -> TokenListed:
    given = {"expires_at": NOW + timedelta(days=20), "used_at": NOW, "revoked_at": None, **more}
    return TokenListed(ONE, "4fe0aa12bc", "Nightly export", ("case.read",), NOW - timedelta(days=10), **given)


def _users() -> dict[str, tuple[str, str, dict[str, Any]]]:
    row = {
        "href": "/users/1", "name": "ewa", "display_name": "Ewa Kruk", "email": "ewa@modra.example", "active": True,
        "has_password": True, "second_factor": True, "seen_at": NOW, "roles": ["Agent, Cards", "Team leader, Loans"],
    }  # fmt: skip
    gone = {**row, "name": "piotr", "display_name": "Piotr Maj", "active": False, "seen_at": None, "roles": []}
    filters = {"q": "", "stands": "active", "role": "", "unit": ""}
    listed = {
        "users": [row, {**row, "has_password": False, "display_name": "Ola Bąk"}, gone], "filters": filters,
        "states": [("", "Everybody"), ("active", "Active")], "roles": ROLES, "units": UNITS, "filtered": False,
        "next_href": "/users?after=x",
    }  # fmt: skip
    held = {"role": "agent", "label": "Agent", "unit": "Cards", "unit_id": str(ONE)}
    user = {
        **row, "id": str(ONE), "version": 3, "sessions": 2, "mine": False, "created_at": NOW - timedelta(days=300),
        "roles": [held, {**held, "role": "leader", "label": "Team leader"}],
    }  # fmt: skip
    form = _form(display_name="Ewa Kruk", email="ewa@modra.example", language="en", role="", unit="")
    one = {
        "user": user, "tokens": [{"listed": _token(), "state": "holds"}], "roles": ROLES, "units": UNITS,
        "languages": LANGUAGES, "form": form,
    }  # fmt: skip
    kept = {"name": "ola", "display_name": "Ola Bąk", "email": "", "language": "pl", "role": "agent", "unit": ""}
    tokens = [
        {"listed": _token(), "state": "holds", "owner": "Ewa Kruk", "owner_href": "/users/1",
         "beyond": ("case.close",)},
        {"listed": _token(revoked_at=NOW), "state": "revoked", "owner": "Ewa Kruk", "owner_href": "/users/1",
         "beyond": ()},
    ]  # fmt: skip
    all_tokens = {
        "tokens": tokens, "filters": {"q": "", "stands": ""}, "states": [("", "All")], "filtered": False,
        "next_href": "",
    }  # fmt: skip
    leave = {
        "user": row, "waiting": [Waiting("Cards", 12, 3), Waiting("Loans", 1, 0)], "people": [(str(TWO), "Anna Bąk")],
        "form": _form(to=""),
    }  # fmt: skip
    new = {"roles": ROLES, "units": UNITS, "languages": LANGUAGES}
    return {
        "users": ("pages/users.html", "users", listed),
        "users-none": ("pages/users.html", "users", {**listed, "users": [], "filtered": True, "next_href": ""}),
        "user": ("pages/user.html", "users", one),
        "user-out": (
            "pages/user.html",
            "users",
            {**one, "user": {**user, "active": False, "roles": [], "sessions": 0}, "tokens": [], "conflict": CONFLICT},
        ),
        "user-new": ("pages/user_new.html", "users", {**new, "form": _form(**kept)}),
        "user-new-refused": (
            "pages/user_new.html",
            "users",
            {**new, "form": _wrong("unit", "Choose the unit the person works in.", **kept)},
        ),
        "user-leave": ("pages/user_leave.html", "users", leave),
        "user-leave-nothing": ("pages/user_leave.html", "users", {**leave, "waiting": []}),
        "all-tokens": ("pages/all_tokens.html", "tokens", all_tokens),
        "all-tokens-none": ("pages/all_tokens.html", "tokens", {**all_tokens, "tokens": []}),
    }


def _roles() -> dict[str, tuple[str, str, dict[str, Any]]]:
    areas = [
        Area("Cases", (("case.read", "See cases"), ("case.write", "Change a case, write notes and messages"))),
        Area("People", (("person.read", "See people and their roles"),)),
    ]
    agent = RoleShown("agent", "Agent", ("case.read", "person.read"), True, 3, 12)
    old = RoleShown("front", "Front desk", (), False, 2, 0)
    form = _form(label="Agent", permissions=["case.read"])
    people = [{"name": "Ewa Kruk", "href": "/users/1", "active": True, "units": ["Cards"]}]
    role = {"role": agent, "areas": areas, "may_change": True, "people": people, "form": form}
    why = {
        "people": [(str(ONE), "Ewa Kruk")], "permissions": [("case.read", "See cases")], "units": UNITS,
        "form": {"user": str(ONE), "permission": "case.read", "unit": str(ONE)}, "person": "Ewa Kruk",
        "words": "See cases", "unit_name": "Cards",
    }  # fmt: skip
    yes = Answer(True, True, (Reason("Agent", "Modra Bank"),), (), ("Agent",))
    no = Answer(False, True, (), (Reason("Agent", "Loans"),), ("Agent", "Team leader"))
    return {
        "roles": ("pages/roles.html", "roles", {"roles": [agent, old], "areas": areas, "may_change": True}),
        "roles-read": ("pages/roles.html", "roles", {"roles": [agent], "areas": areas, "may_change": False}),
        "role": ("pages/role.html", "roles", role),
        "role-read": ("pages/role.html", "roles", {**role, "may_change": False, "people": []}),
        "role-new": (
            "pages/role_new.html",
            "roles",
            {"areas": areas, "may_change": True, "form": _form(key="", label="", permissions=[])},
        ),
        "role-matrix": ("pages/role_matrix.html", "roles", {"roles": [agent] * 6, "areas": areas, "may_change": True}),
        "role-why": ("pages/role_why.html", "roles", {**why, "answer": None}),
        "role-why-yes": ("pages/role_why.html", "roles", {**why, "answer": yes}),
        "role-why-no": ("pages/role_why.html", "roles", {**why, "answer": no}),
    }


def _units() -> dict[str, tuple[str, str, dict[str, Any]]]:
    def unit(identity: UUID, name: str, kind: str, **more: Any) -> UnitShown:
        given = {"active": True, "version": 2, "open_cases": 12, "people": 3, **more}
        return UnitShown(
            identity, None, kind, name.lower(), name, "Europe/Warsaw", "PLN", "PL", "pl", "58 000 20 20", **given
        )

    bank = unit(ONE, "Modra Bank", "entity")
    cards, old = unit(TWO, "Cards", "brand", open_cases=1, people=1), unit(THREE, "Old team", "team", active=False)
    tree = [{"unit": bank, "href": "/units/1", "below": [
        {"unit": cards, "href": "/units/2", "below": [{"unit": old, "href": "/units/3", "below": []}]}]}]  # fmt: skip
    lists = {
        "kinds": list(UNIT_KINDS.items()), "time_zones": [("UTC", "UTC"), ("Europe/Warsaw", "Europe/Warsaw")],
        "currencies": [("PLN", "PLN, Polish Zloty")], "countries": [("PL", "Poland")], "languages": LANGUAGES,
    }  # fmt: skip
    form = _form(name="Cards", kind="brand", time_zone="Europe/Warsaw", currency="PLN", country="PL", language="pl",
                 phone="58 000 20 20", key="cards", parent=str(ONE))  # fmt: skip
    changes = (AccessChange("Ewa Kruk", "Agent", "Loans"),)
    move = {"unit": cards, "parents": [*UNITS, ("top", "At the top, beside the others")], "to_label": "Loans"}
    one = {"unit": cards, "unnamed": False, "may_move": True, "form": form, **lists}
    return {
        "units": ("pages/units.html", "units", {"tree": tree, "kinds": UNIT_KINDS, "unnamed": ""}),
        "units-first": ("pages/units.html", "units", {"tree": tree[:1], "kinds": UNIT_KINDS, "unnamed": "/units/1"}),
        "unit": ("pages/unit.html", "units", one),
        "unit-conflict": ("pages/unit.html", "units", {**one, "unnamed": True, "conflict": CONFLICT}),
        "unit-new": ("pages/unit_new.html", "units", {"parents": UNITS, "form": form, **lists}),
        "unit-move": ("pages/unit_move.html", "units", {**move, "preview": None, "form": _form(to="")}),
        "unit-move-seen": (
            "pages/unit_move.html",
            "units",
            {**move, "preview": MovePreview(changes, changes), "form": _form(to=str(ONE))},
        ),
    }


def _words() -> dict[str, tuple[str, str, dict[str, Any]]]:
    def term(identity: UUID, code: str, **more: Any) -> TermShown:
        given: dict[str, Any] = {"valid_to": None, "maps_to": None, "maps_to_code": "", "used": 14, **more}
        labels = {"en": code.capitalize(), "pl": "Opłaty"}
        return TermShown(
            id=identity, kind="category", unit_id=None, unit="", parent_id=None, code=code, labels=labels, help="",
            valid_from=date(2026, 1, 1), position=10, version=2, **given,
        )  # fmt: skip

    fees, old = term(ONE, "fees"), term(TWO, "charges", valid_to=date(2026, 5, 1), maps_to_code="fees")
    leaf = {"term": old, "label": "Charges", "href": "/taxonomies/category/2", "holds": False, "below": []}
    tree = [{"term": fees, "label": "Fees", "href": "/taxonomies/category/1", "holds": True, "below": [leaf]}]
    listed = {"kind": "category", "kinds": TAXONOMIES, "about": "What a matter is about.", "tree": tree, "total": 2,
              "put_away": 1, "retired": False}  # fmt: skip
    form = _form(code="fees", label_en="Fees", label_pl="Opłaty", help="", parent="", unit="desk",
                 valid_from="2026-01-01", position="10", valid_to="", maps_to="")  # fmt: skip
    lists = {"terms": [(str(TWO), "Charges")], "units": [("desk", "The whole desk"), *UNITS]}
    one = {"kind": "category", "term": fees, "label": "Fees", "holds": True, "may_change": True, "form": form, **lists}
    lines = [Line(2, "late", "Late fee", "new"), Line(3, "BAD", "Bad", "wrong", "A code has small letters.")]
    file = {"kind": "category", "kind_label": "Categories", "columns": "code, parent, label_en"}
    return {
        "taxonomy": ("pages/taxonomy.html", "taxonomies", listed),
        "taxonomy-empty": ("pages/taxonomy.html", "taxonomies", {**listed, "tree": [], "total": 0, "put_away": 0}),
        "term": ("pages/term.html", "taxonomies", one),
        "term-retired": ("pages/term.html", "taxonomies", {**one, "term": old, "holds": False, "conflict": CONFLICT}),
        "term-read": ("pages/term.html", "taxonomies", {**one, "may_change": False}),
        "term-new": (
            "pages/term_new.html",
            "taxonomies",
            {"kind": "category", "kind_label": "Categories", "form": form, **lists},
        ),
        "taxonomy-file": (
            "pages/taxonomy_file.html",
            "taxonomies",
            {**file, "lines": None, "counts": {}, "form": _form(text="")},
        ),
        "taxonomy-file-seen": (
            "pages/taxonomy_file.html",
            "taxonomies",
            {**file, "lines": lines, "counts": {"new": 1, "changed": 0, "same": 2, "wrong": 1},
             "form": _form(text="code,label_en")},
        ),
    }  # fmt: skip


def _plugin() -> dict[str, tuple[str, str, dict[str, Any]]]:
    plugin = {
        "slug": "payments", "label": "Payments panel", "state": "upgrade_needed", "version": "2.0.0",
        "applied_version": "1.4.1", "summary": "Shows the last payments in the 360 panel.",
        "why": "Another version is installed than the one in use. Upgrade to use it.", "settings_href": "/settings/p-x",
        "preview_href": "/plugins/payments/enable", "preview_label": "Upgrade to 2.0.0",
        "uninstall_href": "/plugins/payments/uninstall", "acts": [{"action": "disable", "label": "Turn off"}],
    }  # fmt: skip
    tables = [
        {"name": "payments_note", "personal": ["words", "account"], "rows": 1204,
         "erase": "Erasing a person blanks these columns."},
        {"name": "payments_state", "personal": [], "rows": 1, "erase": ""},
    ]  # fmt: skip
    rights = [{"key": "payments.look", "label": "See payments", "roles": "Agent, Team leader"},
              {"key": "payments.refund", "label": "Pay back", "roles": ""}]  # fmt: skip
    fault = {"kind": "timeout", "place": "slot case.side", "error": "took longer than 2 s", "count": 5, "last": NOW}
    shown = {
        "plugin": plugin, "facts": [("Version in use", "1.4.1"), ("Reaches", "payments.internal")], "tables": tables,
        "permissions": rights, "faults": [fault], "faults_href": "/jobs/faults", "changes": "# 2.0.0\n\n- Reads dates.",
    }  # fmt: skip
    bare = {**shown, "tables": [], "permissions": [], "faults": [], "changes": "",
            "plugin": {**plugin, "state": "enabled", "why": "", "preview_href": "", "uninstall_href": ""}}  # fmt: skip
    seen = {"plugin": plugin, "wrong": "", "statements": ["ALTER TABLE payments_note ADD COLUMN mood text"],
            "permissions": rights, "reach": "Reaches payments.internal.", "upgrade": True}  # fmt: skip
    return {
        "plugin": ("pages/plugin.html", "plugins", shown),
        "plugin-bare": ("pages/plugin.html", "plugins", bare),
        "plugin-enable": ("pages/plugin_enable.html", "plugins", seen),
        "plugin-enable-not": (
            "pages/plugin_enable.html",
            "plugins",
            {**seen, "wrong": "Its hooks failed: KeyError: 'x'.", "statements": [], "permissions": []},
        ),
        "plugin-uninstall": (
            "pages/plugin_uninstall.html",
            "plugins",
            {"plugin": plugin, "tables": tables,
             "form": _wrong("slug", "To delete its data, type payments exactly.", data="delete", slug="paymets")},
        ),
    }  # fmt: skip


def _queues() -> dict[str, tuple[str, str, dict[str, Any]]]:
    schema = {"card_ending": {"type": "string", "required": True, "meta": {"label": "Last four digits"}},
              "stage": {"type": "string", "allowed": ["open", "sent"], "meta": {"label": "Stage"}}}  # fmt: skip
    card = CaseTypeShown("card", "Card or payment", schema, 15, True, 2, 12, 140)
    plain = CaseTypeShown("complaint", "Complaint", {}, None, False, 1, 0, 3)
    editor = {"kinds": list(FIELD_KINDS.items()), "known": list(schema), "may_change": True}
    form = _form(label="Card or payment", days="15", active=True, key="card")
    refused = _wrong("field-2", "Write the choices of the list, one on each line.", label="Card", days="", active=True)
    words = {"unit_id": "Unit", "channel": "Channel", "severity": "Severity", "category": "Category"}
    options: dict[str, list[Any]] = {
        "unit_id": [(code, label, "") for code, label in UNITS], "category": [],
        "channel": [("letter", "Letter", ""), ("phone", "Phone call", "")], "severity": [("4", "4, grave", "")],
    }  # fmt: skip
    queue = QueueShown(ONE, "letters", "Letters", None, "", {"channel": ["letter"]}, 10, True, 3, 12)
    fields = _form(key="letters", name="Letters", where="desk", move_to="", active=True, unit_id=[], severity=[],
                   channel=["letter"], category=["own"], channel_more="", category_more="own")  # fmt: skip
    lists = {"units": [("desk", "Every unit"), *UNITS], "options": options, "words": words,
             "others": [(str(TWO), "New complaints")], "taken": None}  # fmt: skip
    edit = {"queue": queue, "href": "/administration/queues/1", "form": {**fields, "months": "3"},
            "trial": {"state": "none"}, **lists}  # fmt: skip
    listed = [{"queue": queue, "takes": ["Channel: Letter"], "href": "/administration/queues/1"}] * 2
    return {
        "case-types": ("pages/case_types.html", "case-types", {"types": [card, plain], "may_change": True}),
        "case-types-read": ("pages/case_types.html", "case-types", {"types": [plain], "may_change": False}),
        "case-type": (
            "pages/case_type.html",
            "case-types",
            {**editor, "type": card, "fields": list(card.fields), "unfit": Unfit(0, ()), "form": form},
        ),
        "case-type-unfit": (
            "pages/case_type.html",
            "case-types",
            {**editor, "type": card, "fields": list(card.fields), "unfit": Unfit(2, ("OMB-4182", "OMB-4107")),
             "form": refused, "conflict": CONFLICT},
        ),
        "case-type-new": (
            "pages/case_type_new.html",
            "case-types",
            {**editor, "known": [], "fields": [FieldGiven("", "")], "form": form},
        ),
        "queues-setup": ("pages/queues_setup.html", "queues", {"queues": listed, "may_see": True}),
        "queues-setup-none": ("pages/queues_setup.html", "queues", {"queues": [], "may_see": False}),
        "queue-edit": ("pages/queue_edit.html", "queues", edit),
        "queue-edit-seen": ("pages/queue_edit.html", "queues", {**edit, "taken": Taken(3, 120, 12, 88)}),
        "queue-new": ("pages/queue_new.html", "queues", {**lists, "form": fields}),
    }  # fmt: skip
