"""Try to put METU's photographs together again from the overlaps that the audit has found.

python -m src.audit data=mendeley && python -m benchmarks.reassembly

Overlapping crops are laid out on a common plane. Their places are then used to test other signs
of a common photograph: file numbers, colour, and edges that continue each other.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from src.data.related.groups import read_overlaps
from src.data.related.overlaps import BACK
from src.data.related.twins import read_grey

SIZE, PITCH = 227, 10  # pixels: the side of a patch, and the unit of all shifts
SHARES = (0.02, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1)
LARGE = 20  # least number of patches in a layout that is compared by colour
GAP = 3  # pixels between two neighbours whose edges are compared, the smallest gap in METU
STRANGERS, NEIGHBOURS, NEAREST = 3000, 300, 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reassembly", description=__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("outputs/metu"))
    parser.add_argument("--images", type=Path, default=Path("data"))
    options = parser.parse_args()
    listing = pd.read_csv(options.workspace / "images.csv", usecols=["path", "label", "sha256"])
    overlaps = read_overlaps(options.workspace / "overlaps.csv")
    shifts = overlaps[["down", "across"]].to_numpy()
    print(f"shifts that are multiples of {PITCH}: {(shifts % PITCH == 0).all(axis=1).mean():.4f}")
    layout = lay_out(overlaps, len(listing)).merge(listing, left_on="image", right_index=True)
    extents = layout.groupby("photo")[["y", "x"]].agg(np.ptp) + SIZE
    print(f"largest layout: {extents.x.max()} x {extents.y.max()} pixels")
    print(f"beyond 4032 x 3024: {((extents.x > 4032) | (extents.y > 3024)).sum()}")
    print(found_of_laid_out(layout, overlaps).to_string())
    print("next file number, same layout:", follows(layout, listing).to_string(), sep="\n")
    large = layout[layout.groupby("photo").image.transform("size") >= LARGE]
    print(f"nearest in colour, same layout: {nearest_in_colour(large, options.images):.3f}")
    print(f"by chance: {np.square(large.photo.value_counts(normalize=True)).sum():.3f}")
    first, of = edges_continue(layout, listing, options.images)
    print(f"the true neighbour's edge continues a patch's best: {first} of {of}")


def lay_out(overlaps: pd.DataFrame, images: int) -> pd.DataFrame:
    """Place all images that overlap others, and print how many overlaps contradict the places.

    Args:
        overlaps: see `Overlaps.pairs`.
        images: number of images.

    Returns:
        A table with one row for each placed image. Its columns are `image`, `photo` (which
        identifies the layout), `y`, `x`, `flip_y` and `flip_x` (1 or -1). The point y, x is the
        image's centre in pixels from the centre of the layout's first image.
    """
    links: list[list[tuple[int, np.ndarray, np.ndarray]]] = [[] for _ in range(images)]
    for row in overlaps.itertuples():
        # All kinds of overlap in METU are flips, which are their own inverse.
        flip = np.diag(BACK[row.kind]).astype(int)
        shift = PITCH * np.rint(np.array([row.down, row.across]) / PITCH).astype(int)
        links[row.left].append((row.right, flip, shift))
        links[row.right].append((row.left, flip, -flip * shift))
    placed: dict[int, tuple[int, np.ndarray, np.ndarray]] = {}
    against = 0
    for start in (image for image in range(images) if links[image]):
        if start in placed:
            continue
        placed[start] = start, np.ones(2, int), np.zeros(2, int)
        waiting = [start]
        while waiting:
            here = waiting.pop()
            _, turned, at = placed[here]
            for other, flip, shift in links[here]:
                place = start, turned * flip, at + turned * shift
                if other not in placed:
                    placed[other] = place
                    waiting.append(other)
                against += not all(map(np.array_equal, place, placed[other]))
    photos = len({photo for photo, _, _ in placed.values()})
    loops = len(overlaps) - (len(placed) - photos)
    print(f"{len(placed)} images in {photos} layouts; {loops} loops, {against} contradictions")
    rows = [(image, photo, *at, *flip) for image, (photo, flip, at) in placed.items()]
    return pd.DataFrame(rows, columns=["image", "photo", "y", "x", "flip_y", "flip_x"])


def found_of_laid_out(layout: pd.DataFrame, overlaps: pd.DataFrame) -> pd.DataFrame:
    """Count how many pairs of images that overlap in the layout the audit has found directly.

    Returns:
        By share of the overlap, the number of pairs and the share of them that were found.
    """
    found = set(zip(overlaps.left, overlaps.right, strict=True))
    rows = []
    for _, photo in layout.groupby("photo"):
        y, x, image = (photo[name].to_numpy() for name in ("y", "x", "image"))
        left = [np.clip(1 - np.abs(at[:, None] - at) / SIZE, 0, None) for at in (y, x)]
        share = np.triu(left[0] * left[1], 1)
        for one, other in np.argwhere(share > SHARES[0]):
            pair = min(image[one], image[other]), max(image[one], image[other])
            rows.append((share[one, other], pair in found))
    pairs = pd.DataFrame(rows, columns=["share", "found"])
    shares = pd.cut(pairs.share, SHARES, include_lowest=True)
    return pairs.groupby(shares, observed=True).found.agg(["size", "mean"]).round(4)


def follows(layout: pd.DataFrame, listing: pd.DataFrame) -> pd.Series:
    """Return how often the file with the next number is in the same layout, by kind of name."""
    parts = listing.path.str.extract(r"(?P<folder>\w+)/(?P<number>\d+)(?P<suffix>_1)?")
    number = parts.number.astype(int)
    photo = layout.set_index("image").photo.reindex(listing.index)
    files = pd.DataFrame({"photo": photo, "number": number, "name": parts.folder})
    files["name"] += parts.suffix.fillna("") + " " + (number // 5000 * 5000).astype(str)
    files = files.sort_values(["name", "number"])
    same = files.photo == files.photo.shift(-1)
    return same[files.name == files.name.shift(-1)].groupby(files.name).mean().round(3)


def nearest_in_colour(large: pd.DataFrame, images: Path) -> float:
    """Return how often the patch nearest in colour is in the same layout.

    Patches that overlap are not compared.
    """
    seen = []
    for path in large.path:
        pixels = np.asarray(Image.open(images / path)).reshape(-1, 3)
        red, green, blue = pixels.mean(axis=0)
        seen.append([red, green, blue, 5 * (red - blue), 10 * (green - red / 2 - blue / 2)])
    spread = np.concatenate([seen, 10 * np.log1p(np.std(seen, axis=1, keepdims=True))], axis=1)
    near = NearestNeighbors(n_neighbors=NEAREST).fit(spread).kneighbors(return_distance=False)
    photo, y, x = (large[name].to_numpy() for name in ("photo", "y", "x"))
    hits = []
    for row, others in enumerate(near):
        touch = (abs(y[others] - y[row]) < SIZE) & (abs(x[others] - x[row]) < SIZE)
        apart = others[(photo[others] != photo[row]) | ~touch]
        if len(apart):
            hits.append(photo[apart[0]] == photo[row])
    return float(np.mean(hits))


def edges_continue(layout: pd.DataFrame, listing: pd.DataFrame, images: Path) -> tuple[int, int]:
    """Count how often a patch's right edge matches its neighbour's left edge best.

    The neighbour competes with the left edges of patches drawn at random.

    Returns:
        The number of such patches, and the number of pairs of neighbours that lie `GAP` apart.
    """
    rng = np.random.default_rng(0)
    upright = layout[(layout.flip_y == 1) & (layout.flip_x == 1)]
    beside = upright.merge(upright.assign(x=upright.x - SIZE - GAP), on=["photo", "x"])
    beside = beside[(beside.y_y - beside.y_x).abs() <= SIZE // 2]
    beside = beside.sample(min(NEIGHBOURS, len(beside)), random_state=0)
    paths = rng.choice(listing.drop_duplicates("sha256").path, STRANGERS, replace=False)
    left_edges = np.stack([read_grey(images / path)[:, :GAP].mean(axis=1) for path in paths])
    first = 0
    for pair in beside.itertuples():
        edge = read_grey(images / pair.path_x)[:, -GAP:].mean(axis=1)
        true = read_grey(images / pair.path_y)[:, :GAP].mean(axis=1)
        agrees = _agreement(edge, true[None], pair.y_y - pair.y_x)[0]
        steps = range(-SIZE // 2 // PITCH * PITCH, SIZE // 2 + 1, PITCH)
        others = left_edges[paths != pair.path_y]
        first += all(_agreement(edge, others, down).max() < agrees for down in steps)
    return first, len(beside)


def _agreement(edge: np.ndarray, others: np.ndarray, down: int) -> np.ndarray:
    """Return the correlations (n,) of an edge with other edges (n, SIZE), shifted down."""
    rows = SIZE - abs(down)
    one = edge[max(0, down) :][:rows]
    other = others[:, max(0, -down) :][:, :rows]
    one, other = one - one.mean(), other - other.mean(axis=1, keepdims=True)
    return other @ one / (np.linalg.norm(one) * np.linalg.norm(other, axis=1) + 1e-6)


if __name__ == "__main__":
    main()
