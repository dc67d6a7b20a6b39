"""A graph to be drawn: nodes in lanes, and edges between them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Node:
    """A box: what it is called, of what kind it is, and the lane that it lies in."""

    id: str
    label: str
    kind: str
    lane: str
    detail: str = ""

    @property
    def below(self) -> str:
        """What is written under the label: roles, services and stacks show what they are by their shape."""
        shown = self.kind in ("role", "service", "stack")
        return self.detail if shown else " ".join(filter(None, (self.detail, self.kind)))


@dataclass(frozen=True)
class Edge:
    """An arrow between two nodes by their ids."""

    source: str
    target: str
    label: str = ""


@dataclass
class Graph:
    """Lanes by id with their titles, nodes and edges; each is kept once."""

    title: str
    lanes: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def lane(self, key: str, title: str) -> str:
        """Add a lane; returns its id."""
        self.lanes.setdefault(key, title)
        return key

    def node(self, node: Node) -> str:
        """Add a node; returns its id."""
        self.nodes.setdefault(node.id, node)
        return node.id

    def edge(self, source: str, target: str, label: str = "") -> None:
        """Add an arrow."""
        found = Edge(source, target, label)
        if found not in self.edges:
            self.edges.append(found)
