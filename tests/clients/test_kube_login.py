"""Getting into a cluster: where the credentials come from, and what is said when they are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from observe.clients.kube_login import connect
from observe.errors import Unauthorized, Unreachable, UsageError
from tests.clients.stand_in import HASTE, Asked, Reply, stand_in
from tests.servers.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path

KEY = "kept-to-ourselves"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder without a kubeconfig of the person who runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))


def kubeconfig(path: Path, server: str, **changes: Any) -> dict[str, str]:
    """Writes a kubeconfig with two contexts, and gives the environment that names it."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "ada", "user": {"token": KEY}}, {"name": "eve", "user": {"token": "other"}}],
        "contexts": [
            {"name": "first", "context": {"cluster": "one", "user": "ada"}},
            {"name": "second", "context": {"cluster": "one", "user": "eve"}},
        ],
        "current-context": "first",
        **changes,
    }
    path.write_text(yaml.safe_dump(content))
    return {"KUBECONFIG": str(path)}


@pytest.mark.parametrize(("context", "token"), [(None, KEY), ("first", KEY), ("second", "other")])
def test_requests_carry_the_token_of_the_context(context: str | None, token: str, tmp_path: Path) -> None:
    with stand_in(lambda _: Reply()) as server:
        transport = connect(kubeconfig(tmp_path / "config", server.url), context=context, pace=HASTE)
        answer = transport.request("GET", "/api", {"limit": "11"}, {"Accept": "application/json"})
        transport.close()
    assert (answer.status, answer.body) == (200, b"{}")
    asked = server.asked[0]
    assert asked.headers["authorization"] == f"Bearer {token}"
    assert asked.headers["User-Agent"] == "observe"
    assert asked.params == {"limit": ["11"]}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int, tmp_path: Path) -> None:
    answers = iter([Reply(status, {}, {"Retry-After": "1"}), None, Reply()])

    def answer(_: Asked) -> Reply | None:
        return next(answers)

    with stand_in(answer) as server:
        transport = connect(kubeconfig(tmp_path / "config", server.url), pace=HASTE)
        assert transport.request("PATCH", "/x", {}, {}, b"{}").status == 200
    assert [asked.body for asked in server.asked] == [{}, {}, {}]


def test_an_apply_that_does_not_fit_the_schema_is_not_sent_again(tmp_path: Path) -> None:
    """It is a 500 as well, and would be one for ever."""
    said = {"kind": "Status", "message": "failed to create typed patch object (shop/web; ...)"}
    with stand_in(lambda _: Reply(500, said)) as server:
        transport = connect(kubeconfig(tmp_path / "config", server.url), pace=HASTE)
        assert transport.request("PATCH", "/x", {}, {}, b"{}").status == 500
    assert len(server.asked) == 1


def test_nobody_listening_is_told_without_the_token(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    transport = connect(kubeconfig(tmp_path / "config", url), pace=HASTE)
    with pytest.raises(Unreachable) as caught:
        transport.request("GET", "/api", {}, {})
    assert str(caught.value) == f"the cluster at {url} does not answer: [Errno 111] Connection refused"
    assert caught.value.__suppress_context__
    assert KEY not in repr(transport)


@pytest.mark.parametrize("token", [f"{KEY}\nX-More: 1", f"{KEY}ä"])
def test_a_token_that_cannot_be_sent_is_told_without_it(token: str, tmp_path: Path) -> None:
    users = [{"name": "ada", "user": {"token": token}}]
    transport = connect(kubeconfig(tmp_path / "config", "http://127.0.0.1:1", users=users), pace=HASTE)
    with pytest.raises(Unauthorized) as caught:
        transport.request("GET", "/api", {}, {})
    assert str(caught.value) == "the credential for the cluster at http://127.0.0.1:1 holds line breaks or such"


def test_a_token_that_cannot_be_renewed_is_told_without_it(tmp_path: Path) -> None:
    transport = connect(kubeconfig(tmp_path / "config", "http://127.0.0.1:1"), pace=HASTE)

    def renew(_: object) -> None:
        raise OSError(KEY)

    transport._api.configuration.refresh_api_key_hook = renew
    with pytest.raises(Unauthorized) as caught:
        transport.request("GET", "/api", {}, {})
    assert str(caught.value) == "the credential for the cluster at http://127.0.0.1:1 cannot be renewed: OSError"


def test_no_kubeconfig_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        connect({"KUBECONFIG": str(tmp_path / "none")})
    assert str(caught.value) == (
        f"there is no kubeconfig at {tmp_path}/none: set KUBECONFIG, or log in to the cluster first"
    )
    with pytest.raises(UsageError, match=r"there is no kubeconfig at ~/\.kube/config"):
        connect({})


@pytest.mark.parametrize(
    ("changes", "context", "message"),
    [
        pytest.param({}, "third", "the context 'third' of the kubeconfig", id="unknown context"),
        pytest.param({"current-context": "gone"}, None, "the current context of the kubeconfig", id="dangling"),
        pytest.param({"clusters": []}, None, "the current context of the kubeconfig", id="no such cluster"),
    ],
)
def test_a_context_that_cannot_be_used_is_told_without_its_content(
    changes: dict[str, Any], context: str | None, message: str, tmp_path: Path
) -> None:
    environ = kubeconfig(tmp_path / "config", "http://127.0.0.1:1", **changes)
    with pytest.raises(UsageError) as caught:
        connect(environ, context=context)
    assert str(caught.value).startswith(message)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["{", "- a list", f"token: {KEY}"])
def test_a_kubeconfig_that_cannot_be_read_is_told_without_its_content(text: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(UsageError) as caught:
        connect({"KUBECONFIG": str(tmp_path / "config")})
    assert f"kubeconfig {tmp_path}/config cannot be" in str(caught.value)
    assert KEY not in str(caught.value)


def test_several_kubeconfigs_are_merged(tmp_path: Path) -> None:
    with stand_in(lambda _: Reply()) as server:
        first = kubeconfig(tmp_path / "a", server.url)["KUBECONFIG"]
        environ = {"KUBECONFIG": f"{tmp_path / 'missing'}:{first}"}
        assert connect(environ).server == server.url


def test_in_a_pod_its_own_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = {"SERVICE_TOKEN_FILENAME": "token", "SERVICE_CERT_FILENAME": "ca.crt"}
    for constant, name in mounted.items():
        (tmp_path / name).write_text("content")
        monkeypatch.setattr(f"kubernetes.config.incluster_config.{constant}", str(tmp_path / name))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "11443")
    assert connect({"KUBERNETES_SERVICE_HOST": "127.0.0.1"}).server == "https://127.0.0.1:11443"
