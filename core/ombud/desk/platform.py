"""Core as one plugin may use it, on behalf of one viewer: `ombud_plugin_api.Platform` over the desk."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import ombud_plugin_api as api
from ombud.desk import (
    case_links,
    customers,
    deliveries,
    errors,
    fields,
    file_kinds,
    intake,
    kept_returns,
    known_people,
    plugin_writes,
    units,
)
from ombud.desk.case_glance import case_glance
from ombud.desk.privacy import public as privacy_public
from ombud.desk.privacy import signals
from ombud.desk.settings.groups import values_known
from ombud.kernel import outbox
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.process import settings
from ombud.speech import plain
from ombud.trust import links, throttle, vault
from ombud.trust.policy import ANONYMOUS, Viewer

P = ParamSpec("P")
T = TypeVar("T")

PROOFS = 60  # answers to the question of a link, of one address in an hour; each link has its own, smaller number


class InsideTransactionError(RuntimeError):
    """A plugin called core inside its own transaction, where core's refusal would take the plugin's rows along."""


def _translated(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The desk's refusals, in the plugin API's words; nothing of core runs inside a plugin's transaction."""

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if db.in_transaction():
            raise InsideTransactionError(f"call platform.{method.__name__} before or after `platform.transaction()`")
        try:
            return await method(*args, **kwargs)
        except (errors.KeyReused, errors.Changed) as refusal:
            raise api.Conflict(plain(str(refusal))) from refusal
        except errors.DeskRefusal as refusal:
            raise api.Refused(plain(str(refusal)), getattr(refusal, "field", "")) from refusal
        except links.BadLink as refusal:
            raise api.BadLink(plain(str(refusal)), gone=not isinstance(refusal, links.LinkInvalid)) from refusal
        except throttle.Throttled as refusal:
            raise api.TooMany(plain(str(refusal)), refusal.retry_after) from refusal

    return call


def _no_such_file() -> errors.NotFound:
    return errors.NotFound("There is no such file of this plugin; it may have been dropped.")


