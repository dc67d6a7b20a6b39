"""`smproject diagram`: Mermaid that hangs together, and pictures in which nothing lies on anything else."""

import json
import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from policies import TEMPLATES, load, name, resources

from smproject.cli import main
from smproject.looking.graph import Edge, Graph, Node
from smproject.looking.layout import Box, layout
from smproject.looking.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = [(path.parent.name, "accounts") for path in TEMPLATES] + [
    (path.parent.name, "pipeline") for path in TEMPLATES if "AWS::CodePipeline::Pipeline" in path.read_text()
]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["diagram", *arguments])
    return result.exit_code, result.output


def graph_of(template: str, subject: str) -> dict[str, Any]:
    code, output = run(template, "--of", subject, "--output", "json")
    assert code == 0, output
    found: dict[str, Any] = json.loads(output)
    return found


def arrows(template: str, subject: str) -> set[tuple[str, str, str]]:
    graph = graph_of(template, subject)
    label = {key: node["label"] for key, node in graph["nodes"].items()}
    return {(label[edge["source"]], edge["label"], label[edge["target"]]) for edge in graph["edges"]}


def meet(one: Box, other: Box) -> bool:
    apart = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not apart and one.y < other.y + other.height and other.y < one.y + one.height


@pytest.mark.parametrize(("template", "subject"), DRAWN)
def test_mermaid_draws_each_node_once_and_arrows_between_them(template: str, subject: str) -> None:
    code, output = run(template, "--of", subject)
    graph = graph_of(template, subject)
    declared = re.findall(r"^    (n\d+)\W+\"(.+?)(?:<br>|\")", output, re.MULTILINE)
    assert code == 0 and output.startswith("flowchart LR\n")
    assert len(declared) == len({key for key, _ in declared}) == len(graph["nodes"])
    ends = re.findall(r"^  (n\d+) .*--> (n\d+)$", output, re.MULTILINE)
    assert len(ends) == len(graph["edges"])
    assert {key for pair in ends for key in pair} <= {key for key, _ in declared}
    assert output.count("subgraph ") == output.count("\n  end\n") == len(graph["lanes"])


@pytest.mark.parametrize(("template", "subject"), DRAWN)
def test_a_picture_shows_every_label_within_its_frame(template: str, subject: str) -> None:
    code, output = run(template, "--of", subject, "--format", "svg")
    assert code == 0
    root = ET.fromstring(output)  # noqa: S314  # our own
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    graph = graph_of(template, subject)
    assert all(node["label"] in texts for node in graph["nodes"].values())
    assert all(title in texts for title in graph["lanes"].values())
    for text in root.iter(f"{SVG}text"):
        half = len(text.text or "") * 3 if text.get("text-anchor") else 0
        assert half <= float(text.get("x", -1)) <= width - half
        assert 0 < float(text.get("y", -1)) < height
    assert len(root.findall(f"{SVG}path")) == len(graph["edges"])


def crossed() -> Graph:
    """Two lanes, a diamond with a shortcut, an arrow over three layers, and one between the lanes."""
    graph = Graph("crossed", {"one": "One", "two": "Two"})
    for number in range(8):
        graph.node(Node(str(number), f"step {number}" * (1 + number % 3), "Training", "one" if number < 6 else "two"))
    for source, target in ("01", "02", "13", "23", "03", "34", "04", "05", "67", "47"):
        graph.edge(source, target, "why" if target == "4" else "")
    return graph


def test_boxes_and_lanes_lie_apart_and_boxes_in_their_lanes() -> None:
    graph = crossed()
    placed = layout(graph)
    assert not [pair for pair in combinations(placed.nodes, 2) if meet(placed.nodes[pair[0]], placed.nodes[pair[1]])]
    assert not meet(placed.lanes["one"], placed.lanes["two"])
    for key, box in placed.nodes.items():
        lane = placed.lanes[graph.nodes[key].lane]
        assert lane.x < box.x and box.x + box.width < lane.x + lane.width
        assert lane.y < box.y and box.y + box.height < lane.y + lane.height


