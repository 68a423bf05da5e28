"""Files and directories: what is read, in which order, and what is said when it cannot be."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from observe.errors import EXIT_USAGE, UsageError
from observe.inventory import InventoryError, files, load
from tests.inventory.good import GOOD

if TYPE_CHECKING:
    from pathlib import Path

HEAD, SERVICES = GOOD[: GOOD.index("services:")], GOOD[GOOD.index("services:") :]
CART, STOCK = SERVICES[: SERVICES.index("  stock:")], "services:\n" + SERVICES[SERVICES.index("  stock:") :]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The good inventory in several files."""
    (tmp_path / "teams" / "a").mkdir(parents=True)
    (tmp_path / "mesh.yaml").write_text(HEAD)
    (tmp_path / "teams" / "a" / "cart.yml").write_text(CART)
    (tmp_path / "teams" / "stock.yaml").write_text(STOCK)
    return tmp_path


def said(path: Path) -> str:
    """Why it cannot be read."""
    with pytest.raises(UsageError) as caught:
        load(str(path))
    assert not isinstance(caught.value, InventoryError)
    assert caught.value.exit_code == EXIT_USAGE
    return str(caught.value)


def test_files_share_the_services(folder: Path) -> None:
    assert [service.name for service in load(str(folder)).services] == ["cart", "stock"]


def test_hidden_and_other_files_are_left_out(folder: Path) -> None:
    (folder / ".git").mkdir()
    for name in (".hidden.yaml", ".git/config.yaml", "notes.md", "teams/cart.yaml.orig"):
        (folder / name).write_text("no inventory at all: [")
    (folder / "folder.yaml").mkdir()
    assert len(load(str(folder)).services) == 2


def test_one_service_in_two_files(folder: Path) -> None:
    (folder / "z.yaml").write_text(STOCK)
    with pytest.raises(InventoryError) as caught:
        load(str(folder))
    (finding,) = caught.value.findings
    assert str(finding.position) == f"{folder}/z.yaml:2:3"
    assert (finding.code, finding.problem) == ("OBS006", f"is defined in {folder}/teams/stock.yaml:2 too")


def test_positions_name_the_file(folder: Path) -> None:
    inventory = load(str(folder))
    assert str(inventory.locate(("services", "cart", "role"))) == f"{folder}/teams/a/cart.yml:3:5"
    assert str(inventory.locate(("services", "cart", "tier"))) == f"{folder}/mesh.yaml:8:3"


def test_empty_file_beside_others_is_no_error(folder: Path) -> None:
    (folder / "later.yaml").write_text("# to come\n")
    assert len(load(str(folder)).services) == 2


def test_links_to_directories_are_not_followed(folder: Path) -> None:
    (folder / "teams" / "around").symlink_to(folder, target_is_directory=True)
    assert len(load(str(folder)).services) == 2


def test_links_to_files_are(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "content"
    (folder / "teams" / "stock.yaml").rename(elsewhere)
    (folder / "teams" / "stock.yaml").symlink_to(elsewhere)
    assert len(load(str(folder)).services) == 2


@pytest.mark.parametrize("target", ["nowhere.yaml", "link.yaml"])
def test_link_that_leads_nowhere_is_not_passed_over(folder: Path, target: str) -> None:
    (folder / "link.yaml").symlink_to(folder / target)
    assert said(folder).startswith(f"{folder}/link.yaml cannot be read: ")


def test_missing(tmp_path: Path) -> None:
    missing = tmp_path / "nope.yaml"
    assert said(missing) == f"there is no inventory at {missing}; give a file, a directory or - with --inventory"


def test_no_path_at_all() -> None:
    with pytest.raises(UsageError, match=r"^there is no inventory at \(nothing\); give"):
        load("")


def test_directory_without_files(tmp_path: Path) -> None:
    assert said(tmp_path) == f"the directory {tmp_path} holds no *.yaml or *.yml file; an inventory has at least one"


def test_name_that_is_too_long(tmp_path: Path) -> None:
    assert said(tmp_path / ("a" * 300)).endswith(" cannot be read: File name too long")


def test_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in: tests may run as root, who may read everything."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(files, "_content", refuse)
    assert said(folder) == f"{folder}/mesh.yaml cannot be read: Permission denied"


def test_directory_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its services would otherwise be missing without a word."""
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("teams"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert said(folder) == f"{folder}/teams cannot be read: Permission denied"


@pytest.mark.parametrize("content", [b"caf\xe9: 1\n", "mesh:\n".encode("utf-16"), b"\x89PNG\r\n\x1a\n\x00"])
def test_file_that_is_not_utf_8(folder: Path, content: bytes) -> None:
    (folder / "odd.yaml").write_bytes(content)
    assert said(folder).startswith(f"{folder}/odd.yaml cannot be read: it is not UTF-8 text (byte ")
    assert said(folder).endswith("; save it as UTF-8")


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    inventory = load(str(path))
    assert str(inventory.locate(("services", "cart", "role"))) == f"{path}:13:5"
    assert str(inventory.locate(("mesh",))) == f"{path}:1:1"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode("utf-8-sig")), encoding="ascii"))
    inventory = load("-")
    assert str(inventory.locate(("services", "cart"))) == "<stdin>:12:3"


def test_standard_input_that_is_not_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff")))
    with pytest.raises(UsageError, match=r"^standard input cannot be read: it is not UTF-8 text \(byte 4 is none\)"):
        load("-")


def test_endless_file_is_read_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 11)
    with pytest.raises(InventoryError) as caught:
        load("/dev/zero")
    assert [finding.code for finding in caught.value.findings] == ["OBS001"]
