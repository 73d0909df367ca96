"""What an aspect is worked on with, as the pages draw it."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.administration.protocols import ProtocolShown, VersionShown
from ombud.desk.administration.taxonomy_versions import Difference, TaxonomyVersion
from ombud.desk.matters.evidence import EvidenceShown, FileOfEvidence
from ombud.desk.matters.moves import MoveShown
from ombud.desk.matters.pins import PinShown
from ombud.desk.matters.proposals import ProposalShown
from ombud.desk.matters.protocols import Item, Plan
from ombud.desk.matters.tasks import TaskShown
from ombud.desk.matters.ties import TieShown
from ombud.web.pages.checklist import DEMAND_WORDS
from ombud.web.pages.matters import TASK_WORDS
from ombud.web.pages.protocols import DEMANDS
from ombud.web.pages.ties import TIE_WORDS

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DAY = date(2026, 12, 6)
PARTS = (("matter", "Matter"), ("evidence", "Evidence"), ("tasks", "Tasks"), ("protocol", "Protocol"),
         ("passages", "Passages"), ("ties", "Links"))  # fmt: skip


def pages(whole: Callable[..., Any], administration: dict[str, Any], ago: Callable[..., Any]) -> dict[str, Any]:
    """`whole`: the context of an aspect's page; `administration`: that of a page of the administration."""
    drawn = _Drawn(whole, administration, ago)
    return {**drawn.evidence(), **drawn.tasks(), **drawn.work(), **drawn.ties(), **drawn.case(), **drawn.protocols()}


