"""What the judgement of permissions costs: `python -m benchmarks.permissions`.

The same 1,000 calls of ssm:GetParameter from 8 threads, by a role with its own policies, against three servers that
take turns: bare moto, a sandbox that enforces permissions, and one that does not ask for them. Prints two ratios of
medians; exits 1 when enforcing takes more than LIMIT times as long as bare moto.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3

from smproject.sandbox.mode import VARIABLE

CALLS, THREADS, ROUNDS = 1000, 8, 5
LIMIT = 1.5
PORTS = {"moto": 4569, "enforce": 4570, "off": 4571}
REGION, ACCOUNT = "us-east-1", "222222222222"
NAME = "/benchmark/value"
SECONDS = 30.0  # a server may take to start


def main() -> int:
    """Measure and print; return 1 when the limit is missed."""
    with ExitStack() as stack:
        loads = {kind: stack.enter_context(_serving(kind, port)) for kind, port in PORTS.items()}
        for load in loads.values():  # first calls make connections and caches
            load()
        found: dict[str, list[float]] = {kind: [] for kind in loads}
        for _ in range(ROUNDS):
            for kind, load in loads.items():
                found[kind].append(load())
    seconds = {kind: statistics.median(times) for kind, times in found.items()}
    ratio = seconds["enforce"] / seconds["moto"]
    for kind, value in seconds.items():
        _say(f"{kind}: {value:.2f} s for {CALLS} calls")
    _say(f"enforce / off: {seconds['enforce'] / seconds['off']:.2f}")
    _say(f"enforce / moto: {ratio:.2f} (limit {LIMIT})")
    return int(ratio > LIMIT)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def _serving(kind: str, port: int) -> Iterator[Callable[[], float]]:
    """Run a server; give a function that puts the load on it and returns the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = subprocess.Popen(_command(kind, port, home), env=_environment(kind), stderr=subprocess.DEVNULL)
        try:
            endpoint = f"http://127.0.0.1:{port}"
            keys = _own_keys(endpoint) if kind == "moto" else _profile(home)
            yield _load(_role(endpoint, keys), endpoint)
        finally:
            server.terminate()
            server.wait()


def _command(kind: str, port: int, home: Path) -> list[str]:
    if kind == "moto":
        return [sys.executable, "-m", "moto.server", "--port", str(port)]
    return [sys.executable, "-m", "smproject.sandbox.server", "--home", str(home), "--port", str(port)]


def _environment(kind: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept if kind == "moto" else {**kept, VARIABLE: kind}


def _profile(home: Path) -> dict[str, str]:
    """Wait for a sandbox; return the keys of its data scientist."""
    _await((home / "server.json").exists)
    lines = (home / "credentials").read_text().partition("[development]")[2].partition("[")[0].strip().splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


def _own_keys(endpoint: str) -> dict[str, str]:
    """Wait for moto; return keys, of which it believes any."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "aws_session_token": "test"}
    _await(lambda: bool(_client("sts", endpoint, keys).get_caller_identity()))
    return keys


def _await(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if look():
                return
        except Exception:  # noqa: S110 - whatever a server says that is not there yet
            pass
        time.sleep(0.1)
    raise TimeoutError(f"A server did not start within {SECONDS} s.")


def _role(endpoint: str, keys: dict[str, str]) -> dict[str, str]:
    """Return the keys of a role that may read the one parameter, among other things."""
    _client("ssm", endpoint, keys).put_parameter(Name=NAME, Value="1", Type="String")
    iam, trusted = _client("iam", endpoint, keys), {"AWS": "*"}
    allow: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}
    role = iam.create_role(RoleName="benchmark", AssumeRolePolicyDocument=_policy([allow]))["Role"]
    for number in range(5):
        iam.put_role_policy(RoleName="benchmark", PolicyName=f"p{number}", PolicyDocument=_policy(_statements(number)))
    made = _client("sts", endpoint, keys).assume_role(RoleArn=role["Arn"], RoleSessionName="benchmark")["Credentials"]
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
    return {name: made[member] for name, member in {**names, "aws_session_token": "SessionToken"}.items()}


def _statements(number: int) -> list[dict[str, Any]]:
    """Return statements such as a project's roles have; those of the last policy allow what is called."""
    action = "ssm:GetParameter" if number == 4 else f"sagemaker:Describe{number}*"
    tagged = {"StringEquals": {"aws:ResourceTag/sagemaker:project-id": "p-1"}}
    return [
        {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::sagemaker-{number}-*/*"},
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": tagged},
        {"Effect": "Deny", "Action": "ssm:Delete*", "Resource": "*"},
        {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:ssm:*:*:parameter{NAME}"},
    ]


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _client(service: str, endpoint: str, keys: dict[str, str]) -> Any:
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **keys)


def _load(keys: dict[str, str], endpoint: str) -> Callable[[], float]:
    clients = [_client("ssm", endpoint, keys) for _ in range(THREADS)]

    def call(client: Any) -> None:
        for _ in range(CALLS // THREADS):
            client.get_parameter(Name=NAME)

    def load() -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(call, clients))
        return time.perf_counter() - started

    return load


if __name__ == "__main__":
    sys.exit(main())
