"""Entries about the desk itself in words: users, roles, settings, plugins, work, receipts, the ledger."""

from collections.abc import Mapping
from typing import Any

from ombud.desk.words import label
from ombud.speech import Spoken, gettext, joined, noted, word

# A sentence for the translator and an icon; %(actor)s is who did it, the rest comes from the entry's codes.
DESK: dict[str, tuple[str, str]] = {
    "user.added": ("%(actor)s added a user", "user-plus"),
    "user.removed": ("%(actor)s removed a user", "user-minus"),
    "user.password_changed": ("%(actor)s changed a password", "key"),
    "user.deactivated": ("%(actor)s deactivated a user", "ban"),
    "user.reactivated": ("%(actor)s reactivated a user", "user"),
    "user.role_given": ("%(actor)s gave the role %(role)s", "users"),
    "user.role_taken": ("%(actor)s took the role %(role)s away", "users"),
    "user.locked_out": ("Sign-in was locked after too many tries", "lock"),
    "token.created": ("%(actor)s made an API token", "key"),
    "token.revoked": ("%(actor)s revoked an API token", "ban"),
    "user.changed": ("%(actor)s changed a user", "edit"),
    "session.ended": ("%(actor)s ended a session", "logout"),
    "session.new_browser": ("%(actor)s signed in from a browser not seen before", "device-mobile"),
    "role.changed": ("%(actor)s changed the role %(role)s", "users"),
    "role.added": ("%(actor)s added the role %(role)s", "users"),
    "permission.given": ("%(actor)s gave the right %(permission)s to roles", "shield-check"),
    "permission.taken": ("%(actor)s took rights of %(prefix)s from roles", "shield-lock"),
    "setting.changed": ("%(actor)s changed the setting %(key)s", "settings"),
    "plugin.enabled": ("%(actor)s turned a plugin on, version %(version)s", "puzzle"),
    "plugin.disabled": ("%(actor)s turned a plugin off", "puzzle"),
    "plugin.uninstalled": ("%(actor)s uninstalled a plugin", "puzzle"),
    "person.changed": ("%(actor)s corrected the details of a person", "edit"),
    "person.news_chosen": ("%(actor)s recorded whether a person wants news of their cases", "bell"),
    "person.plugin_data_collected": ("%(actor)s collected what plugins keep of a person", "file-export"),
    "person.plugin_data_erased": ("%(actor)s erased what plugins kept of a person", "trash"),
    "person.erased": ("%(actor)s erased a person", "trash"),
    "person.erased_again": ("A person was erased again after a backup was restored", "trash"),
    "privacy.requested": ("%(actor)s recorded a request about personal data: %(right)s", "shield-lock"),
    "privacy.person_known": ("%(actor)s said which person asks about their data", "user"),
    "privacy.identity_checked": ("%(actor)s recorded a check of identity: %(result)s", "fingerprint"),
    "privacy.authority_seen": ("%(actor)s saw the authority of somebody who asks for a person", "signature"),
    "privacy.acknowledged": ("%(actor)s confirmed receipt of a request about personal data", "mail-forward"),
    "privacy.address_proved": ("The address of a request about personal data was proved", "fingerprint"),
    "privacy.file_added": ("%(actor)s added a document to a request about personal data", "paperclip"),
    "privacy.file_taken": ("%(actor)s took a document of a request about personal data", "download"),
    "privacy.corrected": ("%(actor)s corrected a person's details for a request", "edit"),
    "privacy.recipient_told": ("%(actor)s settled who must hear of a request: %(state)s", "mail"),
    "privacy.decisions_reviewed": ("%(actor)s looked again at what rules did to a person: %(result)s", "eye"),
    "privacy.updated": ("%(actor)s told who asks how a request about personal data stands", "mail"),
    "privacy_mark.ended": ("%(actor)s lifted what a request left with a person: %(kind)s", "lock"),
    "privacy_signal.honoured": ("A browser's signal was honoured as an opt-out: %(signal)s", "world"),
    "privacy.extended": ("%(actor)s extended the time of a request about personal data", "calendar-due"),
    "privacy.withdrawn": ("A request about personal data was withdrawn", "arrow-back-up"),
    "privacy.answered": ("%(actor)s answered a request about personal data: %(outcome)s", "check"),
    "privacy.collection_asked": ("%(actor)s asked for everything that is kept of a person", "file-search"),
    "privacy.collected": ("What is kept of a person was collected: %(state)s", "file-export"),
    "privacy.bundle_taken": ("%(actor)s took what was collected of a person", "download"),
    "privacy.erasure_ordered": ("%(actor)s ordered the erasure of a person", "trash"),
    "privacy.erasure_stopped": (
        "The erasure of a person was stopped; nothing of the desk's own was erased",
        "hand-stop",
    ),
    "privacy.erased": ("%(actor)s erased a person for a request", "trash"),
    "desk.backed_up": ("A backup of the whole desk was made", "file-export"),
    "desk.restored": ("The desk was put back from a backup", "file-import"),
    "desk.journal_replayed": ("The erasure journal was replayed", "trash"),
    "privacy_law.corrected": ("%(actor)s corrected a time of a law: %(key)s", "gavel"),
    "privacy_hold.placed": ("%(actor)s placed a legal hold", "lock"),
    "privacy_hold.lifted": ("%(actor)s lifted a legal hold", "lock"),
    "retention_rule.added": ("%(actor)s wrote a retention rule", "calendar-off"),
    "retention_rule.changed": ("%(actor)s changed a retention rule, now version %(version)s", "calendar-off"),
    "retention_rule.retired": ("%(actor)s ended a retention rule", "calendar-off"),
    "retention.run_began": ("%(actor)s began to destroy the cases whose time is over", "trash"),
    "retention.run_ended": (
        "Cases whose time was over were destroyed: %(destroyed)s; held back: %(held)s",
        "file-check",
    ),
    "retention.looked": ("The schedule looked for cases whose time is over and could destroy none", "calendar-due"),
    "crm.chosen": ("%(actor)s chose who a person is in a customer system", "address-book"),
    "crm.none_chosen": ("%(actor)s said that a customer system knows nobody who is this person", "address-book"),
    "crm.choice_ended": ("%(actor)s took back who a person is in a customer system", "address-book"),
    "skill.added": ("%(actor)s added the skill %(key)s", "certificate"),
    "skill.changed": ("%(actor)s changed the skill %(key)s", "certificate"),
    "skill.removed": ("%(actor)s removed skills with the demonstration firm", "trash"),
    "ladder.removed": ("%(actor)s removed an escalation ladder", "trash"),
    "profile.changed": ("%(actor)s changed what routing knows of a user", "certificate"),
    "absence.added": ("%(actor)s wrote down an absence", "calendar-off"),
    "absence.taken_back": ("%(actor)s took an absence back", "calendar-due"),
    "absence.stand_in_left": ("A stand-in left; an absence has none now", "user-minus"),
    "ladder.added": ("%(actor)s added the escalation ladder %(key)s", "stairs-up"),
    "ladder.changed": ("%(actor)s changed the escalation ladder %(key)s", "stairs-up"),
    "unit.added": ("%(actor)s added the unit %(key)s", "hierarchy"),
    "unit.moved": ("%(actor)s moved a unit", "hierarchy"),
    "unit.changed": ("%(actor)s changed a unit", "hierarchy"),
    "unit.removed": ("%(actor)s removed a unit", "hierarchy"),
    "calendar.added": ("%(actor)s made a calendar", "plus"),
    "calendar.changed": ("%(actor)s changed a calendar, now version %(version)s", "edit"),
    "calendar.retired": ("%(actor)s gave a calendar up", "ban"),
    "queue.added": ("%(actor)s added the queue %(key)s", "stack-2"),
    "queue.changed": ("%(actor)s changed a queue", "stack-2"),
    "queue.moved": ("%(actor)s moved a queue", "stack-2"),
    "queue.removed": ("%(actor)s removed a queue", "stack-2"),
    "case_type.added": ("%(actor)s added the case type %(key)s", "template"),
    "case_type.changed": ("%(actor)s changed the case type %(key)s", "template"),
    "term.added": ("%(actor)s added a term to a taxonomy", "tags"),
    "term.changed": ("%(actor)s changed a term of a taxonomy", "tags"),
    "term.retired": ("%(actor)s retired a term of a taxonomy", "tags"),
    "term.restored": ("%(actor)s took a term of a taxonomy back into use", "tags"),
    "protocol.added": ("%(actor)s wrote a protocol", "list-check"),
    "protocol.version_written": ("%(actor)s wrote version %(number)s of a protocol", "list-check"),
    "protocol.retired": ("%(actor)s retired a protocol", "list-check"),
    "protocol.restored": ("%(actor)s put a protocol back into use", "list-check"),
    "case_type.removed": ("%(actor)s removed the case type %(key)s", "template"),
    "return.started": ("%(actor)s began a return to a regulator", "file-text"),
    "return.entered": ("%(actor)s entered figures of a return", "edit"),
    "return.frozen": ("%(actor)s froze a return", "lock"),
    "return.signed": ("%(actor)s signed a return", "check"),
    "return.filed": ("%(actor)s recorded that a return was filed", "send"),
    "return.amended": ("%(actor)s began a new version of a filed return", "refresh"),
    "return.discarded": ("%(actor)s threw a return away", "trash"),
    "rate.added": ("%(actor)s added a rate of interest", "percentage"),
    "rate.changed": ("%(actor)s changed a rate of interest", "percentage"),
    "rate.value_added": ("%(actor)s recorded a value of a rate: %(percent)s %%", "percentage"),
    "rate.value_withdrawn": ("%(actor)s withdrew a value of a rate", "percentage"),
    "rate.removed": ("%(actor)s removed a rate of interest", "trash"),
    "rate.retired": ("%(actor)s took a rate of interest out of use", "percentage"),
    "rate.restored": ("%(actor)s took a rate of interest back into use", "percentage"),
    "redress_limit.set": ("%(actor)s set how much may be granted: %(amount)s %(currency)s", "shield-check"),
    "redress_limit.ended": ("%(actor)s ended a limit of redress in %(currency)s", "shield-check"),
    "payment_batch.made": ("%(actor)s gathered payments into a batch: %(count)s, %(total)s %(currency)s", "stack-2"),
    "payment_batch.taken": ("%(actor)s took the file of a batch of payments", "download"),
    "payment_batch.dissolved": ("%(actor)s dissolved a batch of payments", "arrow-back-up"),
    "template.saved": ("%(actor)s wrote version %(number)s of a text", "template"),
    "template.retired": ("%(actor)s took a text out of use", "template"),
    "template.restored": ("%(actor)s took a text back into use", "template"),
    "macro.added": ("%(actor)s added a macro", "wand"),
    "macro.changed": ("%(actor)s changed a macro", "wand"),
    "macro.retired": ("%(actor)s took a macro out of use", "wand"),
    "macro.restored": ("%(actor)s took a macro back into use", "wand"),
    "rule.drafted": ("%(actor)s wrote version %(number)s of the rule %(rule)s", "route"),
    "rule.activated": ("%(actor)s turned version %(number)s of the rule %(rule)s on", "route"),
    "rule.shadow_began": ("%(actor)s tries version %(number)s of the rule %(rule)s in shadow", "eye"),
    "rule.ended": ("%(actor)s turned the rule %(rule)s off", "ban"),
    "intake.read": ("%(actor)s looked at the bytes of a receipt", "eye"),
    "intake.replayed": ("%(actor)s had a receipt read again", "repeat"),
    "intake.faulted": ("A receipt could not be read", "alert-circle"),
    "message.received": ("A message came in", "mail"),
    "message.decided": ("%(actor)s decided about a message: %(decision)s", "checklist"),
    "message.copied": ("A message came in once more, by another way", "copy"),
    "message.released": ("%(actor)s let a message in that was held back", "mail-opened"),
    "message.read": ("%(actor)s opened a message first", "eye"),
    "triage.sampled": ("%(actor)s drew a sample of decisions", "scan"),
    "triage.confirmed": ("%(actor)s found a decision right", "check"),
    "triage.overturned": ("%(actor)s overturned a decision", "arrow-back-up"),
    "job.run_again": ("%(actor)s ran work again: %(job)s", "repeat"),
    "job.given_up": ("%(actor)s gave up work: %(job)s", "ban"),
    "ledger.verified": ("%(actor)s verified the ledger", "shield-check"),
    "access.reviewed": ("%(actor)s reviewed who may do what", "shield-check"),
    "viewing.read": ("%(actor)s read who looked at cases", "eye"),
    "viewing.taken": ("%(actor)s took the record of who looked at cases along", "download"),
    "compliance.reported": ("%(actor)s took the compliance report along", "clipboard-check"),
    "ledger.period_exported": ("%(actor)s exported the record of a period", "file-export"),
    "desk.imported": ("%(actor)s filled the desk from an export", "file-import"),
    "demo.loaded": ("%(actor)s loaded the demonstration firm", "download"),
    "demo.removed": ("%(actor)s removed the demonstration firm", "trash"),
}
_NAMES = (
    "rule", "role", "permission", "prefix", "key", "version", "job", "number", "decision", "percent", "amount",
    "currency", "count", "total", "result", "outcome", "state", "destroyed", "held",
)  # fmt: skip

