"""Print, publish or run a pipeline of this repository.

    python -m pipelines.run print                 compile; needs neither network nor credentials
    python -m pipelines.run print --imaginary     the same for an imaginary project, where no variable is set
    python -m pipelines.run upsert                compile and create or update it in SageMaker
    python -m pipelines.run run --wait            upsert, start, and follow it to its end

`upsert` and `run` leave the definition in pipeline-definition.json; `run` leaves the execution's ARN in
pipeline-execution-arn.txt and, with --wait, one line that says how it ended in pipeline-result.txt.

exit status:
  0  done; with --wait: the execution succeeded
  2  settings or arguments are wrong, or AWS refused the request
  3  the execution failed
  4  the execution was stopped
"""

import argparse
import importlib
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipelines import execution, settings, variables

logger = logging.getLogger("run")

ARN_FILE = Path("pipeline-execution-arn.txt")
DEFINITION_FILE = Path("pipeline-definition.json")
RESULT_FILE = Path("pipeline-result.txt")
EXIT = {"Succeeded": 0, "Failed": 3, "Stopped": 4}
REFUSED = 2


class ArgumentError(ValueError):
    """A command-line argument cannot be used; the message says why."""


def main() -> int:
    """Run the command; see the module's text for exit statuses."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = parse_arguments()
    for stale in (ARN_FILE, DEFINITION_FILE, RESULT_FILE):
        stale.unlink(missing_ok=True)
    try:
        return command(arguments)
    except (settings.SettingsError, ArgumentError, ClientError, BotoCoreError) as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        write_line(RESULT_FILE, str(error))
        return REFUSED


def parse_arguments() -> argparse.Namespace:
    """Command line of `python -m pipelines.run`."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["print", "upsert", "run"])
    parser.add_argument("--pipeline", help="package under pipelines/ (default: the only one in build/)")
    parser.add_argument("--imaginary", action="store_true", help="with print: make up what the stack would set")
    parser.add_argument("--wait", action="store_true", help="follow the execution and exit with how it ended")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="pipeline parameter of this run, instead of its default; repeatable",
    )
    return parser.parse_args()


def command(arguments: argparse.Namespace) -> int:
    """Compile, then do what was asked."""
    if arguments.imaginary and arguments.command != "print":
        raise ArgumentError("--imaginary goes with print: an imaginary project has no pipeline in SageMaker.")
    pipeline = compile_pipeline(arguments.pipeline or only_pipeline(), imaginary=arguments.imaginary)
    parameters = parse_parameters(arguments.parameter, [parameter.name for parameter in pipeline.parameters])
    definition = json.dumps(json.loads(pipeline.definition()), indent=2) + "\n"
    if arguments.command == "print":
        sys.stdout.write(definition)
        return 0
    DEFINITION_FILE.write_text(definition, encoding="utf-8")
    session, project = pipeline.sagemaker_session, pipeline.sagemaker_session.project
    session.publish_code()
    arn = pipeline.upsert(role_arn=project.role_arn, tags=project.tags)["PipelineArn"]
    logger.info("%s is up to date", arn)
    return 0 if arguments.command == "upsert" else run(pipeline, parameters, wait=arguments.wait)


def only_pipeline() -> str:
    """The repository's pipeline; raises ArgumentError when there are several."""
    names = [f"build.{path.parent.name}" for path in sorted(Path(__file__).parent.glob("build/*/pipeline.py"))]
    if len(names) != 1:
        raise ArgumentError(f"pipelines/build holds {', '.join(names) or 'none'}. Choose one with --pipeline.")
    return names[0]


def compile_pipeline(name: str, *, imaginary: bool = False) -> Any:
    """Return the SDK's pipeline of `pipelines/<name>/pipeline.py`, for what `pipelines/<name>/settings.py` reads."""
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        raise ArgumentError(f"--pipeline is {name!r}. Name a package under pipelines/, such as build.tabular.")
    known = load(name, "settings")
    if imaginary:
        os.environ |= variables.imaginary(known.VARIABLES) | os.environ
    project = known.from_environment()
    # Imported late: the SDK takes seconds to import, and wrong settings should be told at once.
    session = importlib.import_module("pipelines.session").ProjectSession(project)
    return load(name, "pipeline").get_pipeline(project, session)


def load(name: str, part: str) -> Any:
    """Import a module of a use case."""
    module = f"pipelines.{name}.{part}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not module.startswith(str(error.name)):
            raise
        raise ArgumentError(f"there is no {module.replace('.', '/')}.py. Correct --pipeline.") from error


def parse_parameters(given: list[str], known: list[str]) -> list[dict[str, str]]:
    """Turn NAME=VALUE into the form of StartPipelineExecution, refusing names that the pipeline lacks."""
    pairs = [item.partition("=")[::2] for item in given]
    for item, (name, value) in zip(given, pairs, strict=True):
        if name not in known:
            raise ArgumentError(f"--parameter {item!r}: the pipeline has no such parameter. It has {', '.join(known)}.")
        if not value:
            raise ArgumentError(f"--parameter {item!r} has no value. Write {name}=VALUE.")
    return [{"Name": name, "Value": value} for name, value in pairs]


def run(pipeline: Any, parameters: list[dict[str, str]], *, wait: bool) -> int:
    """Start an execution; with `wait`, follow it and exit with how it ended."""
    client = pipeline.sagemaker_session.sagemaker_client
    started = client.start_pipeline_execution(PipelineName=pipeline.name, PipelineParameters=parameters)
    arn = started["PipelineExecutionArn"]
    write_line(ARN_FILE, arn)
    logger.info("started %s", arn)
    if not wait:
        return 0
    status, result = execution.follow(client, arn)
    write_line(RESULT_FILE, result)
    logger.info("%s", result)
    return EXIT[status]


def write_line(path: Path, text: str) -> None:
    """Write one line, short enough for a CodePipeline variable."""
    path.write_text(" ".join(text.split())[:500] + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
