"""What happened to a case, from the ledger: each entry in plain words, sealed values opened for those who may."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from ombud.desk.channels import channel_label
from ombud.desk.gate.findings import CHECKS
from ombud.desk.trail.ledger_words import DESK, values_of
from ombud.desk.trail.matter_words import EMERGENCY, HANDED_OVER, MATTER
from ombud.desk.words import label
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.speech import day, joined, money, sentence, word
from ombud.trust.policy import HIDDEN, Arguments, Viewer, about_me, decide, mask_in

# What everybody who reads a case sees in its timeline; the rest is the audit trail and needs `case.history`.
PLAIN = (
    "case.opened", "case.assigned", "case.status_changed", "aspect.added", "aspect.assigned", "aspect.decided",
    "aspect.reopened", "redress.added", "redress.reversed", "redress.requested", "redress.refused", "payment.paid",
    "payment.failed", "payment.unsure", "party.added", "claim.taken_over", "crm.recorded", "case.escalated",
    "case.escalation_ended", "message.delivery_reported", "case.merged", "case.absorbed", "case.parted",
    "case.restored", "case.split", "case.split_off", "message.left", "case.tagged", "case.untagged",
    "rule.applied", "clock.paused", "clock.resumed", "clock.moved", "clock.breached", "aspects.reordered", *MATTER,
)  # fmt: skip
# What the messages themselves show, with their present state.
SAID = (
    "message.received", "message.sent", "note.written", "message.written", "message.sending", "message.waits",
    "message.unsure", "message.failed", "message.hurried", "message.put_off", "message.delivery_changed",
)  # fmt: skip
# What another place of the page shows: the tone beside its message, the clocks on a page of their own.
QUIET = ("message.mood", "clock.started", "clock.met", "clock.stopped", "clock.warned")
# A deadline is noticed within minutes while the desk runs; later, its clock was not watched before.
NOTICED_LATE = timedelta(days=1)
# Roles of people a complaint speaks about; a member of staff could be one of them.
SPOKEN_ABOUT = ("complained_about", "witness")


@dataclass(frozen=True)
class Phrase:
    """A sentence for the translator (`text`, with %(name)s) and what stands in it; str() is the English."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    icon: str = "bolt"

    def __str__(self) -> str:
        return self.text % self.values if self.values else self.text


@dataclass(frozen=True)
class Around:
    """What the sentence of an entry needs of the world around: names as the viewer may see them; `at`: when it was
    written."""

    actor: str = ""
    owner: str = ""
    queue: str = ""
    about: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)
    to: str = ""
    at: datetime | None = None

    def aspect(self, body: Mapping[str, Any]) -> str:
        return self.letters.get(str(body.get("aspect", "")), "?")


def _assigned(body: Mapping[str, Any], around: Around) -> Phrase:
    if not body.get("owner"):
        return Phrase("%(actor)s put the case back into its queue", {"actor": around.actor}, "users")
    return Phrase("%(owner)s owns the case now", {"owner": around.owner}, "user")


def _aspect_assigned(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"letter": around.aspect(body), "owner": around.owner}
    if not body.get("owner"):
        return Phrase("Nobody owns aspect %(letter)s now", values, "users")
    return Phrase("%(owner)s owns aspect %(letter)s now", values, "user")


def _status(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"actor": around.actor, "status": word(label(str(body.get("status", ""))))}
    if body.get("undone"):
        return Phrase("%(actor)s took a change back. The case is now: %(status)s", values, "arrow-back-up")
    if body.get("reopened"):
        return Phrase("%(actor)s reopened the case", values, "refresh")
    if body.get("status") == "closed":
        return Phrase("%(actor)s closed the case", values, "lock")
    return Phrase("The case is now: %(status)s", values, "circle-dashed")


def _decided(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {
        "actor": around.actor, "letter": around.aspect(body), "outcome": word(label(str(body.get("outcome",
            "")))).lower()
    }  # fmt: skip
    return Phrase("%(actor)s decided aspect %(letter)s: %(outcome)s", values, "scale")


def _emergency(text: str, icon: str) -> Callable[[Mapping[str, Any], Around], Phrase]:
    def write(body: Mapping[str, Any], around: Around) -> Phrase:
        values = {"actor": around.actor, "about": around.about, "hours": str(body.get("hours", ""))}
        return Phrase(text, values, icon)

    return write


def _reviewed(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"actor": around.actor, "about": around.about}
    if body.get("justified"):
        return Phrase("%(actor)s found the emergency access of %(about)s justified", values, "check")
    return Phrase("%(actor)s found the emergency access of %(about)s not justified", values, "alert-triangle")


def _sum(body: Mapping[str, Any], name: str) -> str:
    """As a reader writes it: €40.00; as it stands where it is no amount."""
    amount, currency = str(body.get(name) or ""), str(body.get("currency") or "")
    try:
        return money(Decimal(amount), currency)
    except InvalidOperation:
        return f"{amount} {currency}".strip()


def _day(text: str) -> str:
    """24 Sept 2026, from a moment as entries hold it; empty where there is none."""
    return day(date.fromisoformat(text[:10])) if text else ""


def _redress(body: Mapping[str, Any], around: Around) -> Phrase:
    what = _sum(body, "amount")
    values = {"what": what or word(label(str(body.get("kind", "")))).lower(), "letter": around.aspect(body)}
    if body.get("reverses"):
        return Phrase("Redress for aspect %(letter)s was taken back: %(what)s", values, "refresh")
    return Phrase("Redress for aspect %(letter)s: %(what)s", values, "circle-check")


def _money(text: str, icon: str) -> Callable[[Mapping[str, Any], Around], Phrase]:
    """A sentence with an amount and the letter of its aspect."""

    def write(body: Mapping[str, Any], around: Around) -> Phrase:
        what = _sum(body, "total" if "total" in body else "amount")
        values = {"actor": around.actor, "letter": around.aspect(body), "what": what}
        return Phrase(text, values, icon)

    return write


def _claimed(body: Mapping[str, Any], around: Around) -> Phrase:
    what = _sum(body, "amount_in_dispute")
    values = {"actor": around.actor, "letter": around.aspect(body), "what": what}
    if not what:
        return Phrase("%(actor)s took away what the customer asks for in aspect %(letter)s", values, "scale")
    return Phrase("The customer asks for %(what)s in aspect %(letter)s", values, "scale")


def _changed_to(key: str, body: Mapping[str, Any]) -> str:
    name = word(label(key)).lower()
    return (
        sentence("%(what)s: %(value)s", what=name, value=word(label(str(body[key]))).lower()) if key in body else name
    )


def _changed(body: Mapping[str, Any], around: Around) -> Phrase:
    if set(body) == {"confidential"}:
        text = (
            "%(actor)s marked the case confidential" if body["confidential"] else "%(actor)s made the case open to all"
        )
        return Phrase(text, {"actor": around.actor}, "shield-lock")
    if body.get("suggested"):
        values = {"mood": word(label(str(body.get("mood", "")))).lower()}
        return Phrase("The tone of the customer was suggested: %(mood)s", values, "mood-smile")
    keys = [each for each in body if each not in {"fields", "aspect", "queue", "because"}] + list(
        body.get("fields") or ()
    )
    changes = [_changed_to(key, body) for key in keys]
    if body.get("queue"):
        changes.append(sentence("queue: %(queue)s", queue=around.queue))
    values = {
        "actor": around.actor,
        "what": joined(changes) if changes else word("details"),
        "letter": around.aspect(body),
    }
    if "aspect" in body:
        return Phrase("%(actor)s changed aspect %(letter)s (%(what)s)", values, "edit")
    return Phrase("%(actor)s changed the case (%(what)s)", values, "edit")


def _mood(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"mood": word(label(str(body.get("mood", "")))).lower()}
    return Phrase("The tone of a message was suggested: %(mood)s", values, "mood-smile")


def _escalated(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {
        "actor": around.actor, "ladder": word(label(str(body.get("ladder", "")).replace("-", "_"))),
        "step": str(body.get("level", "")), "to": around.to or word("whoever leads the unit"),
            "letter": around.aspect(body),
    }  # fmt: skip
    begun = ("%(actor)s started the escalation %(ladder)s",
             "%(actor)s started the escalation %(ladder)s for aspect %(letter)s")  # fmt: skip
    climbed = ("Escalation %(ladder)s, step %(step)s: to %(to)s",
               "Escalation %(ladder)s for aspect %(letter)s, step %(step)s: to %(to)s")  # fmt: skip
    return Phrase((climbed if body.get("level") else begun)[bool(body.get("aspect"))], values, "stairs-up")


_OVER = {
    "answered": "The escalation %(ladder)s ended: the customer got an answer",
    "decided": "The escalation %(ladder)s ended: it is decided",
    "closed": "The escalation %(ladder)s ended: the case is closed",
    "acknowledged": "The escalation %(ladder)s ended: %(actor)s said what happens next",
    "taken_back": "The escalation %(ladder)s ended: %(actor)s took it back",
}


def _calmed(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"actor": around.actor, "ladder": word(label(str(body.get("ladder", "")).replace("-", "_")))}
    why = _OVER.get(str(body.get("because", "")), "The escalation %(ladder)s ended: it is over")
    return Phrase(why, values, "circle-check")


def _concerns(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"letter": around.aspect(body), "about": around.about, "actor": around.actor}
    if not body.get("about"):
        return Phrase("Aspect %(letter)s is not about a member of staff any more", values, "shield-lock")
    return Phrase("%(actor)s recorded that aspect %(letter)s is about %(about)s", values, "shield-lock")


def _settings_changed(body: Mapping[str, Any], around: Around) -> Phrase:
    group = word(label(str(body.get("key", "")).removeprefix("p-"))).lower()
    names = [*(body.get("fields") or ()), *(body.get("secrets") or ())]
    values = {"actor": around.actor, "group": group, "what": joined(word(label(str(each))).lower() for each in names)}
    return Phrase("%(actor)s changed settings of %(group)s (%(what)s)", values, "settings")


def _taken_over(body: Mapping[str, Any], around: Around) -> Phrase:
    values = {"actor": around.actor, "about": around.about, "letter": around.aspect(body)}
    if body.get("aspect"):
        return Phrase("%(actor)s took over the work on aspect %(letter)s from %(about)s", values, "hand-stop")
    return Phrase("%(actor)s took over the work on the case from %(about)s", values, "hand-stop")


def _recorded(body: Mapping[str, Any], around: Around) -> Phrase:
    return Phrase("The closing was written to %(system)s", {"system": str(body.get("system", ""))}, "address-book")


_DELIVERY = {
    "posted": ("A message of ours was posted", "A message of ours was posted (%(code)s)", "send"),
    "delivered": ("A message of ours arrived", "A message of ours arrived (%(code)s)", "circle-check"),
    "delayed": ("A message of ours is delayed", "A message of ours is delayed (%(code)s)", "hourglass"),
    "bounced": ("A message of ours came back", "A message of ours came back (%(code)s)", "alert-circle"),
    "withdrawn": ("A message of ours was taken back", "A message of ours was taken back (%(code)s)", "hand-stop"),
}


def _delivery(body: Mapping[str, Any], around: Around) -> Phrase:
    bare, coded, icon = _DELIVERY[str(body["state"])]
    return Phrase(coded, {"code": str(body["code"])}, icon) if body.get("code") else Phrase(bare, icon=icon)


_CAME = {
    "": ("A message came in", "A message came in, after the case was closed"),
    "thread": ("A message came in and joined by the messages it answers",
               "A message came in and joined by the messages it answers, after the case was closed"),
    "token": ("A message came in and joined by the address it was sent to",
              "A message came in and joined by the address it was sent to, after the case was closed"),
    "reference": ("A message came in and joined by the reference in its text",
                  "A message came in and joined by the reference in its text, after the case was closed"),
    "person": ("%(actor)s added a message from the inbox",
               "%(actor)s added a message from the inbox, after the case was closed"),
}  # fmt: skip


def _received(body: Mapping[str, Any], around: Around) -> Phrase:
    usual, late = _CAME.get(str(body.get("matched_by", "")), _CAME[""])
    text = late if body.get("after_close") else usual
    return Phrase(text, {"actor": around.actor}, "mail")


def _rule(text: str, icon: str) -> Callable[[Mapping[str, Any], Around], Phrase]:
    def write(body: Mapping[str, Any], around: Around) -> Phrase:
        values = {"rule": word(label(str(body.get("rule", "")).replace("-", "_"))), "tag": str(body.get("tag", ""))}
        return Phrase(text, {**values, "version": str(body.get("version", ""))}, icon)

    return write


def _simple(text: str, icon: str) -> Callable[[Mapping[str, Any], Around], Phrase]:
    def write(body: Mapping[str, Any], around: Around) -> Phrase:
        values = {
            "actor": around.actor,
            "letter": around.aspect(body),
            "channel": channel_label(str(body.get("channel", ""))) or word("written down by staff"),
            "role": word(label(str(body.get("role", "")))).lower(),
        }
        return Phrase(text, values, icon)

    return write


def _gate(body: Mapping[str, Any], around: Around) -> Phrase:
    """Which checks stood in its way, never what they found."""
    names = joined(word(CHECKS.get(str(each), str(each))).lower() for each in body.get("checks", ()))
    words = "%(actor)s sent a final response in spite of the gate: %(checks)s"
    return Phrase(words, {"actor": around.actor, "checks": names}, "alert-triangle")


_CLOCKS = {"answer": "full answer", "acknowledge": "first word"}


def _clock(text: str, icon: str) -> Callable[[Mapping[str, Any], Around], Phrase]:
    """Of the case, or of an aspect by its letter."""

    def write(body: Mapping[str, Any], around: Around) -> Phrase:
        key = str(body.get("clock", ""))
        what = word(_CLOCKS.get(key, "")) or word(label(key.rpartition(".")[2])).lower()
        if body.get("aspect"):
            what = sentence("%(clock)s, aspect %(letter)s", clock=what, letter=around.aspect(body))
        values = {
            "actor": around.actor, "clock": what, "step": str(body.get("step", "")),
            "reason": word(label(str(body.get("reason", "")))).lower(), "due": _day(str(body.get("due_at", ""))),
        }  # fmt: skip
        return Phrase(text, values, icon)

    return write


def _missed(body: Mapping[str, Any], around: Around) -> Phrase:
    """By when it was due; and the day on which that was noticed, where nobody watched until then."""
    due = str(body.get("due_at", ""))
    late = around.at is not None and due and around.at - datetime.fromisoformat(due) > NOTICED_LATE
    text = (
        "A deadline of %(due)s was missed (%(clock)s); noticed on %(noticed)s"
        if late
        else "A deadline of %(due)s was missed (%(clock)s)"
    )
    said = _clock(text, "alert-circle")(body, around)
    return replace(said, values={**said.values, "noticed": _day(around.at.isoformat())}) if late and around.at else said


def _clock_moved(body: Mapping[str, Any], around: Around) -> Phrase:
    if str(body.get("because", "")).startswith("migrated:"):
        return _clock("A clock went over to other terms (%(clock)s)", "refresh")(body, around)
    return _clock("%(actor)s moved a deadline to %(due)s (%(clock)s)", "calendar-due")(body, around)


_WRITERS: dict[str, Callable[[Mapping[str, Any], Around], Phrase]] = {
    "case.opened": _simple("The complaint came in (%(channel)s) and became a case", "star"),
    "case.assigned": _assigned,
    "case.status_changed": _status,
    "case.changed": _changed,
    "case.merged": _simple("%(actor)s merged this case into another one", "arrow-merge"),
    "case.absorbed": _simple("%(actor)s merged another case into this one", "arrow-merge"),
    "case.parted": _simple("%(actor)s took a merge back: the other case left", "arrow-back-up"),
    "case.restored": _simple("%(actor)s took a merge back: this is a case of its own again", "arrow-back-up"),
    "case.split": _simple("%(actor)s let some aspects go on in a case of their own", "arrows-split"),
    "case.split_off": _simple("%(actor)s split this case from another one", "arrows-split"),
    "case.escalated": _escalated,
    "case.escalation_ended": _calmed,
    "aspect.added": _simple("%(actor)s added aspect %(letter)s", "plus"),
    "aspect.assigned": _aspect_assigned,
    "aspect.changed": _changed,
    "aspect.concerns_staff": _concerns,
    "aspect.decided": _decided,
    "aspect.reopened": _simple("%(actor)s reopened aspect %(letter)s", "refresh"),
    "aspects.reordered": _simple("%(actor)s changed the order of the aspects", "list"),
    "redress.added": _redress,
    "redress.reversed": _redress,
    "redress.requested": _money("%(actor)s asked for approval of %(what)s for aspect %(letter)s", "hourglass"),
    "redress.approved": _simple("%(actor)s approved redress for aspect %(letter)s", "check"),
    "redress.refused": _simple("%(actor)s refused redress for aspect %(letter)s", "ban"),
    "redress.withdrawn": _simple("%(actor)s withdrew a request for redress of aspect %(letter)s", "arrow-back-up"),
    "redress.reckoned": _money("%(actor)s reckoned %(what)s for aspect %(letter)s", "calculator"),
    "redress.claimed": _claimed,
    "payment.intended": _money("%(actor)s had a payment of %(what)s made for aspect %(letter)s", "credit-card"),
    "payment.handing": _money("A payment of %(what)s began to leave (aspect %(letter)s)", "send"),
    "payment.handed_over": _money("A payment of %(what)s was handed over (aspect %(letter)s)", "send"),
    "payment.waits": _money("A payment of %(what)s could not leave yet; it is tried again", "hourglass"),
    "payment.unsure": _money("It became uncertain whether %(what)s were paid (aspect %(letter)s)", "help-circle"),
    "payment.asked": _money(
        "%(actor)s had the payment service asked about %(what)s (aspect %(letter)s)", "help-circle"
    ),
    "payment.still_unsure": _money(
        "Asked, the payment service left it uncertain whether %(what)s were paid", "help-circle"
    ),
    "payment.failed": _money("A payment of %(what)s failed (aspect %(letter)s)", "alert-circle"),
    "payment.paid": _money("%(what)s were paid (aspect %(letter)s)", "circle-check"),
    "payment.returned": _money("A payment of %(what)s came back (aspect %(letter)s)", "alert-circle"),
    "payment.repeated": _money("%(actor)s had a payment of %(what)s made again (aspect %(letter)s)", "repeat"),
    "payment.cancelled": _money("%(actor)s cancelled a payment of %(what)s (aspect %(letter)s)", "ban"),
    "message.mood": _mood,
    "message.received": _received,
    "message.left": _simple("%(actor)s took a message out of the case, back into the inbox", "mail-forward"),
    "message.seen": _simple("%(actor)s read the answer that came after closing", "eye"),
    "message.sent": _simple("%(actor)s answered", "mail"),
    "message.written": _simple("%(actor)s wrote a message that leaves later (%(channel)s)", "mail"),
    "message.sending": _simple("The message began to leave (%(channel)s)", "send"),
    "message.waits": _simple("The message could not leave yet (%(channel)s); it is tried again", "hourglass"),
    "message.unsure": _simple("It became uncertain whether the message arrived (%(channel)s)", "help"),
    "message.failed": _simple("The message could not be sent (%(channel)s)", "alert-circle"),
    "message.given_up": _simple("%(actor)s gave up a message that may not have arrived", "ban"),
    "message.written_again": _simple("%(actor)s wrote a message anew that had not arrived", "pencil"),
    "message.seen_to": _simple("%(actor)s saw to a message that had not arrived", "check"),
    "message.sent_again": _simple("%(actor)s had a message sent again", "repeat"),
    "message.taken_back": _simple("%(actor)s took a message back before it left", "arrow-back-up"),
    "message.hurried": _simple("%(actor)s let a message leave at once", "send"),
    "message.put_off": _simple("%(actor)s chose another time for a message to leave", "clock"),
    "message.approved": _simple("%(actor)s approved a message", "check"),
    "message.gate_overridden": _gate,
    "message.rejected": _simple("%(actor)s sent a message back to its writer", "arrow-back-up"),
    "message.sent_back": _simple("A message changed after it was approved and waits again", "hourglass"),
    "message.delivery_changed": _simple("The other side reported on a message (%(channel)s)", "mail"),
    "message.delivery_reported": _delivery,
    "note.written": _simple("%(actor)s wrote a note", "lock"),
    "party.added": _simple("%(actor)s added a party: %(role)s", "user-plus"),
    "support_needs.confirmed": _simple("%(actor)s confirmed support needs", "heart-handshake"),
    "claim.taken_over": _taken_over,
    "crm.recorded": _recorded,
    "link.made": _simple("%(actor)s made a link for the customer", "link"),
    "setting.changed": _settings_changed,
    "link.revoked": _simple("%(actor)s ended a link", "ban"),
    "clock.started": _clock("A clock started (%(clock)s), due on %(due)s", "clock"),
    "clock.paused": _clock("%(actor)s held a clock (%(clock)s): %(reason)s", "player-pause"),
    "clock.resumed": _clock("A clock runs on (%(clock)s)", "player-play"),
    "clock.met": _clock("A clock was met (%(clock)s)", "circle-check"),
    "clock.warned": _clock("A deadline comes near (%(clock)s): %(step)s%% of its time is used", "hourglass"),
    "clock.breached": _missed,
    "clock.stopped": _clock("A clock was stopped (%(clock)s)", "player-stop"),
    "clock.moved": _clock_moved,
    "case.destroyed": _simple("This case was destroyed at the end of its time; figures stay", "trash"),
    "case.destroyed_again": _simple("This case was destroyed again after a backup was restored", "trash"),
    "case.erased": _simple("%(actor)s erased the person this case was about; figures stay", "trash"),
    "case.removed": _simple("The case was removed with the demonstration firm", "trash"),
    "case.tagged": _rule("The case was tagged %(tag)s", "tags"),
    "case.untagged": _rule("The tag %(tag)s was taken off the case", "tags"),
    "rule.applied": _rule("The rule “%(rule)s” (version %(version)s) acted", "route"),
    "rule.shadowed": _rule("The rule “%(rule)s” (version %(version)s) would have acted; it is in shadow", "eye"),
    "rule.halted": _rule("The rule “%(rule)s” was stopped, because it would have answered to itself", "hand-stop"),
    "ledger.exported": _simple("%(actor)s exported the record of this case", "file-export"),
    **{kind: _simple(*words) for kind, words in (*MATTER.items(), *HANDED_OVER.items())},
    **{kind: _emergency(*words) for kind, words in EMERGENCY.items()},
    "emergency.reviewed": _reviewed,
}


_VALUE = re.compile(r"%\(([a-z_]+)\)s")


def _plugin_words(kind: str) -> str:
    loaded = running.loaded.get(kind.partition(".")[0].replace("_", "-"))
    return loaded.manifest.records.get(kind, "") if loaded else ""


def _plainly(value: Any) -> str:
    """A code as it stands, a day as days are written."""
    try:
        return day(date.fromisoformat(value))
    except (TypeError, ValueError):
        return str(value)


def phrase(kind: str, body: Mapping[str, Any], around: Around) -> Phrase:
    """An entry in plain words; of a kind that a plugin brought in the words of its manifest, else as its own name."""
    write = _WRITERS.get(kind)
    if write is None and kind in DESK:
        text, icon = DESK[kind]
        return Phrase(text, {"actor": around.actor, **values_of(body)}, icon)
    if write is None and (told := _plugin_words(kind)):
        named = {name: _plainly(body.get(name, "")) for name in _VALUE.findall(told)}
        return Phrase(told, named | {"actor": around.actor})
    if write is None:
        said = word(kind.replace(".", " ").replace("_", " "))
        return Phrase("%(actor)s: %(kind)s", {"actor": around.actor, "kind": said})
    return write(body, around)


@dataclass(frozen=True)
class Change:
    """One value that an entry changed, in words; `before` is empty where it was never told."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Happened:
    """One entry as the viewer may read it. `id` is its number in the stream; `values`: opened sealed values."""

    id: int
    at: datetime
    code: str
    actor: str
    actor_name: str
    phrase: Phrase
    body: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "event"
    cause: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def text(self) -> str:
        return str(self.phrase)

    @property
    def icon(self) -> str:
        return self.phrase.icon


_UUID = "[0-9a-f-]{36}"
COLUMNS = """
e.seq, e.at, e.actor, e.kind, e.body, e.cause, k.name AS token_name, who.name AS person_name,
    coalesce(nullif(w.display_name, ''), w.name) AS user_name, q.name AS queue_name,
    coalesce(nullif(o.display_name, ''), o.name) AS owner_name,
    coalesce(nullif(b.display_name, ''), b.name) AS about_name,
    coalesce(nullif(t.display_name, ''), t.name, tq.name, tr.label) AS to_name
"""
NAMES = f"""
LEFT JOIN core_token k ON k.id = substring(e.actor FROM '^token/({_UUID})$')::uuid
LEFT JOIN core_user w ON w.id = coalesce(substring(e.actor FROM '^user/({_UUID})$')::uuid, k.user_id)
LEFT JOIN core_person who ON who.id = substring(e.actor FROM '^person/({_UUID})$')::uuid
LEFT JOIN core_user o ON o.id = substring(e.body->>'owner' FROM '^{_UUID}$')::uuid
LEFT JOIN core_user b ON b.id = substring(e.body->>'about' FROM '^{_UUID}$')::uuid
LEFT JOIN core_queue q ON q.id = substring(e.body->>'queue' FROM '^{_UUID}$')::uuid
LEFT JOIN core_user t ON t.id = substring(e.body->>'to_user' FROM '^{_UUID}$')::uuid
LEFT JOIN core_queue tq ON tq.id = substring(e.body->>'to_queue' FROM '^{_UUID}$')::uuid
LEFT JOIN core_role tr ON tr.key = e.body->>'to_role'
"""
_ENTRIES = f"""
SELECT {COLUMNS} FROM core_ledger_entry e {NAMES.replace("{", "{{").replace("}", "}}")}
WHERE e.stream = {{stream}} AND {{seen}}{{further}} ORDER BY {{order}} LIMIT {{limit}}
"""


def seen(viewer: Viewer, arguments: Arguments, *, audit_only: bool, plain_kinds: Sequence[str] = PLAIN) -> str:
    """SQL over `e`. Beyond the policy's rows: an entry about a hidden message, or about people the complaint speaks
    of, stays hidden with it from a viewer whom an aspect concerns."""
    audit = decide(viewer, "case.history", "entry").where("e", arguments)
    message = decide(viewer, "case.read", "message").where("m", arguments)
    heard = (
        f"(e.body->>'message' IS NULL OR EXISTS (SELECT 1 FROM core_message m "
        f"WHERE m.id = substring(e.body->>'message' FROM '^{_UUID}$')::uuid AND {message}))"
    )
    case_id = f"substring(e.stream FROM '^case/({_UUID})$')::uuid"
    mine = about_me(case_id, arguments.add(viewer.user_id))
    roles = arguments.add(list(SPOKEN_ABOUT))
    # What a rule saw could speak of the aspect that is about them.
    apart = f"(NOT {mine} OR NOT (coalesce(e.body->>'role', '') = ANY({roles}) OR e.kind LIKE 'rule.%'))"
    if audit_only:
        return f"{audit} AND {heard} AND {apart}"
    plain = decide(viewer, "case.read", "entry").where("e", arguments)
    shown, said = arguments.add(list(plain_kinds)), arguments.add([*SAID, *QUIET])
    return f"(({plain} AND e.kind = ANY({shown})) OR {audit}) AND NOT e.kind = ANY({said}) AND {heard} AND {apart}"


async def events(
    viewer: Viewer,
    case_id: UUID,
    letters: Mapping[str, str],
    unit_id: UUID,
    *,
    audit_only: bool = False,
    plain_kinds: Sequence[str] = PLAIN,
    further: Callable[[Arguments], str] = lambda _: "",
    limit: int = 100,
) -> list[Happened]:
    """Entries of a case, newest first, in one statement. `further` adds conditions over `e`; `letters`: the aspects
    in the viewer's view by id; `plain_kinds`: what shows without the right to the audit trail."""
    arguments = Arguments()
    sql = _ENTRIES.format(
        stream=arguments.add(f"case/{case_id}"),
        seen=seen(viewer, arguments, audit_only=audit_only, plain_kinds=plain_kinds),
        further=further(arguments), limit=arguments.add(limit),
        order="e.seq DESC" if audit_only else "e.at DESC, e.seq DESC",
    )  # fmt: skip
    rows = await db.steady.fetch(sql, *arguments.values)
    named = "name" not in mask_in(viewer, unit_id)
    return [happened(row, letters, named) for row in rows]


def happened(row: Any, letters: Mapping[str, str], show_people: bool) -> Happened:
    """An entry from a row with COLUMNS and NAMES."""
    actor = actor_name(row, show_people)
    around = Around(
        actor,
        row["owner_name"] or "",
        row["queue_name"] or "",
        row["about_name"] or "",
        letters,
        row["to_name"] or "",
        row["at"],
    )
    words = phrase(row["kind"], row["body"], around)
    return Happened(row["seq"], row["at"], row["kind"], row["actor"], actor, words, row["body"], cause=row["cause"])


def actor_name(row: Mapping[str, Any], show_people: bool) -> str:
    if row["user_name"]:
        return f"{row['user_name']} ({row['token_name']})" if row["token_name"] else str(row["user_name"])
    if row["actor"].startswith("person/"):
        return (row["person_name"] or word("The customer")) if show_people else HIDDEN
    kind, _, name = str(row["actor"]).partition("/")
    if kind == "plugin" and name in running.loaded:
        return word(running.loaded[name].manifest.name)
    return "Ombud" if kind == "system" else name