# Fields of entries whose values are sealed; others are said as they are called.
_SEALED = {
    "person.name": noted("name"), "person.email": noted("e-mail"), "person.phone": noted("phone"),
    "person.postcode": noted("postcode"), "person.address": noted("address"), "title": noted("title"),
    "matter": noted("matter"), "text": noted("text"), "reason": noted("reason"), "note": noted("note"),
    "words": noted("words"), "subject": noted("subject"), "name": noted("name"),
}  # fmt: skip

_IN_WORDS = ("decision", "result", "outcome", "state")


def sealed_name(name: str) -> str:
    """What a field with a sealed value is called; `matter.2` is the second of its kind."""
    kind, _, number = name.rpartition(".")
    if kind and number.isdigit():
        return joined((sealed_name(kind), number), " ")
    return word(_SEALED.get(name) or name.replace("_", " ").replace(".", " "))


def values_of(body: Mapping[str, Any]) -> dict[str, str]:
    """The codes of an entry that sentences use; those of what was decided or granted in words."""
    right = label(str(body.get("key", "")).rpartition(".")[2]).lower()
    return {name: _value(name, str(body.get(name, ""))) for name in _NAMES} | {"right": right}


def _value(name: str, code: str) -> str:
    return Spoken(code, lambda: gettext(label(code)).lower()) if code and name in _IN_WORDS else code
