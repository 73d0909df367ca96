"""The plugin's tables and migrations, as Piccolo wants them named."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_crm_csv.tables import CrmCsvCustomer, CrmCsvFile

APP_CONFIG = AppConfig(
    app_name="crm-csv",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[CrmCsvFile, CrmCsvCustomer],
)
