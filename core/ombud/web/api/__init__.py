"""The REST API under /api/v1. The app adds `api_handlers`, `openapi_config`, and `api_exception_handler` for /api."""

from litestar import Router

from ombud.desk.api_complaint import parse_api_complaint
from ombud.web.api import aspects, cases, redress, search, talk
from ombud.web.api.filing import file_complaint
from ombud.web.api.problems import api_exception_handler
from ombud.web.api.reading import check_request
from ombud.web.api.schema import openapi_config

api_handlers = [
    Router(
        path="/api/v1",
        route_handlers=[
            file_complaint,
            *cases.handlers,
            *aspects.handlers,
            *redress.handlers,
            *talk.handlers,
            *search.handlers,
        ],
        before_request=check_request,
        include_in_schema=True,
    )
]

__all__ = ["api_exception_handler", "api_handlers", "openapi_config", "parse_api_complaint"]
