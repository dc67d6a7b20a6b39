"""The inference container for language models answers as its model writes, and says what is wrong."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from language_models import FEATURES, make_base, records
from serving import CONTAINERS, Answer, Server, run_server
from transformers import AutoModelForCausalLM, AutoTokenizer

CONTAINER = CONTAINERS / "language"
JSON, LINES, CSV, NPY = "application/json", "application/jsonlines", "text/csv", "application/x-npy"
LONGEST, LIMIT = 8, 120  # tokens of an answer; of a prompt, since the model takes 128 of both
PROMPTS = [record["prompt"] * (1 + number % 3) for number, record in enumerate(records(20))]


def complete(folder: Path) -> Path:
    """Write what training adds to a model: how records are read, and the list of its files."""
    (folder / "features.json").write_text(json.dumps(FEATURES))
    (folder / "generation_config.json").write_text(json.dumps({"max_new_tokens": LONGEST, "eos_token_id": 1}))
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    (folder / "manifest.json").write_text(json.dumps({"files": files}))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return complete(make_base(tmp_path_factory.mktemp("language") / "model"))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with Server(model, CONTAINER) as running:
        yield running


@pytest.fixture(scope="module")
def expected(model: Path) -> list[str]:
    """What the model continues each prompt with, prompt by prompt, token by token."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model).eval()
    return [tokenizer.decode(continued(network, tokenizer(text)["input_ids"])) for text in PROMPTS]


@torch.inference_mode()
def continued(network: Any, tokens: list[int]) -> list[int]:
    written: list[int] = []
    while len(written) < LONGEST:
        token = int(network(torch.tensor([tokens + written])).logits[0, -1].argmax())
        if token == 1:
            break
        written.append(token)
    return written


