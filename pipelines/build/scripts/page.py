"""Draw an evaluation as one self-contained HTML page: its numbers, and plots as inline SVG."""

import html
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from measures import metrics_of

Draw = Callable[[Axes], None]
Table = Sequence[Sequence[str]]  # rows, the first of them its head

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .25rem 1rem .25rem 0; text-align: left; border-bottom: 1px solid #ddd; }}
figure {{ margin: 2rem 0; }}
svg {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{items} test rows. Standard deviations come from bootstrap samples of the test set.</p>
<p>{comparison}.</p>
<table>
<tr><th>Metric</th><th>Value</th><th>Standard deviation</th>{column}</tr>
{rows}
</table>
{figures}{tables}
</body>
</html>
"""


@dataclass(frozen=True)
class Results:
    """What a page shows: an evaluation, the approved version's on the same rows, and how the two compare."""

    target: str
    evaluation: dict[str, Any]
    champion: dict[str, Any] | None
    comparison: dict[str, Any]


def write_page(
    path: Path, results: Results, plots: Mapping[str, Draw], tables: Mapping[str, Table] | None = None
) -> None:
    """Write the page with plots and tables by caption; equal results give equal bytes."""
    approved = metrics_of(results.champion) if results.champion else {}
    values = metrics_of(results.evaluation)
    page = PAGE.format(
        title=html.escape(f"Evaluation: {results.target}"),
        items=results.evaluation["dataset"]["item_count"],
        comparison=html.escape(results.comparison["summary"]),
        column="<th>Approved version</th>" if approved else "",
        rows="\n".join(table_row(name, entry, approved) for name, entry in values.items() if "value" in entry),
        figures="\n".join(figure(caption, draw) for caption, draw in plots.items()),
        tables="".join(f"\n{table(caption, rows)}" for caption, rows in (tables or {}).items()),
    )
    path.write_text(page, encoding="utf-8")


def table_row(name: str, entry: dict[str, float], approved: dict[str, Any]) -> str:
    """One metric as a row of the table, with the approved version's if it was measured."""
    cells = [entry["value"], entry["standard_deviation"], *([approved[name]["value"]] if approved else [])]
    return f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{cell:.4g}</td>' for cell in cells)}</tr>"


def table(caption: str, rows: Table) -> str:
    """Draw a table of texts below its caption, line breaks kept."""
    cells = [[f'<td style="white-space: pre-wrap">{html.escape(text)}</td>' for text in row] for row in rows[1:]]
    head = "".join(f"<th>{html.escape(text)}</th>" for text in rows[0])
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f"<figure><figcaption>{html.escape(caption)}</figcaption><table>\n<tr>{head}</tr>\n{body}\n</table></figure>"


def figure(caption: str, draw: Draw) -> str:
    """Draw a plot as inline SVG below its caption."""
    # A fixed salt and no date: the same evaluation gives the same page.
    with mpl.rc_context({"svg.hashsalt": caption}):
        canvas, buffer = Figure(figsize=(7, 4.2), layout="constrained"), io.StringIO()
        draw(canvas.add_subplot())
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Title": caption})
    svg = buffer.getvalue()
    return f"<figure><figcaption>{html.escape(caption)}</figcaption>{svg[svg.index('<svg') :]}</figure>"
