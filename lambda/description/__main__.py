"""Prints what the routes say of themselves."""

import json
import sys

from renderer.routes import table

from description.openapi import openapi

held = [route.path for route in table.routes if route.is_held_by_cdn]
sys.stdout.write(json.dumps({"held_by_cdn": held, "openapi": openapi()}, ensure_ascii=False))
