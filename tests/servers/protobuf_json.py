"""Messages of Envoy's API as JSON values."""

from __future__ import annotations

import base64
import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOS = ("envoy", "udpa", "xds")
"""The packages of xds-protos that the types in an Any may come from."""


def plain(message: Any) -> dict[str, Any]:
    """The message as JSON values, by protobuf's own mapping: numbers of 64 bits are strings, durations like `1.5s`.

    An Any of a type that Envoy's API lacks, as the filters that Istio builds into its Envoy have, is a
    google.protobuf.Struct with its `@type` and, in base64, its `raw` bytes.
    """
    types = Types()
    result = as_json(message, types)
    if types.unknown:
        copy = type(message).FromString(message.SerializeToString())
        keep_unknown(copy, types)
        result = as_json(copy, types)
    return result


def as_json(message: Any, types: Types) -> dict[str, Any]:
    result: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=types)
    return result


def keep_unknown(message: Any, types: Types) -> None:
    """Put a Struct in the place of each Any of an unknown type, in the message itself."""
    if message.DESCRIPTOR is not AnyMessage.DESCRIPTOR:
        for part in parts(message):
            keep_unknown(part, types)
    elif message.TypeName() in types.unknown:
        kept = Struct()
        kept.update({"@type": message.type_url, "raw": base64.b64encode(message.value).decode()})
        message.Pack(kept)
    elif message.type_url:
        inner = GetMessageClass(types.FindMessageTypeByName(message.TypeName())).FromString(message.value)
        keep_unknown(inner, types)
        message.value = inner.SerializeToString()


def parts(message: Any) -> Iterator[Any]:
    """The messages that a message consists of: fields, members of lists, values of maps."""
    for described, value in message.ListFields():
        if described.message_type is None:
            continue
        if described.message_type.GetOptions().map_entry:
            yield from (part for part in value.values() if isinstance(part, Message))
        elif described.is_repeated:
            yield from value
        else:
            yield value


class Types:
    """Where the JSON printer looks for the type of an Any: in the modules of xds-protos, loaded as needed."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()

    def FindMessageTypeByName(self, name: str) -> Any:  # noqa: N802 - the name that protobuf's pools have
        package = name.rpartition(".")[0]
        if package.partition(".")[0] in PROTOS:
            load_protos(package)
        try:
            return descriptor_pool.Default().FindMessageTypeByName(name)
        except KeyError:
            self.unknown.add(name)
            return Empty.DESCRIPTOR


@cache
def load_protos(package: str) -> None:
    """Import the modules of a proto package; which of them has a type does not follow from the type's name."""
    try:
        folder = importlib.import_module(package)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(folder.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"{package}.{module.name}")
