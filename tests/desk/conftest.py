"""An open desk with its people, without a web app: what the desk's own functions need."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ombud.config import load
from ombud.desk import intake
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import run_with
from ombud.testing import DeskTemplate, migrated_copy
from ombud.trust import keys, link_signing, users
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user
from ombud_plugin_api.facts import Complaint, Filed, Matter, PersonGiven, RawReceipt


class Stage:
    """Files complaints and knows people by their role or name."""

    async def person(self, name: str, *roles: str, unit: str | None = None) -> Viewer:
        """A user, made at need, by default with the role of that name in the first unit."""
        known = await db.fetchval("SELECT id FROM core_user WHERE name = $1", name)
        if known is None:
            known = await users.add(
                name, name.capitalize(), "", "correct horse battery", list(roles or [name]), unit, "system"
            )
        viewer = await viewer_of_user(known)
        assert viewer is not None
        return viewer

    async def file(
        self, *matters: str, name: str = "Helena Marsh", email: str = "helena@example.org",
        phone: str = "0700 900123", **about: Any,
    ) -> Filed:  # fmt: skip
        texts = matters or ("The fee was taken twice.",)
        person = PersonGiven(name=name, email=email, phone=phone)
        complaint = Complaint(
            channel="api", person=person, matters=tuple(Matter(text=text) for text in texts), **about
        )  # fmt: skip
        raw = RawReceipt(channel="api", key=str(new_id()), content_type="text/plain", body="\n".join(texts).encode())
        return await intake.file(raw, complaint)

    async def unit(self, key: str, parent: str | None = None) -> None:
        """A unit beside or below another."""
        await db.execute(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
            "created_at, version) VALUES ($1, (SELECT id FROM core_unit WHERE key = $2), 'team', $3, $3, 'UTC', 'EUR', "
            "'', 'en', '', $4, 1)",
            new_id(), parent, key, now(),
        )  # fmt: skip


@asynccontextmanager
async def opened(url: str, data: Path) -> AsyncIterator[Stage]:
    config = load(data=data, environ={"OMBUD_DATABASE_URL": url})
    run_with(config)
    await db.open(url)
    await keys.open_master(config.secrets.master_key_file)
    link_signing.open_signing(config.secrets.master_key_file.parent)
    try:
        yield Stage()
    finally:
        await db.close()
        keys.close_master()
        link_signing.close_signing()


@pytest.fixture
async def stage(prepared_database_url: str, desk_template: DeskTemplate, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(prepared_database_url, desk_template.copy_data(tmp_path / "desk")) as ready:
        yield ready


@pytest.fixture(scope="session")
def open_stage() -> Callable[[str, Path], AbstractAsyncContextManager[Stage]]:
    """For tests with a desk of their own making: `async with open_stage(url, data) as stage`."""
    return opened


@pytest.fixture
def second_database_url(_postgres_run: tuple[str, str], template_database: str) -> Iterator[str]:
    """Another migrated database beside that of `stage`, with nothing in it."""
    with migrated_copy(*_postgres_run, template_database) as url:
        yield url
