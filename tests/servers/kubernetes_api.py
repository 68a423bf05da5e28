"""A real Kubernetes API server with the CRDs of Istio and Gateway API, PrometheusRule and Certificate.

It stores, validates, authorises and merges as in a cluster. It runs nothing: there is no controller manager,
so no Pods, no default ServiceAccounts, and a deleted namespace stays Terminating. Use a namespace per test.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import yaml

from tests.servers.install import SERVERS
from tests.servers.processes import (
    LOOPBACK,
    accepted,
    answers,
    free_port,
    free_ports,
    local_session,
    running,
    wait_until,
)

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import requests

ADMIN = "admin"
NOBODY = "nobody"
"""Has the rights that every authenticated user has, and never gets more."""
USERS = ("reader", "writer", "stranger")
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RBAC_GROUP = "rbac.authorization.k8s.io"
APPLY = {"Content-Type": "application/apply-patch+yaml"}
"""The content type that makes a PATCH a server-side apply. JSON is YAML, so a JSON body will do."""

Rule: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class User:
    """Someone with limited rights: `token` for plain requests, `kubeconfig` for clients."""

    name: str
    token: str
    kubeconfig: Path


class KubernetesApi:
    """etcd and kube-apiserver while the block runs, all files in `folder`; `limit`: seconds for each step."""

    def __init__(self, folder: Path, *, limit: float = 120) -> None:
        self.folder = folder
        self.limit = limit
        self.url = f"https://{LOOPBACK}:{free_port()}"
        self.token = token_of(ADMIN)
        self.kubeconfig = folder / "kubeconfig"
        self.ca = folder / "certificates" / "apiserver.crt"
        self._session = local_session()
        self._session.verify = str(self.ca)
        self._bindings: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._session)
            etcd = self._start_etcd(stack)
            self._start_api_server(stack, etcd)
            self._write_kubeconfig(self.kubeconfig, self.token)
            self._install_crds()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def request(self, method: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        """A request as the administrator, or as the bearer of `token`; `options` as in `requests.request`."""
        headers = {"Authorization": f"Bearer {token or self.token}", **options.pop("headers", {})}
        options.setdefault("timeout", 30)
        return self._session.request(method, self.url + path, headers=headers, **options)

    def apply(self, path: str, manifest: Mapping[str, Any], **options: Any) -> requests.Response:
        """Server-side apply of one object; `params` may add `fieldValidation`, `force` or another manager."""
        params = {"fieldManager": "tests", **options.pop("params", {})}
        return self.request("PATCH", path, params=params, headers=APPLY, json=manifest, **options)

    def create_namespace(self, name: str) -> None:
        accepted(self.request("POST", "/api/v1/namespaces", json={"metadata": {"name": name}}))

    def user(self, name: str, rules: Sequence[Rule], namespace: str | None = None) -> User:
        """One of USERS, who from now on may do what `rules` say, and nothing of what was allowed before.

        The rules are those of a Role: `apiGroups`, `resources`, `verbs`, perhaps `resourceNames`. They hold
        in `namespace`, or in the whole cluster without one. Returns when they are in force: the server's
        authoriser hears of new roles a moment late.
        """
        if name not in USERS:
            raise ValueError(f"no user {name!r}; tokens are read at start, for {', '.join(USERS)}")
        self._revoke(name)
        self._grant(name, rules, namespace)
        wanted = permissions(rules) | self._permissions_of(NOBODY, namespace)
        wait_until(
            lambda: self._permissions_of(name, namespace) == wanted,
            f"the rights of {name} in force",
            self.limit,
        )
        kubeconfig = self.folder / f"kubeconfig-{name}"
        self._write_kubeconfig(kubeconfig, token_of(name))
        return User(name, token_of(name), kubeconfig)

    def _start_etcd(self, stack: ExitStack) -> str:
        """Start etcd and give its URL. Its data is 64 MB from the start, too much to leave behind."""
        data = self.folder / "etcd"
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        clients, peers = (f"http://{LOOPBACK}:{port}" for port in free_ports(2))
        argv: list[str | Path] = [
            SERVERS["etcd"].folder() / "bin" / "etcd", "--name=test",
            f"--data-dir={data}", "--unsafe-no-fsync",
            f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=test={peers}",
        ]  # fmt: skip
        healthy = f"{clients}/health"
        log = self.folder / "etcd.log"
        stack.enter_context(running(argv, log, lambda: answers(self._session, healthy), limit=self.limit))
        return clients

    def _start_api_server(self, stack: ExitStack, etcd: str) -> None:
        """Entered after etcd, so it ends before etcd: an API server that has lost its etcd hangs."""
        tokens = self.folder / "tokens.csv"
        tokens.write_text("".join(token_line(name) for name in (ADMIN, NOBODY, *USERS)))
        argv: list[str | Path] = [
            SERVERS["kubernetes"].folder() / "bin" / "kube-apiserver",
            *self._flags(etcd, tokens),
        ]
        log = self.folder / "kube-apiserver.log"
        stack.enter_context(running(argv, log, self._ready, limit=self.limit))

    def _flags(self, etcd: str, tokens: Path) -> list[str]:
        """Flags of kube-apiserver.

        It writes a certificate and a key for itself into an empty `--cert-dir` before it reads the key for
        service account tokens; giving it the same key spares a program that makes keys.
        """
        certificates = self.ca.parent
        key = certificates / "apiserver.key"
        return [
            f"--etcd-servers={etcd}", f"--cert-dir={certificates}", f"--token-auth-file={tokens}",
            f"--bind-address={LOOPBACK}", f"--secure-port={self.url.rpartition(':')[2]}",
            f"--advertise-address={LOOPBACK}", "--endpoint-reconciler-type=none",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount",
        ]  # fmt: skip

    def _ready(self) -> bool:
        """Ready, and the namespace `default` is there, which the server makes on its own a little later."""
        try:
            paths = ("/readyz", "/api/v1/namespaces/default")
            return all(self.request("GET", path, timeout=5).status_code == 200 for path in paths)
        except OSError:
            return False

    def _write_kubeconfig(self, target: Path, token: str) -> None:
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        target.write_text(yaml.safe_dump(config))

    def _install_crds(self) -> None:
        """Apply the CRDs and wait until the server serves them all: until then their paths give 404."""
        for part in SERVERS["crds"].provides:
            for crd in read_crds(SERVERS["crds"].folder() / part):
                accepted(self.apply(f"{CRDS}/{crd['metadata']['name']}", crd))
        wait_until(self._crds_established, "all CRDs established", self.limit)

    def _crds_established(self) -> bool:
        crds = self.request("GET", CRDS).json()["items"]
        return all(is_established(crd) for crd in crds)

    def _grant(self, name: str, rules: Sequence[Rule], namespace: str | None) -> None:
        scope, cluster = (f"/namespaces/{namespace}", "") if namespace else ("", "Cluster")
        role, binding = f"{cluster}Role", f"{cluster}RoleBinding"
        reference = {"apiGroup": RBAC_GROUP, "kind": role, "name": name}
        subject = {"apiGroup": RBAC_GROUP, "kind": "User", "name": name}
        for kind, content in (
            (role, {"rules": list(rules)}),
            (binding, {"roleRef": reference, "subjects": [subject]}),
        ):
            path = f"/apis/{RBAC_GROUP}/v1{scope}/{kind.lower()}s/{name}"
            manifest = {"apiVersion": f"{RBAC_GROUP}/v1", "kind": kind, "metadata": {"name": name}, **content}
            accepted(self.apply(path, manifest))
            self._bindings[name] = path

    def _revoke(self, name: str) -> None:
        if name in self._bindings:
            accepted(self.request("DELETE", self._bindings.pop(name)))

    def _permissions_of(self, name: str, namespace: str | None) -> frozenset[tuple[str, ...]]:
        """What the authoriser lets a user do now, by the user's own question to it."""
        review = {"spec": {"namespace": namespace or "default"}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        answer = accepted(self.request("POST", path, token=token_of(name), json=review))
        return permissions(answer.json()["status"]["resourceRules"])


def token_of(name: str) -> str:
    return f"{name}-token"


def token_line(name: str) -> str:
    """A line of the static token file: token, user, user id, groups."""
    return f"{token_of(name)},{name},{name}{',system:masters' if name == ADMIN else ''}\n"


def read_crds(source: Path) -> Iterable[dict[str, Any]]:
    """The CRDs in a file of several YAML documents, some of them empty.

    libyaml, where PyYAML has it, reads Istio's file ten times as fast.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with source.open(encoding="utf-8") as text:
        yield from filter(None, yaml.load_all(text, loader))


def is_established(crd: Mapping[str, Any]) -> bool:
    """The server gives a CRD that it has not looked at yet the conditions null, rather than none."""
    conditions = crd.get("status", {}).get("conditions") or ()
    return ("Established", "True") in {(condition["type"], condition["status"]) for condition in conditions}


def permissions(rules: Iterable[Rule]) -> frozenset[tuple[str, ...]]:
    """Rules taken apart into (verb, group, resource, name), since a server may group them differently."""
    parts = ("verbs", "apiGroups", "resources")
    return frozenset(
        itertools.chain.from_iterable(
            itertools.product(*(rule[part] for part in parts), rule.get("resourceNames") or ("*",)) for rule in rules
        )
    )
