"""Plugins with permissions and entries of the rail."""

from collections import Counter
from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.subject import Subject

ROLES = ("agent", "leader", "quality", "compliance", "administrator")


class PermissionsContract(Contract):
    """What plugins with permissions of their own promise."""

    kind: ClassVar[str] = "permissions"
    title: ClassVar[str] = "Plugins with permissions"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_permissions")

    @check(
        "basic-24",
        "Its permissions begin with the slug, have words, and are used",
        why="Administrators give rights by their words. One that carries another's name could open what is not "
        "the plugin's.",
        example='Permission("postbox.read", "Read letters", ("agent", "leader"))',
        remedy="Call it <slug>.<verb>, give it a label, and let a page, a slot or an entry of the rail ask for it.",
    )
    async def permissions_are_in_order(self) -> None:
        await self.stage.enable()
        given = self.stage.provided
        asked = {each.permission for each in self.stage.routes()} if self.plugin.implements("provide_pages") else set()
        asked |= {each.permission for each in (*given.slots, *given.navigation)}
        named = Counter(
            text for source in self.plugin.sources if source.path.name != "plugin.py" for text, _ in source.texts()
        )
        for permission in given.permissions:
            if not permission.key.startswith(f"{self.plugin.slug}.") or not permission.label.strip():
                raise Broken(f"permission {permission.key!r} with the label {permission.label!r} is not in order")
            if permission.key not in asked and not named[permission.key]:
                raise Broken(f"nothing asks for the permission {permission.key}")
            if strange := set(permission.default_roles) - set(ROLES):
                raise Broken(f"{permission.key} goes to {', '.join(sorted(strange))}, which no fresh desk has")


class NavigationContract(Contract):
    """What plugins with entries of the rail promise."""

    kind: ClassVar[str] = "navigation"
    title: ClassVar[str] = "Plugins in the rail"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_navigation")

    @check(
        "basic-25",
        "Its entries of the rail lead to its pages, for whoever may open them",
        why="An entry that is shown to somebody and refused when it is clicked looks like a broken desk.",
        example='NavItem("Letters", "letters", "mail", "postbox.read")',
        remedy="Give the entry the path and the permission of the page it leads to.",
    )
    async def entries_lead_somewhere(self) -> None:
        await self.stage.enable()
        pages = {each.path.strip("/"): each for each in self.stage.routes() if each.method == "GET"}
        for item in self.stage.provided.navigation:
            page = pages.get(item.path.strip("/"))
            if page is None:
                raise Broken(f"the entry {item.label!r} leads to {item.path!r}, which is no page of the plugin")
            if not page.public and page.permission != item.permission:
                raise Broken(
                    f"the entry {item.label!r} asks for {item.permission or 'nothing'}, its page for {page.permission}"
                )
