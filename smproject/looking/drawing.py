"""Which graph of a template to draw, and in which form."""

from smproject.catalog import Template
from smproject.errors import CatalogError
from smproject.looking import accounts, pipelines
from smproject.looking.graph import Graph
from smproject.looking.mermaid import mermaid
from smproject.looking.svg import svg
from smproject.looking.view import view


def graph_of(template: Template, subject: str) -> Graph:
    """Return the graph of its `pipeline` or of its `accounts`; raises CatalogError when it has no pipeline."""
    seen = view(template)
    if subject == "accounts":
        return accounts.graph(seen, template)
    if not (seen.pipelines or seen.deliveries):
        raise CatalogError(f"{template.id} has no pipeline. Run: smproject diagram {template.id} --of accounts")
    return pipelines.graph(f"{seen.title}: pipelines", seen.pipelines, seen.deliveries)


def draw(graph: Graph, form: str) -> str:
    """Return the graph as `mermaid` text or as an `svg` picture."""
    return svg(graph) if form == "svg" else mermaid(graph)
