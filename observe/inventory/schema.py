"""The JSON Schema of inventory files, for editors; made from the same classes that the loader validates against."""

from __future__ import annotations

import copy
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from observe.model import Mesh, Service, format_duration
from observe.model.fields import MEANINGS
from observe.model.service import DEFAULTABLE

_ONE_OPERATION: Final = [
    {"required": ["method", "path"], "properties": {"grpc": {"type": "null"}}},
    {"required": ["grpc"], "properties": {"method": {"type": "null"}, "path": {"type": "null"}}},
]
"""What Endpoint checks in code: an HTTP method with its path, or a gRPC method."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one inventory file. No section is required: a directory may split them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "observe inventory",
        "description": "One service inventory: the source of Istio configuration, dashboards, alerts and runbooks.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mesh": {"$ref": "#/$defs/Mesh"},
            "defaults": {"$ref": "#/$defs/Defaults"},
            "services": {"$ref": "#/$defs/Services"},
        },
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    """The model's classes, and the two mappings that only the file has: defaults, and services by key."""
    config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    definitions: dict[str, Any] = _tidy(TypeAdapter(tuple[Mesh, Service], config=config).json_schema()["$defs"])
    service = definitions["Service"]
    del service["properties"]["name"]
    service["required"] = [key for key in service["required"] if key not in (*DEFAULTABLE, "name")]
    definitions["Endpoint"]["oneOf"] = _ONE_OPERATION
    definitions["Defaults"] = {
        "additionalProperties": False,
        "description": "Values for every service that does not give its own.",
        "properties": {key: copy.deepcopy(service["properties"][key]) for key in DEFAULTABLE},
        "type": "object",
    }
    key = {part: definitions["Call"]["properties"]["service"][part] for part in ("pattern", "type")}
    definitions["Services"] = {
        "additionalProperties": {"$ref": "#/$defs/Service"},
        "description": "The services by key: their name, or namespace/name where a name is not unique.",
        "propertyNames": key,
        "type": "object",
    }
    return definitions


def _tidy(part: Any) -> Any:
    """Without what says nothing (titles that repeat the key, empty defaults), and values as the file writes them."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    tidy = {key: _tidy(value) for key, value in part.items() if not _says_nothing(key, value)}
    if isinstance(tidy.get("description"), str):
        tidy["description"] = " ".join(tidy["description"].split())
    if isinstance(tidy.get("default"), int) and tidy.get("type") == "string":
        tidy["default"] = format_duration(tidy["default"])
    if "$ref" in tidy:
        tidy.pop("default", None)  # the class has its own, key by key
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if tidy.get("pattern") in MEANINGS:
        tidy["patternErrorMessage"] = f"Write {MEANINGS[tidy['pattern']]}."
    return tidy


def _says_nothing(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value in (None, {}, []))
