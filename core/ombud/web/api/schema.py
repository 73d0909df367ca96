"""The API's own description: OpenAPI 3.1 as JSON, and a plain page of its operations."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from litestar import Controller, Litestar, Request, Response, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from ombud.web.api.problems import KINDS, MEDIA_TYPE
from ombud.web.shell import page

Req = Request[Any, Any, Any]
_METHODS = ("get", "post", "patch", "put", "delete")
_PROBLEM = {
    "type": "object",
    "description": "A problem detail (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "version": {"type": "integer"},
        "theirs": {"type": "object"},
        "yours": {"type": "object"},
    },
}


class ApiPages(Controller):
    """Public: what the API is, not what is in it."""

    path = "/api"
    include_in_schema = False
    opt = {"public": True}

    @get("/openapi.json")
    async def openapi(self, request: Req) -> Response[dict[str, Any]]:
        return Response(description(request.app), media_type="application/json")

    @get("/docs")
    async def docs(self, request: Req) -> Response[Any]:
        return await page(request, "pages/api_docs.html", sections=sections(description(request.app)), problems=KINDS)


class ApiConfig(OpenAPIConfig):
    """Litestar's description without its pages, which load scripts from elsewhere."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.openapi_controller = ApiPages  # type: ignore[assignment]


openapi_config = ApiConfig(
    title="Ombud",
    version="1",
    description="Cases, aspects, messages and queues of this desk. A token sees and does what its user may, no more.",
    components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
    security=[{"token": []}],
    use_handler_docstrings=True,
)


@cache
def description(app: Litestar) -> dict[str, Any]:
    """The paths below /api, each answer of theirs that is an error as a problem detail."""
    whole: dict[str, Any] = app.openapi_schema.to_schema()
    paths = {path: item for path, item in whole["paths"].items() if path.startswith("/api/v1")}
    for item in paths.values():
        for method in _METHODS:
            if method in item:
                _with_problems(item[method])
    components = {**whole.get("components", {})}
    components["schemas"] = {**components.get("schemas", {}), "Problem": _PROBLEM}
    return {**whole, "paths": paths, "components": components}


def _with_problems(operation: dict[str, Any]) -> None:
    problem = {
        "description": "A problem, with what to do about it",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    kept = {code: answer for code, answer in operation["responses"].items() if int(code) < 400}
    operation["responses"] = {**kept, "default": problem}
    for parameter in operation.get("parameters", ()):
        if operation["operationId"] == "fileComplaint" and parameter["name"] == "Idempotency-Key":
            parameter["required"] = True  # the handler itself refuses, with words that help


def sections(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operations by tag, as the page shows them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                found.setdefault(item[method].get("tags", [""])[0], []).append(_operation(schema, path, method, item))
    return [{"title": tag, "operations": operations} for tag, operations in found.items()]


def _operation(schema: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> dict[str, Any]:
    operation = item[method]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "words": operation.get("description", ""),
        "parameters": [
            {
                "name": each["name"],
                "place": each["in"],
                "required": each.get("required", False),
                "words": each.get("description", "") or each.get("schema", {}).get("description", ""),
            }
            for each in operation.get("parameters", [])
        ],
        "body": fields_of(schema, body),
    }


def fields_of(schema: Mapping[str, Any], part: Mapping[str, Any], deep: int = 0) -> list[dict[str, Any]]:
    """The fields of a body, those of parts inside it below them with a dot."""
    part = _resolved(schema, part)
    lines: list[dict[str, Any]] = []
    for name, field in part.get("properties", {}).items():
        resolved = _resolved(schema, field)
        inner = _resolved(schema, resolved.get("items", {})) if resolved.get("type") == "array" else resolved
        kind = _kind(resolved)
        lines.append({
            "name": name, "kind": kind, "required": name in part.get("required", []),
            "words": resolved.get("description", ""), "choices": [str(each) for each in resolved.get("enum", [])],
        })  # fmt: skip
        if deep < 2 and inner.get("properties"):
            below = fields_of(schema, inner, deep + 1)
            lines += [{**each, "name": f"{name}{'[]' if kind == 'array' else ''}.{each['name']}"} for each in below]
    return lines


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follows a reference, and of a choice with null takes the other."""
    if "$ref" in part:
        found: Mapping[str, Any] = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
        return found
    for each in part.get("oneOf", ()):
        if each.get("type") != "null":
            return _resolved(schema, each)
    return part


def _kind(part: Mapping[str, Any]) -> str:
    kind = part.get("type", "")
    if part.get("format"):
        return str(part["format"])
    return str(" or ".join(kind) if isinstance(kind, list) else kind or ("object" if part.get("properties") else ""))
