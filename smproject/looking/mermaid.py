"""A graph as Mermaid text, which code hosts draw. https://mermaid.js.org/syntax/flowchart.html"""

from smproject.looking.graph import Graph, Node

SHAPES = {"role": ("([", "])"), "service": ("[[", "]]"), "stack": ("[(", ")]"), "Condition": ("{{", "}}")}


def mermaid(graph: Graph) -> str:
    """Return the text of a flowchart, a subgraph for each lane."""
    numbers = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for position, (lane, title) in enumerate(graph.lanes.items()):
        lines.append(f"  subgraph g{position} [{_quoted(title)}]")
        lines += [f"    {numbers[key]}{_box(node)}" for key, node in graph.nodes.items() if node.lane == lane]
        lines.append("  end")
    for edge in graph.edges:
        arrow = f"-- {_quoted(edge.label)} -->" if edge.label else "-->"
        lines.append(f"  {numbers[edge.source]} {arrow} {numbers[edge.target]}")
    return "\n".join(lines) + "\n"


def _box(node: Node) -> str:
    opening, closing = SHAPES.get(node.kind, ("[", "]"))
    text = f"{_escaped(node.label)}<br><small>{_escaped(node.below)}</small>" if node.below else _escaped(node.label)
    return f'{opening}"{text}"{closing}'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Mermaid's own entities: quotes, and `*`, which begins emphasis."""
    for character, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("*", "#42;")):
        text = text.replace(character, entity)
    return text
