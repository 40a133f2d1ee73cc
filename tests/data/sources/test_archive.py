"""Archives of every kind unpack alike, and none can do harm."""

import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import rars
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.sources.archive import unpack
from src.errors import InputError
from tests.data.sources.samples import NAMES, dataset, lay_out, pack, read

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz")
FILES = dataset(NAMES[1:3])


def unpacked(archive: Path, *, max_ratio: float = 20) -> dict[str, bytes]:
    """What unpacking gives; nothing may land beside the target."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            unpack(archive, Path(folder, "a", "target"), max_ratio=max_ratio)
        finally:
            assert not [name for name in read(Path(folder)) if not name.startswith("a/target/")]
        return read(Path(folder, "a", "target"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_file_comes_out(tmp_path: Path, suffix: str) -> None:
    assert unpacked(pack(tmp_path / f"all{suffix}", FILES)) == FILES


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".rar"])
def test_the_case_of_the_suffix_does_not_matter(tmp_path: Path, suffix: str) -> None:
    archive = pack(tmp_path / f"all{suffix}", FILES)
    assert unpacked(archive.rename(tmp_path / f"ALL{suffix.upper()}")) == FILES


def test_folders_of_their_own_are_passed_over(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "folder", FILES)
    for kind in ("zip", "tar", "gztar"):
        archive = shutil.make_archive(str(tmp_path / "all"), kind, folder)
        assert unpacked(Path(archive)) == FILES


@pytest.mark.parametrize("rar", ["rar29", "rar40", "rar50"])
@pytest.mark.parametrize("solid", [False, True])
def test_every_file_comes_out_of_a_rar(tmp_path: Path, rar: str, solid: bool) -> None:
    assert unpacked(pack(tmp_path / "all.rar", FILES, rar=rar, solid=solid)) == FILES


def forged_rar(archive: Path, name: str) -> None:
    """A RAR4 with a name that no honest writer gives."""
    place = b"#" * len(name)
    data = bytearray(pack(archive, {place.decode(): b"evil"}, rar="rar40").read_bytes())
    start = data.index(place) - 32
    end = start + struct.unpack_from("<H", data, start + 5)[0]
    data[start + 32 : start + 32 + len(name)] = name.encode()
    checksum = zlib.crc32(data[start + 2 : end]) & 0xFFFF
    struct.pack_into("<H", data, start, checksum)
    archive.write_bytes(data)


OUTSIDE = ("../evil.jpg", "/evil.jpg", "Positive/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg")


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".rar"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_outside_the_target_is_refused(tmp_path: Path, suffix: str, name: str) -> None:
    archive = tmp_path / f"evil{suffix}"
    if suffix == ".rar":
        forged_rar(archive, name)
    else:
        pack(archive, {name: b"evil"})
    with pytest.raises(InputError) as refusal:
        unpacked(archive)
    assert f"its member {name!r} would land outside the target folder" in str(refusal.value)


def link_in_zip(archive: Path) -> None:
    link = zipfile.ZipInfo("Positive/link.jpg")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(link, "../../secret")


def special_in_tar(kind: bytes) -> Callable[[Path], None]:
    def write(archive: Path) -> None:
        member = tarfile.TarInfo("Positive/link.jpg")
        member.type, member.linkname = kind, "../../secret"
        with tarfile.open(archive, "w:") as opened:
            opened.addfile(member)

    return write


def link_in_rar(rar: str) -> Callable[[Path], None]:
    def write(archive: Path) -> None:
        builder = rars.RarBuilder(format=rar)
        builder.add_unix_symlink("Positive/link.jpg", b"../../secret")
        builder.write(str(archive))

    return write


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        pytest.param(".zip", link_in_zip, id="zip"),
        pytest.param(".tar", special_in_tar(tarfile.SYMTYPE), id="tar-symlink"),
        pytest.param(".tar", special_in_tar(tarfile.LNKTYPE), id="tar-hardlink"),
        pytest.param(".tar", special_in_tar(tarfile.CHRTYPE), id="tar-device"),
        pytest.param(".tar", special_in_tar(tarfile.FIFOTYPE), id="tar-fifo"),
        pytest.param(".rar", link_in_rar("rar40"), id="rar4"),
        pytest.param(".rar", link_in_rar("rar50"), id="rar5"),
    ],
)
def test_a_link_or_device_is_refused(
    tmp_path: Path, suffix: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / f"evil{suffix}")
    with pytest.raises(InputError, match=r"'Positive/link\.jpg' is a link or a device"):
        unpacked(tmp_path / f"evil{suffix}")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.xz", ".rar"])
def test_a_size_out_of_all_proportion_is_refused(tmp_path: Path, suffix: str) -> None:
    bomb = pack(tmp_path / f"bomb{suffix}", {"a.jpg": b"", "b.jpg": bytes(3_000_000)})
    with pytest.raises(InputError, match=r"'b\.jpg' brings the declared size to more than 20 time"):
        unpacked(bomb)
    assert len(unpacked(bomb, max_ratio=1e6)["b.jpg"]) == 3_000_000


def huge_header(kind: bytes) -> bytes:
    """A tar whose first header is followed by 30 MB of another header's content."""
    header = tarfile.TarInfo("././@LongLink" if kind == tarfile.GNUTYPE_LONGNAME else "PaxHeader")
    header.type, header.size = kind, 30_000_000
    return header.tobuf() + b"a" * header.size


