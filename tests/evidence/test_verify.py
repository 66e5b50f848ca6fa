"""Whatever is done to a pack shows, and no file however hostile does more than that."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from azscan.errors import UsageError
from azscan.evidence.archive import EPOCH, Archive
from azscan.evidence.container import MOST_PROBLEMS, NotProvenError
from azscan.evidence.manifest import FORMAT, MANIFEST, SIGNATURE, Entry, Manifest, encode
from azscan.evidence.signing import Signer
from azscan.evidence.verify import verify
from tests.evidence.ground import Pack, packed
from tests.harness import Scanned

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
FILES = {"summary.csv": b"a,b\r\n" * 40, "evidence/ab/abc.json": b"{}\n"}


def make(path: Path, files: dict[str, bytes] = FILES, signer: Signer | None = None) -> Path:
    """A pack of these files, as azscan seals one."""
    with path.open("wb") as stream, Archive(stream) as archive:
        for name, content in files.items():
            archive.write(name, content)
        fingerprint = signer.fingerprint if signer else ""
        manifest = encode(Manifest(FORMAT, "1.0", "2026-05-04T03:02:01Z", tuple(archive.entries), fingerprint))
        archive.write(MANIFEST, manifest)
        if signer:
            archive.write(SIGNATURE, signer.sign(manifest))
    return path


Entries = list[tuple[zipfile.ZipInfo, bytes]]


def remade(path: Path, change: Callable[[Entries], Any]) -> Path:
    """The pack with its entries changed; its manifest stays as it is unless that is what changes."""
    with zipfile.ZipFile(path) as pack:
        entries = [(_like(each), pack.read(each)) for each in pack.infolist()]
    change(entries)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for info, content in entries:
            pack.writestr(info, content)
    return path


def _like(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.filename, EPOCH)
    info.compress_type, info.external_attr = entry.compress_type, entry.external_attr
    return info


def info(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("x", EPOCH)
    made.filename, made.external_attr, made.create_system = name, mode << 16, 3
    return made


def problems(path: Path, key: Ed25519PrivateKey | None = None) -> str:
    with pytest.raises(NotProvenError) as told:
        verify(path, key.public_key() if key else None)
    assert told.value.exit_code == 10
    return "\n".join([told.value.message, *told.value.faults])


def test_a_pack_of_the_demo_is_proven(demo: Pack) -> None:
    proven = verify(demo.path)
    assert proven.files == len(demo.names) - 1 and not proven.signed_by


def test_a_signed_one_by_its_key(scanned: Scanned, tmp_path: Path) -> None:
    signer = Signer(KEY)
    pack = packed(scanned.results, tmp_path / "a.zip", signer=signer)
    again = packed(scanned.results, tmp_path / "b.zip", signer=signer)
    assert pack.path.read_bytes() == again.path.read_bytes()
    assert verify(pack.path, KEY.public_key()).is_checked
    assert verify(pack.path).signed_by == signer.fingerprint and not verify(pack.path).is_checked
    assert "the key does not match" in problems(pack.path, OTHER)


def changed(entries: Entries, name: str, content: bytes) -> None:
    place = next(place for place, (each, _) in enumerate(entries) if each.filename == name)
    entries[place] = (entries[place][0], content)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda entries: changed(entries, "summary.csv", b"a,c\r\n" * 40), "'summary.csv' was changed: its SHA-256"),
        (lambda entries: changed(entries, "summary.csv", b"a"), "'summary.csv' was changed: it has 1 bytes, not 200"),
        (lambda entries: entries.pop(0), "'summary.csv' was removed"),
        (lambda entries: entries.append((info("extra.txt"), b"x")), "'extra.txt' was added"),
        (lambda entries: entries.append((info("empty"), b"")), "'empty' was added"),
        (lambda entries: entries.pop(2), "has no MANIFEST.json"),
        (lambda entries: changed(entries, MANIFEST, b"{}"), "MANIFEST.json is not a manifest"),
        (lambda entries: changed(entries, MANIFEST, b"\xff"), "MANIFEST.json is not a manifest"),
        (lambda entries: changed(entries, MANIFEST, b"[" * 60_000), "MANIFEST.json is not a manifest"),
        (lambda entries: changed(entries, MANIFEST, b" " * 70_000), "larger than the files it could name"),
        (lambda entries: entries.append((info(SIGNATURE), b"x" * 64)), "MANIFEST.sig was added"),
        (lambda entries: entries.append((info("Summary.CSV"), b"x")), "stands there twice"),
        (lambda entries: entries.append((info("../../etc/passwd"), b"x")), "leads out of the folder"),
        (lambda entries: entries.append((info("/etc/passwd"), b"x")), "leads out of the folder"),
        (lambda entries: entries.append((info("c:/windows"), b"x")), "leads out of the folder"),
        (lambda entries: entries.append((info("a\\b"), b"x")), "leads out of the folder"),
        (lambda entries: entries.append((info("a//b"), b"x")), "is no name of a file"),
        (lambda entries: entries.append((info("folder/"), b"")), "is no name of a file"),
        (lambda entries: entries.append((info("a\u202eb"), b"")), "has characters that cannot be seen"),
        (lambda entries: entries.append((info("link", stat.S_IFLNK | 0o777), b"/etc/passwd")), "link is a link"),
        (lambda entries: entries.append((info("pipe", stat.S_IFIFO | 0o644), b"")), "pipe is no plain file"),
    ],
)
def test_what_was_done_to_it_is_told(tmp_path: Path, change: Callable[[Entries], Any], told: str) -> None:
    assert told in problems(remade(make(tmp_path / "pack.zip"), change))


def edited(manifest: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(manifest), **changes}).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: setattr(entry, "comment", b"hidden"),
        lambda entry: setattr(entry, "extra", struct.pack("<2H", 0xCAFE, 6) + b"hidden"),
        lambda entry: setattr(entry, "date_time", (2026, 1, 1, 0, 0, 0)),
        lambda entry: setattr(entry, "internal_attr", 1),
        lambda entry: setattr(entry, "external_attr", entry.external_attr | 0o111 << 16),
    ],
)
def test_nothing_hides_beside_the_name_of_an_entry(tmp_path: Path, change: Callable[[zipfile.ZipInfo], Any]) -> None:
    told = problems(remade(make(tmp_path / "pack.zip"), lambda entries: change(entries[0][0])))
    assert "a date, a mark or a note" in told


@pytest.mark.parametrize("name", ["résumé.csv", "re\u0301sume\u0301.csv", "summary.csv.", "a b", "a./b", ".hidden"])
def test_a_name_that_is_another_to_another_system_is_told(tmp_path: Path, name: str) -> None:
    assert "is no name of a file in a pack" in problems(make(tmp_path / "pack.zip", {**FILES, name: b"x"}))


def test_a_name_with_a_nul_is_told(tmp_path: Path) -> None:
    """Most readers take the part before the NUL for the name."""
    path = make(tmp_path / "pack.zip", {**FILES, "summaryXcsv": b"x"})
    path.write_bytes(path.read_bytes().replace(b"summaryXcsv", b"summary\0csv"))
    assert "has characters that cannot be seen" in problems(path)


def test_a_second_name_before_its_bytes_is_told(tmp_path: Path) -> None:
    """What unpacks a stream takes names and sizes from there, not from the directory."""
    path = make(tmp_path / "pack.zip")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"summary.csv", b"summary.exe", 1))
    assert "another file than the directory says" in problems(path)
    path.write_bytes(data[:14] + b"\xff" + data[15:])
    assert "another file than the directory says" in problems(path)


@pytest.mark.parametrize("shown", [0, 1])
def test_a_second_directory_is_told(tmp_path: Path, shown: int) -> None:
    """One in the long form of the zip's end, one in the short form: readers differ in which they take."""
    path = make(tmp_path / "pack.zip")
    data = path.read_bytes()
    start, length = struct.unpack("<2L", data[-10:-2])[::-1]
    directory, end = data[start : start + length], data[start + length :]
    other = directory.replace(b"summary.csv", b"summary.exe")
    first, second = (directory, other)[:: 1 if shown else -1]
    place = start + len(first) + len(second)
    long = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, len(second), start + len(first))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    path.write_bytes(data[:start] + first + second + long + locator + end)
    assert zipfile.ZipFile(path).namelist()[0] == ("summary.exe" if shown else "summary.csv")
    problems(path)


