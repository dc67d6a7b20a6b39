"""Build the image of each folder under containers/ whose content is new, and list what is in it.

    python -m pipelines.container.build

Leaves images.json, the images by digest, and image-build-result.txt, one line that says how it ended.

exit status: 0 done, 1 an image could not be built or listed, 2 settings are wrong or AWS refused the request
"""

import logging
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.container import settings
from pipelines.container.images import BuiltImage, container_folders, write_list
from pipelines.container.sbom import ensure_sbom
from pipelines.image import Container, ImageError, ensure_image, find_digest
from pipelines.variables import SettingsError

logger = logging.getLogger("build")

RESULT = Path("image-build-result.txt")


def main() -> int:
    """Build; see the module's text for exit statuses."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    status, result = run()
    RESULT.write_text(result + "\n", encoding="utf-8")
    logger.info("%s", result)
    return status


def run() -> tuple[int, str]:
    """Build, list and leave the list; returns the exit status and a line about it."""
    try:
        project = settings.for_build()
        images = build(project, container_folders(Path("containers")), boto3.Session(region_name=project.region))
    except ImageError as error:
        return 1, str(error)
    except (SettingsError, ClientError, BotoCoreError) as error:
        return 2, str(error)
    write_list(Path(), images)
    new = [image.name for image in images if image.is_new]
    return 0, f"{len(images)} images, {len(new)} of them new" + (f": {', '.join(new)}" if new else "")


def build(project: settings.Project, folders: dict[str, Path], session: Any) -> list[BuiltImage]:
    """Build and list each folder's image."""
    ecr, s3, uri = session.client("ecr"), session.client("s3"), project.image_repository_uri
    images = []
    for name, folder in folders.items():
        container = Container(folder)
        # Told apart here, because a new image's scan has just begun.
        is_new = find_digest(uri, container.tag, ecr) is None
        image = BuiltImage(name, folder.as_posix(), ensure_image(container, uri, ecr), is_new)
        logger.info("%s %s", image.uri, ensure_sbom(image, project, s3))
        images.append(image)
    return images


if __name__ == "__main__":
    sys.exit(main())
