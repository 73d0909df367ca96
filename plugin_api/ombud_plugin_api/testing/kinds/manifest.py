"""Every plugin: its manifest, its imports, its reach, and that it meddles with nothing that is not its own."""

import re
import sys
from typing import ClassVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet

import ombud_plugin_api
from ombud_plugin_api.laws import LawBroken, check_imports, check_tables, sql_tables
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Watched
from ombud_plugin_api.testing.subject import Subject, library_of

NETWORK = {
    "aiohttp", "ftplib", "http.client", "httpx", "imaplib", "poplib", "requests", "simple_salesforce", "smtplib",
    "socket", "urllib.request", "urllib3", "websockets", "xmlrpc.client",
}  # fmt: skip
KINDS_BY_HOOK = {"channel": "provide_channels", "deliverer": "provide_deliverers"}


class ManifestContract(Contract):
    """What every plugin promises."""

    kind: ClassVar[str] = "plugin"
    title: ClassVar[str] = "Every plugin"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return True

    @check(
        "basic-01",
        "The manifest can be read and names the range of the API it was made for",
        why="Core reads `plugin.toml` without importing anything, to show and to refuse a plugin safely. A range "
        "without "
        "an upper end would promise that the plugin fits an API nobody has written yet.",
        example='slug = "postbox"\nversion = "0.1.0"\napi = ">=0.9,<0.10"',
        remedy='Mend plugin.toml; write api = ">=0.9,<0.10" and the version of pyproject.toml.',
    )
    async def manifest_is_readable(self) -> None:
        manifest = self.plugin.manifest
        try:
            span = SpecifierSet(manifest.api)
        except InvalidSpecifier:
            raise Broken(f"api = {manifest.api!r} is no version range") from None
        if not span.contains(ombud_plugin_api.API_VERSION, prereleases=True):
            raise Broken(f"api = {manifest.api!r} leaves out the API that is here, {ombud_plugin_api.API_VERSION}")
        if not any(each.operator in {"<", "<=", "==", "~="} for each in span):
            raise Broken(f"api = {manifest.api!r} has no upper end")
        if self.plugin.version and manifest.version != self.plugin.version:
            raise Broken(f"plugin.toml says version {manifest.version}, the distribution {self.plugin.version}")
        if manifest.slug != self.plugin.slug:
            raise Broken(f"plugin.toml says slug {manifest.slug}, the entry point {self.plugin.slug}")

    @check(
        "basic-02",
        "It is what its manifest says: kinds, doors and events",
        why="Administrators decide by the manifest. A kind, a door or an event that the code does not serve is "
        "an empty "
        "promise; an `on_event` without `events` is never called.",
        example='kinds = ["channel"]\nevents = ["case.opened"]\n\n[doors]\nfile = ""',
        remedy="Make plugin.toml say what plugin.py does, no more and no less.",
    )
    async def manifest_is_true(self) -> None:
        manifest, plugin = self.plugin.manifest, self.plugin
        for kind, hook in KINDS_BY_HOOK.items():
            if kind in manifest.kinds and not plugin.implements(hook):
                raise Broken(f'kinds names "{kind}", but plugin.py has no {hook}')
        if manifest.events and not plugin.implements("on_event"):
            raise Broken(f"events names {', '.join(manifest.events)}, but plugin.py has no on_event")
        if plugin.implements("on_event") and not manifest.events:
            raise Broken("plugin.py has on_event, but plugin.toml names no events")
        if manifest.doors and not plugin.implements("provide_pages"):
            raise Broken(f"doors names {', '.join(sorted(manifest.doors))}, but plugin.py has no provide_pages")
        await self.stage.enable()

    @check(
        "basic-03",
        "It imports the plugin API, itself and what it declares",
        why="Whoever imports core breaks at core's next release; whoever imports another plugin breaks without "
        "it; whoever "
        "imports what another library happens to bring breaks when that changes its mind.",
        example='dependencies = ["ombud-plugin-api>=0.9,<0.10", "litestar>=2.25,<3"]',
        remedy="Import from ombud_plugin_api what it offers, and declare every other library in pyproject.toml.",
    )
    async def imports_are_lawful(self) -> None:
        declared = self.plugin.distributions()
        for source in self.plugin.sources:
            try:
                check_imports(source, self.plugin.package)
            except LawBroken as offence:
                raise Broken(str(offence)) from None
            for module, line in source.imported():
                root = module.split(".")[0]
                if root in sys.stdlib_module_names or root in {self.plugin.package, "ombud_plugin_api"}:
                    continue
                if not library_of(root) & declared:
                    raise Broken(f"{source.path}:{line} imports {module}, which pyproject.toml does not declare")

    @check(
        "basic-04",
        "It reaches no host that its manifest does not name",
        why="An organisation must know where its complaints may travel before it switches a plugin on.",
        example='reaches = ["api.example.org"]',
        remedy="Name the host under reaches in plugin.toml (a setting's name in braces where people choose it).",
    )
    async def reaches_are_declared(self) -> None:
        reaches = self.plugin.manifest.reaches
        for source in self.plugin.sources:
            for module, line in source.imported():
                if module in NETWORK and not reaches:
                    raise Broken(f"{source.path}:{line} imports {module}, but plugin.toml has no reaches")
        watched = await self._watched()
        for host, place in watched.reached:
            if host not in reaches and not any(each.startswith("{") for each in reaches):
                raise Broken(f"{place} connects to {host}")

    @check(
        "basic-05",
        "It neither reads nor writes core's tables",
        why="Core's tables change without notice, and a row read past the policy shows a confidential case to "
        "whoever looks. "
        "Statements are watched while the plugin's pages, slots, channels and events run, and sources are read.",
        example="case = await platform.case(reference)     # not: SELECT * FROM core_case",
        remedy="Ask the platform for what you need; keep a CoreRef to what you must remember.",
    )
    async def core_tables_are_left_alone(self) -> None:
        for source in self.plugin.sources:
            try:
                check_tables(source)
            except LawBroken as offence:
                raise Broken(str(offence)) from None
        watched = await self._watched()
        for statement in watched.statements:
            foreign = {each for each in sql_tables(statement.sql) if each.startswith("core_") or each == "migration"}
            if foreign:
                raise Broken(f"{statement.place} sends a statement to {', '.join(sorted(foreign))}")

    @check(
        "basic-06",
        "Disabled, none of its pages answers",
        why="Off means off: an address that still answers would take complaints nobody looks at.",
        example="GET /p/postbox/ → 404",
        remedy="Let all pages come from provide_pages; register nothing on core's app when the plugin is imported.",
    )
    async def disabled_is_not_found(self) -> None:
        await self.stage.enable()
        routes = self.stage.routes()
        await self.stage.disable()
        try:
            browser = self.stage.browser()
            for path in {f"/p/{self.plugin.slug}{each.path}" for each in routes} | {f"/p/{self.plugin.slug}/"}:
                answer = await browser.get(path)
                if answer.status_code != 404:
                    raise Broken(f"{path} answers {answer.status_code} while the plugin is off")
        finally:
            await self.stage.enable()

    async def _watched(self) -> Watched:
        """Everything of the plugin runs once under watch; errors are for other checks to find."""
        return await watched_run(self)


