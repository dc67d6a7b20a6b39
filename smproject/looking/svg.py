"""A graph as an SVG picture that needs no program and no font of its own."""

from collections.abc import Iterator
from html import escape

from smproject.looking.graph import Edge, Graph, Node
from smproject.looking.layout import Box, Layout, layout

# Fill, border: pale enough for black text.
COLOURS = {
    "role": ("#e8f0fe", "#3b6fc9"),
    "service": ("#f1f3f5", "#868e96"),
    "stack": ("#fff4d6", "#c68a00"),
    "Condition": ("#fff4d6", "#c68a00"),
    "Fail": ("#fde8e8", "#c92a2a"),
    "Manual": ("#fff4d6", "#c68a00"),
    "RegisterModel": ("#e6f6ec", "#2b8a3e"),
    "CloudFormation": ("#e6f6ec", "#2b8a3e"),
}
OTHER = ("#e8f0fe", "#3b6fc9")
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1f2933}"
    ".name{font-size:13px;font-weight:600}.kind{font-size:11px;fill:#52606d}"
    ".lane,.label{fill:#52606d;paint-order:stroke;stroke:#f8f9fb;stroke-width:5px;stroke-linejoin:round}"
    ".lane{font-size:12px;font-weight:600}.label{font-size:11px}"
)


def svg(graph: Graph) -> str:
    """Return the text of the picture."""
    placed = layout(graph)
    size = f"{placed.width:.0f} {placed.height:.0f}"
    width, height = size.split()
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{width}" height="{height}" role="img">',
        f"<title>{escape(graph.title)}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0.5 L8 4 L0 7.5 z" fill="#7b8794"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_lanes(placed),
        *(_arrow(edge, points) for edge, points in placed.edges),
        *(_box(node, placed.nodes[key]) for key, node in graph.nodes.items()),
        *_labels(graph, placed),
    ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _lanes(placed: Layout) -> Iterator[str]:
    for box in placed.lanes.values():
        yield f'<rect {_place(box)} rx="10" fill="#f8f9fb" stroke="#d9dee5"/>'


def _box(node: Node, box: Box) -> str:
    fill, border = COLOURS.get(node.kind, OTHER)
    radius = 22 if node.kind == "role" else 8
    dashed = ' stroke-dasharray="4 3"' if node.kind == "service" else ""
    text = _text("name", box, -2 if node.below else 5, node.label)
    below = _text("kind", box, 14, node.below) if node.below else ""
    return f'<rect {_place(box)} rx="{radius}" fill="{fill}" stroke="{border}"{dashed}/>{text}{below}'


def _text(style: str, box: Box, lower: float, text: str) -> str:
    """A text in the middle of a box, so much lower than its centre."""
    x, y = box.x + box.width / 2, box.y + box.height / 2 + lower
    return f'<text class="{style}" text-anchor="middle" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _place(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _arrow(edge: Edge, points: tuple[tuple[float, float], ...]) -> str:
    """A line that leaves and arrives level, straight through the layers that it passes."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for number, (to_x, to_y) in enumerate(rest):
        middle = (x + to_x) / 2
        path += (
            f" L{to_x:.1f} {to_y:.1f}"
            if number % 2
            else f" C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = to_x, to_y
    return f'<path d="{path}" fill="none" stroke="#7b8794" stroke-width="1.3" marker-end="url(#tip)"/>'


def _labels(graph: Graph, placed: Layout) -> Iterator[str]:
    """Titles of lanes and texts on arrows, above all else."""
    for lane, title in graph.lanes.items():
        x, y = placed.lanes[lane].x + 14, placed.lanes[lane].y + 22
        yield f'<text class="lane" x="{x:.1f}" y="{y:.1f}">{escape(title)}</text>'
    for edge, points in placed.edges:
        if edge.label:
            (x, y), (to_x, to_y) = points[-2:]
            x, y = (x + to_x) / 2, (y + to_y) / 2
            yield f'<text class="label" text-anchor="middle" x="{x:.1f}" y="{y + 3.5:.1f}">{escape(edge.label)}</text>'
