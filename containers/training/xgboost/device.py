"""The device that trains: the one that was asked for, or none. XGBoost itself goes on with a CPU, and only warns.

https://xgboost.readthedocs.io/en/stable/gpu/index.html
"""

import json
import os

import numpy as np
import xgboost as xgb
from entry import TrainingError


def demand(device: str) -> None:
    """Raise TrainingError when XGBoost would not train on this device."""
    if device == "cpu":
        return
    asked = f"The job asks for the device {device}, but"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        raise TrainingError(
            f"{asked} has {world} instances; on GPUs this training runs on one. Set InstanceCount to 1 and choose an "
            "instance type with a larger GPU, or set device to cpu."
        )
    if not xgb.build_info()["USE_CUDA"]:
        raise TrainingError(f"{asked} XGBoost has no CUDA in this image. Use Dockerfile.gpu's, or set device to cpu.")
    if not chosen(device).startswith(device):
        raise TrainingError(
            f"{asked} XGBoost finds no GPU. Choose an instance type that has one of NVIDIA's, or set device to cpu."
        )


def chosen(device: str) -> str:
    """Train on one row; return the name of the device that XGBoost took when it was asked for this one."""
    booster = xgb.train({"device": device}, xgb.DMatrix(np.zeros((1, 1)), label=[0]), num_boost_round=1)
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])
