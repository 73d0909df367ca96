"""The form's tables as a Piccolo app."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_webform.tables import WebformDraft, WebformFile, WebformSent

APP_CONFIG = AppConfig(
    app_name="webform",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[WebformDraft, WebformFile, WebformSent],
)
