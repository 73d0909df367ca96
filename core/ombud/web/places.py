"""The places of the administration, where a desk is set up and watched; each is shown to who holds its permission."""

from dataclasses import dataclass

from ombud.kernel.lifecycle import running
from ombud.trust.policy import Viewer


@dataclass(frozen=True)
class Place:
    """One page of the administration; `group` is the heading it stands under, groups keep the order of this list."""

    code: str
    label: str
    icon: str
    href: str
    permission: str
    group: str


PLACES = (
    Place("users", "Users", "users", "/users", "user.manage", "People"),
    Place("roles", "Roles", "shield-check", "/roles", "user.manage", "People"),
    Place("tokens", "API tokens", "key", "/tokens", "user.manage", "People"),
    Place("team", "Team", "certificate", "/team", "team.plan", "People"),
    Place("skills", "Skills", "certificate", "/administration/skills", "setting.manage", "People"),
    Place("units", "Units", "hierarchy", "/units", "setting.manage", "Desk"),
    Place("queues", "Queues", "stack-2", "/administration/queues", "queue.manage", "Desk"),
    Place("escalations", "Escalations", "stairs-up", "/administration/escalations", "setting.manage", "Desk"),
    Place("case-types", "Case types", "forms", "/case-types", "setting.manage", "Desk"),
    Place("taxonomies", "Taxonomies", "tags", "/taxonomies", "setting.manage", "Desk"),
    Place("rules", "Rules", "route", "/rules", "setting.manage", "Desk"),
    Place("calendars", "Calendars", "calendar-due", "/administration/calendars", "setting.manage", "Desk"),
    Place("protocols", "Protocols", "list-check", "/administration/protocols", "setting.manage", "Desk"),
    Place("rates", "Rates", "percentage", "/rates", "setting.manage", "Desk"),
    Place("limits", "Limits", "coin", "/limits", "setting.manage", "Desk"),
    Place("templates", "Templates", "template", "/templates", "template.manage", "Desk"),
    Place("plugins", "Plugins", "puzzle", "/plugins", "plugin.manage", "Desk"),
    Place("settings", "Settings", "adjustments-horizontal", "/settings", "setting.manage", "Desk"),
    Place("laws", "Privacy laws", "gavel", "/administration/laws", "setting.manage", "Desk"),
    Place("retention", "Retention", "calendar-off", "/administration/retention", "setting.manage", "Desk"),
    Place("look", "Look", "palette", "/administration/look", "setting.manage", "Desk"),
    Place("ledger", "Ledger", "shield-check", "/administration/ledger", "ledger.read", "Watch"),
    Place("compliance", "Compliance", "clipboard-check", "/administration/compliance", "compliance.read", "Watch"),
    Place("viewing", "Who looked at cases", "eye", "/administration/viewing", "viewing.read", "Watch"),
    Place("emergencies", "Emergency access", "urgent", "/administration/emergencies", "emergency.review", "Watch"),
    Place("health", "Health", "stethoscope", "/administration/health", "health.read", "Watch"),
    Place("jobs", "Jobs", "repeat", "/jobs", "job.manage", "Watch"),
)


def places(viewer: Viewer) -> list[Place]:
    """The places this person may open, in the order they are drawn."""
    return [place for place in (*PLACES, *_of_plugins()) if viewer.may(place.permission)]


def _of_plugins() -> list[Place]:
    return [
        Place(f"p-{slug}-{item.path}", item.label, item.icon, f"/p/{slug}/{item.path.lstrip('/')}", item.permission,
              "Of plugins")
        for slug, loaded in running.loaded.items()
        for item in loaded.navigation
        if item.permission and item.sets_up
    ]  # fmt: skip