def test_a_directory_that_says_other_than_its_end_is_told(tmp_path: Path) -> None:
    path = make(tmp_path / "pack.zip")
    data = bytearray(path.read_bytes())
    data[-14] = data[-12] = 2
    path.write_bytes(data)
    assert "a second directory" in problems(path)


def test_bytes_behind_the_end_of_a_stream_are_told(tmp_path: Path) -> None:
    """Readers stop at the end that the stream itself has, and never see what stands behind."""
    path = tmp_path / "pack.zip"
    with path.open("wb") as stream, Archive(stream) as archive:
        archive.write("a.json", b"{}" * 50)
        manifest = encode(Manifest(FORMAT, "1.0", "", tuple(archive.entries)))
        info = archive._zip.filelist[0]
        stream.seek(archive._zip.start_dir)
        stream.write(b"hidden")
        archive._zip.start_dir += 6
        info.compress_size += 6
        stream.seek(0)
        stream.write(info.FileHeader())
        archive.write(MANIFEST, manifest)
    with zipfile.ZipFile(path) as pack:
        assert pack.read("a.json") == b"{}" * 50
    assert "bytes stand behind its end" in problems(path)


def test_two_values_of_one_name_in_a_manifest_are_told(tmp_path: Path) -> None:
    """Of two values one reader takes the first, another the last."""

    def change(entries: Entries) -> None:
        changed(entries, MANIFEST, entries[2][1].replace(b'{"format"', b'{"files":[],"format"'))

    assert "MANIFEST.json was changed: azscan writes it in another way" in problems(
        remade(make(tmp_path / "pack.zip"), change)
    )


