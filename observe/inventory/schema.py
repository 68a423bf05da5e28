"""The JSON Schema of inventory files, for editors; made from the same classes that the loader validates against."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from observe.model import Mesh, Service
from observe.model.service import DEFAULTABLE


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one inventory file. No section is required: a directory may split them."""
    config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    whole = TypeAdapter(tuple[Mesh, Service], config=config).json_schema()
    definitions = whole["$defs"]
    service = definitions["Service"]
    del service["properties"]["name"]
    service["required"] = [key for key in service["required"] if key not in (*DEFAULTABLE, "name")]
    definitions["Defaults"] = {
        "additionalProperties": False,
        "description": "Values for every service that does not give its own.",
        "properties": {key: copy.deepcopy(service["properties"][key]) for key in DEFAULTABLE},
        "title": "Defaults",
        "type": "object",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions,
        "title": "observe inventory",
        "description": "One service inventory: the source of Istio configuration, dashboards, alerts and runbooks.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mesh": {"$ref": "#/$defs/Mesh"},
            "defaults": {"$ref": "#/$defs/Defaults"},
            "services": {
                "type": "object",
                "description": "The services by key: their name, or namespace/name where a name is not unique.",
                "propertyNames": definitions["Call"]["properties"]["service"] | {"title": "Key"},
                "additionalProperties": {"$ref": "#/$defs/Service"},
            },
        },
    }
