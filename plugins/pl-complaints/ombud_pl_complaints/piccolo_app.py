"""Its tables, as Piccolo wants them."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_pl_complaints.tables import PlComplaintsCase

APP_CONFIG = AppConfig(
    app_name="pl-complaints",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[PlComplaintsCase],
)
