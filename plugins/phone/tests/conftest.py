"""A desk with the plugin on, an agent's call on it, and a telephony system that signs."""

import base64
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import group_settings
from ombud.trust.policy import SYSTEM

SECRET = "a secret of the telephony system"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(64))
NUMBER = "+442079460018"

Chosen = Callable[..., Awaitable[None]]


async def choose(**values: Any) -> None:
    key = "p-phone"
    version = next((each.version for each in await group_settings.levels(key) if each.unit_id is None), 0)
    secrets = {name: values.pop(name) for name in ("hook_secret",) if name in values}
    await group_settings.change(SYSTEM, key, group_settings.Change(values=values, secrets=secrets), version=version)


class Calls:
    """What an agent does with calls, by the forms of the pages."""

    def __init__(self, desk: Desk, agent: Browser) -> None:
        self.desk, self.agent = desk, agent

    async def begin(self, number: str = NUMBER, **more: str) -> str:
        page = (await self.agent.get("/p/phone/calls")).text
        key = re.search(r'name="key" value="([^"]+)"', page.split('action="/p/phone/calls"')[1])
        assert key
        sent = {"key": key.group(1), "number": number, "channel": "phone", **more}
        answer = await self.agent.submit("/p/phone/calls", sent)
        assert answer.status_code == 303, answer.text[-800:]
        return str(answer.headers["location"])

    async def type(self, call: str, do: str, **fields: Any) -> Any:
        return await self.agent.submit(call, {"shown": "1", "do": do, **fields}, page="/p/phone/calls")

    async def file(self, call: str, files: Any = None) -> Any:
        return await self.agent.submit(f"{call}/file", {}, page="/p/phone/calls", files=files)

    async def filed(self, **fields: Any) -> str:
        """A call that became a case; its reference."""
        call = await self.begin(
            fields.pop("number", NUMBER), **{k: fields.pop(k) for k in ("system_call",) if k in fields}
        )
        told = {"name": "Helena Marsh", "matter": "The fee was taken twice.", **fields}
        assert (await self.type(call, "check", **told)).headers["location"] == f"{call}/read"
        answer = await self.file(call)
        assert answer.status_code == 303, answer.text[-800:]
        return str(answer.headers["location"]).rsplit("/", 1)[1]

    async def hook(self, body: dict[str, Any], secret: str = SECRET, at: datetime | None = None, unit: str = "") -> Any:
        """What the telephony system sends."""
        unit = unit or await db.fetchval("SELECT key FROM core_unit ORDER BY created_at LIMIT 1")
        data = json.dumps(body).encode()
        stamp = str(int((at or datetime.now(UTC)).timestamp()))
        signed = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + data, "sha256").hexdigest()
        headers = {"content-type": "application/json", "x-signature": f"v0={signed}", "x-signature-timestamp": stamp}
        return await self.desk.browser().http.post(f"/p/phone/hook/{unit}", content=data, headers=headers)

    @staticmethod
    def recording(call: str, number: str = NUMBER, **more: Any) -> dict[str, Any]:
        return {"event": "recording", "call": call, "from": number, "seconds": 61,
                "recording": base64.b64encode(WAV).decode(), **more}  # fmt: skip


@pytest.fixture
async def calls(desk: Desk) -> Calls:
    await desk.enable("phone")
    await choose(
        recording_basis="consent", recording_notice="This call is recorded.", recording_days=30, hook_scheme="stamped",
        hook_secret=SECRET, country="GB",
    )  # fmt: skip
    return Calls(desk, await desk.signed_in("agent"))


@pytest.fixture(name="choose")
def _choose() -> Chosen:
    return choose


@pytest.fixture
def wav() -> bytes:
    return WAV
