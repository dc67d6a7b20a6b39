"""What every training image starts: its processes, its exit status and its failure file, with small scripts."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TRAINING = Path(__file__).resolve().parents[2] / "containers" / "training"
DECLARED = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Hyperparameters:
    epochs: int = 1
    rate: float = 0.1
    name: str = "small"
    fast: bool = False
"""
LEAVES_A_MODEL = """
import os
from dataclasses import asdict
from json import dumps

def train(hyperparameters, job):
    job.model.mkdir(exist_ok=True)
    (job.model / f"{os.environ['RANK']}.json").write_text(dumps(asdict(hyperparameters)))
"""
WAITS_FOR_THE_STOP = """
import os, time

def train(hyperparameters, job):
    os.write(1, b"ready\\n")
    while not job.stop.asked:
        time.sleep(0.01)
    job.model.mkdir(exist_ok=True)
    (job.model / os.environ["RANK"]).write_text("kept")
"""


class Image:
    """A training script with the entry, and a folder laid out like /opt/ml."""

    def __init__(self, folder: Path) -> None:
        self.script, self.base = folder / "program", folder / "ml"
        for path in (self.script, self.base / "input" / "config"):
            path.mkdir(parents=True)
        self.declare(DECLARED)

    def declare(self, source: str) -> None:
        (self.script / "hyperparameters.py").write_text(source)

    def configure(self, name: str, content: dict[str, Any]) -> None:
        (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def arguments(self, source: str, *start: str, **variables: str) -> dict[str, Any]:
        (self.script / "train.py").write_text(source)
        places = {"PYTHONPATH": f"{TRAINING}{os.pathsep}{self.script}", "SAGEMAKER_BASE_DIR": str(self.base)}
        command = start or ("-m", "entry", "train")
        return {"args": [sys.executable, *command], "env": {**os.environ, **places, **variables}, "text": True}

    def run(self, source: str, *start: str, **variables: str) -> subprocess.CompletedProcess[str]:
        arguments = self.arguments(source, *start, **variables)
        return subprocess.run(**arguments, capture_output=True, check=False, timeout=600)

    def train(self, body: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script whose `train` has this body."""
        head = "import os, signal, sys, time\nfrom entry import TrainingError\n\ndef train(_, job):\n"
        return self.run(head + textwrap.indent(body, "    "), **variables)

    @contextmanager
    def started(self, arguments: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
        """Start a script, and give it a minute to end after the block."""
        with subprocess.Popen(**arguments, stdout=subprocess.PIPE) as job:
            try:
                yield job
                job.wait(60)
            finally:
                job.kill()

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    def output(self) -> list[str]:
        return sorted(path.name for path in (self.base / "output").iterdir())

    def model(self) -> list[str]:
        return sorted(path.relative_to(self.base).as_posix() for path in (self.base / "model").rglob("*"))


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_hyperparameters_come_in_their_declared_types_without_what_sagemaker_adds(image: Image) -> None:
    theirs = {"sagemaker_program": '"train.py"', "_tuning_objective_metric": "validation:auc"}
    image.configure("hyperparameters", {"epochs": "3", "rate": "1", "name": "12", "fast": "true", **theirs})

    assert image.run(LEAVES_A_MODEL).returncode == 0
    given = json.loads((image.base / "model" / "0.json").read_text())
    assert given == {"epochs": 3, "rate": 1.0, "name": "12", "fast": True}
    assert image.output() == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epoch": "1"}, "Unknown hyperparameters: epoch. Known ones: epochs, rate, name, fast."),
        ({"epochs": "many"}, "Hyperparameter epochs is 'many'. It must be of type int."),
        ({"fast": "1"}, "Hyperparameter fast is '1'. It must be of type bool."),
    ],
    ids=str,
)
def test_wrong_hyperparameters_are_told_before_the_script_is_read(
    given: dict[str, str], message: str, image: Image
) -> None:
    image.configure("hyperparameters", given)
    finished = image.run("print('the script was read')\n" + LEAVES_A_MODEL)

    assert (finished.returncode, image.failure) == (1, message)
    assert finished.stdout == message + "\n"


def test_hyperparameter_without_a_default_must_be_given(image: Image) -> None:
    image.declare(DECLARED.replace("int = 1", "int"))

    assert image.run(LEAVES_A_MODEL).returncode == 1
    assert image.failure.startswith("Missing hyperparameters: epochs. ")


def test_error_is_told_by_the_end_of_its_traceback_and_logged_whole(image: Image) -> None:
    finished = image.train("raise ValueError('x' * 900 + ' the end')")

    assert finished.returncode == 1
    assert image.failure.endswith("xxx the end")
    assert len(image.failure) <= 1024
    assert "in train\n    raise ValueError(" in finished.stdout
    assert finished.stdout.count("Traceback") == 1
    assert image.output() == ["failure"]


def test_expected_error_is_told_by_its_message_from_the_beginning(image: Image) -> None:
    assert image.train("raise TrainingError('The data are empty. ' + 'x' * 2000)").returncode == 1
    assert image.failure == ("The data are empty. " + "x" * 2000)[:1024]


def test_reason_is_measured_in_characters_not_in_bytes(image: Image) -> None:
    assert image.train("raise TrainingError('\U0001f4a5' * 2000)").returncode == 1
    assert image.failure == "\U0001f4a5" * 1024


def test_script_that_can_not_be_imported_is_told(image: Image) -> None:
    assert image.run("import no_such_package\n").returncode == 1
    assert image.failure.endswith("ModuleNotFoundError: No module named 'no_such_package'")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            137,
            "Training process 0 was ended by SIGKILL. Probably memory ran out",
        ),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 139, "Training process 0 was ended by SIGSEGV. See the job's log."),
        ("sys.exit(3)", 3, "Training process 0 exited with status 3. See the job's log."),
    ],
    ids=["killed", "crashed", "exited"],
)
def test_process_that_could_not_say_why_it_ended_is_told(body: str, status: int, message: str, image: Image) -> None:
    finished = image.train(body)

    assert finished.returncode == status
    assert image.failure.startswith(message)
    assert message in finished.stdout


def test_crash_in_native_code_leaves_the_line_in_the_log(image: Image) -> None:
    assert 'train.py", line 5 in train' in image.train("os.kill(os.getpid(), signal.SIGSEGV)").stderr


def test_library_that_crashes_when_the_interpreter_is_taken_down_costs_no_model(image: Image) -> None:
    crashes = (
        "import os\n\nclass Library:\n    def __del__(self, abort=os.abort):\n        abort()\n\nkept = Library()\n"
    )
    says = "import atexit\n\natexit.register(print, 'told at the end')\n"
    finished = image.run(crashes + says + LEAVES_A_MODEL)

    assert (finished.returncode, finished.stdout) == (0, "told at the end\n")
    assert (image.base / "model" / "manifest.json").exists()


def test_end_does_not_wait_for_what_the_script_has_left_behind(image: Image) -> None:
    waits = "if not child:\n    os.closerange(0, 3)\n    signal.pause()"
    body = f"child = os.fork()\n{waits}\n(job.base / 'left').write_text(str(child))\nos._exit(4)"

    assert image.train(body).returncode == 4
    os.kill(int((image.base / "left").read_text()), signal.SIGKILL)


def test_stopped_training_keeps_its_model_and_exits_0(image: Image) -> None:
    with image.started(image.arguments(WAITS_FOR_THE_STOP)) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        job.send_signal(signal.SIGTERM)

    assert job.returncode == 0
    assert image.model() == ["model/0", "model/manifest.json"]
    assert image.output() == []


def test_stop_while_the_script_is_being_imported_is_not_lost(image: Image) -> None:
    # Opening a pipe blocks until there is a writer: the script waits in its import while the signal arrives.
    pipe = image.base / "pipe"
    os.mkfifo(pipe)
    source = f"open({str(pipe)!r}).read()\n" + WAITS_FOR_THE_STOP
    with image.started(image.arguments(source)) as job, pipe.open("w"):
        job.send_signal(signal.SIGTERM)

    assert job.returncode == 0
    assert "model/0" in image.model()


def test_stop_before_there_is_a_process_is_handed_on(image: Image) -> None:
    stops = "\nimport os, signal\nif 'RANK' not in os.environ:\n    os.kill(os.getpid(), signal.SIGTERM)\n"
    image.declare(DECLARED + stops)

    assert image.run(WAITS_FOR_THE_STOP).returncode == 0
    assert "model/0" in image.model()


def test_as_many_processes_as_asked_for_know_their_place_among_all_hosts(image: Image) -> None:
    hosts = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth7"}
    image.configure("resourceconfig", hosts)
    names = "['LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'GLOO_SOCKET_IFNAME']"
    body = f"(job.base / os.environ['RANK']).write_text(' '.join(map(os.environ.get, {names})))"

    assert image.train(body, PROCESSES_PER_HOST="3").returncode == 0
    places = [(image.base / rank).read_text() for rank in ("3", "4", "5")]
    assert places == [f"{number} 6 3 algo-1 29500 eth7" for number in range(3)]


def test_processes_of_a_single_host_meet_at_an_address_that_needs_no_name(image: Image) -> None:
    body = "(job.base / 'address').write_text(os.environ['MASTER_ADDR'])"

    assert image.train(body, PROCESSES_PER_HOST="2").returncode == 0
    assert (image.base / "address").read_text() == "127.0.0.1"


def test_stop_reaches_each_process(image: Image) -> None:
    arguments = image.arguments(WAITS_FOR_THE_STOP, PROCESSES_PER_HOST="3")
    with image.started(arguments) as job:
        assert job.stdout is not None
        assert [job.stdout.readline() for _ in range(3)] == ["ready\n"] * 3
        job.send_signal(signal.SIGTERM)

    assert job.returncode == 0
    assert image.model() == ["model/0", "model/1", "model/2", "model/manifest.json"]


def test_first_failure_ends_the_other_processes_and_is_the_one_told(image: Image) -> None:
    body = (
        "if os.environ['RANK'] == '1':\n    raise TrainingError('Rank 1 has no data.')\n"
        "while not job.stop.asked:\n    time.sleep(0.01)\nraise TrainingError('Connection closed by peer.')"
    )
    finished = image.train(body, PROCESSES_PER_HOST="3")

    assert (finished.returncode, image.failure) == (1, "Rank 1 has no data.")
    assert finished.stdout.count("Connection closed by peer.") == 2


def test_process_that_does_not_end_after_anothers_failure_is_killed(image: Image) -> None:
    soon = "from entry import __main__, processes; processes.GRACE = 1; raise SystemExit(__main__.main())"
    source = """
import os, signal

def train(hyperparameters, job):
    if os.environ["RANK"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        signal.pause()
"""
    finished = image.run(source, "-c", soon, "train", PROCESSES_PER_HOST="2")

    assert finished.returncode == 137
    assert image.failure.startswith("Training process 0 was ended by SIGKILL.")


def test_several_instances_are_refused_for_a_script_that_runs_on_one(image: Image) -> None:
    image.configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})

    assert image.run(LEAVES_A_MODEL).returncode == 1
    assert image.failure == "The job has 2 instances; this training runs on one. Set InstanceCount to 1."


@pytest.mark.parametrize("asked", ["0", "all", "-1", "1.5"])
def test_wrong_number_of_processes_is_refused(asked: str, image: Image) -> None:
    assert image.run(LEAVES_A_MODEL, PROCESSES_PER_HOST=asked).returncode == 1
    assert image.failure == f"PROCESSES_PER_HOST is '{asked}'. Set it to a number from 1."


@pytest.mark.parametrize(("channels", "said"), [({}, "missing"), ({"train": {}}, "empty")])
def test_channel_without_files_is_named(channels: dict[str, Any], said: str, image: Image) -> None:
    image.configure("inputdataconfig", channels)

    assert image.train("job.files('train', '*.csv')").returncode == 1
    assert image.failure.startswith(f"Channel 'train' is {said}: no *.csv file under ")


def test_files_of_a_channel_are_found_at_any_depth_in_order(image: Image) -> None:
    for name in ("b.csv", "a/2.csv", "notes.txt"):
        path = image.base / "input" / "data" / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    found = image.train("print(*[path.name for path in job.files('train', '*.csv')])").stdout
    assert found == "2.csv b.csv\n"


def test_manifest_tells_each_file_of_the_model_at_any_depth(image: Image) -> None:
    body = (
        "folder = job.model / 'parts'\nfolder.mkdir(parents=True)\n(folder / 'weights').write_bytes(bytes(2_000_000))"
    )

    assert image.train(body).returncode == 0
    told = json.loads((image.base / "model" / "manifest.json").read_text())
    assert told == {"files": {"parts/weights": hashlib.sha256(bytes(2_000_000)).hexdigest()}}


def test_training_that_leaves_no_model_has_no_manifest(image: Image) -> None:
    (image.base / "model").mkdir()

    assert image.train("pass").returncode == 0
    assert image.model() == []


def test_configuration_that_can_not_be_read_is_a_failure(image: Image) -> None:
    (image.base / "input" / "config" / "hyperparameters.json").write_text("{")

    assert image.run(LEAVES_A_MODEL).returncode == 1
    assert "JSONDecodeError" in image.failure


def test_image_does_nothing_but_train(image: Image) -> None:
    finished = image.run(LEAVES_A_MODEL, "-m", "entry", "serve")

    assert finished.returncode == 2
    assert "start it with `train`" in finished.stdout
    assert not (image.base / "output").exists()


def in_namespaces(*options: str) -> list[str]:
    """Beginning of a command that runs with namespaces of its own; skips the test where that needs rights."""
    command = ["unshare", "--user", "--map-root-user", *options]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives namespaces to nobody but root")
    return command


def test_first_process_of_a_container_is_stopped_too(image: Image) -> None:
    arguments = image.arguments(WAITS_FOR_THE_STOP)
    arguments["args"] = [*in_namespaces("--pid", "--fork"), *arguments["args"]]
    with image.started(arguments) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        first = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text()
        os.kill(int(first), signal.SIGTERM)

    assert job.returncode == 0
    assert "model/0" in image.model()


def test_full_disk_is_told(image: Image) -> None:
    source = """
def train(hyperparameters, job):
    job.model.mkdir()
    with (job.model / "weights").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
"""
    small_disk = 'mount -t tmpfs -o size=256k none "$SAGEMAKER_BASE_DIR"'
    told = f'{small_disk} && "$0" "$@"; echo "status $?"; cat "$SAGEMAKER_BASE_DIR/output/failure"'
    arguments = image.arguments(source)
    arguments["args"] = [*in_namespaces("--mount"), "sh", "-c", told, *arguments["args"]]
    finished = subprocess.run(**arguments, capture_output=True, check=False, timeout=600)

    _, _, failure = finished.stdout.partition("status 1\n")
    assert failure.startswith("Traceback")
    assert failure.endswith("OSError: [Errno 28] No space left on device")
