"""Where the boxes and arrows of a graph go: layers from left to right, a horizontal band for each lane.

The method is Sugiyama's, in its simplest form: layers by the longest path, points along long arrows, order within a
layer by the mean place of the neighbours. https://doi.org/10.1109/TSMC.1981.4308636
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

from smproject.looking.graph import Edge, Graph

CHARACTER = 7.7  # mean width of a letter of 13 pixels
PADDING, LEAST, HEIGHT = 26.0, 96.0, 44.0
GAP_X, GAP_Y, POINT = 64.0, 18.0, 12.0
LANE_TOP, LANE_BOTTOM, MARGIN, BETWEEN = 40.0, 20.0, 24.0, 16.0
ROUNDS = 24


@dataclass(frozen=True)
class Box:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Boxes of nodes and lanes by id, the points of each arrow, and the size of the whole."""

    nodes: Mapping[str, Box]
    lanes: Mapping[str, Box]
    edges: tuple[tuple[Edge, tuple[tuple[float, float], ...]], ...]
    width: float
    height: float


def layout(graph: Graph) -> Layout:
    """Place a graph without cycles."""
    return _Placing(graph).result()


class _Placing:
    """A graph with a point in every layer that an arrow passes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layer = _layers(graph)
        self.lane = {key: node.lane for key, node in graph.nodes.items()}
        self.chains: list[list[str]] = []
        self.neighbours: dict[str, list[str]] = {key: [] for key in graph.nodes}
        for number, edge in enumerate(graph.edges):
            self._chain(number, edge)
        self.order = self._ordered()
        self.x, self.widths = self._columns()
        self.centre = self._rows()

    def _chain(self, number: int, edge: Edge) -> None:
        """Put a point into each layer between the ends, in the lane that the arrow comes from."""
        chain = [edge.source]
        for layer in range(self.layer[edge.source] + 1, self.layer[edge.target]):
            key = f"point {number} {layer}"
            self.layer[key], self.lane[key], self.neighbours[key] = layer, self.lane[edge.source], []
            chain.append(key)
        chain.append(edge.target)
        for one, other in pairwise(chain):
            self.neighbours[one].append(other)
            self.neighbours[other].append(one)
        self.chains.append(chain)

    def _height(self, key: str) -> float:
        return HEIGHT if key in self.graph.nodes else POINT

    def _ordered(self) -> dict[tuple[str, int], list[str]]:
        """Order each layer of each lane by the mean place of its neighbours, to and fro."""
        order: dict[tuple[str, int], list[str]] = {}
        for key in sorted(self.layer, key=lambda key: self.layer[key]):
            order.setdefault((self.lane[key], self.layer[key]), []).append(key)
        depth = max(self.layer.values(), default=0) + 1
        for turn in range(ROUNDS):
            layers = range(depth) if turn % 2 == 0 else range(depth - 1, -1, -1)
            for cell in [(lane, layer) for layer in layers for lane in self.graph.lanes]:
                if cell in order:
                    place = self._places(order)
                    order[cell].sort(key=lambda key: _mean((place[n] for n in self.neighbours[key]), place[key]))
        return order

    def _places(self, order: Mapping[tuple[str, int], list[str]]) -> dict[str, float]:
        lanes = {lane: number * 1000 for number, lane in enumerate(self.graph.lanes)}
        return {
            key: lanes[cell[0]] + number - len(keys) / 2
            for cell, keys in order.items()
            for number, key in enumerate(keys)
        }

    def _columns(self) -> tuple[list[float], list[float]]:
        """Left edge and width of each layer; arrows with a text get room for it."""
        depth = max(self.layer.values(), default=0) + 1
        widths, gaps = [LEAST] * depth, [GAP_X] * depth
        for key, node in self.graph.nodes.items():
            longest = max(len(node.label), len(node.below) * 0.85)
            widths[self.layer[key]] = max(widths[self.layer[key]], longest * CHARACTER + PADDING)
        for edge in self.graph.edges:
            layer = self.layer[edge.target] - 1
            gaps[layer] = max(gaps[layer], len(edge.label) * CHARACTER + 40)
        lefts = [MARGIN * 2]
        for width, gap in zip(widths[:-1], gaps, strict=False):
            lefts.append(lefts[-1] + width + gap)
        return lefts, widths

    def _rows(self) -> dict[str, float]:
        """Vertical centre of each node within its lane, drawn towards its neighbours there, never overlapping."""
        centre = dict.fromkeys(self.layer, 0.0)
        for cell in self.order.values():
            self._spread(cell, centre)
        for turn in range(ROUNDS):
            for cell in list(self.order.values())[:: 1 if turn % 2 == 0 else -1]:
                for key in cell:
                    near = [centre[each] for each in self.neighbours[key] if self.lane[each] == self.lane[key]]
                    centre[key] = _mean(near, centre[key])
                self._spread(cell, centre)
        return centre

    def _spread(self, keys: list[str], centre: dict[str, float]) -> None:
        """Move nodes of a layer apart, keeping their order and their common middle."""
        wanted = _mean([centre[key] for key in keys], 0.0)
        for one, other in pairwise(keys):
            least = centre[one] + (self._height(one) + self._height(other)) / 2 + GAP_Y
            centre[other] = max(centre[other], least)
        shift = wanted - _mean([centre[key] for key in keys], 0.0)
        for key in keys:
            centre[key] += shift

    def _compact(self, keys: list[str]) -> None:
        """Close the bands in which a lane has nothing: parts of it that have no arrow in common drift apart."""
        end, shift = float("inf"), 0.0
        for key in sorted(keys, key=lambda key: self.centre[key] - self._height(key) / 2):
            top, bottom = (self.centre[key] + half * self._height(key) / 2 for half in (-1, 1))
            shift += max(0.0, top - end - GAP_Y)
            end = bottom if end == float("inf") else max(end, bottom)
            self.centre[key] -= shift

    def result(self) -> Layout:
        """Stack the lanes, and return where all is."""
        lanes, y = {}, MARGIN
        width = self.x[-1] + self.widths[-1] + MARGIN if self.graph.nodes else MARGIN
        for lane in self.graph.lanes:
            keys = [key for key in self.layer if self.lane[key] == lane]
            self._compact(keys)
            top = min((self.centre[key] - self._height(key) / 2 for key in keys), default=0.0)
            bottom = max((self.centre[key] + self._height(key) / 2 for key in keys), default=0.0)
            for key in keys:
                self.centre[key] += y + LANE_TOP - top
            height = LANE_TOP + bottom - top + LANE_BOTTOM
            lanes[lane] = Box(MARGIN, y, width - MARGIN, height)
            y += height + BETWEEN
        edges = tuple(zip(self.graph.edges, map(self._points, self.chains), strict=True))
        nodes = {key: self._box(key) for key in self.graph.nodes}
        return Layout(nodes, lanes, edges, width + MARGIN, y - BETWEEN + MARGIN)

    def _box(self, key: str) -> Box:
        layer = self.layer[key]
        return Box(self.x[layer], self.centre[key] - HEIGHT / 2, self.widths[layer], HEIGHT)

    def _points(self, chain: list[str]) -> tuple[tuple[float, float], ...]:
        """Points of an arrow: it passes a layer's whole width at one height."""
        points = []
        for position, key in enumerate(chain):
            left, right = self.x[self.layer[key]], self.x[self.layer[key]] + self.widths[self.layer[key]]
            if position > 0:
                points.append((left, self.centre[key]))
            if position < len(chain) - 1:
                points.append((right, self.centre[key]))
        return tuple(points)


def _layers(graph: Graph) -> dict[str, int]:
    """Layer of each node: the length of the longest path to it."""
    before: dict[str, set[str]] = {key: set() for key in graph.nodes}
    for edge in graph.edges:
        before[edge.target].add(edge.source)
    layer: dict[str, int] = {}
    for key in TopologicalSorter(before).static_order():
        layer[key] = max((layer[each] + 1 for each in before[key]), default=0)
    return layer


def _mean(values: Iterable[float], otherwise: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else otherwise
