"""The normalisations that the folded suffix leaves as they are, and why."""

import keras

from src.model.convolutions import is_activated, is_convolution, takes_shifts
from src.model.graph import Operation, readers_of, sources_of


def unfolded_normalisations(graph: keras.Model) -> dict[str, str]:
    """Return why each normalisation that no convolution takes in is computed as it is, by name.

    Args:
        graph: the graph that `src.model.folded_suffix` folds.

    Returns:
        For each such layer a sentence part, as in `behind Add and before Activation`. A
        `LayerNormalization` depends on its input, so it can never be folded.
    """
    sources, readers = sources_of(graph), readers_of(graph)
    left = {}
    for layer in graph.operations:
        if isinstance(layer, keras.layers.LayerNormalization):
            left[layer.name] = "its scale depends on the image"
        elif isinstance(layer, keras.layers.BatchNormalization):
            before, behind = sources[layer.name], readers[layer.name]
            into_former = all(is_convolution(one) and not is_activated(one) for one in before)
            if not (into_former or all(map(_takes_in, behind))):
                left[layer.name] = f"behind {_kinds(before)} and before {_kinds(behind)}"
    return left


def told_unfolded(graph: keras.Model) -> str:
    """Say in a sentence which normalisations of a graph are not folded; empty if all are."""
    names: dict[str, list[str]] = {}
    for name, reason in unfolded_normalisations(graph).items():
        names.setdefault(reason, []).append(name)
    parts = [f"{', '.join(group)} ({reason})" for reason, group in names.items()]
    return f"normalisations computed as they are, not folded: {'; '.join(parts)}" if parts else ""


def _takes_in(reader: Operation) -> bool:
    return is_convolution(reader) and takes_shifts(reader)


def _kinds(operations: list[Operation]) -> str:
    return " and ".join(sorted({type(operation).__name__ for operation in operations})) or "the end"