@pytest.mark.slow
@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz"])
def test_a_header_out_of_all_proportion_is_refused(
    tmp_path: Path, suffix: str, kind: bytes
) -> None:
    archive = tmp_path / f"bomb{suffix}"
    compress = {".tar": bytes, ".tar.gz": gzip.compress, ".tar.xz": lzma.compress}[suffix]
    archive.write_bytes(compress(huge_header(kind)))
    with pytest.raises(InputError, match=r"is refused: it has a header of 30,000,\d{3} bytes"):
        unpacked(archive, max_ratio=1e6)


def test_many_headers_out_of_all_proportion_are_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("PaxHeader")
    header.type, header.size = tarfile.XGLTYPE, 1 << 20
    record = b"%d comment=" % header.size
    content = record + b"a" * (header.size - len(record) - 1) + b"\n"
    archive = tmp_path / "bomb.tar.xz"
    archive.write_bytes(lzma.compress((header.tobuf() + content) * 20))
    with pytest.raises(InputError, match="it unpacks to more than 20 times the archive"):
        unpacked(archive)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_what_follows_the_end_out_of_all_proportion_is_refused(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    whole = pack(tmp_path / "a.tar", {"a.jpg": b"1"}).read_bytes()
    archive = tmp_path / f"bomb.tar.{'gz' if compress is gzip.compress else 'xz'}"
    archive.write_bytes(compress(whole + bytes(20_000_000)))
    with pytest.raises(InputError, match="it unpacks to more than 20 times the archive"):
        unpacked(archive)
    assert unpacked(archive, max_ratio=1e6) == {"a.jpg": b"1"}


def forged(archive: Path, before: bytes, after: bytes) -> None:
    archive.write_bytes(archive.read_bytes().replace(before, after))


def name_in_no_encoding(archive: Path) -> None:
    forged(pack(archive, {"Positive/ü.jpg": b"1"}), "ü".encode(), b"\xff\xff")


def name_of_nothing(archive: Path) -> None:
    forged(pack(archive, {"Positive/a.jpg": b"1"}), b"Positive/a.jpg", b"\0ositive/a.jpg")


def pax(headers: dict[str, str]) -> Callable[[Path], None]:
    def write(archive: Path) -> None:
        member = tarfile.TarInfo("Positive/a.jpg")
        member.pax_headers = headers
        with tarfile.open(archive, "w:", format=tarfile.PAX_FORMAT) as opened:
            opened.addfile(member)

    return write


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        pytest.param(".zip", name_in_no_encoding, id="UnicodeDecodeError"),
        pytest.param(".zip", name_of_nothing, id="IndexError"),
        pytest.param(".tar", pax({"path": "Positive/a\0.jpg"}), id="ValueError"),
        pytest.param(".tar", pax({"GNU.sparse.size": "nan"}), id="ValueError-of-a-number"),
        pytest.param(".tar", pax({"path": "a/" * 3000 + "a"}), id="OSError"),
    ],
)
def test_whatever_its_library_raises_an_archive_is_named(
    tmp_path: Path, suffix: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / f"a{suffix}")
    with pytest.raises(InputError, match=rf"/a\{suffix} can't be unpacked: .*by hand"):
        unpacked(tmp_path / f"a{suffix}")


