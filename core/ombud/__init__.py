"""Ombud: open complaint management for organisations that must get complaints right."""

import os

os.environ.setdefault("PICCOLO_CONF", "ombud.kernel.piccolo_conf")

__version__ = "0.1.0"
