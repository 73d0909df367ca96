"""How a plugin's tables refer to core's: by a bare id, never by a row it could read or save."""

from typing import Any

from piccolo.columns import UUID

CORE_TABLES = {"case": "core_case", "aspect": "core_aspect", "message": "core_message", "person": "core_person"}


class CoreRef(UUID):
    """The id of one of core's records. Core adds the database constraint and the index after the migration;
    when the record goes, so does the plugin's row."""

    def __init__(self, to: str = "case", **kwargs: Any) -> None:
        if to not in CORE_TABLES:
            raise ValueError(f"CoreRef(to={to!r}): choose one of {', '.join(sorted(CORE_TABLES))}")
        kwargs.setdefault("default", None)
        kwargs.setdefault("null", True)
        super().__init__(**kwargs)
        self._meta.params["to"] = to
        self.to = to

    @property
    def column_type(self) -> str:
        return "UUID"
