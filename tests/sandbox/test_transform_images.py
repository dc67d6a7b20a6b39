"""Images in S3 are scored by the container that serves models of images, each object one request."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import uuid
from pathlib import Path

import pytest
from harness import Sandbox
from workbench import Workbench, push

sys.path.append(str(Path(__file__).parents[1] / "containers"))  # what the container's tests share

from image_models import as_file, as_image, expected, model_files, pictures, write_model
from serving import CONTAINERS


def archive(folder: Path) -> bytes:
    """A model's folder as training packs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return packed.getvalue()


def test_each_image_gets_its_line(bench: Workbench, sandbox: Sandbox, tmp_path: Path) -> None:
    name, pixels = f"images-{uuid.uuid4().hex[:8]}", pictures(3)
    image = push(sandbox, CONTAINERS / "onnx", name, f"--build-context=server={CONTAINERS / 'server'}")
    model = {"Image": image, "ModelDataUrl": bench.uri(f"{name}/model.tar.gz")}
    files = {f"in/{number}.png": as_file(as_image(each)) for number, each in enumerate(pixels)}
    files["model.tar.gz"] = archive(write_model(tmp_path / "model", model_files()))
    for key, content in files.items():
        bench.s3.put_object(Bucket=bench.bucket, Key=f"{name}/{key}", Body=content)
    bench.api.create_model(ModelName=name, PrimaryContainer=model, ExecutionRoleArn=bench.role)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": bench.uri(f"{name}/in/")}}
    request = {
        "ModelName": name,
        "TransformInput": {"DataSource": source, "ContentType": "image/png", "SplitType": "None"},
        "TransformOutput": {"S3OutputPath": bench.uri(f"{name}/out"), "Accept": "application/jsonlines"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }

    job = bench.ended("Transform", bench.start("Transform", request))

    assert job["TransformJobStatus"] == "Completed", job
    lines = [bench.get(bench.uri(f"{name}/out/{number}.png.out")) for number in range(3)]
    for line, wanted in zip(lines, expected(pixels), strict=True):
        assert json.loads(line)["scores"] == pytest.approx(wanted, abs=1e-6)
