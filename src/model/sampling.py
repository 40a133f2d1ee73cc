"""Which pixels each feature of a convolutional network is centred on, and what its padding reaches.

The arithmetic of windows is that of Dumoulin and Visin 2016, arXiv:1603.07285. Networks are square,
so all of it is along one axis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from src.model.graph import Operation, sources_of

POOLING = keras.layers.MaxPooling2D | keras.layers.AveragePooling2D
CONVOLUTION = keras.layers.Conv2D | keras.layers.DepthwiseConv2D


@dataclass(frozen=True)
class Sampling:
    """How the features of one layer sample the image.

    Attributes:
        stride: pixels between the centres of two neighbouring features; 0 for a single feature that
            sees the whole image.
        first: the pixel that the first feature is centred on.
        reach: number of features along a border that the padding beyond it influences.
        whole: whether each feature depends on all of the image, by a global average.
    """

    stride: int = 1
    first: float = 0.0
    reach: int = 0
    whole: bool = False


def samplings(graph: keras.Model) -> dict[str, Sampling]:
    """Return the sampling of each operation of a graph, by name.

    Args:
        graph: a network for square images of a fixed size. Its layers must be convolutions,
            poolings, paddings with zeros and whatever keeps height and width.
    """
    sources = sources_of(graph)
    found: dict[str, Sampling] = {}
    for operation in graph.operations:
        before = [found[source.name] for source in sources[operation.name]]
        found[operation.name] = _behind(operation, before) if before else Sampling()
    return found


def _behind(operation: Operation, before: Sequence[Sampling]) -> Sampling:
    if isinstance(operation, keras.Sequential):
        joined = before[0]
        for layer in operation.layers:
            joined = _behind(layer, [joined])
        return joined
    # A single feature that is multiplied with a map keeps the map's sampling.
    maps = [one for one in before if one.stride] or list(before)
    joined = replace(
        maps[0],
        reach=max(one.reach for one in maps),
        whole=any(one.whole for one in before),
    )
    if isinstance(operation, keras.layers.GlobalAveragePooling2D):
        return Sampling(stride=0, whole=True)
    if isinstance(operation, keras.layers.ZeroPadding2D):
        above, below = operation.padding[0]
        first = joined.first - joined.stride * above
        return replace(joined, first=first, reach=joined.reach + max(above, below))
    if isinstance(operation, POOLING | CONVOLUTION) and joined.stride:
        return _behind_window(operation, joined)
    return joined


def _behind_window(layer: keras.layers.Layer, before: Sampling) -> Sampling:
    if isinstance(layer, CONVOLUTION):
        size = (layer.kernel_size[0] - 1) * layer.dilation_rate[0] + 1
    else:
        size = layer.pool_size[0]
    step = layer.strides[0]
    rows, results = layer.input.shape[1], layer.output.shape[1]
    spanned = (results - 1) * step + size
    above = max(spanned - rows, 0) // 2 if layer.padding == "same" else 0
    # Negative where a valid window leaves rows unused.
    below = spanned - rows - above
    return Sampling(
        stride=before.stride * step,
        first=before.first + before.stride * ((size - 1) / 2 - above),
        reach=max(0, *(-(-(before.reach + padding) // step) for padding in (above, below))),
        whole=before.whole,
    )


def narrowest(graph: keras.Model, places: Sequence[int], stride: int) -> int | None:
    """Return the first of `places` with the fewest channels among those of a stride.

    Args:
        graph: see `samplings`.
        places: positions in `graph.operations`. A convolution before a normalisation is passed
            over, because the normalisation may be folded into it.
        stride: the stride in pixels.

    Returns:
        The position, or None if there is none of this stride.
    """
    found = samplings(graph)
    channels: Mapping[int, Any] = {
        place: graph.operations[place].output.shape[-1]
        for place in places
        if found[graph.operations[place].name].stride == stride
        and not _awaits_normalisation(graph, place)
    }
    return min(channels, key=lambda place: channels[place]) if channels else None


def _awaits_normalisation(graph: keras.Model, place: int) -> bool:
    pair = graph.operations[place : place + 2]
    kinds = CONVOLUTION, keras.layers.BatchNormalization
    return len(pair) == 2 and all(map(isinstance, pair, kinds))
