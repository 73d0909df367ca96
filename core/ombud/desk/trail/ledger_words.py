"""Entries about the desk itself in words: users, roles, settings, plugins, work, receipts, the ledger."""

from collections.abc import Mapping
from typing import Any

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
    "person.plugin_data_collected": ("%(actor)s collected what plugins keep of a person", "file-export"),
    "person.plugin_data_erased": ("%(actor)s erased what plugins kept of a person", "trash"),
    "crm.chosen": ("%(actor)s chose who a person is in a customer system", "address-book"),
    "crm.none_chosen": ("%(actor)s said that a customer system knows nobody who is this person", "address-book"),
    "crm.choice_ended": ("%(actor)s took back who a person is in a customer system", "address-book"),
    "unit.added": ("%(actor)s added the unit %(key)s", "hierarchy"),
    "unit.moved": ("%(actor)s moved a unit", "hierarchy"),
    "unit.changed": ("%(actor)s changed a unit", "hierarchy"),
    "unit.removed": ("%(actor)s removed a unit", "hierarchy"),
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
    "case_type.removed": ("%(actor)s removed the case type %(key)s", "template"),
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
    "desk.imported": ("%(actor)s filled the desk from an export", "file-import"),
    "demo.loaded": ("%(actor)s loaded the demonstration firm", "download"),
    "demo.removed": ("%(actor)s removed the demonstration firm", "trash"),
}
_NAMES = ("role", "permission", "prefix", "key", "version", "job", "decision")


def values_of(body: Mapping[str, Any]) -> dict[str, str]:
    """The codes of an entry that sentences use."""
    return {name: str(body.get(name, "")) for name in _NAMES}
