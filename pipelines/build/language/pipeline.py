"""Process, train, evaluate; register a model that is good enough and no worse than the approved one, else say why not.

This file is yours to edit: HYPERPARAMETERS, TUNING, GATE, SPOT and the steps below. Push, and the project builds and
runs it.
"""

from pathlib import Path

from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep

from pipelines.build import jobs
from pipelines.build.language.settings import Settings
from pipelines.build.pytorch.training import Plan, parameters, train_step
from pipelines.build.steps import Build, Gate, evaluate_step, processing_step
from pipelines.build.tuning import Objective, Tuning
from pipelines.session import ProjectSession

# max_length is in tokens, of prompt and completion together; rank is that of the adapters' matrices.
HYPERPARAMETERS = {
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 0.0002,
    "max_length": 512,
    "rank": 16,
    "patience": 2,
    "seed": 7,
}
METRICS = ["train:loss", "validation:loss", "validation:accuracy", "tokens_per_second"]

# What is searched with `TUNING = SEARCH`, instead of training once.
SEARCH = Tuning(
    ranges={"learning_rate": ContinuousParameter(0.00005, 0.002, "Logarithmic"), "rank": IntegerParameter(4, 64)},
    max_jobs=8,
    parallel_jobs=2,
)
TUNING: Tuning | None = None
# What a search improves: a metric as training prints it.
SOUGHT = Objective("validation:loss", "Minimize")

# What registers a model: a metric of evaluation.json, more being better, its least value, and by how much it must be
# above the approved version's on the same test set.
GATE = Gate("text_generation", "exact_match", 0.5, 0.0)

# Spot instances cost less and may be taken away: the job waits for others, and goes on from its checkpoint.
SPOT = False
# Seconds for which instances are kept for the next job, which then starts at once. They cost as much as working ones;
# spot instances can't be kept.
KEEP_ALIVE_SECONDS = 0

# What the inference image takes and answers.
CONTENT_TYPES = ["application/json", "application/jsonlines", "text/csv"]

HERE = Path(__file__).parent


def get_pipeline(settings: Settings, session: ProjectSession) -> Pipeline:
    """Return the pipeline, its steps in the order of the data."""
    plan = Plan(HYPERPARAMETERS, METRICS, TUNING, SOUGHT, SPOT, KEEP_ALIVE_SECONDS)
    own = [ParameterString("BaseModelUri", settings.base_model_uri), *parameters(settings)]
    use = Build("language", settings, session, GATE, own)
    process = process_step(use)
    channels = {name: jobs.output_of(process, name) for name in ("train", "validation", "metadata")}
    trained = train_step(use, settings, plan, {**channels, "base": use.parameters["BaseModelUri"]})
    scripts = [*jobs.scripts(HERE, "evaluate", "model", "report"), *jobs.shared("approved")]
    evaluate = evaluate_step(use, scripts, process, trained)
    return use.pipeline(process, trained, evaluate, CONTENT_TYPES)


def process_step(use: Build) -> ProcessingStep:
    """Check the records, and split them into train, validation and test sets."""
    return processing_step(
        use,
        [*jobs.scripts(HERE, "process", "records"), *jobs.shared("job")],
        {"data": use.parameters["DataUri"]},
        ["train", "validation", "test", "metadata"],
        *("--data-uri", use.parameters["DataUri"]),
        *("--input", f"{jobs.JOB_FOLDER}/input/data"),
        *("--output", f"{jobs.JOB_FOLDER}/output"),
    )
