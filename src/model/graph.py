"""The graph of a functional Keras model: which operation reads which, and where one tensor crosses.

Keras has no public way to ask for this. A graph holds layers, and operations such as the addition
of `x + y`.
"""

from collections import defaultdict
from itertools import chain
from typing import Any

import keras

# A layer, or an operation that is no layer.
Operation = Any


def sources_of(graph: keras.Model) -> dict[str, list[Operation]]:
    """Return the operations whose outputs each operation reads, by the reader's name."""
    sources: dict[str, list[Operation]] = defaultdict(list)
    for node in chain(*graph._nodes_by_depth.values()):
        sources[node.operation.name] += [parent.operation for parent in node.parent_nodes]
    return sources


def readers_of(graph: keras.Model) -> dict[str, list[Operation]]:
    """Return the operations that read each operation's output, by the read operation's name."""
    readers: dict[str, list[Operation]] = defaultdict(list)
    for node in chain(*graph._nodes_by_depth.values()):
        for parent in node.parent_nodes:
            readers[parent.operation.name].append(node.operation)
    return readers


def output_of(graph: keras.Model, position: int) -> Any:
    """Return the symbolic output of `graph.operations[position]` in this graph.

    An operation that a cloned model shares with its original has another output in each.
    """
    operation = graph.operations[position]
    nodes = chain(*graph._nodes_by_depth.values())
    return next(node.output_tensors[0] for node in nodes if node.operation is operation)


def crossings(graph: keras.Model) -> list[int]:
    """Return the positions in `graph.operations` where a single tensor carries all information.

    Nothing behind such an operation reads anything before it. The input is left out.
    """
    position = {operation.name: index for index, operation in enumerate(graph.operations)}
    readers = readers_of(graph)
    # The position of the last operation that reads the output of an earlier one.
    reach, found = 0, []
    for index, operation in enumerate(graph.operations):
        if index and reach <= index:
            found.append(index)
        reach = max([reach, *(position[reader.name] for reader in readers[operation.name])])
    return found
