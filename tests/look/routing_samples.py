"""Routing and escalation as the pages draw them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import admin_samples

from ombud.desk.routing.absences import Absence
from ombud.desk.routing.laddering import ENDS, OF, TARGETS, After, Content, Starts, Step
from ombud.desk.routing.ladders import LadderShown
from ombud.desk.routing.profiles import DAYS, Profile
from ombud.desk.routing.reasons import words
from ombud.desk.routing.shown import GivenShown, Glance
from ombud.desk.routing.skills import SkillShown
from ombud.desk.shown import Named

NOW = datetime(2026, 11, 23, 8, 31, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
WHY = tuple(
    words(
        [
            {"key": "skills", "value": "1/1", "points": 0}, {"key": "language", "value": "spoken", "points": 60},
            {"key": "router:language-router", "value": "600", "points": 180},
            {"key": "load", "value": "3/12", "points": 150}, {"key": "share", "value": "6", "points": 62},
            {"key": "clock", "value": "-4", "points": 600}, {"key": "support", "value": "confirmed", "points": 150},
        ]
    )
)  # fmt: skip
STARTS = Starts(3, "angry", True, Decimal(1000), "EUR", "last_in", After(120, True))
CONTENT = Content(
    (Step("owner", After(120, True)), Step("leader", After(240, True)), Step("queue", After(1440), "senior", True)),
    STARTS,
)
GLANCE = Glance(
    (("Angry and vulnerable", 1, 3, NOW + timedelta(hours=2)), ("Grave matters", 3, 3, None)),
    GivenShown(NOW, "Ewa Wrona", True, None, WHY, "assign"),
)


def pages(
    work: Callable[..., Any], csrf_field: Callable[[], Any], ago: Callable[..., Any], case: Callable[..., Any]
) -> dict[str, Any]:
    around = {"shell": work("administration"), "csrf_field": csrf_field, "conflict": None, "trail": admin_samples.TRAIL,
              "places": [{"label": "People", "places": []}]}  # fmt: skip
    own = {"shell": work("me"), "csrf_field": csrf_field}
    return {
        **{name: (template, {**around, "place": place, **more})
           for name, (template, place, more) in {**_team(), **_skills(), **_ladders()}.items()},
        "my-absence": ("pages/my_absence.html", {**own, **_absences(), "person": PROFILE, "skills": ["Chargebacks"]}),
        "my-absence-refused": ("pages/my_absence.html", {**own, **_absences(wrong=True), "person": Profile(ONE, "Ewa"),
                                                         "skills": []}),
        "case-routing": ("pages/case_routing.html", {"shell": work("queue"), "csrf_field": csrf_field, **_case()}),
        "case-routing-new": ("pages/case_routing.html", {
            "shell": work("queue"), "csrf_field": csrf_field, **_case(), "given": [], "running": [], "ended": [],
            "ladders": [], "matters": [],
            "form": _form("ladder", "Choose the ladder.", ladder="", aspect="", words=""),
        }),
        "case-escalated": ("pages/case.html", case(routing=GLANCE)),
    }  # fmt: skip


TRIAL = {
    "state": "done", "months": 3, "asked_at": NOW, "pieces": 412, "left": 80, "owned": 398, "as_it_went": 201,
    "changed": 44, "moved": 3, "nobody": [12, 9], "hidden": 2,
    "people": [("Ewa Wrona", 120, 98), ("Piotr Lis", 80, 102), ("Marta Ilves", 40, 40)],
    "queues": [("Cards", 200, 197), ("No queue", 4, 7)], "why": [("away", 40, 40), ("no room left", 12, 3)],
    "shown": [{"reference": "OMB-48210-K", "title": "The fee was taken twice", "href": "#", "at": NOW,
               "owner": ["Ewa Wrona", "Piotr Lis"], "queue": ["Cards", "Fraud"]}] * 45,
}  # fmt: skip
CLIMBED = {
    "state": "done", "months": 3, "asked_at": NOW, "cases": 412, "truly": 31, "changed": 44, "late": 12, "hidden": 1,
    "began": [30, 41], "before": [4, 9], "steps": [(1, 30, 41), (2, 11, 16)], "ended": [("Answered", 20, 25)],
    "units": [("Modra Bank", 22, 30)],
    "shown": [{"reference": "OMB-48210-K", "title": "The fee was taken twice", "href": "#", "was": [],
               "would": [NOW, NOW + timedelta(hours=2)]}] * 45,
}  # fmt: skip
WAITS = {"state": "running", "months": 3, "asked_at": NOW}
UNTRIED = {"state": "none"}


def _form(at: str = "", wrong: str = "", **values: Any) -> dict[str, Any]:
    errors = [{"field": at, "message": wrong}] if wrong else []
    return {**values, "errors": errors, "error_of": {at: wrong} if wrong else {}}


PROFILE = Profile(
    ONE, "Ewa Wrona", ("chargeback",), ("en", "pl"), 12, {"0": [["09:00", "12:30"], ["13:00", "17:00"]]},
    "Europe/Warsaw", TWO, "Anna Zając", 4, 9, date(2026, 11, 27), "Piotr Lis",
)  # fmt: skip


def _absences(wrong: bool = False) -> dict[str, Any]:
    listed = [
        Absence(ONE, date(2026, 11, 20), date(2026, 11, 27), TWO, "Piotr Lis", True),
        Absence(TWO, date(2026, 12, 23), date(2027, 1, 3), None, "", False),
    ]
    form = _form("ends_on", "The last day lies before the first.", starts_on="2026-12-03", ends_on="2026-12-01",
                 stand_in="") if wrong else _form(starts_on="", ends_on="", stand_in="")  # fmt: skip
    return {
        "absences": [] if wrong else listed, "colleagues": [(str(TWO), "Piotr Lis")], "absence_action": "/me/absence",
        "absence": form,
    }  # fmt: skip


def _team() -> dict[str, tuple[str, str, dict[str, Any]]]:
    row = {"href": "/team/1", "name": "Ewa Wrona", "load": 9, "capacity": 12, "skills": ["Chargebacks", "Fraud"],
           "languages": ["en", "pl"], "away_until": None, "stand_in": "", "full": False,
           "leader": "Anna Zając"}  # fmt: skip
    people = [
        row,
        {**row, "name": "Piotr Lis", "full": True, "load": 12},
        {**row, "name": "Marta Ilves", "skills": [], "languages": [], "capacity": None, "leader": "",
         "away_until": date(2026, 11, 27), "stand_in": "Piotr Lis"},
    ]  # fmt: skip
    hours = {f"day{day}": "9:00-17:00" if day < 5 else "" for day in range(7)}
    member = {
        "person": PROFILE, "href": "/team/1", "skills": [("chargeback", "Chargebacks", ""), ("fraud", "Fraud", "")],
        "trial": TRIAL, "leaders": [(str(TWO), "Anna Zając")], "days": list(enumerate(DAYS)), "may_change": True,
        "mine": False,
        "form": _form(skills=["chargeback"], languages="en, pl", capacity="12", leader=str(TWO),
                      time_zone="Europe/Warsaw", months="3", **hours),
        **_absences(),
    }  # fmt: skip
    empty = {f"day{day}": "" for day in range(7)}
    bare = {
        **member, "person": Profile(ONE, "Ewa Wrona"), "skills": [], "may_change": False, "mine": True,
        "trial": UNTRIED,
        "form": _form("capacity", "The capacity is a number, or empty for no limit.", skills=[], languages="",
                      capacity="many", leader="", time_zone="", months="3", **empty),
    }  # fmt: skip
    return {
        "team": ("pages/team.html", "team", {"people": people, "skills": [("fraud", "Fraud")], "skill": "",
                                             "nobody_set": False}),
        "team-new": ("pages/team.html", "team", {"people": people[2:], "skills": [], "skill": "", "nobody_set": True}),
        "team-none": ("pages/team.html", "team", {"people": [], "skills": [("fraud", "Fraud")], "skill": "fraud",
                                                  "nobody_set": False}),
        "team-member": ("pages/team_member.html", "team", member),
        "team-member-own": ("pages/team_member.html", "team", bare),
    }  # fmt: skip


def _skills() -> dict[str, tuple[str, str, dict[str, Any]]]:
    skill = SkillShown(ONE, "chargeback", "Chargebacks", {"category": ["cards"]}, True, 3, 4)
    listed = [
        {"skill": skill, "needs": ["Category: Cards or Fees"], "href": "/administration/skills/1"},
        {"skill": SkillShown(TWO, "fraud", "Fraud", {}, True, 1, 0), "needs": [], "href": "#"},
        {"skill": SkillShown(TWO, "old", "Cheques", {}, False, 1, 0), "needs": [], "href": "#"},
    ]
    options = {"category": [("cards", "Cards", ""), ("fees", "Fees", "")], "case_type": []}
    form = _form(key="chargeback", label="Chargebacks", category=["cards"], case_type=[], category_more="",
                 case_type_more="", active=True, months="3")  # fmt: skip
    edit = {
        "options": options,
        "words": {"category": "Category", "case_type": "Case type"},
        "may_change": True,
        "trial": WAITS,
    }
    return {
        "skills": ("pages/skills.html", "skills", {"skills": listed, "may_change": True}),
        "skills-none": ("pages/skills.html", "skills", {"skills": [], "may_change": False}),
        "skill": ("pages/skill.html", "skills", {**edit, "skill": skill, "action": "/administration/skills/1",
                                                 "form": form, "conflict": admin_samples.CONFLICT}),
        "skill-new": ("pages/skill.html", "skills", {
            **edit, "skill": None, "action": "/administration/skills/new",
            "form": {**form, **_form("key", "There is a skill with this key already. Take another one.")},
        }),
    }  # fmt: skip


def _ladders() -> dict[str, tuple[str, str, dict[str, Any]]]:
    ladder = LadderShown(ONE, "senior", "Angry and vulnerable", None, "", True, 3, 4, CONTENT, 2)
    told = ["After 2 working hours: remind whoever has it", "After 4 working hours: tell the next level: their leader",
            "After 1 day: move it to a queue: Senior team"]  # fmt: skip
    starts = ["severity 3 or more", "the customer is angry or worse"]
    running = [
        {"reference": "OMB-7F3K2-9", "title": "Overdraft fee taken twice", "ladder": ladder.name, "level": 1, "of": 3,
         "next_at": NOW + timedelta(hours=2), "started_at": NOW, "owner": "Ewa Wrona"},
        {"reference": "OMB-4182X-1", "title": "The branch lost a letter", "ladder": ladder.name, "level": 3, "of": 3,
         "next_at": None, "started_at": NOW, "owner": ""},
    ]  # fmt: skip
    listed = [
        {"ladder": ladder, "href": "#", "steps": told, "starts": starts},
        {"ladder": LadderShown(TWO, "slow", "Slow", ONE, "Card services", False, 1, 1, CONTENT, 0), "href": "#",
         "steps": told[:1], "starts": []},
    ]  # fmt: skip
    step = {"to": "owner", "after": "2h", "business": True, "where": "", "hand_over": False}
    steps = [
        step,
        {**step, "to": "queue", "where": "queue/senior", "hand_over": True},
        {**step, "to": "", "after": "0"},
    ]
    form = _form(key="senior", name="Angry and vulnerable", where="desk", active=True, severity="3", mood="angry",
                 support_needs=True, amount="1000", currency="EUR", of="last_in", start_after="2h",
                 start_business=True, ends=list(ENDS), steps=steps, months="3")  # fmt: skip
    lists = {
        "units": [("desk", "Every unit")], "targets": list(TARGETS.items()),
        "ends": [(code, label, "") for code, label in ENDS.items()], "wheres": [("queue/senior", "Queue: Senior team")],
        "moods": [("angry", "Angry")], "severities": [("3", "3, serious")], "of": list(OF.items()),
    }  # fmt: skip
    versions = [
        {"number": 3, "at": NOW, "by": "Adam Rey", "steps": told, "starts": starts, "current": True},
        {"number": 2, "at": NOW, "by": "Adam Rey", "steps": told[:2], "starts": [], "current": False},
    ]
    wrong = _form("s1.after", "Write a time like 30m, 2h or 1d.")
    return {
        "escalations": ("pages/escalations.html", "escalations", {"ladders": listed, "running": running}),
        "escalations-none": ("pages/escalations.html", "escalations", {"ladders": [], "running": []}),
        "escalation": ("pages/escalation.html", "escalations", {
            **lists, "ladder": ladder, "action": "#", "versions": versions, "form": form, "trial": CLIMBED,
            "conflict": admin_samples.CONFLICT,
        }),
        "escalation-new": ("pages/escalation.html", "escalations", {
            **lists, "ladder": None, "action": "#", "versions": [], "form": {**form, **wrong},
            "trial": {**WAITS, "state": "failed"},
        }),
    }  # fmt: skip


def _case() -> dict[str, Any]:
    running = {
        "id": str(ONE), "ladder": "Angry and vulnerable", "level": 1, "of": 3, "letter": "B", "started_at": NOW,
        "moved_at": NOW, "next_at": NOW + timedelta(hours=2), "next_step": TARGETS["leader"],
        "ends": list(ENDS.values()), "ended_at": None, "ended_because": "", "may_acknowledge": True,
        "may_take_back": True,
    }  # fmt: skip
    given = {"at": NOW, "owner": "Ewa Wrona", "mine": True, "letter": "", "factors": WHY, "rule": "assign",
             "taken_next": False, "escalation": "", "reasons": ["Speaks the customer's language."]}  # fmt: skip
    return {
        "case": {"reference": "OMB-7F3K2-9", "title": "Overdraft fee taken twice", "href": "/cases/OMB-7F3K2-9",
                 "owner": Named(ONE, "Ewa Wrona"), "queue": Named(TWO, "Accounts", "accounts")},
        "given": [given, {**given, "factors": (), "rule": "", "owner": "", "letter": "B", "reasons": ()},
                  {**given, "rule": "", "taken_next": True}],
        "running": [running, {**running, "level": 0, "letter": "", "next_at": None, "may_take_back": False}],
        "ended": [{**running, "ended_at": NOW, "ended_because": "The customer got an answer"}],
        "ladders": [("senior", "Angry and vulnerable")],
        "matters": [(str(ONE), "A: The fee"), (str(TWO), "B: The call")],
        "may_escalate": True, "may_choose": True, "form": _form(ladder="", aspect="", words=""),
    }  # fmt: skip
