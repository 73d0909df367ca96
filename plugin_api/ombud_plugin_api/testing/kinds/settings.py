"""Plugins with settings: a schema that holds, and secrets that stay secret."""

from typing import Any, ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, NotTried, check
from ombud_plugin_api.testing.kinds.manifest import address, open_pages
from ombud_plugin_api.testing.subject import Subject

SECRET = "zq-secret-7719-canary"  # noqa: S105 - a mark to look for


class SettingsContract(Contract):
    """What plugins with settings promise."""

    kind: ClassVar[str] = "settings"
    title: ClassVar[str] = "Plugins with settings"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_settings")

    @check(
        "basic-30",
        "Its settings have a page, words and defaults that fit",
        why="Core draws the page from the schema; a label that is missing or a default that does not fit is "
        "found by the "
        "administrator who needs it at that moment.",
        example='"hours": {"type": "integer", "min": 1, "default": 24, "meta": {"label": "Answers within"}}',
        remedy="Give each setting a type and meta.label; let the default obey the setting's own rules.",
    )
    async def settings_are_valid(self) -> None:
        await self.stage.enable()
        browser = await self.stage.signed_in("administrator")
        answer = await browser.get(f"/settings/p-{self.plugin.slug}")
        if answer.status_code != 200:
            raise Broken(f"the page of its settings answers {answer.status_code}")
        for name, rule in self._schema().items():
            label = str(dict(rule).get("meta", {}).get("label", ""))
            if not label.strip() or label == name:
                raise Broken(f"the setting {name} has the label {label!r}; say in words what it is")

    def _schema(self) -> dict[str, dict[str, Any]]:
        return {name: dict(rule) for each in self.stage.provided.settings for name, rule in each.schema.items()}

    @check(
        "basic-31",
        "Its secrets are never echoed",
        why="A password that appears in a page, a message, a fault or the log is a password no more.",
        example='"password": {"type": "string", "meta": {"label": "Password", "secret": True}}',
        remedy="Mark it as secret, hand it to the other side alone, and build no text from it.",
    )
    async def secrets_stay_secret(self) -> None:
        await self.stage.enable()
        schema = self._schema()
        secrets = [name for name, rule in schema.items() if dict(rule.get("meta", {})).get("secret")]
        for name in schema:
            if name not in secrets and any(word in name for word in ("password", "secret", "api_key")):
                raise Broken(f"the setting {name} is not marked as secret, by its name it is one")
        if not secrets:
            return
        for name in secrets:
            await self.stage.set_secret(name, SECRET)
        await self._told_nowhere(secrets)

    async def _told_nowhere(self, secrets: list[str]) -> None:
        administrator = await self.stage.signed_in("administrator")
        shown = {"its settings": (await administrator.get(f"/settings/p-{self.plugin.slug}")).text}
        tried = await administrator.post(f"/settings/p-{self.plugin.slug}/try", {})
        shown["trying its settings out"] = tried.text
        if self.plugin.implements("provide_pages"):
            await open_pages(self)
            for route in self.stage.routes():
                role = await self.stage.may(route.permission) if route.permission else ""
                browser = await self.stage.signed_in(role) if role else self.stage.browser()
                if route.method == "GET":
                    shown[route.path] = (await browser.get(address(self, route.path))).text
        await self.stage.slot_answers()
        shown["its faults"] = " ".join(await self.stage.faults())
        shown["the log"] = self.stage.said()
        for where, text in shown.items():
            if SECRET in text:
                raise Broken(f"the secret {', '.join(secrets)} stands in {where}")


__all__ = ["NotTried", "SettingsContract"]
