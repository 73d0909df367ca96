"""Its table, as Piccolo wants it."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_fca.tables import FcaMarket

APP_CONFIG = AppConfig(
    app_name="fca", migrations_folder_path=str(Path(__file__).parent / "migrations"), table_classes=[FcaMarket]
)
