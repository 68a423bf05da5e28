"""Canonical YAML and JSON: the same value is the same bytes, and nothing is left to a library's defaults."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from observe.render import block_yaml


class _Canonical(block_yaml.Dumper):
    """Never writes anchors: a label mapping that two objects share would become `*id001`."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def to_yaml(value: dict[str, Any]) -> bytes:
    """One YAML document, keys in the order given, long lines unbroken."""
    try:
        return block_yaml.dump(value).encode()
    except block_yaml.NotPlain:
        return _by_library(value)


def _by_library(value: dict[str, Any]) -> bytes:
    text: bytes = yaml.dump(
        value,
        Dumper=_Canonical,
        sort_keys=False,
        width=2**31 - 1,
        allow_unicode=True,
        encoding="utf-8",
        default_flow_style=False,
    )
    return text


def to_json(value: Any) -> bytes:
    """Indented JSON with sorted keys and a newline at the end."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def canonical(value: Any) -> bytes:
    """The shortest JSON with sorted keys: what content hashes are taken of."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
