"""The inference container says what is wrong with a request, where, and what to do; and goes on serving."""

import io
import json
import pickle
import socket
from typing import Any

import numpy as np
import pytest
from serving import Server

GOOD = {"age": 30, "plan": "basic", "size[mm]": 0.1, "active": True, "plan=basic": 0.2, "code": "A"}
JSON, LINES, NPY = "application/json", "application/jsonlines", "application/x-npy"


def npy(values: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, **options)
    return stream.getvalue()


def record(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


def without(column: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name != column})


ARRAY = np.zeros((2, 4), np.float32)
RECORDS = [
    (
        "text/csv",
        "30,basic,0.1,True,0.2,A\n30,basic,tall,True,0.2,A",
        "row 2, column 'size[mm]': 'tall' is not a number",
    ),
    ("text/csv", "inf,basic,0.1,True,0.2,A", "row 1, column 'age': the value is infinite"),
    ("text/csv", "1e39,basic,0.1,True,0.2,A", "row 1, column 'age': the value is infinite or beyond 32-bit floats"),
    ("text/csv", "30,basic,0.1", "row 1 has 3 values, but the model takes 6: age, plan, size[mm], active, plan=basic"),
    ("text/csv", "30,basic,0.1,True,0.2,A\n\n30,basic,0.1,True,0.2,A", "row 2 has 0 values"),
    ("text/csv", "age,plan,size[mm],active,plan=basic,code\n30,basic,0.1,True,0.2,A", "row 1 is a header"),
    ("text/csv", '30,"basic,0.1,True,0.2,A', "the body is not CSV"),
    ("text/csv", b"30,caf\xe9,0.1,True,0.2,A", "the body is not utf-8"),
    (JSON, record(age="old"), "row 1, column 'age': 'old' is not a number"),
    (JSON, record(age=True), "row 1, column 'age': True is not a number"),
    (JSON, record(age=[1]), "row 1, column 'age': [1] is not a number"),
    (JSON, record(age=10**400), "row 1, column 'age': 1000"),
    (JSON, record(age=float("inf")), "row 1, column 'age': the value is infinite"),
    (JSON, record(plan={"name": "pro"}), "row 1, column 'plan': {'name': 'pro'} is not a category"),
    (JSON, record(wage=1, heigth=2), "row 1, columns: unknown 'heigth', 'wage'. Send exactly"),
    (JSON, without("plan"), "row 1, columns: missing 'plan'. Send exactly"),
    (JSON, '{"instances": [[30, "basic", 0.1, true, 0.2, "A"], {"age": 1}]}', "row 2, columns: missing 'plan', 'size"),
    (JSON, '{"instances": [5]}', "row 1 is 5. Send an object or an array a record"),
    (JSON, '{"instances": []}', "the body holds no record"),
    (JSON, '{"instances": {"age": 1}}', 'Send {"instances": [...]}'),
    (JSON, '{"instances": [], "model": 3}', 'Send {"instances": [...]}'),
    (JSON, '[{"age": 1}, {"age": 2}]', 'the body is an array of records. Send {"instances": [...]}'),
    (JSON, '{"age": 1', "the body is not JSON"),
    (JSON, "[" * 100_000, "the body is not JSON"),
    (JSON, "null", "row 1 is None. Send an object or an array a record"),
    (LINES, f'{record()}\n{{"age": 1', "row 2 is not JSON"),
    (LINES, f"{record()}\n\n{record()}", "row 2 is not JSON"),
    ("text/csv", "", "the body is empty"),
    (JSON, "", "the body is empty"),
    ("text/csv", "\n\n", "the body holds no record"),
]

