"""All checks together: codes, order, places and silence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from observe import checks
from observe.checks import Finding, Severity
from observe.inventory import LOADER_CODES, parse
from observe.model import Call, ExternalCaller, Mtls, Position, Silence
from tests.inventory.good import FILE, GOOD, broken
from tests.samples import a_service, an_inventory

FINDING = Finding("OBS106", Severity.WARNING, Position("f.yaml", 2, 3), "service shop/cart", "is ill", "cure it")


def test_every_module_is_a_check_with_a_code_of_its_own() -> None:
    package = Path(checks.__file__).parent
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "finding"}
    codes = [check.CODE for check in checks.all_checks()]
    assert len(codes) == len(modules)
    assert codes == sorted(set(codes))
    assert not set(codes) & set(LOADER_CODES)
    assert all(re.fullmatch(r"OBS1\d\d", code) for code in codes)


def test_codes_are_stable() -> None:
    """They are written into silences and filters: never given to something else."""
    assert {check.CODE: check.__name__.rpartition(".")[2] for check in checks.all_checks()} == {  # type: ignore[attr-defined]
        "OBS102": "port_mismatch",
        "OBS103": "circular_dependency",
        "OBS104": "missing_service_account",
        "OBS105": "mtls_exception_without_reason",
        "OBS106": "implicit_injection",
        "OBS107": "plaintext_caller_under_strict",
        "OBS108": "ejection_impossible",
        "OBS109": "mtls_exception",
        "OBS110": "retries_do_not_fit",
        "OBS111": "tcp_without_addresses",
        "OBS112": "wrong_protocol",
        "OBS113": "guessed_protocol",
        "OBS114": "overlapping_workloads",
        "OBS115": "contradictory_hosts",
        "OBS116": "limit_without_effect",
        "OBS117": "ejection_of_everything",
        "OBS120": "ambient_mtls_disable",
        "OBS121": "namespace_policy_too_wide",
        "OBS122": "mtls_exception_too_wide",
        "OBS123": "plaintext_refused_by_policy",
        "OBS124": "conflicting_policies",
        "OBS125": "shared_service_account",
        "OBS126": "strict_mesh_with_outsiders",
        "OBS127": "authorization_dry_run",
        "OBS128": "operation_not_offered",
        "OBS129": "metrics_in_plaintext",
        "OBS130": "expired_fault",
        "OBS131": "active_fault",
        "OBS132": "exposure_mismatch",
        "OBS133": "gateway_conflict",
        "OBS134": "host_without_exposure",
        "OBS135": "exposed_without_proxy",
        "OBS136": "rate_limits_without_service",
        "OBS137": "missing_waypoint",
        "OBS138": "versions_indistinct",
        "OBS139": "no_effect",
        "OBS140": "many_operations",
        "OBS141": "rule_limits",
    }


def test_a_finding_reads_as_place_code_problem_and_remedy() -> None:
    assert str(FINDING) == "f.yaml:2:3: warning OBS106: service shop/cart is ill; cure it"
    assert str(replace(FINDING, position=None)) == "warning OBS106: service shop/cart is ill; cure it"
    silenced = replace(FINDING, silenced="we know")
    assert str(silenced) == "f.yaml:2:3: warning OBS106: service shop/cart is ill; silenced: we know"


def test_findings_are_sorted_by_file_line_column_and_code() -> None:
    places = [("a", 9, 1), ("b", 1, 1), ("b", 1, 2), ("b", 2, 1), ("b", 10, 1)]
    ordered = [replace(FINDING, position=Position(*place)) for place in places]
    ordered.insert(0, replace(FINDING, position=None))
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=lambda finding: finding.order) == ordered
    assert replace(FINDING, code="OBS104").order < FINDING.order
    assert replace(FINDING, problem="is fine").order < FINDING.order


def test_silence_keeps_the_finding_with_its_reason() -> None:
    silence = (Silence(code="OBS106", reason="enforced elsewhere"),)
    findings = checks.over_inventory(
        an_inventory(a_service(injection="namespace", service_account=None, silence=silence))
    )
    assert [(finding.code, finding.silenced) for finding in findings] == [
        ("OBS104", None),
        ("OBS106", "enforced elsewhere"),
    ]


def test_silence_is_of_one_service() -> None:
    silence = (Silence(code="OBS106", reason="enforced elsewhere"),)
    quiet, loud = a_service("a", injection="namespace", silence=silence), a_service("b", injection="namespace")
    assert [bool(finding.silenced) for finding in checks.over_inventory(an_inventory(quiet, loud))] == [True, False]


def test_who_is_cut_off_is_silenced_where_strict_is() -> None:
    """The finding is about the callee: it decides what it accepts."""
    silence = (Silence(code="OBS107", reason="the caller moves in next week"),)
    legacy = a_service("legacy", in_mesh=False, calls=(Call(service="shop/checkout"),))
    (finding,) = checks.over_inventory(an_inventory(legacy, a_service(silence=silence)))
    assert finding.silenced == "the caller moves in next week"


def test_sound_services_give_no_finding() -> None:
    assert checks.over_inventory(an_inventory(a_service("a"), a_service("b", calls=(Call(service="shop/a"),)))) == ()


def test_findings_about_one_service_are_told_apart() -> None:
    callers = tuple(ExternalCaller(name=name, via="direct") for name in ("first", "second"))
    findings = checks.over_inventory(an_inventory(a_service(external_callers=callers)))
    assert len(set(findings)) == len(findings) == 2


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        pytest.param("timeout: 2s", "port: 11", "OBS102", "21:9", id="the call's port"),
        pytest.param("timeout: 2s", "port: 9000\n      - service: cart", "OBS103", "22:9", id="the call"),
        pytest.param("    service_account: stock\n", "", "OBS104", "24:3", id="the service, for what it lacks"),
        pytest.param("service_account: stock", "service_account: default", "OBS104", "26:5", id="the account"),
        pytest.param("role: data", "role: data\n    mtls: {mode: DISABLE}", "OBS105", "26:12", id="the mode"),
        pytest.param("  injection: explicit\n", "", "OBS106", "11:3", id="the service, without any default"),
        pytest.param("role: data", "role: data\n    injection: namespace", "OBS106", "26:5", id="the injection"),
        pytest.param(
            "role: data",
            "role: data\n    external_callers: [{name: X, via: direct}]",
            "OBS107",
            "26:24",
            id="the caller",
        ),
        pytest.param(
            "tier: high", "tier: high\n  breaker: {max_ejection_percent: 11}", "OBS108", "9:13", id="the default"
        ),
        pytest.param("role: data", "role: data\n    authorization: dry-run", "OBS127", "26:5", id="the dry run"),
        pytest.param(
            "timeout: 2s",
            "port: 9000\n        endpoints: [{method: GET, path: /x}]",
            "OBS128",
            "22:21",
            id="the operation",
        ),
        pytest.param(
            'istio_version: "1.30"',
            'istio_version: "1.30"\n  mtls: {mode: PERMISSIVE}',
            "OBS105",
            "4:10",
            id="the mode of the mesh",
        ),
        pytest.param(
            "role: data",
            "role: data\n    mtls: {mode: PERMISSIVE, reason: x, ports: [9000, 11]}",
            "OBS102",
            "26:55",
            id="the exception's port",
        ),
    ],
)
def test_findings_point_to_what_decides(old: str, new: str, code: str, place: str) -> None:
    findings = checks.over_inventory(parse([(FILE, broken(old, new))]))
    assert f"{FILE}:{place}" in [str(finding.position) for finding in findings if finding.code == code]


def test_the_good_inventory_has_no_finding() -> None:
    assert checks.over_inventory(parse([(FILE, GOOD)])) == ()


def test_an_exception_of_a_default_is_one_of_every_service() -> None:
    """Each is an exception of its own, and is listed; all point to the default."""
    text = broken("tier: high", "tier: high\n  mtls: {mode: PERMISSIVE, reason: migration}")
    findings = checks.over_inventory(parse([(FILE, text)]))
    listed = [str(finding.position) for finding in findings if finding.code == "OBS109"]
    assert listed == [f"{FILE}:9:10"] * 2
    assert Mtls().mode == "STRICT"