def as_csv(prompts: list[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows([prompt] for prompt in prompts)
    return stream.getvalue()


def instances(*prompts: Any) -> str:
    return json.dumps({"instances": [{"prompt": prompt} for prompt in prompts]})


BODIES: dict[str, Callable[[list[str]], tuple[str, str]]] = {
    "objects": lambda prompts: (JSON, instances(*prompts)),
    "arrays": lambda prompts: (JSON, json.dumps({"instances": [[prompt] for prompt in prompts]})),
    "lines": lambda prompts: (LINES, "".join(f"{json.dumps({'prompt': prompt})}\n" for prompt in prompts)),
    "csv": lambda prompts: (CSV, as_csv(prompts)),
}


def texts(answer: Answer) -> list[str]:
    """Texts of an answer of any type."""
    assert answer.status == 200, answer.body
    if answer.content_type == CSV:
        return [text for (text,) in csv.reader(io.StringIO(answer.body.decode(), newline=""))]
    if answer.content_type == LINES:
        return [json.loads(line)["answer"] for line in answer.body.splitlines()]
    return [prediction["answer"] for prediction in answer.json()["predictions"]]


# One, and more than are answered at a time, of several lengths.
@pytest.mark.parametrize("count", [1, len(PROMPTS)])
@pytest.mark.parametrize("form", BODIES)
def test_each_prompt_is_continued_by_the_likeliest_tokens(
    form: str, count: int, server: Server, expected: list[str]
) -> None:
    content_type, body = BODIES[form](PROMPTS[:count])

    answer = server.invoke(body, content_type)

    assert answer.content_type == content_type
    assert texts(answer) == expected[:count]
    assert len(set(expected)) > 3


def test_an_answer_does_not_depend_on_what_else_is_asked(server: Server) -> None:
    together = texts(server.invoke(instances(*PROMPTS), JSON))

    assert together == [texts(server.invoke(instances(prompt), JSON))[0] for prompt in PROMPTS]


@pytest.mark.parametrize("accept", [JSON, LINES, CSV])
def test_the_answer_is_of_the_type_that_is_asked_for(accept: str, server: Server, expected: list[str]) -> None:
    answer = server.invoke(instances(*PROMPTS[:3]), JSON, accept)

    assert answer.content_type == accept
    assert texts(answer) == expected[:3]


REFUSALS = [
    (JSON, instances("a", "b" * (LIMIT + 1)), "row 2, column 'prompt': the text has 121 tokens; the limit is 120"),
    (JSON, instances("a", 7), "row 2, column 'prompt': 7 is no text to answer"),
    (JSON, instances(None), "row 1, column 'prompt': None is no text to answer"),
    (JSON, instances(""), "row 1, column 'prompt': '' is no text to answer"),
    (JSON, json.dumps({"instances": [{"text": "a"}]}), "row 1, columns: unknown 'text'; missing 'prompt'"),
    (JSON, json.dumps("a text"), "row 1 is 'a text'. Send an object"),
    (LINES, '{"prompt": "a"}\n{"prompt"', "row 2 is not JSON"),
    (CSV, "a\nb,c\n", "row 2 has 2 values, but the model takes 1: prompt"),
    (CSV, "prompt\na\n", "row 1 is a header"),
    (CSV, "", "the body is empty"),
]


@pytest.mark.parametrize(("content_type", "body", "message"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_bad_prompt_is_answered_by_400_and_the_place(
    content_type: str, body: str, message: str, server: Server
) -> None:
    answer = server.invoke(body, content_type)

    assert (answer.status, answer.content_type) == (400, JSON), answer.body
    assert message in answer.error


def test_the_longest_prompt_is_answered(server: Server) -> None:
    assert len(texts(server.invoke(instances("b" * LIMIT), JSON))) == 1


def test_a_prompt_of_which_the_tokenizer_leaves_nothing_is_refused(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model", ignore=shutil.ignore_patterns("manifest.json"))
    changed("tokenizer.json", normalizer={"type": "Strip", "strip_left": True, "strip_right": True})(tmp_path / "model")
    with Server(complete(tmp_path / "model"), CONTAINER) as server:
        refused = server.invoke(instances("a", "  "), JSON)

    assert refused.status == 400
    assert "row 2, column 'prompt': the text has 0 tokens" in refused.error


def test_arrays_are_neither_taken_nor_given(server: Server) -> None:
    sent, asked = server.invoke(b"\x93NUMPY", NPY), server.invoke(instances("a"), JSON, NPY)

    assert (sent.status, asked.status) == (415, 406)
    assert "Send one of text/csv, application/json, application/jsonlines." in sent.error
    assert "Ask for one of text/csv, application/json, application/jsonlines." in asked.error


def test_ping_answers(server: Server) -> None:
    assert server.request("GET", "/ping").status == 200


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def changed(name: str, **changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(json.dumps({**json.loads((folder / name).read_text()), **changes}))

    return change


UNFIT = {
    "no weights": (without("model.safetensors"), "lacks model.safetensors"),
    "no tokenizer": (without("tokenizer.json"), "lacks tokenizer.json"),
    "no end": (changed("generation_config.json", max_new_tokens=None), "has no max_new_tokens"),
    "a table": (changed("features.json", columns=[{"name": "age", "kind": "numeric"}]), "lists age (numeric)"),
    "code of its own": (
        changed(
            "config.json", model_type="own", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.M"}
        ),
        "is no language model",
    ),
    "another network": (changed("config.json", num_hidden_layers=3), "of config.json's network"),
    "pickled weights": (lambda folder: shutil.move(folder / "model.safetensors", folder / "model.bin"), "model.bin"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_model_that_cannot_be_served_ends_the_start_with_the_cause(case: str, model: Path, tmp_path: Path) -> None:
    spoil, message = UNFIT[case]
    shutil.copytree(model, tmp_path / "model")
    spoil(tmp_path / "model")
    (tmp_path / "model" / "manifest.json").unlink()
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "model").iterdir()}
    (tmp_path / "model" / "manifest.json").write_text(json.dumps({"files": files}))

    ended = run_server(tmp_path, container=CONTAINER)

    assert ended.returncode == 1
    assert message in ended.stderr.splitlines()[-1]