def test_a_pack_of_many_files_is_proven(tmp_path: Path) -> None:
    """So many that the zip's end has its long form."""
    path = make(tmp_path / "pack.zip", {f"evidence/{number}.json": b"" for number in range(66_000)})
    assert verify(path).files == 66_000
    data = bytearray(path.read_bytes())
    data[-22 - 20 + 8] ^= 1
    path.write_bytes(data)
    assert "is cut short, or no evidence pack" in problems(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": "azscan.evidence/9"}, "has the format 'azscan.evidence/9'"),
        ({"files": []}, "'summary.csv' was added"),
        ({"files": [{"path": "summary.csv", "sha256": "0" * 64, "size": 200}] * 2}, "names a file twice"),
        ({"files": [{"path": "summary.csv", "sha256": 5, "size": 200}]}, "is not a manifest"),
        ({"files": [{"path": "../x", "sha256": "0" * 64, "size": -1}]}, "'../x' was removed"),
        ({"files": [{"path": "summary.csv", "sha256": "0" * 64, "size": -5}]}, "was changed"),
    ],
)
def test_an_edited_manifest_is_told(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    def change(entries: Entries) -> None:
        changed(entries, MANIFEST, edited(entries[2][1], **changes))

    assert told in problems(remade(make(tmp_path / "pack.zip"), change))


def test_a_manifest_that_fits_again_is_caught_by_the_signature(tmp_path: Path) -> None:
    signed = make(tmp_path / "pack.zip", signer=Signer(KEY))
    with zipfile.ZipFile(signed) as pack:
        signature = pack.read(SIGNATURE)
    forged = make(tmp_path / "forged.zip", {"summary.csv": b"all is well"}, signer=Signer(KEY))
    remade(forged, lambda entries: changed(entries, SIGNATURE, signature))
    verify(forged)
    assert "the signature does not fit MANIFEST.json" in problems(forged, KEY)
    unsigned = remade(make(tmp_path / "c.zip", signer=Signer(KEY)), lambda entries: entries.pop())
    assert "MANIFEST.sig is missing" in problems(unsigned)
    remade(make(tmp_path / "d.zip", signer=Signer(KEY)), lambda entries: changed(entries, SIGNATURE, b"x" * 65))
    assert "'MANIFEST.sig' was changed" in problems(tmp_path / "d.zip")
    assert "it is not signed" in problems(make(tmp_path / "e.zip"), KEY)


@pytest.mark.parametrize("left", [0, 10, 21, 22, 100, 300, -1, -22])
def test_a_pack_cut_short_is_told(tmp_path: Path, left: int) -> None:
    path = make(tmp_path / "pack.zip")
    path.write_bytes(path.read_bytes()[:left])
    assert "is cut short, or no evidence pack" in problems(path)


@pytest.mark.parametrize("around", [(b"MZ", b""), (b"", b"tail"), (b"#!/bin/sh\n", b"x" * 30)])
def test_bytes_around_it_are_told(tmp_path: Path, around: tuple[bytes, bytes]) -> None:
    path = make(tmp_path / "pack.zip")
    path.write_bytes(around[0] + path.read_bytes() + around[1])
    problems(path)


def test_bytes_between_its_files_are_told(tmp_path: Path) -> None:
    path = make(tmp_path / "pack.zip")
    with zipfile.ZipFile(path) as pack:
        names, contents = pack.namelist(), [pack.read(name) for name in pack.namelist()]
    with path.open("wb") as stream, zipfile.ZipFile(stream, "w") as pack:
        for name, content in zip(names, contents, strict=True):
            pack.writestr(info(name), content)
            if name == "summary.csv":
                stream.write(b"hidden")
                pack.start_dir = stream.tell()
    assert "bytes that belong to no file" in problems(path)


def test_an_encrypted_entry_is_not_opened(tmp_path: Path) -> None:
    path = make(tmp_path / "pack.zip")
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature) + offset
        data[place] |= 1
    path.write_bytes(data)
    assert "summary.csv is encrypted" in problems(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    make(path, {"bomb.json": b"\0" * (80 << 20)})
    assert "this is no pack but a bomb" in problems(path)


def test_an_entry_that_lies_about_its_size_is_read_no_further(tmp_path: Path) -> None:
    """The directory and the manifest say 3 bytes, the stream holds a million."""
    content, path = b"\0" * 1_000_000, tmp_path / "pack.zip"
    with path.open("wb") as stream, Archive(stream) as archive:
        archive.write("a.json", content)
        told = Entry("a.json", hashlib.sha256(content[:3]).hexdigest(), 3)
        archive.write(MANIFEST, encode(Manifest(FORMAT, "1.0", "", (told,))))
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.find(signature) + offset
        assert struct.unpack_from("<L", data, place) == (len(content),)
        struct.pack_into("<L", data, place, 3)
    path.write_bytes(data)
    assert "'a.json' was changed: it has more than 3 bytes" in problems(path)


def test_a_huge_directory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = make(tmp_path / "pack.zip")
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, len(data) - 22 + 12, 1 << 30)
    path.write_bytes(data)
    assert "its directory has 3 entries in 1,073,741,824 bytes" in problems(path)


def test_of_many_problems_only_some_are_listed(tmp_path: Path) -> None:
    def add(entries: Entries) -> None:
        entries += [(info(f"extra-{number:03}"), b"") for number in range(50)]

    told = problems(remade(make(tmp_path / "pack.zip"), add)).splitlines()
    assert len(told) == 1 + MOST_PROBLEMS + 1 and told[-1] == "and 30 more"


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            verify(path)


def test_a_pack_written_to_a_pipe_is_proven_too(tmp_path: Path) -> None:
    class Pipe:
        def __init__(self, stream: Any) -> None:
            self.write, self.flush = stream.write, stream.flush

    path = tmp_path / "pack.zip"
    with path.open("wb") as stream, Archive(Pipe(stream)) as archive:  # type: ignore[arg-type]
        archive.write("a.json", b"{}")
        with archive.open("b.csv") as entry:
            entry.write(b"x" * 10)
        archive.write(MANIFEST, encode(Manifest(FORMAT, "1.0", "", tuple(archive.entries))))
    assert verify(path).files == 2


PACK_BYTES: list[bytes] = []


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_byte_can_be_changed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """But for bits of a deflate stream that stand for nothing."""
    folder = tmp_path_factory.mktemp("fuzz")
    if not PACK_BYTES:
        PACK_BYTES.append(make(folder / "whole.zip", signer=Signer(KEY)).read_bytes())
    whole = PACK_BYTES[0]
    place = data.draw(st.integers(0, len(whole) - 1))
    broken = bytearray(whole)
    broken[place] ^= data.draw(st.integers(1, 255))
    path = folder / "pack.zip"
    path.write_bytes(broken)
    try:
        verify(path, KEY.public_key())
    except NotProvenError:
        return
    with zipfile.ZipFile(path) as pack:
        assert {name: pack.read(name) for name in FILES} == FILES
        assert pack.namelist() == [*FILES, MANIFEST, SIGNATURE]


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_no_pack(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "pack.zip"
    path.write_bytes(content + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(content), 0, 0))
    problems(path)


def test_a_stream_that_is_no_deflate_is_told(tmp_path: Path) -> None:
    path = make(tmp_path / "pack.zip")
    data = bytearray(path.read_bytes())
    start = data.find(b"summary.csv") + len("summary.csv")
    assert zlib.decompressobj(-15).decompress(bytes(data[start : start + 40]))
    data[start : start + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert "'summary.csv' was changed, or is cut short" in problems(path)
