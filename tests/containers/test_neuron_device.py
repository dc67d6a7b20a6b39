"""The stand-in of a Trainium device: it computes what the CPU computes, and what would be slow on a device is told."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from neuron import Report, on_neuron
from safetensors.numpy import load_file

LOOP = """
import atexit
import os
import sys

ended = []  # what is registered first is called last: Gloo's threads can abort an interpreter's teardown
atexit.register(lambda: ended and os._exit(0))

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def train(precision, options, waits=False, batch=16):
    torch.manual_seed(0)
    images, labels = torch.rand(64, 1, 8, 8), torch.randint(0, 4, (64,))
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3),
        nn.GroupNorm(2, 8), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 4),
    ).to(device)
    called, rank = model, 0
    if dist.is_initialized():
        rank, model[1] = dist.get_rank(), nn.Identity()  # each process would normalise its own batch
        called = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW(called.parameters(), lr=1e-2, weight_decay=0.1, **options)
    total = torch.zeros((), device=device)
    for _ in range(2):
        for rows in range(0, 64, batch):
            picked = slice(rows + rank * batch // 2, rows + batch)
            some, their = images[picked].to(device, non_blocking=True), labels[picked].to(device, non_blocking=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                loss = cross_entropy(called(some), their, label_smoothing=0.1)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach()
            if waits:
                loss.item()
    with torch.no_grad():
        model.eval()
        scores = model(images.to(device)).softmax(1)
    return {**model.state_dict(), "scores": scores, "total": total}
"""
RESULTS = """
CHOICES = (("foreach", False), ("foreach", True), ("fused", True))

def kept(name, values):
    return {f"{name}.{key}": value.cpu().contiguous() for key, value in values.items()}

results = {}
for precision, options in (("float32", {}), *(("bfloat16", {name: value}) for name, value in CHOICES)):
    results |= kept(f"{precision}{options}", train(precision, options))
save_file(results, sys.argv[1])
"""
JOINED = """
dist.init_process_group(dist.get_default_backend_for_device(device))
values = train("bfloat16", {})
gathered = [torch.zeros(1, device=device) for _ in range(2)]
dist.all_gather(gathered, torch.full((1,), dist.get_rank() + 1.0, device=device))
values["gathered"] = torch.cat(gathered)
save_file({name: value.cpu().contiguous() for name, value in values.items()}, sys.argv[1] + str(dist.get_rank()))
dist.destroy_process_group()
ended.append(True)
"""
TENSORS = """
import torch
import torch.nn.functional as f


def shapes(device):
    base = torch.arange(24.0, device=device).reshape(4, 6)
    base[1:3, ::2] += 100
    base.T[0].mul_(2)
    view = base.view(2, 12)[:, 3:]
    base.zero_()[2] = 7
    yield view
    yield base.unfold(1, 2, 2)
    yield torch.cat([base, base.expand(2, 4, 6)[1].contiguous()], 1)
    grown = torch.empty(0, device=device)
    torch.mul(base, 3, out=grown)
    yield grown
    grown.resize_(2, 2)
    yield grown
    yield torch.nonzero(base)
    yield base.sort(descending=True).indices
    yield f.embedding(torch.tensor([2, 0], device=device), base)
    other = torch.nn.Linear(6, 2, device="cpu")
    with torch.no_grad():
        other.weight.fill_(0.5)
        other.bias.zero_()
    other.to(device).weight.data = torch.ones(2, 6, device=device)
    yield other(base).detach()
    yield torch.stack([row.clone() for row in base.unbind(1)])


for here, there in zip(shapes("cpu"), shapes("neuron"), strict=True):
    assert there.device.type == "neuron"
    assert here.shape == there.shape and here.stride() == there.stride() and here.dtype == there.dtype
    assert torch.equal(here, there.cpu()), (here, there)
"""
REFUSED = """
import io
import torch

x = torch.ones(3, device="neuron")
for wrong in (lambda: x + torch.ones(3), x.numpy, lambda: torch.save(x, io.BytesIO())):
    try:
        wrong()
    except (RuntimeError, TypeError) as error:
        print(error)
"""


def run(script: str, *arguments: str, report: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script, on the device if there is to be a report."""
    there = on_neuron(report) if report else {}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **there, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def told(script: str, folder: Path) -> Report:
    finished = run(script, report=folder)
    assert finished.returncode == 0, finished.stderr
    return Report.read(folder)


def equal(one: Path, other: Path) -> bool:
    mine, theirs = load_file(one), load_file(other)
    return (
        len(mine) > 0
        and mine.keys() == theirs.keys()
        and all(np.array_equal(mine[name], theirs[name]) for name in mine)
    )


def test_training_gives_what_the_cpu_gives_to_the_last_bit(tmp_path: Path) -> None:
    cpu, neuron = tmp_path / "cpu", tmp_path / "neuron"

    for path, report in ((cpu, None), (neuron, tmp_path / "report")):
        finished = run(LOOP + RESULTS, str(path), report=report)
        assert finished.returncode == 0, finished.stderr
    assert equal(cpu, neuron)
    assert Report.read(tmp_path / "report").steps == 4 * 8


def test_processes_that_train_together_give_what_they_give_on_the_cpu(tmp_path: Path) -> None:
    for name, report in (("cpu", {}), ("neuron", on_neuron(tmp_path / "report"))):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(taken.getsockname()[1]), "WORLD_SIZE": "2"}
        command = [sys.executable, "-c", LOOP + JOINED, str(tmp_path / name)]
        ranks = [{**os.environ, **report, **shared, "RANK": rank} for rank in "01"]
        processes = [subprocess.Popen(command, env=rank, stderr=subprocess.PIPE, text=True) for rank in ranks]
        try:
            for process in processes:
                _, errors = process.communicate(timeout=600)
                assert process.returncode == 0, errors
        finally:
            for process in processes:
                process.kill()

    assert all(equal(tmp_path / f"cpu{rank}", tmp_path / f"neuron{rank}") for rank in "01")
    assert load_file(tmp_path / "neuron1")["gathered"].tolist() == [1, 2]
    assert [Report.read(tmp_path / "report", rank).steps for rank in (0, 1)] == [8, 8]


def test_views_writes_and_sizes_are_those_of_the_cpu(tmp_path: Path) -> None:
    told(TENSORS, tmp_path)


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Four steps an epoch, all of one shape."""
    return told(LOOP + "train('bfloat16', {})", tmp_path_factory.mktemp("careful"))


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Three steps an epoch, the last of which is of another shape, and each of which reads the loss."""
    return told(LOOP + "train('float32', {}, waits=True, batch=24)", tmp_path_factory.mktemp("careless"))


def test_loop_that_waits_for_nothing_tells_no_wait_and_two_copies_a_step(careful: Report) -> None:
    assert careful.waits() == []
    assert [careful.copies()[step] for step in range(1, 8)] == [2] * 7


def test_wait_in_the_step_is_told_with_its_line(careless: Report) -> None:
    line = next(number for number, text in enumerate(LOOP.splitlines(), 1) if "loss.item()" in text)

    assert careless.waits() == [f"aten._local_scalar_dense.default <string>:{line}"] * 6
    assert len(careless.waits(but_every=3)) == 4


def test_shape_that_comes_later_is_told(careful: Report, careless: Report) -> None:
    assert "aten.convolution.default(float32[16, 1, 8, 8], float32[8, 1, 3, 3], float32[8])" in careless.operators(
        after=2
    )
    assert not any("convolution" in told and "[16, " in told for told in careful.operators(after=1))


def test_whatever_waits_for_the_device_is_told(tmp_path: Path) -> None:
    waits = [
        "x.cpu()",
        "x.tolist()",
        "bool(x.sum() > 1)",
        "x.nonzero()",
        "torch.equal(x, x)",
        "torch.accelerator.synchronize()",
    ]
    report = told("\n".join(["import torch", "x = torch.ones(3, device='neuron')", *waits]), tmp_path)

    assert [wait.split()[1] for wait in report.waits()] == [f"<string>:{number}" for number in range(3, 9)]


def test_what_a_device_refuses_is_refused(tmp_path: Path) -> None:
    finished = run(REFUSED, report=tmp_path)

    mixed, numpy, pickled = finished.stdout.splitlines()
    assert "is given tensors on neuron and a tensor of (3,) on cpu" in mixed
    assert "can't convert neuron:0 device type tensor to numpy" in numpy
    assert "Attempted to access the data pointer" in pickled
