"""What carries the last day on which it may be there, and goes when that day is over, whatever the pack holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import yaml

from observe import naming
from observe.errors import Rejected
from observe.model.fields import parse_day
from observe.publish.plan import Action, Change, Plan, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from observe.publish.target import Key, Layout, Remote

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def expired(layout: Layout, there: Mapping[Key, Remote], today: date) -> Plan:
    """The removal of what is ours and was to be there until a day before `today`, and of nothing else.

    What may be there until today stays until tomorrow. An object whose day cannot be read is refused: somebody has
    changed it, and it would stay for ever unseen.
    """
    return in_order(layout.name, _changes(layout, there, today))


def _changes(layout: Layout, there: Mapping[Key, Remote], today: date) -> Iterator[Change]:
    for found in there.values():
        if not found.owned or not found.expires:
            continue
        step = (True, -layout.phase(found.key))
        try:
            day = parse_day(found.expires)
        except ValueError as error:
            said = f"its annotation {naming.ANNOTATION_EXPIRES} says {found.expires!r}, which {error}"
            yield Change(Action.REFUSED, found.key, None, found, said, step)
        else:
            if day < today:
                yield Change(Action.DELETE, found.key, None, found, f"was to be there until {day}", step)


def written_in(path: str, content: bytes) -> str:
    """The day on which the object in a file expires, as it is written there; empty for one that may stay.

    Raises Rejected for a file that says something of it and is no YAML.
    """
    if not path.endswith(".yaml") or naming.ANNOTATION_EXPIRES.encode() not in content:
        return ""
    try:
        found = yaml.load(content, Loader=_Loader)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError:
        raise Rejected(f"{path} cannot be read as YAML, and so not when it expires: restore it") from None
    for name in ("metadata", "annotations", naming.ANNOTATION_EXPIRES):
        found = found.get(name) if isinstance(found, Mapping) else None
    return "" if found is None else str(found)