class CorePlatform:
    """Made for each request or job; keeps nothing but who asks and for which plugin."""

    def __init__(
        self, slug: str, viewer: Viewer = ANONYMOUS, asked_from: str = "", opted_out: str | None = None
    ) -> None:
        """`asked_from`: the address of the browser, where one asks; `opted_out`: the random value of its
        cookie, where it sends a signal that opts out."""
        self._slug = slug
        self._viewer = viewer
        self._asked_from = throttle.network(asked_from) if asked_from else ""
        self._opted_out = opted_out
        self._actor = viewer.actor if viewer.user_id else f"plugin/{slug}"

    @_translated
    async def file(self, raw: api.RawReceipt, complaint: api.Complaint) -> api.Filed:
        actor = self._viewer.actor if self._viewer.user_id else ""
        if self._viewer.user_id or not self._asked_from:
            return await intake.file(raw, complaint, principal=f"plugin/{self._slug}", actor=actor)
        key = f"file/{self._asked_from}"
        await throttle.hit(key, settings().limits.filings_per_hour, timedelta(hours=1))
        filed = await intake.file(raw, complaint, principal=f"plugin/{self._slug}", actor=actor)
        if filed.duplicate:  # the same complaint sent again costs nothing
            await throttle.give_back(key)
        elif self._opted_out is not None:
            await signals.of_complainant(filed.case_id, self._opted_out)
        return filed

    @_translated
    async def receive(self, raw: api.RawReceipt) -> UUID:
        receipt = await intake.receive(raw, principal=f"plugin/{self._slug}")
        if receipt.status == "stored":
            await outbox.enqueue_job("intake.resume", {"raw": str(receipt.id)}, key=f"resume/{receipt.id}")
        return receipt.id

    @_translated
    async def report_delivery(self, message_id: UUID, report: api.DeliveryReport) -> None:
        loaded = running.loaded.get(self._slug)
        channels = [each.key for each in loaded.deliverers] if loaded is not None else []
        await deliveries.report(self._actor, channels, message_id, report)

    @_translated
    async def readable(self, message_ids: Sequence[UUID]) -> frozenset[UUID]:
        return await deliveries.readable(self._viewer, message_ids)

    async def refuses_file(self, name: str, data: bytes) -> str:
        kind = file_kinds.kind_of(file_kinds.content_type(data, name))
        return kind if kind in settings().limits.blocked_files else ""

    @_translated
    async def case_fields(self, case_type: str = "complaint") -> Mapping[str, Any]:
        return await fields.schema_of(case_type)

    @_translated
    async def case(self, reference: str) -> api.CaseView:
        return await case_glance(self._viewer, reference)

    @_translated
    async def people(
        self, *, phone: str = "", email: str = "", name: str = "", postcode: str = ""
    ) -> tuple[api.KnownPerson, ...]:
        return await known_people.find(self._viewer, phone=phone, email=email, name=name, postcode=postcode)

    @_translated
    async def filing_options(self) -> api.FilingOptions:
        return await known_people.filing_options(self._viewer)

    @_translated
    async def write(
        self, reference: str, kind: str, text: str, key: str, channel: str = "", documents: Sequence[api.Document] = ()
    ) -> UUID:
        return await plugin_writes.write(self._slug, self._viewer, reference, kind, text, key, channel, documents)

    @_translated
    async def record(self, case_id: UUID, kind: str, body: Mapping[str, str | int | bool]) -> None:
        await plugin_writes.record(self._slug, self._viewer, case_id, kind, body)

    @_translated
    async def follow(self, token: str) -> api.CustomerCase:
        case = await customers.follow(token)
        if self._opted_out is not None:
            await signals.of_person((await links.read(token)).person_id, self._opted_out)
        return case

    @_translated
    async def say(
        self, token: str, text: str, key: str, proof: str = "", documents: Sequence[api.Document] = ()
    ) -> None:
        await customers.say(token, text, key, proof, documents)

    @_translated
    async def prove(self, token: str, question: str, answer: str, minutes: int = 20) -> str:
        if self._asked_from:
            await throttle.hit(f"prove/{self._asked_from}", PROOFS, timedelta(hours=1))
        return await customers.prove(token, question, answer, minutes)

    @_translated
    async def documents(self, token: str, proof: str) -> tuple[api.DocumentView, ...]:
        return await customers.documents(token, proof)

    @_translated
    async def document(self, token: str, proof: str, document_id: UUID) -> api.Document:
        return await customers.document(token, proof, document_id)

    @_translated
    async def withdraw(self, token: str, proof: str, aspect_id: UUID | None, reason: str) -> None:
        await customers.withdraw(token, proof, aspect_id, reason)

    @_translated
    async def laws(self) -> tuple[api.Law, ...]:
        return await privacy_public.of_plugin(self._slug)

    @_translated
    async def ask_right(self, asked: api.RightAsked) -> str:
        if self._asked_from:
            await throttle.hit(f"right/{self._asked_from}", settings().limits.filings_per_hour, timedelta(hours=1))
        return await privacy_public.ask(self._slug, asked)

    @_translated
    async def follow_request(self, token: str, proof: str = "") -> api.RequestFollowed:
        return await privacy_public.follow(self._slug, token, proof)

    @_translated
    async def send_code(self, token: str) -> None:
        if self._asked_from:
            await throttle.hit(f"code/{self._asked_from}", PROOFS, timedelta(hours=1))
        await privacy_public.send_code(self._slug, token)

    @_translated
    async def prove_request(self, token: str, code: str, minutes: int = 20) -> str:
        if self._asked_from:
            await throttle.hit(f"prove/{self._asked_from}", PROOFS, timedelta(hours=1))
        return await privacy_public.prove(self._slug, token, code, minutes)

    @_translated
    async def withdraw_request(self, token: str, proof: str) -> None:
        await privacy_public.withdraw(self._slug, token, proof)

    @_translated
    async def links(self, case_id: UUID) -> tuple[api.LinkView, ...]:
        return await case_links.of_case(self._viewer, case_id)

    @_translated
    async def make_link(self, case_id: UUID) -> str:
        return await case_links.make(self._viewer, case_id)

    @_translated
    async def revoke_link(self, link_id: UUID) -> None:
        await case_links.revoke(self._viewer, link_id)

    @_translated
    async def start_job(self, name: str, payload: Mapping[str, Any], key: str = "") -> UUID:
        by = {"user": str(self._viewer.user_id)} if self._viewer.user_id else {}
        return await outbox.enqueue_job(
            f"{self._slug}.{name}", {"payload": dict(payload), **by}, key=key or None, plugin=self._slug
        )

    @_translated
    async def job(self, job_id: UUID) -> Mapping[str, Any]:
        found = await outbox.job_progress(job_id)
        if found is None:
            raise errors.NotFound("There is no such job any more.")
        return {
            "state": found.state, "done": found.done, "total": found.total, "note": found.note, "error": found.error,
        }  # fmt: skip

    @_translated
    async def keep_file(self, data: bytes) -> UUID:
        return await vault.store(self._subject, data)

    @_translated
    async def kept_file(self, file_id: UUID) -> bytes:
        await self._own(file_id)
        try:
            return await vault.load(file_id)
        except vault.NotStored:  # dropped since a moment ago
            raise _no_such_file() from None

    @_translated
    async def drop_file(self, file_id: UUID) -> None:
        await self._own(file_id)
        await db.execute("DELETE FROM core_vault WHERE id = $1", file_id)

    @_translated
    async def settings(self, unit: str = "") -> Mapping[str, Any]:
        return await values_known(self._slug, unit, self._viewer.settled)

    async def units(self) -> tuple[api.UnitView, ...]:
        return tuple(
            api.UnitView(
                key=each.key, name=each.name, country=each.country, language=each.language, time_zone=each.time_zone
            )
            for each in await units.from_above_known(self._viewer.settled)
        )

    @_translated
    async def kept_returns(self, key: str) -> tuple[api.ReturnKept, ...]:
        return await kept_returns.of_plugin(self._viewer, self._slug, key)

    @property
    def _subject(self) -> str:
        return f"plugin/{self._slug}"

    async def _own(self, file_id: UUID) -> None:
        if await db.fetchval("SELECT subject FROM core_vault WHERE id = $1", file_id) != self._subject:
            raise _no_such_file()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """For the plugin's own rows; platform calls refuse to run inside."""
        async with db.transaction():
            yield


