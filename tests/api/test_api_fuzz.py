"""Whatever bytes come in, the API answers with a clear word and never with a 500."""

import json
import random
import string
from collections.abc import Iterator
from typing import Any

REQUESTS = 800
EVIL: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, 1.5, 1e308, "", " ", "\0", "a\0b", "\ud800", "\u202e", "é" * 300,
    "x" * 200_001, "' OR 1=1 --", "%s", "{}", "00000000-0000-0000-0000-000000000000", "2026-11-23T09:00:00Z",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "NaN", "1e999", "-0", "note", "EUR", "upheld", [], {},
    [[]], {"": ""}, [None], {"a": {"b": {"c": [{"d": "\0"}]}}}, ["x"] * 60,
)  # fmt: skip


def filled(schema: dict[str, Any], part: dict[str, Any], dice: random.Random) -> Any:
    """A body that fits its schema, but for what the dice spoil."""
    if dice.random() < 0.12:
        return dice.choice(EVIL)
    if "$ref" in part:
        return filled(schema, schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]], dice)
    if "oneOf" in part:
        return filled(schema, dice.choice(part["oneOf"]), dice)
    if "enum" in part:
        return dice.choice(part["enum"])
    kind = part.get("type")
    if part.get("properties"):
        chosen = {name: each for name, each in part["properties"].items() if dice.random() < 0.8}
        extra = {"surprise": 1} if dice.random() < 0.05 else {}
        return {name: filled(schema, each, dice) for name, each in chosen.items()} | extra
    if kind == "array":
        return [filled(schema, part.get("items", {}), dice) for _ in range(dice.randint(0, 3))]
    if kind == "integer":
        return dice.randint(0, 5)
    if kind == "object":
        return {"a": dice.choice(EVIL)}
    return "".join(dice.choices(string.printable + "łß漢", k=dice.randint(0, 40)))


def spoiled(body: bytes, dice: random.Random) -> bytes:
    place = dice.randint(0, len(body))
    return body[:place] + dice.choice((b"\xff", b"\x00", b'"', b"{" * 5000, b"[" * 5000, b"")) + body[place + 1 :]


def requests(schema: dict[str, Any], places: dict[str, list[str]], dice: random.Random) -> Iterator[dict[str, Any]]:
    operations = [
        (path, method, item[method]) for path, item in schema["paths"].items() for method in ("get", "post", "patch")
        if method in item
    ]  # fmt: skip
    while True:
        path, method, operation = dice.choice(operations)
        for name, values in places.items():
            path = path.replace("{" + name + "}", dice.choice(values))
        query = {
            each["name"]: dice.choice([*EVIL[:28], "late", "me", "open"])
            for each in operation.get("parameters", ()) if each["in"] == "query" and dice.random() < 0.3
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(dice.randint(1, 50))}
        content = b""
        if "requestBody" in operation:
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            content = json.dumps(filled(schema, body, dice)).encode()
            if dice.random() < 0.1:
                content = spoiled(content, dice)
        yield {
            "method": method.upper(),
            "url": path,
            "params": printable(query),
            "content": content,
            "headers": headers,
        }


def printable(query: dict[str, Any]) -> dict[str, str]:
    return {name: str(value).encode("utf-8", "replace").decode()[:2000] for name, value in query.items()}


async def test_no_request_however_broken_makes_the_api_fail(desk):
    api = await desk.api("leader")
    filed = await desk.file("One", "Two", "Three")
    case = (await api.get(f"/api/v1/cases/{filed.reference}")).json()
    line = (await api.post(
        f"/api/v1/cases/{filed.reference}/aspects/{case['aspects'][0]['id']}/redress", json={"kind": "apology"}
    )).json()["id"]  # fmt: skip
    places = {
        "reference": [filed.reference, filed.reference, "OMB-00000-0", "%00", "%ff", "x" * 300, "a%2Fb", "🙂"],
        "aspect_id": [*(each["id"] for each in case["aspects"]), "x", "0" * 32],
        "line_id": [line, "00000000-0000-0000-0000-000000000000"],
    }
    schema = (await api.get("/api/openapi.json")).json()
    seen: dict[int, int] = {}
    for number, request in zip(range(REQUESTS), requests(schema, places, random.Random(20261123)), strict=False):
        answer = await api.request(**request)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (number, request, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
    assert {200, 404, 422} <= set(seen)
