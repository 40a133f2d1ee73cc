"""Windows of drawn photographs: seeded, of both classes, each with its photograph."""

from src.config.source_schema import Drawn
from src.data.sources.collection import collect_images
from src.data.sources.drawn import DrawnSource
from tests.data.sources.photographs import settings_of


def fetched(tmp_path, **options):
    few = {"photos": 4, "height": 128, "width": 160, "seed": 2}
    data = settings_of("drawn", tmp_path / "data", **few | options)
    assert isinstance(data, Drawn)
    return collect_images(DrawnSource(data), data, reuse=False, every_class=False)


def test_windows_are_cut_from_drawn_photographs(tmp_path):
    listing = fetched(tmp_path, cracked=1.0).listing
    assert set(listing.label) == {0, 1}
    assert set(listing.photo) <= {f"drawn/{number:05}" for number in range(4)}
    again = fetched(tmp_path, cracked=1.0).listing
    assert again.sha256.tolist() == listing.sha256.tolist()


def test_photographs_without_cracks_give_crack_free_windows(tmp_path):
    assert set(fetched(tmp_path, photos=2, cracked=0.0).listing.label) == {0}
