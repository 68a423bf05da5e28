"""Raw sections to the model: every wrong value is reported where it was written, and once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from observe.inventory.codes import UNKNOWN_KEY, WRONG_VALUE
from observe.inventory.messages import dotted, explain, keys_at, show, suggest
from observe.inventory.sections import value_at
from observe.model import Mesh, Path, Service
from observe.model.fields import MEANINGS, SERVICE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from observe.inventory.report import Report
    from observe.inventory.sections import Sections

_SOUND_MESH: Final = {"name": "a", "istio_version": "1.30", "runbook_base_url": "https://example.com"}
_SOUND_SERVICE: Final = {
    "name": "a",
    "namespace": "a",
    "owner": "a",
    "tier": "low",
    "role": "sync",
    "ports": ({"name": "http", "number": 80},),
}
"""A service in which only the defaults can be wrong."""


@cache
def _adapter(model: type) -> TypeAdapter[Any]:
    """Validates mappings of `model`; unknown keys are errors all the way down."""
    return TypeAdapter(dict[str, model], config=ConfigDict(extra="forbid"))  # type: ignore[valid-type]


def _check(model: type, value: Any) -> tuple[Any, list[ErrorDetails]]:
    """The validated value, or what is wrong with it; `loc` begins inside the value, and ends with `[key]` for keys."""
    try:
        return _adapter(model).validate_python({"": value})[""], []
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    for error in errors:
        error["loc"] = error["loc"][1:]
    # A list counts as too short when its only entry is wrong; that is said already.
    return None, [error for error in errors if error["type"] != "too_short" or not error["input"]]


def validate_mesh(sections: Sections, report: Report) -> Mesh | None:
    """The mesh; None when it is missing or wrong."""
    if sections.mesh is None:
        return None
    mesh, errors = _check(Mesh, sections.mesh)
    guessed = _guessed(Mesh, errors)
    for error in errors:
        if error["type"] != "missing" or error["loc"] not in guessed:
            _tell(sections, report, ("mesh", *_inside(error)), error, Mesh, sections.mesh)
    return cast("Mesh | None", mesh)


def stand_in(sections: Sections) -> Mesh | None:
    """A mesh for the checks when the real one is wrong; None when its data plane, which they need, is unknown."""
    mesh, errors = _check(Mesh, {**_SOUND_MESH, **_data_plane(sections)})
    return cast("Mesh", mesh) if sections.mesh is not None and not errors else None


def _data_plane(sections: Sections) -> dict[str, Any]:
    return {key: value for key, value in (sections.mesh or {}).items() if key == "data_plane"}


def validate_services(sections: Sections, report: Report) -> dict[str, Service]:
    """The valid services by key. All are validated in one call, and one by one only when something is wrong."""
    _validate_defaults(sections, report)
    merged = {key: _merged(sections, report, key) for key in sections.services}
    complete = {key: value for key, value in merged.items() if value is not None}
    try:
        whole: dict[str, Service] = _adapter(Service).validate_python(complete)
    except ValidationError:
        single = {key: _validate_service(sections, report, key, value) for key, value in complete.items()}
        whole = {key: service for key, service in single.items() if service is not None}
    return {key: service for key, service in whole.items() if SERVICE_KEY.fullmatch(key)}


def _validate_defaults(sections: Sections, report: Report) -> None:
    """Report wrong defaults here, and once; what is merely missing in them may be in the services."""
    _, errors = _check(Service, {**_SOUND_SERVICE, **sections.defaults})
    for error in errors:
        if error["type"] != "missing":
            _tell(sections, report, ("defaults", *_inside(error)), error, Service, sections.defaults)


def _merged(sections: Sections, report: Report, key: str) -> dict[str, Any] | None:
    """A service with the defaults below its own values, and its name and namespace from its key."""
    path, own = ("services", key), sections.services[key]
    if not SERVICE_KEY.fullmatch(key):
        problem, remedy = "is not as a service's key must be", f"write {MEANINGS[SERVICE_KEY.pattern]}"
        report.add(sections.locate(path), dotted(path), WRONG_VALUE, problem, remedy)
    if not isinstance(own, Mapping):
        problem = f"is {show(own)}, not a mapping"
        report.add(sections.locate(path), dotted(path), WRONG_VALUE, problem, "write the service's fields")
        return None
    merged, (namespace, _, name) = sections.with_defaults(key), key.rpartition("/")
    if "name" in merged:
        at = (*path, "name")
        remedy = "remove it; the name is the key above"
        report.add(sections.locate(at), dotted(at), UNKNOWN_KEY, "is not a known key", remedy)
    if namespace:
        _compare_namespaces(sections, report, key, namespace)
        merged["namespace"] = namespace
    return {**merged, "name": name}


def _compare_namespaces(sections: Sections, report: Report, key: str, namespace: str) -> None:
    """The key decides over the defaults; over the service's own word it does not."""
    path = ("services", key, "namespace")
    own = sections.services[key].get("namespace", namespace)
    if own != namespace:
        problem = f"is {show(own)}, but the key says {show(namespace)}"
        report.add(sections.locate(path), dotted(path), WRONG_VALUE, problem, "keep one of the two")


def _validate_service(sections: Sections, report: Report, key: str, value: dict[str, Any]) -> Service | None:
    service, errors = _check(Service, value)
    guessed = _guessed(Service, errors)
    for error in errors:
        if not _known_already(sections, key, error, guessed):
            _tell(sections, report, _origin(sections, key, error), error, Service, value)
    return cast("Service | None", service)


def _known_already(sections: Sections, key: str, error: ErrorDetails, guessed: set[Path]) -> bool:
    """Whether the error follows from another one, which was reported."""
    loc = _inside(error)
    if loc and loc[0] in ("name", "namespace") and not SERVICE_KEY.fullmatch(key):
        return True
    if error["type"] != "missing":
        return _origin(sections, key, error)[0] == "defaults"
    return loc in guessed or ("defaults", *loc) in sections.misspelt or not sections.complete


def _origin(sections: Sections, key: str, error: ErrorDetails) -> Path:
    """Where the wrong value was written; what is missing is missing where its mapping begins."""
    loc = _inside(error)
    if error["type"] == "missing":
        return (*sections.origin(key, loc[:-1]), loc[-1])
    return sections.origin(key, loc)


def _guessed(model: type, errors: Iterable[ErrorDetails]) -> set[Path]:
    """The keys that unknown ones were probably meant for."""
    guessed: set[Path] = set()
    for error in errors:
        *inside, key = error["loc"] or ("",)
        if error["type"] == "unexpected_keyword_argument":
            meant = suggest(str(key), keys_at(model, tuple(inside)))
            guessed |= {(*inside, meant)} if meant else set()
    return guessed


def _inside(error: ErrorDetails) -> Path:
    """The path of an error inside the value that was validated."""
    return tuple(part for part in error["loc"] if part != "[key]")


def _tell(sections: Sections, report: Report, path: Path, error: ErrorDetails, model: type, whole: Any) -> None:
    """Report an error about the value at `path`, or about the key itself."""
    # Values are not pydantic's own input, which may be converted already: 0.3 for 30%.
    about_key = error["loc"][-1:] == ("[key]",)
    value = error["input"] if about_key else value_at(whole, _inside(error))
    shown = show(value) if about_key else sections.written(path, value)
    report.add(sections.locate(path), dotted(path), *explain(error, model, value, shown))