async def watched_run(contract: Contract) -> Watched:
    """Pages, slots, channels and events of the plugin, run once under watch."""
    from ombud_plugin_api.testing.stage import Marked

    stage, plugin = contract.stage, contract.plugin
    await stage.enable()
    with stage.watch() as watched:
        for step in (
            lambda: contract.own.door(stage, plugin, Marked.person(1)), stage.work, stage.slot_answers,
            lambda: open_pages(contract),
        ):  # fmt: skip
            try:
                await step()
            except Exception:  # noqa: S112 - what fails here is told by the check whose promise it is
                continue
    await stage.faults()
    return watched


async def open_pages(contract: Contract) -> list[tuple[str, int]]:
    """Every address that may be asked for, opened by somebody who may; with its status."""
    stage, found = contract.stage, []
    for route in stage.routes():
        if route.method != "GET":
            continue
        role = await stage.may(route.permission) if route.permission else ""
        browser = await stage.signed_in(role) if role else stage.browser()
        path = address(contract, route.path)
        answer = await browser.get(path)
        found.append((path, answer.status_code))
    return found


def address(contract: Contract, path: str) -> str:
    """A route's address with something in its parts."""

    def part(match: re.Match[str]) -> str:
        name, _, kind = match.group(1).partition(":")
        usual = {"uuid": "00000000-0000-0000-0000-000000000007", "int": "7"}.get(kind, "x")
        return contract.own.addresses.get(name, usual)

    return f"/p/{contract.plugin.slug}" + re.sub(r"\{([^}]+)\}", part, path)


__all__ = ["ManifestContract", "address", "open_pages", "watched_run"]