class _Drawn:
    def __init__(self, whole: Callable[..., Any], administration: dict[str, Any], ago: Callable[..., Any]) -> None:
        self.whole, self.administration, self.ago = whole, administration, ago

    def _part(self, part: str, form: dict[str, Any], wrong: dict[str, str] | None = None, **more: Any) -> Any:
        errors = [{"field": field, "message": text} for field, text in (wrong or {}).items()]
        href = "/cases/OMB-4182/aspects/A"
        parts = [{"code": code, "label": label, "href": f"{href}/{code}"} for code, label in PARTS]
        form = {**form, "errors": errors, "error_of": wrong or {}}
        return {**self.whole(), "parts": parts, "part": part, "form": form, "may_write": True, **more}

    def evidence(self) -> dict[str, Any]:
        usual = {
            "id": UUID(int=1), "what": "The recording of the call on 3 October", "need": "", "asked_of": "Call centre",
            "due_on": DAY, "state": "asked", "late": False, "message_id": UUID(int=2), "file": None,
            "file_hidden": False, "sha256": "", "why_not": "", "relied": False, "relied_for": "", "by": "Ewa Kruk",
            "created_at": self.ago(days=3), "received_at": None, "version": 1,
        }  # fmt: skip
        got = {**usual, "id": UUID(int=3), "state": "received", "received_at": self.ago(days=1), "sha256": HASH,
               "file": FileOfEvidence(UUID(int=4), "recording of the call with the branch.pdf"), "relied": True,
               "relied_for": "The clerk promised that the fee would not be taken"}  # fmt: skip
        lost = {**usual, "id": UUID(int=5), "state": "not_coming", "why_not": "It was deleted after 90 days"}
        hidden = {**got, "id": UUID(int=6), "file": None, "file_hidden": True, "relied": False, "relied_for": ""}
        words = {"asked": "Asked for", "received": "Received", "not_coming": "Not coming"}
        lines = [{"shown": EvidenceShown(**each), "state_label": words[each["state"]], "need_label": need}
                 for each, need in ((usual, ""), ({**usual, "late": True, "id": UUID(int=7)}, "Recording"),
                                    (got, ""), (lost, ""), (hidden, ""))]  # fmt: skip
        form = {"what": "", "asked_of": "Helena Marsh", "due_on": "", "need": "", "message": ""}
        lists = {"files": [("1", "letter.pdf")], "messages": [("1", "2026-10-03: Please send us")],
                 "needs": [("recording", "Recording")]}  # fmt: skip
        none = {"lines": [], "wanted": [], "files": [], "messages": [], "needs": []}
        return {
            "evidence": (
                "pages/evidence.html", self._part("evidence", form, lines=lines, wanted=["Statement"], **lists)
            ),
            "evidence-none": ("pages/evidence.html", self._part("evidence", form, **none)),
            "evidence-refused": (
                "pages/evidence.html", self._part("evidence", form, {"what": "This is empty."}, **none)
            ),
        }  # fmt: skip

    def tasks(self) -> dict[str, Any]:
        usual = {
            "id": UUID(int=1), "aspect_id": UUID(int=2), "what": "Refund of 42.00 EUR", "due_on": DAY, "state": "open",
            "promised_by": "Ewa Kruk", "promised_at": self.ago(days=3), "done_at": None, "done_by": "", "told_at": None,
            "told_by": "", "dropped_at": None, "dropped_why": "", "version": 1,
        }  # fmt: skip
        done = {"done_at": self.ago(days=1), "done_by": "Ewa Kruk"}
        more = {"done": done, "told": {**done, "told_at": self.ago(hours=2), "told_by": "Ewa Kruk"},
                "dropped": {"dropped_at": self.ago(days=1), "dropped_why": "She asked for a letter"}}  # fmt: skip
        listed = [
            {"shown": TaskShown(**{**usual, "id": UUID(int=place), "state": state, **more.get(state, {})}),
             "words": words}
            for place, (state, words) in enumerate(TASK_WORDS.items())
        ]  # fmt: skip
        form = {"what": "", "due_on": "", "why": ""}
        case = {**self.whole()["case"], "version": 3}
        groups = [{"aspect": self.whole()["aspect"], "tasks": listed}]
        promised = {**self.whole(), "case": case, "undone": 2, "may_close": True, "groups": groups}
        return {
            "tasks": ("pages/tasks.html", self._part("tasks", form, tasks=listed, may_promise=True, closed=False)),
            "tasks-none": ("pages/tasks.html", self._part("tasks", form, tasks=[], may_promise=True, closed=False)),
            "tasks-closed": (
                "pages/tasks.html",
                self._part("tasks", form, tasks=listed, may_promise=False, closed=True),
            ),
            "promises": ("pages/promises.html", promised),
            "promises-none": ("pages/promises.html", {**promised, "groups": [], "undone": 0}),
        }

    def work(self) -> dict[str, Any]:
        steps = (
            Item("look", "Look at the account", "The last three months, line by line.", "block", self.ago(days=1),
                 "Ewa Kruk", "Two fees on one day"),
            Item("call", "Call the customer", "", "block"), Item("tariff", "Check the tariff", "", "warn"),
        )  # fmt: skip
        needs = (Item("statement", "Statement of the month", "From the core system", "block"),
                 Item("recording", "Recording", "", "free", self.ago(days=1), "Recording"))  # fmt: skip
        plan = Plan("Fees", UUID(int=1), 2, DAY, 3, "", steps, needs)
        form = {"note": "", "step": ""}
        usual = {"demands": DEMAND_WORDS, "may_set_up": True}
        said = PinShown(UUID(int=1), UUID(int=2), "The fee was taken twice", self.ago(days=9), None, "", None,
                        "Ewa Kruk", self.ago(days=2))  # fmt: skip
        gone = PinShown(UUID(int=3), UUID(int=2), "", self.ago(days=9), None, "", None, "Ewa Kruk", self.ago(days=2))
        leaf = PinShown(UUID(int=4), None, "", None, UUID(int=5), "letter of 3 October.pdf", 2, "Ewa Kruk",
                        self.ago(days=2))  # fmt: skip
        fields = {"message": "1", "quote": "", "start": "", "attachment": "", "page": ""}
        lists = {
            "messages": [("1", "2026-10-03: The fee")],
            "files": [("1", "letter.pdf")],
            "text": "The fee was taken",
        }
        return {
            "protocol-of-aspect": ("pages/checklist.html", self._part("protocol", form, plan=plan, **usual)),
            "protocol-of-aspect-none": ("pages/checklist.html", self._part("protocol", form, plan=Plan(), **usual)),
            "passages": ("pages/passages.html", self._part("passages", fields, pins=(said, gone, leaf), **lists)),
            "passages-unread": (
                "pages/passages.html",
                self._part("passages", fields, pins=(said,), **{**lists, "text": ""}),
            ),
            "passages-none": (
                "pages/passages.html",
                self._part("passages", fields, {"quote": "This passage is not in the message."}, pins=(), **lists),
            ),
        }

    def ties(self) -> dict[str, Any]:
        tie = TieShown(UUID(int=1), "same_cause", "Has the same cause as", UUID(int=2), "A rude call", "OMB-4183", True,
                       "Ewa Kruk", self.ago(days=1))  # fmt: skip
        ties = [{"shown": tie, "href": "/cases/OMB-4183/aspects/B", "here": False}]
        moves = (MoveShown(UUID(int=1), "OMB-4180", "OMB-4182", "Ewa Kruk", self.ago(days=2), False, True),
                 MoveShown(UUID(int=2), "", "OMB-4182", "Ewa Kruk", self.ago(days=3), True, False))  # fmt: skip
        form = {"other": "", "kind": "same_cause", "to": "", "reason": "", "other_people": "", "title": "", "text": "",
                "category": ""}  # fmt: skip
        lists = {"kinds": TIE_WORDS, "categories": ["Fees"], "going": [("task.1", "An apology", "Promise")]}
        may = {"may_move": True, "may_join": True}
        aspect = {**self.whole()["aspect"], "decided": False}
        wrong = {"other_people": "Different people complain in that case."}
        return {
            "aspect-ties": (
                "pages/aspect_ties.html",
                self._part("ties", form, ties=ties, moves=moves, aspect=aspect, **lists, **may),
            ),
            "aspect-ties-warned": (
                "pages/aspect_ties.html",
                self._part("ties", form, wrong, ties=[], moves=(), aspect=aspect, **lists, **may),
            ),
        }  # fmt: skip

    def case(self) -> dict[str, Any]:
        idea = ProposalShown(UUID(int=1), UUID(int=2), "fees", "Fees", "Fees", "the fee was taken twice",
                             "Two passages have words of its list.", "words", False)  # fmt: skip
        form = {"message": "", "quote": "", "category": "", "title": "", "text": "", "errors": [], "error_of": {}}
        usual = {
            **self.whole(), "form": form, "of": "", "proposals": (idea,), "categories": ["Fees"],
            "aspects": [("1", "A Fee")], "messages": [("1", "2026-10-03: The fee")], "may_write": True,
        }  # fmt: skip
        aspect = {**self.whole()["aspect"], "rank": "Primary"}
        order = {
            **self.whole(), "case": {**self.whole()["case"], "version": 3}, "may_change": True,
            "aspects": [aspect, {**aspect, "letter": "B", "rank": "Secondary", "title": "A rude call"}],
            "changes": [{"at": self.ago(days=1), "by": "Ewa Kruk", "order": ["Overdraft fee", "A rude call"]}],
        }  # fmt: skip
        return {
            "proposals": ("pages/proposals.html", usual),
            "proposals-none": ("pages/proposals.html", {**usual, "proposals": ()}),
            "aspect-order": ("pages/aspect_order.html", order),
            "aspect-order-unchanged": ("pages/aspect_order.html", {**order, "changes": []}),
        }

    def protocols(self) -> dict[str, Any]:
        row = {"key": "look", "label": "Look at the account", "guidance": "Three months", "demand": "block"}
        last = VersionShown(UUID(int=1), 2, DAY, True, [row], [row], "Ewa Kruk", self.ago(days=1))
        before = VersionShown(UUID(int=2), 1, DAY, False, [row], [], "Ewa Kruk", self.ago(days=9))
        one = ProtocolShown(UUID(int=3), "Fees", "fees", None, "", True, 1, 4, (last, before))
        gone = ProtocolShown(UUID(int=4), "Calls", "", UUID(int=5), "Modra Direct", False, 2, 0, (before,))
        around = {**self.administration, "place": "protocols"}
        blank = {"key": "", "label": "", "guidance": "", "demand": "free"}
        usual = {
            **around, "may_change": True, "category": "Fees", "categories": [("fees", "Fees")],
            "units": [("desk", "The whole desk")], "demands": DEMANDS, "steps": [row, blank], "evidence": [blank],
            "form": {"valid_from": "2026-12-06", "seen": "2", "errors": [], "error_of": {}}, "protocol": one,
            "versions": [{"shown": last, "changes": ["New: Look"]}, {"shown": before, "changes": []}],
        }  # fmt: skip
        wrong = {"name": "", "category": "", "unit": "", "valid_from": "",
                 "errors": [{"field": "unit", "message": "Choose where the protocol holds."}],
                 "error_of": {"unit": "Choose where the protocol holds."}}  # fmt: skip
        listed = [{"shown": one, "category": "Fees"}, {"shown": gone, "category": ""}]
        told = TaxonomyVersion(2, self.ago(days=1), "Ewa Kruk", "Changed", "Fees", "fees",
                               (Difference("Words (en)", "Fee", "Fees"), Difference("Help", "Old", "")))  # fmt: skip
        versions = {**around, "place": "taxonomies", "kind": "category", "kind_label": "Categories", "more_href": "#"}
        return {
            "taxonomy-versions": ("pages/taxonomy_versions.html", {**versions, "versions": [told]}),
            "taxonomy-versions-none": ("pages/taxonomy_versions.html", {**versions, "versions": [], "more_href": ""}),
            "protocols": ("pages/protocols.html", {**around, "protocols": listed, "trail": []}),
            "protocols-none": ("pages/protocols.html", {**around, "protocols": [], "trail": []}),
            "protocol": ("pages/protocol.html", usual),
            "protocol-new": ("pages/protocol.html", {**usual, "protocol": None, "versions": [], "form": wrong}),
            "protocol-read": ("pages/protocol.html", {**usual, "protocol": gone, "may_change": False}),
        }
