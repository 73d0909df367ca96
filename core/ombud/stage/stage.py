"""The stage that core lends the conformance kit: a desk with one plugin on it, and eyes on what that does."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import msgspec

from ombud import cli
from ombud.desk import intake
from ombud.desk.platform import CoreContext, CorePlatform, context_in
from ombud.desk.plugin_work import asked_for
from ombud.kernel import calling, plugins
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.migrations import schema_change
from ombud.kernel.outbox import enqueue_job
from ombud.kernel.plugin_tables import remove_tables
from ombud.stage.acts import desk_survives, hanging, raising, saboteur, slot_pages
from ombud.stage.looking import SCHEMA, outcome, troubled
from ombud.stage.theatre import Theatre
from ombud.stage.watching import Watch
from ombud.testing_desk import Browser, Desk
from ombud.trust import group_settings, plugin_data, vault
from ombud.trust.canonical import moment_text
from ombud.trust.permissions import KEYS, ROLES, default_permissions
from ombud.trust.policy import SYSTEM, Viewer
from ombud.web import guard, plugin_pages
from ombud_plugin_api import ClosedAspect, ClosedCase, Event, RawReceipt
from ombud_plugin_api.facts import Filed
from ombud_plugin_api.testing.checks import Broken
from ombud_plugin_api.testing.stage import Marked, Received, Route, Watched
from ombud_plugin_api.testing.subject import Subject

T = TypeVar("T")
NOBODY = "kit-nobody"


class KitBrowser:
    """A browser that follows redirects and sends forms as they stand."""

    def __init__(self, browser: Browser) -> None:
        self._browser, self._http = browser, browser.http

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path, follow_redirects=True)

    async def post(self, path: str, data: Mapping[str, Any], files: Mapping[str, Any] | None = None) -> httpx.Response:
        sent = dict(data)
        if "_csrf" not in sent:
            sent["_csrf"] = await self._browser.token()
        return await self._http.post(path, data=sent, files=files, follow_redirects=True)


class Stage:
    """`ombud_plugin_api.testing.Stage` over a desk of this process."""

    def __init__(self, theatre: Theatre, plugin: Subject) -> None:
        self._theatre, self._plugin = theatre, plugin
        self.slug = plugin.slug
        self._users: dict[str, KitBrowser] = {}

    def run(self, work: Coroutine[Any, Any, T], limit: float = 90.0) -> T:
        return self._theatre.run(work, limit)

    @property
    def _desk(self) -> Desk:
        return self._theatre.desk

    async def enable(self) -> None:
        if self.slug in running.loaded:
            return
        for need in self._plugin.manifest.needs:
            if need not in running.loaded:
                await self._desk.enable(need)
        await self._desk.enable(self.slug)
        if self.slug not in running.loaded:
            raise Broken(f"it cannot be switched on: {running.problems.get(self.slug, 'it is not installed')}")

    async def disable(self) -> None:
        await self._desk.disable(self.slug)

    @asynccontextmanager
    async def off_without_code(self) -> AsyncIterator[None]:
        await self.disable()
        before, running.blocked = running.blocked, (*running.blocked, self.slug)
        package = self._plugin.package
        hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == package}
        try:
            yield
        finally:
            sys.modules.update(hidden)
            running.blocked = before
            await self.enable()

    @property
    def provided(self) -> plugins.Loaded:
        return running.loaded[self.slug]

    @property
    def core_permissions(self) -> frozenset[str]:
        return KEYS

    @property
    def core_commands(self) -> frozenset[str]:
        return frozenset(cli.CORE_GROUPS)

    def routes(self) -> list[Route]:
        app = plugin_pages.app_of(self.provided)
        found = []
        for route in app.routes:
            for handler in guard.handlers_of(route):
                opt, methods = handler.opt, getattr(handler, "http_methods", {"GET"})
                for method in sorted(methods - {"HEAD", "OPTIONS"}):
                    found.append(Route(method, route.path, str(opt.get("permission", "")), opt.get("public") is True))
        return sorted(found, key=lambda each: (each.path, each.method))

    def browser(self) -> KitBrowser:
        return KitBrowser(self._desk.browser())

    async def signed_in(self, role: str) -> KitBrowser:
        if role not in self._users:
            self._users[role] = KitBrowser(await self._desk.signed_in(role))
        return self._users[role]

    async def nobody(self) -> KitBrowser:
        await db.execute(
            "INSERT INTO core_role (key, label, permissions) VALUES ($1, 'Nobody', '{}') ON CONFLICT DO NOTHING", NOBODY
        )
        return await self.signed_in(NOBODY)

    async def may(self, permission: str) -> str:
        if permission == guard.SIGNED_IN:
            return "agent"
        own = {each.key: each.default_roles for each in self.provided.permissions}
        held = own.get(permission) or [each.key for each in ROLES if permission in default_permissions(each.key)]
        return next(iter(held), "")

    async def file(self, person: Marked) -> Filed:
        return await self._desk.file(
            person.text, key=f"kit-{person.mark}", name=person.name, email=person.email, phone=person.phone,
            postcode=person.postcode,
        )  # fmt: skip

    async def receive(self, raw: RawReceipt) -> Received:
        receipt = await intake.receive(raw)
        await enqueue_job("intake.resume", {"raw": str(receipt.id)})
        await self.work()
        row = await db.fetchrow("SELECT status, reason, case_id FROM core_raw WHERE id = $1", receipt.id)
        assert row is not None
        return Received(row["status"], row["reason"], row["case_id"])

    async def work(self) -> list[str]:
        await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")  # pauses are over
        await self._desk.work()
        rows = await db.fetch(
            "SELECT error FROM core_delivery WHERE state IN ('waiting', 'parked') AND error <> '' AND plugin = $1",
            self.slug,
        )
        return [row["error"] for row in rows]

    async def events(self, kinds: Sequence[str]) -> list[Event]:
        rows = await db.fetch(
            "SELECT stream, seq, at, actor, kind, cause, body FROM core_ledger_entry WHERE kind = ANY($1) "
            "ORDER BY at, stream, seq",
            list(kinds),
        )
        return [msgspec.convert({**dict(row), "at": moment_text(row["at"])}, Event) for row in rows]

    async def hear(self, event: Any) -> Exception | None:
        platform = CorePlatform(self.slug, Viewer(actor=f"plugin/{self.slug}"))
        listening = self.provided.on_event
        assert listening is not None
        return await outcome(listening(**asked_for(listening, event=event, platform=platform)))

    async def run_job(self, name: str, payload: Mapping[str, Any]) -> Exception | None:
        (job,) = (each for each in self.provided.jobs if each.name == name)

        async def run() -> None:
            await job.run(payload, await context_in(self.slug, Viewer(actor=f"plugin/{self.slug}")))

        return await outcome(run())

    async def context(self) -> CoreContext:
        given = await context_in(self.slug, Viewer(actor=f"plugin/{self.slug}"))
        given.units = tuple(row["key"] for row in await db.fetch("SELECT key FROM core_unit WHERE parent_id IS NULL"))
        return given

    async def closed_case(self, person: Marked) -> ClosedCase:
        filed = await self.file(person)
        matter = ClosedAspect(letter="A", title="Fee", category="", outcome="upheld", cause="")
        return ClosedCase(
            id=filed.case_id, reference=filed.reference, title="Fee", unit="", channel="api", aspects=(matter,),
            received_at=filed.received_at, closed_at=filed.received_at, href=f"/cases/{filed.reference}",
        )  # fmt: skip

    def trouble(self, method: str) -> AbstractContextManager[list[str]]:
        return troubled(self.slug, method)

    @contextmanager
    def watch(self) -> Iterator[Watched]:
        with Watch(self._plugin.folder, self._theatre.loop) as watched:
            yield watched

    async def tables(self) -> list[str]:
        rows = await db.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, $1) "
            "ORDER BY 1",
            self._plugin.prefix,
        )
        return [row["tablename"] for row in rows]

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await db.fetch(f'SELECT * FROM "{table}"')]

    async def columns(self, table: str) -> dict[str, str]:
        return {name: kind for name, (kind, _) in (await plugin_data._columns(table)).items()}

    async def kept_files(self) -> dict[UUID, bytes]:
        rows = await db.fetch("SELECT id FROM core_vault WHERE subject = $1", f"plugin/{self.slug}")
        return {row["id"]: await vault.load(row["id"]) for row in rows}

    async def schema(self) -> frozenset[str]:
        return frozenset(row["told"] for row in await db.fetch(SCHEMA))

    async def take_back(self) -> None:
        async with schema_change():
            await remove_tables(self.provided)
        await self.disable()

    async def people(self, person: Marked) -> list[UUID]:
        rows = await db.fetch(
            "SELECT id FROM core_person WHERE position($1 in name || ' ' || email) > 0 ORDER BY created_at", person.mark
        )
        return [row["id"] for row in rows]

    async def cases(self, person: Marked) -> int:
        return int(
            await db.fetchval(
                "SELECT count(DISTINCT y.case_id) FROM core_party y JOIN core_person p ON p.id = y.person_id "
                "WHERE position($1 in p.name || ' ' || p.email) > 0",
                person.mark,
            )
        )

    async def messages(self, person: Marked) -> int:
        return int(
            await db.fetchval(
                "SELECT count(*) FROM core_message m JOIN core_person p ON p.id = m.person_id "
                "WHERE m.case_id IS NULL AND m.direction = 'in' AND position($1 in p.name || ' ' || p.email) > 0",
                person.mark,
            )
        )

    async def collect(self, person: UUID) -> list[Any]:
        return list(await plugin_data.collect(SYSTEM, person))

    async def erase(self, person: UUID) -> None:
        await plugin_data.erase(SYSTEM, person)

    async def set_secret(self, name: str, value: str) -> None:
        await self._set(group_settings.Change(secrets={name: value}))

    async def set_setting(self, name: str, value: Any) -> None:
        await self._set(group_settings.Change(values={name: value}))

    async def _set(self, change: group_settings.Change) -> None:
        key = f"p-{self.slug}"
        version = next((each.version for each in await group_settings.levels(key) if each.unit_id is None), 0)
        await group_settings.change(SYSTEM, key, change, version=version)

    async def faults(self) -> list[str]:
        rows = await db.fetch("DELETE FROM core_fault WHERE slug = $1 RETURNING id, place, error", self.slug)
        await db.execute("DELETE FROM core_rest WHERE slug = $1", self.slug)
        calling._Rests.until.pop(self.slug, None)
        return [f"{row['place']}: {row['error']}" for row in sorted(rows, key=lambda row: row["id"])]

    def said(self) -> str:
        return "\n".join(self._theatre.log.lines)

    @asynccontextmanager
    async def others_fail(self) -> AsyncIterator[None]:
        with saboteur(self._theatre.data.parent) as slug:
            await self._desk.enable(slug)
            try:
                yield
            finally:
                await self._desk.disable(slug)
                await db.execute("DELETE FROM core_delivery WHERE plugin = $1", slug)
                await db.execute("DELETE FROM core_plugin WHERE slug = $1", slug)

    @asynccontextmanager
    async def fails(self, how: str) -> AsyncIterator[None]:
        before, change = self.provided, raising if how == "raise" else hanging
        limits = plugin_pages.FIRST_BYTE_SECONDS, plugin_pages.SLOT_SECONDS
        plugin_pages.FIRST_BYTE_SECONDS, plugin_pages.SLOT_SECONDS = 0.5, 0.5
        running.loaded[self.slug] = dataclasses.replace(before, **change(before))
        running.when_changed()
        try:
            yield
        finally:
            running.loaded[self.slug] = before
            running.when_changed()
            plugin_pages.FIRST_BYTE_SECONDS, plugin_pages.SLOT_SECONDS = limits

    async def desk_works(self) -> str:
        return await desk_survives(self._desk, await self.signed_in("agent"), self.browser(), self.slug)

    async def slot_answers(self) -> list[tuple[str, str]]:
        filed = await self.file(Marked.person(2))
        role = await self._sees_slots()
        found = []
        for slot, path in slot_pages(filed.reference).items():
            if any(fill.slot == slot for fill in self.provided.slots):
                await self.faults()
                answer = await (await self.signed_in(role)).get(path)
                said = [each for each in await self.faults() if f"slot {slot}" in each]
                problem = "; ".join(said) or (
                    f"the page answers {answer.status_code}" if answer.status_code != 200 else ""
                )
                found.append((slot, problem))
        return found

    async def _sees_slots(self) -> str:
        asked = [fill.permission for fill in self.provided.slots if fill.permission not in {"", "case.read"}]
        return (await self.may(asked[0]) if asked else "") or "agent"

    async def barriers(self, paths: Sequence[tuple[str, str]]) -> list[str]:
        from ombud.stage.browser import barriers_of

        return await barriers_of(self._desk, paths)

    @asynccontextmanager
    async def earlier(self, wheel: Any) -> AsyncIterator[None]:
        from ombud.stage.wheels import unpacked

        if self.slug in running.loaded:
            await self._desk.uninstall(self.slug)
        with unpacked(Path(wheel), self._theatre.data.parent, self._plugin.package):
            await self._desk.enable(self.slug)
            yield
        await running.refresh()
