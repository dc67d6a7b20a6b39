"""The training image runs scripts of one's own, started by the driver that the SageMaker SDK sends along."""

import json
from pathlib import Path

from script_mode import script_job

TRAINS = """
import json, os, sys
import xgboost as xgb

data = xgb.DMatrix([[0.0], [1.0]], label=[0, 1])
rounds = int(os.environ["SM_HP_ROUNDS"])
xgb.train({}, data, rounds).save_model(os.path.join(os.environ["SM_MODEL_DIR"], "own.ubj"))
told = {"arguments": sys.argv[1:], "host": os.environ["SM_CURRENT_HOST"]}
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "told.json"), "w") as file:
    json.dump(told, file)
"""


def write(folder: Path, source: str) -> Path:
    (folder / "code").mkdir()
    (folder / "code" / "own.py").write_text(source)
    return folder / "code" / "own.py"


def test_script_gets_its_hyperparameters_and_leaves_its_model(trainer: str, tmp_path: Path) -> None:
    given = {"rounds": 3, "name": "two words"}
    job, arguments, entry = script_job(tmp_path, write(tmp_path, TRAINS), given)
    status, log = job.run(trainer, *arguments, options=(entry,))
    assert status == 0, log
    assert job.files("model") == ["own.ubj"]
    told = json.loads((job.base / "output" / "data" / "told.json").read_text())
    assert told == {"arguments": ["--rounds", "3", "--name", "two words"], "host": "algo-1"}


def test_script_that_fails_leaves_the_reason(trainer: str, tmp_path: Path) -> None:
    job, arguments, entry = script_job(tmp_path, write(tmp_path, "raise ValueError('no data today')"), {})
    status, log = job.run(trainer, *arguments, options=(entry,))
    assert status == 1, log
    assert "no data today" in log
    assert job.failure