ARRAYS = [
    (npy(ARRAY[:, :3]), "of type float32 and shape [2, 3]. Send numbers of shape [records, 4]: a, b, c, d"),
    (npy(ARRAY[0]), "shape [4]"),
    (npy(ARRAY[:0]), "shape [0, 4]"),
    (npy(ARRAY.astype(str)), "of type <U32"),
    (npy(ARRAY.astype(object), allow_pickle=True), "of type object"),
    (npy(ARRAY)[:-1], "the array has 31 bytes"),
    (npy(ARRAY).replace(b"(2, 4)", b"(99999999999, 4)")[:200], "the array has"),
    (npy(np.where(ARRAY == 0, np.inf, 0)), "row 1, column 'a': the value is infinite"),
    (npy(np.full((1, 4), 1e300)), "row 1, column 'a': the value is infinite"),
    (pickle.dumps([1, 2, 3, 4]), "not in NumPy's npy format"),
    (b"PK\x03\x04 an npz is a zip", "not in NumPy's npy format"),
    (b"\x93NUMPY\x01\x00\x10\x00{'descr': evil()", "not in NumPy's npy format"),
]


@pytest.mark.parametrize(("content_type", "body", "message"), RECORDS)
def test_a_bad_record_is_answered_by_400_and_the_place(
    content_type: str, body: Any, message: str, server: Server
) -> None:
    answer = server.invoke(body, content_type)

    assert (answer.status, answer.content_type) == (400, JSON)
    assert message in answer.error
    assert len(answer.error) < 400


@pytest.mark.parametrize(("body", "message"), ARRAYS)
def test_a_bad_array_is_answered_by_400_and_the_reason(body: bytes, message: str, number_server: Server) -> None:
    answer = number_server.invoke(body, NPY)

    assert answer.status == 400
    assert message in answer.error


def test_a_gap_between_numbers_is_named_as_anywhere(number_server: Server) -> None:
    assert "row 2 has 0 values" in number_server.invoke("1,2,3,4\n\n1,2,3,4").error
    assert "row 2, column 'b': 'x' is not a number" in number_server.invoke("1,2,3,4\n1,x,3,4").error
    assert "row 1, column 'c': True is not a number" in number_server.invoke("[1, 2, true, 4]", JSON).error


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-npz", "application/x-pickle"])
def test_an_unknown_content_type_is_answered_by_415_and_the_known_ones(content_type: str, server: Server) -> None:
    answer = server.invoke("1", content_type)

    assert answer.status == 415
    assert "Send one of text/csv, application/json, application/jsonlines, application/x-npy" in answer.error


@pytest.mark.parametrize("charset", ["klingon", "hex", "zip"])
def test_an_unknown_charset_is_answered_by_415(charset: str, server: Server) -> None:
    assert server.invoke("1", f"text/csv; charset={charset}").status == 415


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "text/csv;q=much"])
def test_an_accept_that_cannot_be_met_is_answered_by_406(accept: str, server: Server) -> None:
    answer = server.invoke("30,basic,0.1,True,0.2,A", "text/csv", accept)

    assert answer.status == 406
    assert accept in answer.error


def test_other_paths_and_methods_are_answered_by_404_and_405(server: Server) -> None:
    assert server.request("GET", "/models").status == 404
    assert server.request("GET", "/invocations").status == 405
    assert server.request("POST", "/ping", "").status == 405


def first_line(server: Server, head: str, *chunks: bytes) -> bytes:
    """Send a request as far as given, and return the answer's status line, whatever is missing."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n{head}\r\n\r\n".encode()
        )
        for chunk in chunks:
            connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        return connection.makefile("rb").readline()


def test_an_announced_body_that_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    assert b" 413 " in first_line(server, f"Content-Length: {(6 << 20) + 1}")


def test_a_body_of_unknown_length_is_refused_once_it_is_too_large(classifier: Any) -> None:
    with Server(classifier, MAX_CONTENT_LENGTH="1000") as server:
        # No chunk is the last: the server must answer before the end.
        assert b" 413 " in first_line(server, "Transfer-Encoding: chunked", b"1" * 600, b"1" * 600)
        assert server.invoke("1" * 1001).status == 413
        assert server.invoke("1" * 1000).status == 400


def test_the_largest_body_is_read(server: Server) -> None:
    line = "30,basic,0.1,True,0.2,A\n"

    answer = server.invoke(line * ((6 << 20) // len(line)))

    assert answer.body.count(b"\n") == (6 << 20) // len(line)


def test_a_client_that_leaves_in_the_middle_harms_nobody(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n1,2")

    assert server.request("GET", "/ping").status == 200
