"""What this process runs with: the settings in force, put here once at its start."""

from ombud.config import Config

_settings: Config | None = None


def run_with(config: Config) -> None:
    """Called once by whatever starts: the web app, a worker, a command, a test."""
    global _settings
    _settings = config


def settings() -> Config:
    if _settings is None:
        raise RuntimeError("no settings are in force in this process: call `run_with(load())` at its start")
    return _settings


def address(path: str) -> str:
    """The full address of a page of this desk, for letters and answers of the API."""
    server = settings().server
    return (server.base_url or f"http://{server.host}:{server.port}").rstrip("/") + path
