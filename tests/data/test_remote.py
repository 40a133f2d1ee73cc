"""Files in stores: a real S3 server, and a web server that answers badly."""

import importlib.util
from collections.abc import Iterator

import pytest

from src.data.addresses import any_path
from src.data.remote import RemotePath, path_within, put_bytes
from src.data.store_facts import Facts
from src.errors import InputError
from tests.data.sources.servers import Server, file, serve, status, text, unsized
from tests.data.stores import BUCKET, HTTP, s3_server
from tests.sections import changed

BODY = b"0123456789" * 2


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def web() -> Iterator[Server]:
    with serve() as server:
        yield server


def remote(address: str, **http: float) -> RemotePath:
    path = any_path(address, changed(HTTP, **http))
    assert isinstance(path, RemotePath)
    return path


@pytest.mark.slow
def test_a_file_of_s3_is_written_read_listed_and_deleted(s3):
    path = remote(f"{s3}/folder") / "deep" / "ü #?.txt"
    assert not path.is_file()
    put_bytes(path, [b"one ", b"two"])
    assert (path.read_text(), path.is_file(), path.facts().size) == ("one two", True, 7)
    assert (path.name, path.suffix, str(path.parent)) == ("ü #?.txt", ".txt", f"{s3}/folder/deep")
    folder = remote(f"{s3}/folder").listed()
    assert folder.is_dir()
    assert list(folder.listing or ()) == [path.key]
    assert path_within(path, folder).as_posix() == "deep/ü #?.txt"
    first = path.facts()
    put_bytes(path, b"one two".upper())
    assert path.facts().version != first.version
    path.unlink()
    path.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match="it is not there"):
        path.read_bytes()


def test_a_listing_answers_instead_of_the_store(s3):
    folder = remote(f"{s3}/listed")
    put_bytes(folder / "a", b"a")
    listed = folder.listed()
    put_bytes(folder / "b", b"b")
    assert ((listed / "a").facts().size, (listed / "b").is_file()) == (1, False)
    with pytest.raises(FileNotFoundError):
        (listed / "b").read_bytes()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("s3://no-such-bucket/photos", "there is no such bucket"),
        (f"s3://{BUCKET}/nothing", "it is not there"),
    ],
)
def test_what_is_not_on_s3_is_said(s3, address, reason):
    with pytest.raises(OSError, match=reason):
        remote(address).is_dir()


def test_s3_without_credentials_is_said(s3, monkeypatch, tmp_path):
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(OSError, match="there are no credentials for it on this machine"):
            remote(s3).listed()
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize(
    "faults",
    [
        [file(BODY, length=7)],
        [status(503), status(429)],
        [status(500), file(BODY, length=0)],
    ],
    ids=["cut", "busy", "both"],
)
def test_a_fault_that_passes_is_tried_again(web, faults):
    web.answers["/a.jpg"] = [*faults, file(BODY)]
    assert remote(f"{web.address}/a.jpg").read_bytes() == BODY
    assert len(web.asked("/a.jpg")) == len(faults) + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "reason", "times"),
    [
        (file(BODY, length=7), r"the connection broke off \(tried 3 times\)", 3),
        (file(BODY, length=7, stall=True), r"did not answer in time \(tried 3 times\)", 3),
        (status(502), r"the server answered 502.* \(tried 3 times\)", 3),
        (status(400), "the server answered 400", 1),
        (status(401), "the credentials of this machine do not allow it", 1),
        (status(404), "it is not there", 1),
    ],
    ids=["cut", "stall", "502", "400", "401", "404"],
)
def test_a_fault_that_stays_is_said(web, answer, reason, times):
    web.answers["/a.jpg"] = [answer]
    with pytest.raises(OSError, match=reason) as caught:
        remote(f"{web.address}/a.jpg", read_timeout=0.3).read_bytes()
    assert caught.value.strerror
    assert len(web.asked("/a.jpg")) == times


def test_a_server_that_is_not_there_is_said(web):
    with serve() as gone:
        pass
    with pytest.raises(OSError, match="there is no connection to the server"):
        remote(f"{gone.address}/a.jpg").read_bytes()
    with pytest.raises(OSError, match="there is no connection to the server"):
        remote(f"{gone.address}/a.jpg").facts()


def test_fewer_bytes_than_the_server_told_are_not_taken(web):
    web.answers["/a.jpg"] = [text(BODY), *[text(BODY[:5]), text(BODY)] * 3]
    path = remote(f"{web.address}/a.jpg").examined()
    with pytest.raises(OSError, match=r"5 of 20 bytes came \(tried 3 times\)"):
        path.read_bytes()


def test_a_file_that_changed_after_it_was_listed_is_read(web):
    web.answers["/a.jpg"] = [text(BODY), text(BODY[:5])]
    assert remote(f"{web.address}/a.jpg").examined().read_bytes() == BODY[:5]


def test_of_a_file_of_unknown_size_no_more_is_read_than_allowed(web):
    web.answers["/a.jpg"] = [unsized(bytes(5_000_000))]
    path = remote(f"{web.address}/a.jpg").examined()
    assert path.listing == {path.key: Facts(None, None)}
    assert 1000 < len(path.read_bytes(1000)) < 2_200_000
    assert len(path.read_bytes(5_000_000)) == 5_000_000


def test_secrets_of_an_address_are_never_shown(web):
    host = web.address.removeprefix("http://")
    path = remote(f"http://someone:pass%20word@{host}/a%20b.jpg?signature=abc&x=1")
    assert str(path) == f"http://{host}/a%20b.jpg"
    assert (path.name, str(path.parent)) == ("a b.jpg", f"http://{host}")
    assert path_within(path, path.parent).as_posix() == "a b.jpg"
    for code in (400, 403, 404, 500):
        web.answers["/a%20b.jpg"] = [status(code)]
        with pytest.raises(OSError, match=r"^\[Errno") as caught:
            path.read_bytes()
        said = str(caught.value)
        assert not [word for word in ("pass", "someone", "signature", "abc") if word in said]
    assert "Authorization" in web.asked("/a%20b.jpg")[0]


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_the_package_that_a_store_needs_is_named(scheme):
    package = {"gs": "gcsfs", "az": "adlfs"}[scheme]
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(InputError, match=f"needs one more package: pip install {package}$"):
        any_path(f"{scheme}://bucket/photos", HTTP)


def test_an_unknown_store_is_named():
    with pytest.raises(InputError, match=r"s4://bucket: .*s4"):
        any_path("s4://bucket", HTTP)


def test_a_local_path_stays_one(tmp_path):
    assert any_path(f"file://{tmp_path}", HTTP) == any_path(str(tmp_path), HTTP) == tmp_path
