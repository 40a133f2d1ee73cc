"""Linking points on the centre line of a crack to lines, with its branches."""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree

GAP = 5.0  # the largest distance of two points that are linked, in pixels
# The least mean strength of a line; see `CentrePoints`. Where all is as dark as the crack, as among
# joints, it is this share of a region's strongest points. Texture alone reaches as much in a region
# where few points are the crack's, so it is also at least this multiple of the median point.
CLEAR, CLEAR_SHARE, ABOVE_TEXTURE = 3.5, 0.65, 2.2
FAINTEST = 0.65  # the least strength of a point as a share of a line's least mean strength
SHORTEST = 24.0  # the shortest line of its own, in pixels
SHORTEST_BRANCH = 18.0  # the shortest branch of a line, in pixels
LEAST_SHARE = 0.12  # the least total strength of a line, as a share of the strongest one's
SMOOTH = 2.0  # standard deviation of the smoothing along a line, in points


def centre_lines(places: np.ndarray, strength: np.ndarray) -> list[np.ndarray]:
    """Link the points of one region to the lines of its crack.

    Points that stand out from the texture are linked to their neighbours. Each group of linked
    points gives a minimum spanning tree. Its longest path is the trunk, and the longest paths that
    remain are branches.

    Args:
        places: (n, 2) the x and y of the points in pixels.
        strength: (n,) see `CentrePoints`.

    Returns:
        Lines (m, 2) float64, the longest first. Neighbouring points are about a pixel apart. The
        list is empty if no line stands out.
    """
    if not len(strength):
        return []
    middle, strongest = np.percentile(strength, (50, 95))
    clear = min(CLEAR, max(ABOVE_TEXTURE * middle, CLEAR_SHARE * strongest))
    chosen = strength > FAINTEST * clear
    places, strength = places[chosen].astype(np.float64), strength[chosen]
    if len(places) < 2:
        return []
    links = _links(places)
    count, group = connected_components(links, directed=False)
    size, total = np.bincount(group, minlength=count), np.bincount(group, strength, count)
    stands_out = (total >= clear * size) & (size >= SHORTEST / 2)
    if not stands_out.any():
        return []
    stands_out &= total >= LEAST_SHARE * total[stands_out].max()
    tree = minimum_spanning_tree(links)
    tree = (tree + tree.T).tocsr()
    lines = []
    for number in np.flatnonzero(stands_out):
        members = np.flatnonzero(group == number)
        paths = _paths(tree[members][:, members])
        long = [path for path, length in paths if length >= SHORTEST_BRANCH]
        if paths and paths[0][1] >= SHORTEST:
            lines += [smoothed(places[members[path]]) for path in long]
    return sorted(lines, key=length_of, reverse=True)


def length_of(line: np.ndarray) -> float:
    """Return the length of a line (n, 2) in the unit of its points."""
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def smoothed(line: np.ndarray) -> np.ndarray:
    """Smooth a line (n, 2) along itself; its ends stay where they are."""
    # Odd reflection keeps the ends in place. gaussian_filter1d looks 4 standard deviations far.
    beyond = round(4 * SMOOTH)
    padded = np.pad(line, ((beyond, beyond), (0, 0)), "reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(padded, SMOOTH, axis=0)[beyond:-beyond])


def _links(places: np.ndarray) -> csr_array:
    """Return the distances (n, n) of neighbouring points, squared so that gaps are crossed last."""
    pairs = cKDTree(places).query_pairs(GAP, output_type="ndarray")
    distance = np.square(places[pairs[:, 0]] - places[pairs[:, 1]]).sum(axis=1)
    shape = len(places), len(places)
    return coo_array((distance, (pairs[:, 0], pairs[:, 1])), shape=shape).tocsr()


def _paths(tree: csr_array) -> list[tuple[np.ndarray, float]]:
    """Cut a tree into its longest paths, the trunk first.

    Args:
        tree: the squared distance of linked points (n, n), in both directions.

    Returns:
        The numbers of each path's points, and its length in pixels.
    """
    order, parent, distance = _walked(tree, 0)
    order, parent, distance = _walked(tree, int(order[np.argmax(distance)]))
    # How far the tree reaches beyond each point, and the child through which it does.
    reach = dict(zip(order.tolist(), distance.tolist(), strict=True))
    onward: dict[int, int] = {}
    depth = dict(reach)
    for node in order[:0:-1].tolist():
        above = int(parent[node])
        if above not in onward or reach[node] > reach[above]:
            reach[above], onward[above] = reach[node], node
    paths = []
    for node in order.tolist():
        above = int(parent[node])
        if above >= 0 and onward[above] == node:
            continue
        path = [above, node] if above >= 0 else [node]
        while path[-1] in onward:
            path.append(onward[path[-1]])
        paths.append((np.array(path), reach[node] - depth[path[0]]))
    return sorted(paths, key=lambda path: -path[1])


def _walked(tree: csr_array, start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points of a tree from `start` on, all points' parents, and the way to each."""
    # The links lead in both directions. An undirected search would copy the tree.
    order, parent = breadth_first_order(tree, start, directed=True)
    way = np.zeros(tree.shape[0])
    steps = np.sqrt(np.asarray(tree[order[1:], parent[order[1:]]]).ravel())
    for node, step in zip(order[1:].tolist(), steps.tolist(), strict=True):
        way[node] = way[parent[node]] + step
    return order, parent, way[order]
