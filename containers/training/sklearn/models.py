"""The models: a random forest, or a linear model on standardised features; missing values become the column's mean."""

import logging
import os
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from entry import Stop
from hyperparameters import Hyperparameters
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

logger = logging.getLogger("train")

Features = npt.NDArray[np.float32]  # [rows, features], missing values being NaN
Vector = npt.NDArray[np.float64]  # [rows]
Forest: TypeAlias = RandomForestClassifier | RandomForestRegressor

ITERATIONS = 1000  # at most, of a linear classifier's solver


def fit(chosen: Hyperparameters, features: Features, target: Vector, stop: Stop) -> Pipeline:
    """Return the model; when the job is told to stop, a forest of the trees that it has by then, one at least."""
    # scikit-learn's forests take missing values, but their conversion to ONNX sends them down the wrong branches:
    # https://github.com/onnx/sklearn-onnx/issues/1253
    imputer = SimpleImputer(keep_empty_features=True)
    filled = imputer.fit_transform(features)
    if chosen.model == "forest":
        return make_pipeline(imputer, grow(forest(chosen), chosen.n_estimators, filled, target, stop))
    scaler = StandardScaler()
    # The features are of 32 bits, as they are served; what is solved for is of 64.
    scaled = scaler.fit_transform(filled).astype(np.float64)
    return make_pipeline(imputer, scaler, linear(chosen).fit(scaled, target))


def forest(chosen: Hyperparameters) -> Forest:
    """Return a forest without trees, to which each fit adds those that it lacks."""
    kind = RandomForestClassifier if chosen.problem == "binary_classification" else RandomForestRegressor
    return kind(
        max_depth=chosen.max_depth or None,
        min_samples_leaf=chosen.min_samples_leaf,
        max_features=chosen.max_features,
        random_state=chosen.seed,
        n_jobs=-1,
        warm_start=True,
    )


def grow(forest: Forest, trees: int, features: Features, target: Vector, stop: Stop) -> Forest:
    """Grow a tree on each core at a time; what grows does not depend on how many these are."""
    cores = os.cpu_count() or 1
    for count in range(cores, trees + cores, cores):
        forest.set_params(n_estimators=min(count, trees)).fit(features, target)
        logger.info("[%d] of %d trees", forest.n_estimators, trees)
        if stop.asked:
            break
    return forest


def linear(chosen: Hyperparameters) -> LogisticRegression | Ridge:
    """Return a linear model that has learnt nothing yet."""
    if chosen.problem == "binary_classification":
        return LogisticRegression(C=chosen.C, max_iter=ITERATIONS, random_state=chosen.seed)
    return Ridge(alpha=chosen.alpha, random_state=chosen.seed)


def score(model: Pipeline, features: Features) -> Vector:
    """Return a score a row: the probability of the class 1, or the value."""
    found = model.predict_proba(features)[:, 1] if hasattr(model, "predict_proba") else model.predict(features)
    return np.asarray(found, np.float64)