class Rights(Mapping[str, bool]):
    """`context.may["case.write"]`: the viewer's permissions as a mapping."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def __getitem__(self, permission: str) -> bool:
        return self._viewer.may(permission)

    def __iter__(self) -> Any:
        return iter(self._viewer.rights)

    def __len__(self) -> int:
        return len(self._viewer.rights)


@dataclass
class CoreContext:
    """`ombud_plugin_api.Context`: what a provider gets with a call."""

    platform: CorePlatform
    viewer_name: str = ""
    viewer_id: UUID | None = None
    may: Mapping[str, bool] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    job: outbox.JobContext | None = None
    say: Callable[[int, int | None, str], None] | None = None
    units: Sequence[str] = ()

    @property
    def state(self) -> Mapping[str, Any]:
        return self.job.state if self.job else {}

    @property
    def stopping(self) -> bool:
        return self.job is not None and self.job.stopping

    async def save(self, state: Mapping[str, Any]) -> None:
        if self.job is not None:
            await self.job.save(dict(state))

    async def progress(self, done: int, total: int | None, note: str = "") -> None:
        if self.job is not None:
            await self.job.progress(done, total or 0, note)
        if self.say is not None:
            self.say(done, total, note)


def context_for(
    slug: str, viewer: Viewer, job: outbox.JobContext | None = None, asked_from: str = "", opted_out: str | None = None
) -> CoreContext:
    """Without settings, for what reads none."""
    platform = CorePlatform(slug, viewer, asked_from, opted_out)
    return CoreContext(platform, viewer.name, viewer.user_id, Rights(viewer), {}, job)


async def context_in(
    slug: str, viewer: Viewer, job: outbox.JobContext | None = None, unit: str = "", asked_from: str = ""
) -> CoreContext:
    """With the plugin's settings as they hold now in a unit, by its key; without one in the desk's first."""
    context = context_for(slug, viewer, job, asked_from)
    # Not by asking the platform: trouble that a test makes for the plugin's own calls is not met here.
    context.settings = await _translated(values_known)(slug, unit, viewer.settled)
    return context


__all__ = ["CoreContext", "CorePlatform", "Rights", "context_for", "context_in"]
