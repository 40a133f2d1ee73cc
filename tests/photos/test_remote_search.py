"""Which photos a store holds: a store in memory, and the listing of a web server."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from src.data.addresses import any_path
from src.data.remote import RemotePath
from src.errors import InputError
from src.photos.photo_search import FoundPhotos
from src.photos.records import place
from src.photos.remote_search import NO_FOLDER, NO_NAME, find_remote_photos
from tests.data.sources.servers import serve, status, text
from tests.data.stores import HTTP

EXTENSIONS = (".jpg", ".png")


@pytest.fixture
def store() -> Iterator[RemotePath]:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield remote("memory://site")
    memory.store.clear()


def remote(address: str) -> RemotePath:
    path = any_path(address, HTTP)
    assert isinstance(path, RemotePath)
    return path


def names_of(found: FoundPhotos, root: RemotePath) -> list[str]:
    return [place(path, root, Path("out")).name for path in found.photos]


def test_photos_of_a_store(store):
    for name in ("b.JPG", "deep/er/a.png", "notes.txt", ".hidden.jpg", ".git/c.jpg", "../up.jpg"):
        (store / name).write_bytes(b"")
    # Two runs have marked photos here, and a folder of photos has the name of marked ones.
    for run in ("", "results/"):
        for name in (".records/1.json", "overlays/b.JPG.jpg", "report/1.jpg"):
            (store / f"{run}{name}").write_bytes(b"")
    (store / "deep/overlays/mine.jpg").write_bytes(b"")
    (store / "out/new.jpg").write_bytes(b"")
    found = find_remote_photos(store, EXTENSIONS, output=store / "out")
    assert names_of(found, store) == ["b.JPG", "deep/er/a.png", "deep/overlays/mine.jpg"]
    assert found.skipped == []


def test_a_name_that_no_file_can_have_is_listed(store):
    (store / "a.jpg").write_bytes(b"")
    store.store.store[f"{store.key}//b.jpg"] = store.store.store[(store / "a.jpg").key]
    found = find_remote_photos(store, EXTENSIONS, output=Path("out"))
    assert names_of(found, store) == ["a.jpg"]
    assert [why for _, why in found.skipped] == [NO_NAME]


def test_one_photo_of_any_extension(store):
    (store / "scan.data").write_bytes(b"")
    photo = store / "scan.data"
    assert find_remote_photos(photo, EXTENSIONS, output=Path("out")).photos == [photo]


@pytest.mark.parametrize("output", ["memory://site", "memory://site/", "memory://"])
def test_output_must_not_hold_the_remote_input(store, output):
    (store / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"output: .* holds the input .*; name another folder"):
        find_remote_photos(store, EXTENSIONS, output=remote(output))


def test_nothing_there_is_one_sentence(store):
    with pytest.raises(InputError, match=r"input: memory://.*site: it is not there"):
        find_remote_photos(store, EXTENSIONS, output=Path("out"))
    (store / "notes.txt").write_bytes(b"")
    with pytest.raises(InputError, match="has no photos"):
        find_remote_photos(store, EXTENSIONS, output=Path("out"))


def test_a_web_server_lists_by_links():
    page = b'<a href="../">up</a><a href="?C=M">by date</a>%s'
    top = page % b'<a href="north%20side/">north side/</a><a href="a.jpg">a.jpg</a>'
    deep = page % b'<a href="b%C3%BC.png">b</a><a href="Stra%DFe.jpg">c</a><a href="x.txt">x</a>'
    with serve() as server:
        server.answers["/photos/"] = [html(top)]
        server.answers["/photos/north%20side/"] = [html(deep)]
        root = remote(f"{server.address}/photos/")
        found = find_remote_photos(root, EXTENSIONS, output=Path("out"))
        names = ["a.jpg", "north side/Stra\\xdfe.jpg", "north side/bü.png"]
        assert sorted(names_of(found, root)) == names
        single = remote(f"{server.address}/photos/a.jpg?key=1")
        server.answers["/photos/a.jpg"] = [text(b"photo")]
        alone = find_remote_photos(single, EXTENSIONS, output=Path("out"))
        assert names_of(alone, single.parent) == ["a.jpg"]


def test_a_folder_of_a_web_server_that_does_not_come_is_asked_for_again_or_told():
    with serve() as server:
        server.answers["/photos/"] = [html(b'<a href="north/">n</a><a href="gone/">g</a>')]
        page = html(b'<a href="b.jpg">b</a>')
        server.answers["/photos/north/"] = [status(503), page]
        server.answers["/photos/gone/"] = [status(404)]
        root = remote(f"{server.address}/photos/")
        found = find_remote_photos(root, EXTENSIONS, output=Path("out"))
        assert names_of(found, root) == ["north/b.jpg"]
        assert [(path.key, why) for path, why in found.skipped] == [
            (f"{server.address}/photos/gone/", NO_FOLDER)
        ]
        server.answers["/photos/gone/"] = [status(403)]
        with pytest.raises(InputError, match=r"input: .*/photos/: gone/: .* do not allow it"):
            find_remote_photos(root, EXTENSIONS, output=Path("out"))
    with serve() as server:
        root = remote(f"{server.address}/photos/")
    with pytest.raises(InputError, match="there is no connection to the server"):
        find_remote_photos(root, EXTENSIONS, output=Path("out"))


def test_a_web_server_cannot_lead_out_of_the_folder():
    links = b'<a href="%2Fabs%2Fb.jpg">b</a><a href="..%2F..%2Fc.jpg">c</a><a href="a.jpg">a</a>'
    with serve() as server:
        server.answers["/photos/"] = [html(links)]
        root = remote(f"{server.address}/photos/")
        found = find_remote_photos(root, EXTENSIONS, output=Path("out"))
        assert names_of(found, root) == ["a.jpg"]
        assert {why for _, why in found.skipped} <= {NO_NAME}
        assert "b.jpg" in str(found.skipped)


def html(body: bytes):
    return lambda handler: handler.send(200, body, Content_Type="text/html")
