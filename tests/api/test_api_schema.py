"""schemathesis reads the API's own description and holds every operation to it, for several roles: no 500, and no
answer that the description does not know."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ombud.testing_desk import Desk

EXAMPLES = 4  # of each operation and way, others for each role
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [
    schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
    response_headers_conformance, response_schema_conformance,
]  # fmt: skip


async def _places(desk: Desk, api: httpx.AsyncClient) -> dict[str, str]:
    """A real case, aspect and line of redress, so that operations get further than "there is no such case"."""
    filed = await desk.file("One", "Two", "Three")
    case = (await (await desk.api("leader")).get(f"/api/v1/cases/{filed.reference}")).json()
    return {"reference": filed.reference, "aspect_id": case["aspects"][0]["id"]}


async def _ask(api: httpx.AsyncClient, case: Any) -> httpx.Response:
    given_to = case.as_transport_kwargs(base_url="http://desk.test")
    body = {name: given_to[name] for name in ("json", "data", "params") if given_to.get(name) is not None}
    headers = {name: str(value).encode("utf-8", "replace") for name, value in (given_to.get("headers") or {}).items()}
    if "data" in body and isinstance(body["data"], bytes | str):
        body["content"] = body.pop("data")
    return await api.request(given_to["method"], given_to["url"], headers=headers, **body)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["leader", "agent", "quality", "administrator"])
async def test_every_operation_keeps_to_its_description_for_every_role(desk: Desk, role: str) -> None:
    api = await desk.api(role)
    places = await _places(desk, api)
    schema = schemathesis.openapi.from_dict((await api.get("/api/openapi.json")).json())
    loop, asked = asyncio.get_running_loop(), Counter[tuple[str, GenerationMode]]()

    def hold(operation: Any, mode: GenerationMode) -> None:
        @seed(role)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode), real=some.booleans())
        def one(case: Any, real: bool) -> None:
            if real:
                case.path_parameters = {**(case.path_parameters or {}), **{
                    name: value for name, value in places.items() if name in (case.path_parameters or {})
                }}  # fmt: skip
            answer = asyncio.run_coroutine_threadsafe(_ask(api, case), loop).result(30)
            asked[operation.label, mode] += 1
            case.validate_response(answer, checks=CHECKS)

        one()

    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 14
    for operation in operations:
        for mode in MODES:
            await asyncio.to_thread(hold, operation, mode)
    assert {(operation.label, mode) for operation in operations for mode in MODES} == set(asked)
