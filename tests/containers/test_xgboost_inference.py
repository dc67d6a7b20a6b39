"""The inference container answers as its model predicts, in every format it speaks."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from serving import Answer, Server
from tables import TARGET, customers, expected, numbers

RECORDS = customers().drop(columns=TARGET)
ROWS = numbers().drop(columns=TARGET)


def objects(records: pd.DataFrame) -> list[dict[str, Any]]:
    return [json.loads(line) for line in records.to_json(orient="records", lines=True).splitlines()]


def arrays(records: pd.DataFrame) -> list[list[Any]]:
    return [list(record.values()) for record in objects(records)]


def as_lines(records: list[Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def as_npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


BODIES = {
    "csv": lambda records: ("text/csv", records.to_csv(index=False, header=False)),
    "objects": lambda records: ("application/json", json.dumps({"instances": objects(records)})),
    "arrays": lambda records: ("application/json", json.dumps({"instances": arrays(records)})),
    "lines of objects": lambda records: ("application/jsonlines", as_lines(objects(records))),
    "lines of arrays": lambda records: ("application/jsonlines", as_lines(arrays(records))),
}


def scores(answer: Answer) -> Any:
    """Scores of an answer of any type."""
    assert answer.status == 200, answer.body
    if answer.content_type == "application/x-npy":
        return np.load(io.BytesIO(answer.body))
    if answer.content_type == "text/csv":
        return [float(line) for line in answer.body.decode().splitlines()]
    if answer.content_type == "application/jsonlines":
        return [json.loads(line)["score"] for line in answer.body.splitlines()]
    return [prediction["score"] for prediction in answer.json()["predictions"]]


# One record, a few, and so many that native XGBoost predicts.
@pytest.mark.parametrize("count", [1, 7, 400])
@pytest.mark.parametrize("form", BODIES)
def test_scores_are_those_of_the_training_sides_encoding_and_booster(
    form: str, count: int, server: Server, classifier: Path
) -> None:
    content_type, body = BODIES[form](RECORDS.head(count))

    found = scores(server.invoke(body, content_type))

    assert found == pytest.approx(expected(classifier, RECORDS.head(count)), abs=1e-5)
    assert len(set(found)) > count // 10


@pytest.mark.parametrize("count", [1, 7, 300])
@pytest.mark.parametrize("form", BODIES)
def test_scores_of_plain_numbers_are_the_boosters(
    form: str, count: int, number_server: Server, regressor: Path
) -> None:
    content_type, body = BODIES[form](ROWS.head(count))

    found = scores(number_server.invoke(body, content_type))

    assert found == pytest.approx(expected(regressor, ROWS.head(count)), abs=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_holds_encoded_features(dtype: str, order: Any, number_server: Server, regressor: Path) -> None:
    values = np.asarray((ROWS * 10).round(), dtype=dtype, order=order)

    answer = number_server.invoke(as_npy(values), "application/x-npy")

    assert answer.content_type == "application/x-npy"
    assert scores(answer) == pytest.approx(expected(regressor, (ROWS * 10).round()), abs=1e-4)


def test_without_onnx_the_booster_itself_serves(regressor: Path, tmp_path: Path) -> None:
    for name in ("model.ubj", "features.json"):
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_bytes((regressor / name).read_bytes())
    files = json.loads((regressor / "manifest.json").read_text())["files"]
    files.pop("model.onnx")
    (tmp_path / "model" / "manifest.json").write_text(json.dumps({"files": files}))

    with Server(tmp_path / "model") as server:
        answer = server.invoke(ROWS.head(3).to_csv(index=False, header=False))

    assert scores(answer) == pytest.approx(expected(regressor, ROWS.head(3)), abs=1e-4)


def test_an_object_or_an_array_is_one_record(server: Server) -> None:
    single, array = objects(RECORDS.head(1))[0], arrays(RECORDS.head(1))[0]

    answers = [server.invoke(json.dumps(body), "application/json") for body in (single, array)]

    assert len(answers[0].json()["predictions"]) == 1
    assert answers[0].body == answers[1].body


def test_columns_of_an_object_may_come_in_any_order(server: Server) -> None:
    record = objects(RECORDS.head(1))[0]
    turned = dict(reversed(record.items()))

    assert server.invoke(json.dumps(turned), "application/json").body == (
        server.invoke(json.dumps(record), "application/json").body
    )


def test_a_classifier_names_the_class_and_a_regressor_does_not(server: Server, number_server: Server) -> None:
    body = json.dumps({"instances": arrays(RECORDS)})
    classified = server.invoke(body, "application/json").json()["predictions"]
    estimated = number_server.invoke("[1, 2, 3, 4]", "application/json").json()["predictions"]

    assert {(item["score"] >= 0.5, item["predicted_label"]) for item in classified} == {(True, "yes"), (False, "no")}
    assert [list(item) for item in estimated] == [["score"]]


@pytest.mark.parametrize(
    ("content_type", "body"), [("text/csv", "1,2,3,4\n5,6,7,8"), ("application/jsonlines", "[1,2,3,4]\n[5,6,7,8]")]
)
def test_batch_transform_gets_one_ended_line_a_record(content_type: str, body: str, number_server: Server) -> None:
    whole = number_server.invoke(body, content_type).body
    parts = [number_server.invoke(line, content_type).body for line in body.splitlines()]

    assert whole == b"".join(parts)
    assert [part.count(b"\n") for part in parts] == [1, 1]
    assert all(part.endswith(b"\n") for part in parts)


@pytest.mark.parametrize(
    ("accept", "expected_type"),
    [
        ("", "text/csv"),
        ("*/*", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json", "application/json"),
        ("Application/JSON; indent=2", "application/json"),
        ("application/*", "application/json"),
        ("application/jsonlines", "application/jsonlines"),
        ("application/x-npy", "application/x-npy"),
        ("image/png, application/jsonlines", "application/jsonlines"),
        ("text/csv;q=0.1, application/x-npy;q=0.9", "application/x-npy"),
    ],
)
def test_accept_chooses_the_answers_type(accept: str, expected_type: str, number_server: Server) -> None:
    answer = number_server.invoke("1,2,3,4", "text/csv", accept)

    assert answer.content_type == expected_type
    assert scores(answer) == pytest.approx(scores(number_server.invoke("1,2,3,4")))


@pytest.mark.parametrize(
    "content_type", ["text/csv; charset=utf-8", 'Text/CSV;charset="UTF-8"', "text/csv; label_size=0"]
)
def test_parameters_of_the_content_type_are_understood_or_passed_over(content_type: str, server: Server) -> None:
    body = RECORDS.head(3).to_csv(index=False, header=False)

    assert server.invoke(body, content_type).body == server.invoke(body).body


def test_the_charset_is_honoured_and_a_byte_order_mark_is_not_data(number_server: Server) -> None:
    plain = number_server.invoke("1,2,3,4").body

    assert number_server.invoke("1,2,3,4".encode("utf-16"), "text/csv; charset=utf-16").body == plain
    assert number_server.invoke("1,2,3,4".encode("utf-8-sig")).body == plain


# Every way to say it gives the score that the same record has in the training data's own words.
@pytest.mark.parametrize(
    ("column", "same"),
    [
        ("age", ["", "NaN", "NA", "null"]),
        ("age", ["40", "40.0", " 40", "4e1", '"40"']),
        ("plan", ["", "a plan never seen", "Basic"]),
        ("active", ["True", "true", "TRUE"]),
        ("code", ["B", ""]),
    ],
)
def test_spellings_of_a_value_in_csv(column: str, same: list[str], server: Server) -> None:
    values = {"age": "30", "plan": "basic", "size[mm]": "0.1", "active": "False", "plan=basic": "0.2", "code": "A"}
    lines = [",".join({**values, column: text}.values()) for text in same]

    found = scores(server.invoke("\n".join(lines)))

    assert len(found) == len(same)
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("column", "same"),
    [
        ("age", [None, float("nan"), ""]),
        ("age", [40, 40.0, "40"]),
        ("plan", [None, "a plan never seen", 7]),
        ("active", [True, "True", "true"]),
        ("code", ["1", 1, 1.0]),
    ],
)
def test_spellings_of_a_value_in_json(column: str, same: list[Any], server: Server) -> None:
    values = {"age": 30, "plan": "basic", "size[mm]": 0.1, "active": False, "plan=basic": 0.2, "code": "A"}
    body = json.dumps({"instances": [{**values, column: value} for value in same]})

    found = scores(server.invoke(body, "application/json"))

    assert len(found) == len(same)
    assert len(set(found)) == 1


def test_categories_change_the_score(server: Server) -> None:
    lines = [f"30,{plan},0.1,{active},0.2,A" for plan in ("basic", '"pro, yearly"') for active in ("True", "False")]

    assert len(set(scores(server.invoke("\n".join(lines))))) == 4


def test_empty_lines_at_the_end_are_no_records(server: Server, number_server: Server) -> None:
    assert len(scores(number_server.invoke("1,2,3,4\r\n5,6,7,8\r\n\r\n"))) == 2
    assert len(scores(server.invoke("30,basic,0.1,True,0.2,A\n\n\n"))) == 1
    assert len(scores(number_server.invoke("[1,2,3,4]\n\n", "application/jsonlines"))) == 1


def test_ping_and_execution_parameters(server: Server) -> None:
    assert server.request("GET", "/ping").status == 200
    assert server.request("GET", "/execution-parameters").json() == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }
