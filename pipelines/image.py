"""Build a container image when its folder's content is new; print its URI, pinned by digest.

    python -m pipelines.image containers/training/xgboost
    python -m pipelines.image containers/training/pytorch/Dockerfile.gpu

The tag is the content's digest, so an unchanged folder keeps its image, and cached steps stay cached.
Images share what lies beside their folders: `COPY --from=entry` in a Dockerfile copies from the folder ../entry.
Progress goes to standard error; standard output is the URI alone.
"""

import argparse
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3

from pipelines import settings
from pipelines.content import content_digest, tree

logger = logging.getLogger("image")


class ImageError(RuntimeError):
    """The image could not be built or found; the message says what to do."""


def main() -> int:
    """Parse the command line; exit 2 on bad settings or folder, 1 when docker fails."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder that holds a Dockerfile, or one of several Dockerfiles")
    path = parser.parse_args().path
    if not dockerfile(path).is_file():
        parser.error(f"{path} is and holds no Dockerfile. Give the folder of a container, or its Dockerfile.")
    try:
        project = settings.from_environment()
        uri = ensure_image(path, project.image_repository_uri, boto3.client("ecr", region_name=project.region))
    except settings.SettingsError as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        return 2
    except ImageError as error:
        logger.error("%s", error)  # noqa: TRY400  # as above
        return 1
    sys.stdout.write(f"{uri}\n")
    return 0


def ensure_image(path: Path, repository_uri: str, ecr: Any) -> str:
    """Return the URI by digest of a folder's or Dockerfile's image, built and pushed when the repository lacks it."""
    tag = image_tag(path)
    digest = find_digest(repository_uri, tag, ecr)
    if digest is None:
        build_and_push(path, f"{repository_uri}:{tag}")
        digest = find_digest(repository_uri, tag, ecr)
    else:
        logger.info("%s is unchanged; using the image tagged %s", path, tag)
    if digest is None:
        raise ImageError(f"{repository_uri} has no image tagged {tag} after the push. Look at the repository's policy.")
    return f"{repository_uri}@{digest}"


def dockerfile(path: Path) -> Path:
    """The Dockerfile that a folder holds, or that the path is."""
    return path / "Dockerfile" if path.is_dir() else path


def image_tag(path: Path) -> str:
    """Digest of what the image is made of: its folder, and the folders beside it that it copies from."""
    chosen = dockerfile(path)
    files = {name: file for name, file in tree(chosen.parent).items() if not name.startswith("Dockerfile")}
    files["Dockerfile"] = chosen
    for name, shared in shared_folders(chosen).items():
        files |= {f"../{name}/{path}": file for path, file in tree(shared).items()}
    return content_digest(files)[:32]


def shared_folders(chosen: Path) -> dict[str, Path]:
    """Folders beside the image's by the names under which its Dockerfile copies from them."""
    named = re.findall(r"--from=([\w.-]+)", chosen.read_text(encoding="utf-8"))
    beside = chosen.parent.parent
    return {name: beside / name for name in sorted(set(named)) if (beside / name).is_dir()}


def find_digest(repository_uri: str, tag: str, ecr: Any) -> str | None:
    """Digest of a tagged image, or None when the repository has no such tag."""
    host, name = repository_uri.split("/", 1)
    try:
        # The first label of an ECR host is the account.
        found = ecr.describe_images(registryId=host[:12], repositoryName=name, imageIds=[{"imageTag": tag}])
    except ecr.exceptions.ImageNotFoundException:
        return None
    except ecr.exceptions.RepositoryNotFoundException as error:
        raise ImageError(
            f"ECR has no repository {name}. Deploy the project's stack, or set IMAGE_REPOSITORY_URI."
        ) from error
    return str(found["imageDetails"][0]["imageDigest"])


def build_and_push(path: Path, image: str) -> None:
    """Build and push with docker, its output sent to standard error."""
    chosen = dockerfile(path)
    # https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
    contexts = [f"--build-context={name}={folder}" for name, folder in shared_folders(chosen).items()]
    build = ["docker", "build", "--tag", image, "--file", str(chosen), *contexts, str(chosen.parent)]
    for command in (build, ["docker", "push", image]):
        logger.info("%s", " ".join(command))
        try:
            subprocess.run(command, check=True, stdout=sys.stderr)
        except FileNotFoundError as error:
            raise ImageError("docker is not installed. Install it, or build on a machine that has it.") from error
        except subprocess.CalledProcessError as error:
            raise ImageError(f"{' '.join(command)} failed with exit status {error.returncode}; see above.") from error


if __name__ == "__main__":
    sys.exit(main())
