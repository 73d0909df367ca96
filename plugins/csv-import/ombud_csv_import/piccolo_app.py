"""The plugin's tables and migrations, as Piccolo wants them named."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_csv_import.tables import CsvImportMapping, CsvImportRow, CsvImportRun

APP_CONFIG = AppConfig(
    app_name="csv-import",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[CsvImportRun, CsvImportRow, CsvImportMapping],
)
