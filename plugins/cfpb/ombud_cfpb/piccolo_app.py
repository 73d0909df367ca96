"""Its tables, as Piccolo wants them."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_cfpb.tables import CfpbComplaint, CfpbImport

APP_CONFIG = AppConfig(
    app_name="cfpb",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[CfpbComplaint, CfpbImport],
)
