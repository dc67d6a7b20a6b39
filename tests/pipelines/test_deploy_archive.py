"""A model archive is let through when it is what was registered, and holds nothing else."""

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
from pathlib import Path

import pytest
from deploy_service import COLUMNS, MODEL, pack

from pipelines.deploy.realtime import archive
from pipelines.deploy.realtime.errors import DeployError


def check(folder: Path, content: bytes, sha256: str = "") -> object:
    path = folder / "model.tar.gz"
    path.write_bytes(content)
    return archive.check_archive(path, sha256 or hashlib.sha256(content).hexdigest())


def with_member(info: tarfile.TarInfo, content: bytes = b"") -> bytes:
    """A good archive, and one member more."""
    plain = io.BytesIO(gzip.decompress(pack(MODEL)))
    info.size = len(content)
    with tarfile.open(fileobj=plain, mode="a") as tar:
        tar.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


FEATURES = {"features.json": MODEL["features.json"]}
ONNX = {"model.onnx": b"\x08\x08"}
TEXTS = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


def weights(length: int) -> bytes:
    """A file of safetensors whose header has a length."""
    return struct.pack("<Q", length) + b"{}".ljust(length)


LANGUAGE = {**FEATURES, **dict.fromkeys(TEXTS, b"{}"), "model.safetensors": weights(8)}


@pytest.mark.parametrize(
    "files",
    [
        MODEL,
        LANGUAGE,
        {**LANGUAGE, "special_tokens_map.json": b"{}"},
        {**MODEL, **ONNX},
        {**FEATURES, **ONNX},
        # The last begins as a pickle does.
        *({**FEATURES, **ONNX, "model.safetensors": weights(length)} for length in (8, 0x280)),
    ],
    ids=[
        "booster",
        "language model",
        "with special tokens",
        "with ONNX",
        "ONNX alone",
        "with weights",
        "with weights that begin like a pickle",
    ],
)
def test_what_training_makes_is_let_through(files: dict[str, bytes], tmp_path: Path) -> None:
    features = check(tmp_path, pack(files))

    assert features == {"version": 1, "columns": COLUMNS}


def test_names_may_begin_with_the_folder_itself(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(pack(MODEL))) as tar:
        tar.extractall(folder, filter="data")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        tar.add(folder, arcname=".")

    assert check(tmp_path, made.getvalue())


@pytest.mark.parametrize(
    ("info", "told"),
    [
        (member("../model.ubj"), "out of the model's folder"),
        (member("code/../../model.ubj"), "out of the model's folder"),
        (member("/tmp/model.ubj"), "out of the model's folder"),  # noqa: S108  # a path in an archive
        (member("model.onnx", tarfile.SYMTYPE), "is a link"),
        (member("model.onnx", tarfile.LNKTYPE), "is a link"),
        (member("model.onnx", tarfile.FIFOTYPE), "not a plain file"),
        (member("model.onnx", tarfile.CHRTYPE), "not a plain file"),
        (member("code", tarfile.DIRTYPE), "not a plain file"),
        (member("model.pkl"), "holds 'model.pkl'"),
        (member("model.joblib"), "holds 'model.joblib'"),
        (member("code/inference.py"), "holds 'code/inference.py'"),
        (member("model.ubj"), "holds model.ubj twice"),
        (member("./model.ubj"), "holds model.ubj twice"),
    ],
    ids=lambda value: f"{value.name} {value.type.decode()}" if isinstance(value, tarfile.TarInfo) else "",
)
def test_a_member_that_does_not_belong_is_refused_by_its_name(info: tarfile.TarInfo, told: str, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=told):
        check(tmp_path, with_member(info))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.ubj", "model.onnx", "model.safetensors"])
def test_a_pickle_by_another_name_is_refused(name: str, protocol: int, tmp_path: Path) -> None:
    files = {**MODEL, name: pickle.dumps({"weights": [1, 2]}, protocol=protocol)}

    with pytest.raises(DeployError, match=f"{name} is a pickle"):
        check(tmp_path, pack(files))


def test_another_archive_than_the_registered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=f"the model package says {'0' * 64}"):
        check(tmp_path, pack(MODEL), "0" * 64)


def test_a_file_that_differs_from_the_manifest_is_refused(tmp_path: Path) -> None:
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in MODEL.items()}

    with pytest.raises(DeployError, match=r"model\.ubj has SHA-256 .*manifest\.json says"):
        check(tmp_path, pack({**MODEL, "model.ubj": b"{another"}, manifest))


@pytest.mark.parametrize("listed", [{}, {"model.ubj": "0" * 64}])
def test_a_file_that_the_manifest_does_not_list_is_refused(listed: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"its manifest\.json lists"):
        check(tmp_path, pack(MODEL, listed))


@pytest.mark.parametrize("missing", ["model.ubj", "features.json"])
def test_a_file_that_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=f"lacks {missing}"):
        check(tmp_path, pack({name: content for name, content in MODEL.items() if name != missing}))


@pytest.mark.parametrize("missing", [*TEXTS, "model.safetensors"])
def test_a_language_model_that_is_not_whole_is_refused(missing: str, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"lacks model\.ubj, model\.onnx or all of config\.json"):
        check(tmp_path, pack({name: content for name, content in LANGUAGE.items() if name != missing}))


@pytest.mark.parametrize(
    "content", [b"", b"no archive", pack(MODEL)[:-40], gzip.compress(b"no tar" * 1000)], ids=["0", "text", "cut", "gz"]
)
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"not a readable archive|lacks"):
        check(tmp_path, content)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LIMIT", 1000)

    with pytest.raises(DeployError, match="unpacks to more than 1000 bytes"):
        check(tmp_path, pack({**MODEL, "model.ubj": b"{" + bytes(2000)}))


def test_json_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"features\.json is not JSON"):
        check(tmp_path, pack({**MODEL, "features.json": json.dumps({}).encode() + b"}"}))
