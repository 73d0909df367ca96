"""How xdist deals out whole modules. It must know of a test which one follows, and so deals the next module while the
last tests of one still run; behind a test of minutes that shall be a short one, or it waits while others have nothing
to do."""

from collections.abc import Collection
from typing import Any

from xdist.scheduler import LoadFileScheduling


class WholeModules(LoadFileScheduling):
    """Deals from the front, where the long modules are; to a worker whose long one is not over, from the back."""

    def __init__(self, config: Any, log: Any, longest: Collection[str]) -> None:
        super().__init__(config, log)
        self._longest = set(longest)

    def _assign_work_unit(self, node: Any) -> None:
        waiting = self.assigned_work.get(node, {})
        if any(self._is_long(module) and not all(done.values()) for module, done in waiting.items()):
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _is_long(self, module: str) -> bool:
        return module.rpartition("/")[2] in self._longest
