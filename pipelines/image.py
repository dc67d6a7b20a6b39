"""Print the URI of one of a pipeline's images, pinned by digest; build it when what it is made of is new.

    python -m pipelines.image build.vision train-gpu

images.json beside the pipeline tells what each image is made of: `folder`, and `file` where its Dockerfile lies
elsewhere; or it names by `uri` an image that somebody else has built.

The tag is the content's digest, so an unchanged folder keeps its image, and cached steps stay cached.
Images share what lies beside their folders: `COPY --from=entry` in a Dockerfile copies from the folder ../entry.
Progress goes to standard error; standard output is the URI alone.
"""

import argparse
import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from pipelines import settings
from pipelines.content import content_digest, tree

logger = logging.getLogger("image")


class ImageError(RuntimeError):
    """The image could not be built or found; the message says what to do."""


@dataclass(frozen=True)
class Container:
    """What an image is made of: a folder, and its Dockerfile or one that lies elsewhere."""

    folder: Path
    file: Path | None = None

    @property
    def dockerfile(self) -> Path:
        """The Dockerfile."""
        return self.file or self.folder / "Dockerfile"

    @property
    def shared(self) -> dict[str, Path]:
        """Folders beside the container's by the names under which its Dockerfile copies from them."""
        named = re.findall(r"--from=([\w.-]+)", self.dockerfile.read_text(encoding="utf-8"))
        beside = self.folder.parent
        return {name: beside / name for name in sorted(set(named)) if (beside / name).is_dir()}

    @property
    def tag(self) -> str:
        """Digest of all that the image is made of."""
        files = {"Dockerfile": self.dockerfile, **sources(self.folder)}
        for name, shared in self.shared.items():
            files |= {f"../{name}/{path}": file for path, file in sources(shared).items()}
        return content_digest(files)[:32]


def sources(folder: Path) -> dict[str, Path]:
    """Files of a folder by name, save Dockerfiles, of which an image has one."""
    return {name: file for name, file in tree(folder).items() if not name.startswith("Dockerfile")}


def main() -> int:
    """Parse the command line; exit 2 on bad settings or folder, 1 when docker fails."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", help="as for pipelines.run: build.vision for pipelines/build/vision")
    parser.add_argument("image", help="its name in images.json")
    given = parser.parse_args()
    try:
        project, known = settings.from_environment(), find(given.pipeline, given.image)
        ecr = boto3.client("ecr", region_name=project.region)
        uri = known if isinstance(known, str) else ensure_image(known, project.image_repository_uri, ecr)
    except settings.SettingsError as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        return 2
    except ImageError as error:
        logger.error("%s", error)  # noqa: TRY400  # as above
        return 1
    sys.stdout.write(f"{uri}\n")
    return 0


def find(pipeline: str, name: str) -> Container | str:
    """What a pipeline's image is made of, or the URI of one that is there; SettingsError for what images.json lacks."""
    path = Path(__file__).parent.joinpath(*pipeline.split("."), "images.json")
    try:
        images: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise settings.SettingsError(f"{path} can't be read: {error}. Write an object for each image.") from error
    if name not in images:
        raise settings.SettingsError(f"{path} has no image {name!r}. Use one of {', '.join(images)}.")
    return _known(images[name], f"{path}: image {name!r}")


def _known(entry: dict[str, str], where: str) -> Container | str:
    if entry.keys() == {"uri"}:
        if not entry["uri"] or not re.fullmatch(settings.PINNED, entry["uri"]):
            raise settings.SettingsError(f"{where} has the uri {entry['uri']!r}. Write {settings.PINNED_FORM}.")
        return entry["uri"]
    if not {"folder"} <= entry.keys() <= {"folder", "file"}:
        raise settings.SettingsError(f"{where} has {', '.join(entry)}. Write folder, and file if need be; or uri.")
    container = Container(Path(entry["folder"]), Path(entry["file"]) if "file" in entry else None)
    if not container.folder.is_dir() or not container.dockerfile.is_file():
        raise settings.SettingsError(f"{where}: there is no {container.dockerfile}. Mend its folder or its file.")
    return container


def ensure_image(container: Container, repository_uri: str, ecr: Any) -> str:
    """Return the URI by digest of a container's image, built and pushed when the repository lacks it."""
    digest = find_digest(repository_uri, container.tag, ecr)
    if digest is None:
        build_and_push(container, f"{repository_uri}:{container.tag}")
        digest = find_digest(repository_uri, container.tag, ecr)
    else:
        logger.info("%s is unchanged; using the image tagged %s", container.folder, container.tag)
    if digest is None:
        raise ImageError(
            f"{repository_uri} has no image tagged {container.tag} after the push. Look at the repository's policy."
        )
    return f"{repository_uri}@{digest}"


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


def build_and_push(container: Container, image: str) -> None:
    """Build and push with docker, its output sent to standard error."""
    # https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
    contexts = [f"--build-context={name}={folder}" for name, folder in container.shared.items()]
    made_of = ["--file", str(container.dockerfile), *contexts, str(container.folder)]
    build = ["docker", "build", "--tag", image, *made_of]
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
