"""Build a container image when its folder's content is new; print its URI, pinned by digest.

    python -m pipelines.image containers/training/xgboost

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
    parser.add_argument("folder", type=Path, help="folder that holds the Dockerfile")
    folder = parser.parse_args().folder
    if not (folder / "Dockerfile").is_file():
        parser.error(f"{folder} holds no Dockerfile. Give the folder of a container.")
    try:
        project = settings.from_environment()
        uri = ensure_image(folder, project.image_repository_uri, boto3.client("ecr", region_name=project.region))
    except settings.SettingsError as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        return 2
    except ImageError as error:
        logger.error("%s", error)  # noqa: TRY400  # as above
        return 1
    sys.stdout.write(f"{uri}\n")
    return 0


def ensure_image(folder: Path, repository_uri: str, ecr: Any) -> str:
    """Return the URI by digest of the folder's image, built and pushed when the repository lacks it."""
    tag = image_tag(folder)
    digest = find_digest(repository_uri, tag, ecr)
    if digest is None:
        build_and_push(folder, f"{repository_uri}:{tag}")
        digest = find_digest(repository_uri, tag, ecr)
    else:
        logger.info("%s is unchanged; using the image tagged %s", folder, tag)
    if digest is None:
        raise ImageError(f"{repository_uri} has no image tagged {tag} after the push. Look at the repository's policy.")
    return f"{repository_uri}@{digest}"


def image_tag(folder: Path) -> str:
    """Digest of what the image is made of: its folder, and the folders beside it that it copies from."""
    files = tree(folder)
    for name, shared in shared_folders(folder).items():
        files |= {f"../{name}/{path}": file for path, file in tree(shared).items()}
    return content_digest(files)[:32]


def shared_folders(folder: Path) -> dict[str, Path]:
    """Folders beside the image's by the names under which its Dockerfile copies from them."""
    named = re.findall(r"--from=([\w.-]+)", (folder / "Dockerfile").read_text(encoding="utf-8"))
    return {name: folder.parent / name for name in sorted(set(named)) if (folder.parent / name).is_dir()}


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


def build_and_push(folder: Path, image: str) -> None:
    """Build and push with docker, its output sent to standard error."""
    # https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
    contexts = [f"--build-context={name}={path}" for name, path in shared_folders(folder).items()]
    for command in (["docker", "build", "--tag", image, *contexts, str(folder)], ["docker", "push", image]):
        logger.info("%s", " ".join(command))
        try:
            subprocess.run(command, check=True, stdout=sys.stderr)
        except FileNotFoundError as error:
            raise ImageError("docker is not installed. Install it, or build on a machine that has it.") from error
        except subprocess.CalledProcessError as error:
            raise ImageError(f"{' '.join(command)} failed with exit status {error.returncode}; see above.") from error


if __name__ == "__main__":
    sys.exit(main())
