"""The desk's pages; each module lists its handlers."""

from litestar.types import ControllerRouterHandler

from ombud.web.pages import access

page_handlers: list[ControllerRouterHandler] = [*access.handlers]
