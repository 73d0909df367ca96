"""Plugins with pages: who is refused, where templates lie, and that nothing holds the process up."""

from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.kinds.manifest import address, open_pages
from ombud_plugin_api.testing.stage import Route
from ombud_plugin_api.testing.subject import Subject


class PagesContract(Contract):
    """What plugins with pages promise."""

    kind: ClassVar[str] = "pages"
    title: ClassVar[str] = "Plugins with pages"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_pages")

    @check(
        "basic-20",
        "Every page names its permission, or says that it is public",
        why="Default deny: a page without a permission is open to whoever finds it, so its plugin is not served.",
        example='@get("/letters", opt={"permission": "postbox.read"})',
        remedy='Give each handler opt={"permission": "…"} with a permission of core\'s or your own, or '
        '{"public": True}.',
    )
    async def every_page_is_guarded(self) -> None:
        await self.stage.enable()
        for route in self.stage.routes():
            if not route.public and route.permission not in self._known():
                raise Broken(f"{route.method} {route.path} asks for {route.permission!r}, which nobody has")

    def _known(self) -> frozenset[str]:
        return self.stage.core_permissions | {each.key for each in self.stage.provided.permissions} | {"signed-in"}

    @check(
        "basic-21",
        "A page with a permission refuses the anonymous and the wrong role, also for forms",
        why="The guard is core's, but a handler that answers from another place, or a form that is public beside "
        "a page that "
        "is not, lets strangers in.",
        example="GET /p/postbox/letters: nobody → sign-in, a role without postbox.read → 403",
        remedy="Let the guard decide: give the handler the permission and answer only from it.",
    )
    async def strangers_are_refused(self) -> None:
        await self.stage.enable()
        stranger, nobody = self.stage.browser(), await self.stage.nobody()
        for route in self.stage.routes():
            if route.public:
                continue
            path = address(self, route.path)
            for who, browser in (("somebody who is not signed in", stranger), ("a role without the right", nobody)):
                answer = await (browser.get(path) if route.method == "GET" else browser.post(path, {}))
                landed = str(getattr(answer.url, "path", answer.url))
                refused = answer.status_code in {401, 403} or landed.startswith("/sign-in")
                if not refused and not (route.permission == "signed-in" and browser is nobody):
                    raise Broken(f"{route.method} {path} answers {answer.status_code} to {who}")
        self._pairs()

    def _pairs(self) -> None:
        """A form is not more open than the page it stands on."""
        shown = {each.path: each for each in self.stage.routes() if each.method == "GET"}
        for route in self.stage.routes():
            page: Route | None = shown.get(route.path)
            if page is not None and not page.public and route.public:
                raise Broken(f"{route.method} {route.path} is public, but its page needs {page.permission}")

    @check(
        "basic-22",
        "Its pages open, and errors of people are answered, not raised",
        why="A page that answers 500 is a dead end for somebody who came to complain.",
        example='return await pages.show("postbox/form.html", status=422, problems=[…])',
        remedy="Answer 404 for what is not there and 422 with words for what cannot be taken.",
    )
    async def pages_open(self) -> None:
        await self.stage.enable()
        for path, status in await open_pages(self):
            if status >= 500:
                raise Broken(f"GET {path} answers {status}: {'; '.join(await self.stage.faults()) or 'see the log'}")

    @check(
        "basic-23",
        "Its templates lie in a folder named like the slug",
        why="Templates of all plugins and of core share one namespace; only a theme may replace one that is not "
        "its own.",
        example="ombud_postbox/templates/postbox/form.html",
        remedy="Move your templates to templates/<slug>/ and name them so in pages.show.",
    )
    async def templates_lie_in_their_folder(self) -> None:
        for path in self.plugin.templates:
            inside = path.relative_to(self.plugin.folder / "templates")
            if inside.parts[0] != self.plugin.slug:
                raise Broken(f"the template {inside} lies outside {self.plugin.slug}/")