def test_a_rar_member_that_declares_no_size_is_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.rar", {"Positive/a.jpg": bytes(100)})
    data = bytearray(archive.read_bytes())
    name = data.index(b"Positive/a.jpg")
    start = data.rindex(b"\x02\x03", 0, name) - 5  # CRC-32 and the header's size come before
    flags = start + 9  # after the type, the header's flags, and the sizes of extra area and data
    assert data[flags] == 0x04
    data[flags] |= 0x08
    end = start + 5 + data[start + 4]
    struct.pack_into("<I", data, start, zlib.crc32(data[start + 4 : end]))
    archive.write_bytes(data)
    with pytest.raises(InputError, match="unknown-size member"):
        unpacked(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
@pytest.mark.parametrize("second", ["Positive/a.jpg", "./Positive/a.jpg", "Positive/A.JPG"])
def test_two_members_of_one_name_are_refused(tmp_path: Path, suffix: str, second: str) -> None:
    archive = pack(tmp_path / f"twice{suffix}", {"Positive/a.jpg": b"1"})
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr(second, b"2")
    else:
        with tarfile.open(archive, "a") as opened:
            opened.addfile(tarfile.TarInfo(second), io.BytesIO())
    with pytest.raises(InputError, match="is in it twice"):
        unpacked(archive)


WHOLE = (*(f"a{suffix}" for suffix in SUFFIXES), "rar4.rar", "rar5.rar")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    members = {"Negative/a.jpg": FILES[NAMES[1]][:3000], "Positive/b.jpg": b"ab" * 1000}
    for name in WHOLE:
        pack(folder / name, members, rar="rar40" if name == "rar4.rar" else "rar50")
    return folder


def unpacked_or_refused(archive: Path) -> dict[str, bytes] | None:
    try:
        return unpacked(archive, max_ratio=1e6)
    except InputError as error:
        message = str(error)
    assert message.startswith(f"{archive} can't be unpacked: ")
    assert message.endswith("get it anew, or unpack it by hand and give the folder.")
    return None


@settings(max_examples=80, deadline=None)
@given(name=st.sampled_from(WHOLE), data=st.data())
def test_a_cut_archive_never_passes_for_whole(whole: Path, name: str, data: st.DataObject) -> None:
    complete = (whole / name).read_bytes()
    expected = unpacked(whole / name)
    length = data.draw(st.integers(0, len(complete) - 1))
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder, name)
        cut.write_bytes(complete[:length])
        found = unpacked_or_refused(cut)
    if found is not None and name.endswith(".rar"):  # cut between two members
        assert found.items() <= expected.items()
    else:
        assert found in (None, expected)


@pytest.mark.parametrize("name", WHOLE)
def test_an_archive_cut_within_a_member_is_refused(tmp_path: Path, whole: Path, name: str) -> None:
    (tmp_path / name).write_bytes((whole / name).read_bytes()[:2000])
    assert unpacked_or_refused(tmp_path / name) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz", "rar4.rar", "rar5.rar"])
def test_a_flipped_byte_never_changes_an_image(tmp_path: Path, whole: Path, name: str) -> None:
    data = (whole / name).read_bytes()
    expected = unpacked(whole / name)
    for place in range(0, len(data), 29):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        (tmp_path / name).write_bytes(damaged)
        # A date, say, may change without harm.
        assert unpacked_or_refused(tmp_path / name) in (None, expected)


def test_a_tar_with_a_damaged_header_is_noticed(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": b"2"})
    data = bytearray(archive.read_bytes())
    data[1024] ^= 0xFF  # the second header's first byte
    archive.write_bytes(data)
    with pytest.raises(InputError, match="no end-of-archive mark"):
        unpacked(archive)


@pytest.mark.parametrize("headers", [False, True])
def test_a_password_is_named(tmp_path: Path, headers: bool) -> None:
    builder = rars.RarBuilder(password="secret", encrypt_headers=headers)
    builder.add_bytes(b"1", "Positive/a.jpg")
    builder.write(str(tmp_path / "a.rar"))
    with pytest.raises(InputError, match="a password is required"):
        unpacked(tmp_path / "a.rar")


def test_a_zip_with_a_password_is_named(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", FILES)
    data = bytearray(archive.read_bytes())
    for flags in (6, data.index(b"PK\x01\x02") + 8):  # of the first member, and in the directory
        data[flags] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted, password required"):
        unpacked(archive)


def test_one_volume_of_several_is_refused(tmp_path: Path) -> None:
    builder = rars.RarBuilder(volume_size=5000, store=True)
    for name, data in FILES.items():
        builder.add_bytes(data, name)
    volumes = builder.write_volumes(str(tmp_path / "a.part1.rar"))
    with pytest.raises(InputError, match="can't be unpacked"):
        unpacked(volumes[0])


@pytest.mark.parametrize("name", ["a.7z", "photo.jpg", "archive"])
def test_no_archive_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(
        InputError, match=f"{name} is no archive this project reads.*\\.rar, \\.zip"
    ):
        unpacked(tmp_path / name)
