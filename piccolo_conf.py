"""For developers: `PICCOLO_CONF=piccolo_conf piccolo migrations new core --auto` writes core's next migration."""

from piccolo.conf.apps import AppRegistry

from ombud.kernel.database import db

DB = db.engine
APP_REGISTRY = AppRegistry(apps=["ombud.piccolo_app"])
