"""The catalogue of core's permissions and the roles a fresh desk has; plugins add permissions of their own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    key: str
    label: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    key: str
    label: str


AGENT, LEADER, QUALITY, COMPLIANCE, ADMINISTRATOR = "agent", "leader", "quality", "compliance", "administrator"

ROLES = (
    Role(AGENT, "Agent"),
    Role(LEADER, "Team leader"),
    Role(QUALITY, "Quality reviewer"),
    Role(COMPLIANCE, "Compliance officer"),
    Role(ADMINISTRATOR, "Administrator"),
)

_DESK = (AGENT, LEADER, QUALITY, COMPLIANCE)
_WORK = (AGENT, LEADER)

PERMISSIONS = (
    Permission("case.read", "See cases", _DESK),
    Permission("case.file", "File a complaint for somebody", _WORK),
    Permission("case.write", "Change a case, write notes and messages", _WORK),
    Permission("case.take", "Take a case from a queue", _WORK),
    Permission("case.assign", "Give a case to somebody else", (LEADER,)),
    Permission("case.decide", "Decide an aspect and grant redress", _WORK),
    Permission("payment.manage", "Hand payments of redress over and say what became of them", (LEADER,)),
    Permission("case.close", "Close a case", _WORK),
    Permission("case.reopen", "Reopen a closed case", (LEADER, COMPLIANCE)),
    Permission("case.confidential", "See and mark confidential cases", (COMPLIANCE,)),
    Permission("outgoing.approve", "Approve messages of others before they leave", (LEADER, COMPLIANCE)),
    Permission("message.override_gate", "Send a final response in spite of the gate", (LEADER, COMPLIANCE)),
    Permission("template.manage", "Write templates and macros", (LEADER, ADMINISTRATOR)),
    Permission("case.history", "See the audit trail of a case", (LEADER, QUALITY, COMPLIANCE)),
    Permission("case.hand_over", "Make files for an ombudsman, mark what is privileged", (LEADER, COMPLIANCE)),
    Permission("case.break_glass", "Open a case for some hours in an emergency", (LEADER, COMPLIANCE)),
    Permission("emergency.review", "Review emergency access", (COMPLIANCE,)),
    Permission("viewing.read", "See who looked at cases", (COMPLIANCE,)),
    Permission("person.read", "See people and their roles", _DESK),
    Permission("person.contact", "See addresses, phone numbers and e-mail", (AGENT, LEADER, COMPLIANCE)),
    Permission("person.write", "Correct a person's details", _WORK),
    Permission("support.read", "See confirmed support needs", (AGENT, LEADER, COMPLIANCE)),
    Permission("support.write", "Confirm support needs", _WORK),
    Permission("inbox.read", "See what came in and belongs to no case yet", (AGENT, LEADER, COMPLIANCE)),
    Permission("inbox.decide", "Say whether a message is a complaint, and to which case it belongs", _WORK),
    Permission("inbox.review", "Draw samples of these decisions and overturn them", (LEADER, QUALITY, COMPLIANCE)),
    Permission("intake.manage", "See receipts that need a look and run them again", (LEADER, ADMINISTRATOR)),
    Permission("view.share", "Share saved views with a unit", (LEADER,)),
    Permission("queue.manage", "Change queues", (ADMINISTRATOR,)),
    Permission("return.read", "See returns to regulators, and how deadlines were kept", (LEADER, QUALITY, COMPLIANCE)),
    Permission("return.prepare", "Prepare, freeze, file and amend returns", (COMPLIANCE,)),
    Permission("return.sign", "Sign a return by name", (COMPLIANCE,)),
    Permission("team.plan", "Plan the team: skills, languages, capacity, absence", (LEADER, ADMINISTRATOR)),
    Permission("user.manage", "Add users and give roles", (ADMINISTRATOR,)),
    Permission("token.own", "Make API tokens for oneself", (*_DESK, ADMINISTRATOR)),
    Permission("job.manage", "See background work, run it again or give it up", (ADMINISTRATOR,)),
    Permission("health.read", "See how the desk itself is doing", (ADMINISTRATOR,)),
    Permission("plugin.manage", "Switch plugins on and off", (ADMINISTRATOR,)),
    Permission("setting.manage", "Change settings", (ADMINISTRATOR,)),
    Permission("compliance.read", "See the compliance report", (COMPLIANCE,)),
    Permission("privacy.handle", "Handle requests about personal data, and see what was collected", (COMPLIANCE,)),
    Permission("privacy.erase", "Erase people, and place and lift legal holds", (COMPLIANCE,)),
    Permission("ledger.read", "Verify and export the ledger", (COMPLIANCE,)),
)

KEYS = frozenset(permission.key for permission in PERMISSIONS)


def default_permissions(role: str) -> list[str]:
    """The permissions a role has on a fresh desk."""
    return sorted(permission.key for permission in PERMISSIONS if role in permission.roles)
