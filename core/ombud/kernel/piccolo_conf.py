"""Where Piccolo looks for its engine (`PICCOLO_CONF`) and, when a developer makes a migration, for core's tables."""

from piccolo.conf.apps import AppRegistry

from ombud.kernel.database import db

DB = db.engine

APP_REGISTRY = AppRegistry(apps=["ombud.piccolo_app"])