def test_arrows_lead_to_the_right_and_pass_beside_boxes() -> None:
    placed = layout(crossed())
    for edge, points in placed.edges:
        source, target = placed.nodes[edge.source], placed.nodes[edge.target]
        assert points[0] == (source.x + source.width, source.y + source.height / 2)
        assert points[-1] == (target.x, target.y + target.height / 2)
        assert all(one[0] <= other[0] for one, other in pairwise(points))
        for x, y in points[1:-1]:
            inside = [key for key, box in placed.nodes.items() if meet(box, Box(x, y, 0.1, 0.1))]
            assert inside == []


def test_a_chain_is_drawn_level() -> None:
    graph = Graph("chain", {"one": "One"})
    for number in range(4):
        graph.node(Node(str(number), "step", "Training", "one"))
    for source, target in pairwise("0123"):
        graph.edge(source, target)
    assert len({box.y for box in layout(graph).nodes.values()}) == 1


def test_what_is_special_in_xml_and_in_mermaid_stays_text() -> None:
    graph = Graph('a "title"', {"one": "One & <two>"})
    graph.node(Node("n", 'x < "y" & *z*', "role", "one"))
    texts = [text.text for text in ET.fromstring(svg(graph)).iter(f"{SVG}text")]  # noqa: S314  # our own
    assert texts == ['x < "y" & *z*', "One & <two>"]


def test_who_assumes_whom_in_which_account() -> None:
    drawn = arrows("model-build-deploy", "accounts")
    assert {
        ("codepipeline", "assumes", "ModelDeployRole"),
        ("ModelDeployRole", "assumes", "deploy"),
        ("deploy", "makes", "endpoint"),
        ("LaunchRole", "makes", "model-build-deploy"),
    } <= drawn
    nodes = graph_of("model-build-deploy", "accounts")["nodes"].values()
    assert {node["lane"] for node in nodes if node["label"] == "endpoint"} == {
        "TargetsStagingAccountId",
        "TargetsProductionAccountId",
    }
    assert all("target-account" in node["detail"] for node in nodes if node["label"] == "deploy")


def test_a_trusted_role_of_another_account_is_drawn_there() -> None:
    nodes = graph_of("target-account", "accounts")["nodes"].values()
    assert {"TargetDevelopmentAccountId"} == {node["lane"] for node in nodes if node["label"] == "model-deploy"}
    assert ("model-deploy", "assumes", "TargetDeployRole") in arrows("target-account", "accounts")


def test_what_a_condition_leads_to_is_drawn_from_it_alone() -> None:
    drawn = arrows("model-build", "pipeline")
    assert {arrow for arrow in drawn if arrow[2] in ("register", "gate-not-met")} == {
        ("gate", "if so", "register"),
        ("gate", "if not", "gate-not-met"),
    }


def test_a_template_without_pipeline_says_what_can_be_drawn() -> None:
    assert run("portfolio") == (
        1,
        "Error: portfolio has no pipeline. Run: smproject diagram portfolio --of accounts\n",
    )


def test_a_picture_is_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.svg"
    assert run("model-build", "--format", "svg", "--to", str(path))[0] == 0
    assert ET.parse(path).getroot().tag == f"{SVG}svg"  # noqa: S314  # our own


def test_an_arrow_is_kept_once() -> None:
    graph = Graph("twice")
    graph.edge("a", "b")
    graph.edge("a", "b")
    assert graph.edges == [Edge("a", "b")]


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_the_launch_role_that_is_drawn_is_one_that_is_made(path: Path) -> None:
    nodes = graph_of(path.parent.name, "accounts")["nodes"]
    drawn = [node["label"] for key, node in nodes.items() if key == "launch"]
    assert set(drawn) <= set(resources(load(path.parent.parent / "launch-role/template.yaml"), "AWS::IAM::Role"))
