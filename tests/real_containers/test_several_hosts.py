"""Two training containers are two hosts of one job, on a network of their own that leads nowhere else."""

from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest
import xgboost as xgb
from hosts import HOSTS, Options
from jobs import Job, training
from podman import podman


@pytest.fixture
def shares(processed: Path, channels: dict[str, Path], tmp_path: Path) -> dict[str, dict[str, Path]]:
    """Channels of each host, to which belongs every other row of the training data."""
    rows = pd.read_csv(processed / "train" / "train.csv")
    for number, host in enumerate(HOSTS):
        (tmp_path / host).mkdir()
        rows[number::2].to_csv(tmp_path / host / "train.csv", index=False)
    return {host: {**channels, "train": tmp_path / host} for host in HOSTS}


def lay_out(shares: dict[str, dict[str, Path]], folder: Path, **hyperparameters: str) -> dict[str, Job]:
    return {
        host: training(folder / f"ml-{host}", channels, hyperparameters, host, HOSTS)
        for host, channels in shares.items()
    }


def test_two_hosts_train_one_model_that_the_first_keeps(
    trainer: str, shares: dict[str, dict[str, Path]], addressed: Options, tmp_path: Path
) -> None:
    jobs = lay_out(shares, tmp_path, num_round="5", max_depth="3")
    with ExitStack() as stack:
        started = [stack.enter_context(jobs[host].start(trainer, "train", options=addressed[host])) for host in HOSTS]
        ended = [(container.wait(), container.log()) for container in started]
    assert [status for status, _ in ended] == [0, 0], ended
    assert xgb.Booster(model_file=jobs["algo-1"].base / "model" / "model.ubj").num_boosted_rounds() == 5
    assert jobs["algo-2"].files("model") == []


def test_stop_ends_both_hosts_and_keeps_the_model(
    trainer: str, shares: dict[str, dict[str, Path]], addressed: Options, tmp_path: Path
) -> None:
    jobs = lay_out(shares, tmp_path, num_round="1000000", max_depth="2")
    with ExitStack() as stack:
        started = [stack.enter_context(jobs[host].start(trainer, "train", options=addressed[host])) for host in HOSTS]
        started[0].wait_for("validation:auc=")
        podman("kill", "--signal=TERM", *(container.id for container in started))
        ended = [(container.wait(), container.log()) for container in started]
    assert [status for status, _ in ended] == [0, 0], ended
    assert "model.ubj" in jobs["algo-1"].files("model")
