"""Where Piccolo looks for its engine (`PICCOLO_CONF`)."""

from piccolo.conf.apps import AppRegistry

from ombud.kernel.database import db

DB = db.engine
APP_REGISTRY = AppRegistry(apps=[])
