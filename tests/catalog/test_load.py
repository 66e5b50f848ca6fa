from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

from azscan.catalog import load as loading
from azscan.catalog.load import inspect, load, locate
from azscan.catalog.validate import summary
from azscan.errors import CatalogError, SourceFault, UsageError

from .conftest import CHECK, FILES, MAPPING, SERVICE, Inspect, write

C = "checks/storage/storage-https-only.yaml"
MINE = CHECK.replace("storage-https-only", "storage-mine")


def messages(faults: tuple[SourceFault, ...]) -> list[tuple[str, str]]:
    return [(fault.file, fault.message) for fault in faults]


class TestLocate:
    def test_the_catalogue_of_a_checkout_stands_beside_src(self) -> None:
        root = Path(__file__).resolve().parents[2]
        assert locate() == root

    def place(self, root: Path, monkeypatch: pytest.MonkeyPatch, *folders: str) -> Path:
        package = root / "azscan" / "catalog"
        package.mkdir(parents=True)
        for folder in folders:
            (root / folder).mkdir(parents=True)
        monkeypatch.setattr(loading, "__file__", str(package / "load.py"))
        return root

    def test_the_package_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = self.place(tmp_path / "src", monkeypatch, "azscan/_data/checks", "../checks")
        assert locate() == root / "azscan/_data"

    def test_a_stranger_s_folder_beside_site_packages_is_not_ours(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.place(tmp_path / "site-packages", monkeypatch, "../checks")
        with pytest.raises(CatalogError, match="not part of this installation"):
            locate()


class TestLoad:
    def test_the_shipped_catalogue_loads(self) -> None:
        catalog = load()
        assert len(catalog.checks) > 50
        assert list(catalog.checks) == sorted(catalog.checks)

    def test_the_shipped_catalogue_is_without_fault_in_strict_mode(self) -> None:
        _, faults = inspect(strict=True)
        assert [str(fault) for fault in faults] == []

    def test_an_error_carries_every_fault(self, tmp_path: Path) -> None:
        write(tmp_path, {"storage/storage-mine.yaml": MINE.replace("high", "hihg").replace("stable", "stabel")})
        with pytest.raises(CatalogError) as caught:
            load([tmp_path])
        assert caught.value.exit_code == 2
        assert str(caught.value) == "2 faults in 1 file of the catalogue"
        assert [fault.line for fault in caught.value.faults] == [3, 4]
        assert "azscan checks validate" in caught.value.hint

    def test_a_framework_that_ships_is_parsed_when_it_is_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = MAPPING.replace("iso-27001-2022", "ours").replace("A.7.4", "A.8.24")
        root = write(tmp_path / "root", FILES | {"mappings/ours.yaml": broken})
        monkeypatch.setattr(loading, "locate", lambda: root)
        catalog = load()
        assert list(catalog.frameworks) == ["iso-27001-2022", "ours"]
        assert catalog.frameworks["iso-27001-2022"].controls[0].checks == ("storage-https-only",)
        with pytest.raises(CatalogError, match="1 fault in 1 file") as caught:
            catalog.frameworks["ours"]
        assert [fault.message for fault in caught.value.faults] == ["the control A.8.24 stands here a second time"]
        with pytest.raises(KeyError):
            catalog.frameworks["theirs"]

    def test_one_of_the_user_s_at_once(self, tmp_path: Path) -> None:
        write(tmp_path, {"ours.yaml": MAPPING.replace("iso-27001-2022", "ours").replace("A.7.4", "A.8.24")})
        with pytest.raises(CatalogError, match="1 fault in 1 file"):
            load([], [tmp_path])

    def test_a_folder_that_does_not_exist_is_wrong_usage(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"--checks-dir .*none is not a folder"):
            load([tmp_path / "none"])
        with pytest.raises(UsageError, match=r"--mappings-dir .*none is not a folder"):
            load([], [str(tmp_path / "none")])

    def test_garbage_is_collected_again_afterwards(self, tmp_path: Path) -> None:
        assert gc.isenabled()
        load()
        assert gc.isenabled()
        with pytest.raises(UsageError):
            load([tmp_path / "none"])
        assert gc.isenabled()


class TestFoldersOfTheUser:
    def test_they_add_to_the_catalogue(self, small: Inspect, tmp_path: Path) -> None:
        mine = write(tmp_path / "mine", {"storage/storage-mine.yaml": MINE})
        catalog, faults = small(checks_dirs=[mine])
        assert faults == ()
        assert list(catalog.checks) == ["storage-https-only", "storage-mine"]
        assert catalog.checks["storage-mine"].file == f"{mine}/storage/storage-mine.yaml"

    def test_they_may_bring_services_and_frameworks(self, small: Inspect, tmp_path: Path) -> None:
        service = SERVICE.replace("storage", "mine").replace("blob_service:", "mine_service:")
        service = service.replace("  container:", "  mine_container:").replace(
            "endpoint:\n    type", "mine_end:\n    type"
        )
        checks = {
            "mine/_service.yaml": service.replace("collection: endpoint", "collection: mine_end"),
            "mine/mine-a.yaml": CHECK.replace("storage-https-only", "mine-a").replace("storage_", "mine_"),
        }
        mapping = MAPPING.replace("iso-27001-2022", "ours").replace("storage-https-only", "mine-a")
        catalog, faults = small(
            checks_dirs=[write(tmp_path / "checks", checks)],
            mappings_dirs=[write(tmp_path / "mappings", {"ours.yaml": mapping})],
        )
        assert faults == ()
        assert list(catalog.services) == ["mine", "storage"]
        assert list(catalog.frameworks) == ["iso-27001-2022", "ours"]

    def test_what_is_there_already_is_a_fault(self, small: Inspect, tmp_path: Path) -> None:
        mine = write(tmp_path / "mine", {name.partition("/")[2]: text for name, text in FILES.items()})
        _, faults = small(checks_dirs=[mine], mappings_dirs=[mine])
        assert messages(faults) == [
            (f"{mine}/iso-27001-2022.yaml", "a check stands in a folder named after its service"),
            (f"{mine}/iso-27001-2022.yaml", "the framework iso-27001-2022 is taken"),
            (f"{mine}/storage/_service.yaml", "the service storage is declared already"),
            (f"{mine}/storage/storage-https-only.yaml", "the id storage-https-only is taken"),
        ]

    def test_the_same_collection_twice_is_a_fault(self, small: Inspect, tmp_path: Path) -> None:
        service = SERVICE.replace("service: storage", "service: mine").split("  blob_service:")[0]
        service = service.partition("    links:")[0]
        mine = write(tmp_path / "mine", {"mine/_service.yaml": service})
        _, faults = small(checks_dirs=[mine])
        assert ("the collection storage_account is declared already") in [fault.message for fault in faults]


class TestFiles:
    def test_stray_files_are_named(self, small: Inspect) -> None:
        _, faults = small(
            {
                "checks/loose.yaml": CHECK,
                "checks/storage/storage-b.yml": CHECK,
                "checks/storage/deep/storage-c.yaml": CHECK,
                "mappings/other.yml": MAPPING,
            }
        )
        assert messages(faults) == [
            ("checks/loose.yaml", "a check stands in a folder named after its service"),
            ("checks/storage/deep", "a service's folder holds no folders"),
            ("checks/storage/storage-b.yml", "the file's name must end in .yaml"),
            ("mappings/other.yml", "the file's name must end in .yaml"),
        ]

    def test_notes_and_hidden_files_are_left_alone(self, small: Inspect) -> None:
        _, faults = small(
            {"checks/README.md": "a: [", "checks/storage/notes.txt": "a: [", "checks/.git/x.yaml": "a: ["}
        )
        assert faults == ()

    def test_unreadable_bytes_are_faults_of_their_file(self, small: Inspect) -> None:
        _, faults = small({C: b"\xff\xfe\x00", "mappings/iso-27001-2022.yaml": None})
        assert messages(faults) == [(C, "this byte is not UTF-8")]

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own on Windows")
    def test_a_link_out_of_the_folder_is_not_followed(self, small: Inspect, tmp_path: Path) -> None:
        secret = write(tmp_path / "secret", {"storage-b.yaml": "token: hunter2", "x.yaml": "token: hunter2"})
        mine = write(tmp_path / "mine", {"storage/storage-mine.yaml": MINE})
        (mine / "storage" / "storage-b.yaml").symlink_to(secret / "storage-b.yaml")
        (mine / "secret").symlink_to(secret, target_is_directory=True)
        (mine / "gone").symlink_to(secret / "gone")
        _, faults = small(checks_dirs=[mine])
        left = "this link leaves the folder and is not followed"
        assert messages(faults) == [
            (f"{mine}/gone", left),
            (f"{mine}/secret", left),
            (f"{mine}/storage/storage-b.yaml", left),
        ]
        assert "hunter2" not in "".join(map(str, faults))

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own on Windows")
    def test_a_link_within_the_folder_is(self, small: Inspect, tmp_path: Path) -> None:
        mine = write(tmp_path / "mine", {"storage/.drafts/b": MINE})
        (mine / "storage" / "storage-mine.yaml").symlink_to(Path(".drafts") / "b")
        catalog, faults = small(checks_dirs=[mine])
        assert faults == ()
        assert "storage-mine" in catalog.checks

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
    def test_a_file_that_may_not_be_read_is_a_fault(self, small: Inspect, tmp_path: Path) -> None:
        mine = write(tmp_path / "mine", {"storage/storage-mine.yaml": MINE})
        (mine / "storage/storage-mine.yaml").chmod(0)
        _, faults = small(checks_dirs=[mine])
        assert [fault.message for fault in faults] == ["the file cannot be read: Permission denied"]


class TestHash:
    def test_it_is_that_of_names_and_bytes(self, small: Inspect) -> None:
        before = small()[0].hash
        assert len(before) == 64
        assert small()[0].hash == before
        assert small({C: CHECK + "# more\n"})[0].hash != before
        assert small({C: None, "mappings/iso-27001-2022.yaml": None})[0].hash != before

    def test_it_does_not_depend_on_where_the_folders_stand(self, small: Inspect, tmp_path: Path) -> None:
        one = write(tmp_path / "one", {"storage/storage-mine.yaml": MINE})
        two = write(tmp_path / "two", {"storage/storage-mine.yaml": MINE})
        assert small(checks_dirs=[one])[0].hash == small(checks_dirs=[two])[0].hash
        assert small(checks_dirs=[one])[0].hash != small()[0].hash


@pytest.mark.parametrize(
    ("files", "words"),
    [(["a"], "1 fault in 1 file of the catalogue"), (["a", "a", "b"], "3 faults in 2 files of the catalogue")],
)
def test_a_summary_counts(files: list[str], words: str) -> None:
    assert summary([SourceFault(file, 1, 1, "x") for file in files]) == words
