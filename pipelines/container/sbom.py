"""Software bill of materials (CycloneDX JSON) of an image, kept in the project's bucket under the image's digest.

The image itself is asked which Python packages it holds, so that the bill also lists what no requirement names.
Operating system packages are not listed: ECR's scan reads those.
"""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pipelines.container.images import BuiltImage
from pipelines.container.settings import Project
from pipelines.image import ImageError

FILE = "sbom.cdx.json"
ROOT = "image"  # by which the bill refers to the image
LIST = ("-m", "pip", "freeze", "--all", "--disable-pip-version-check")
TOOL = ("-m", "cyclonedx_py", "requirements", "--spec-version", "1.6", "--output-reproducible", "--short-PURLs", "-")


def ensure_sbom(image: BuiltImage, project: Project, s3: Any) -> str:
    """Return the S3 URI of the image's bill, made and uploaded when the bucket lacks it."""
    key = f"{image.prefix}/{FILE}"
    if s3.list_objects_v2(Bucket=project.bucket, Prefix=key)["KeyCount"] == 0:
        s3.put_object(
            Bucket=project.bucket,
            Key=key,
            Body=make_sbom(image, installed(image.uri)).encode(),
            ContentType="application/vnd.cyclonedx+json",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=project.kms_key_arn,
        )
    return f"s3://{project.bucket}/{key}"


def installed(uri: str) -> str:
    """Ask the image, cut off from the network, for its Python packages; one requirement a line."""
    return _output(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "python", uri, *LIST],
        "The image must hold Python and pip; see pipelines/container/sbom.py to list another kind of image.",
    )


def make_sbom(image: BuiltImage, requirements: str) -> str:
    """Bill of the packages, whose subject is the image; the same for the same packages. ImageError if it is invalid."""
    bill = json.loads(_output([sys.executable, *TOOL], "Look at the packages of the image.", requirements))
    bill["metadata"]["component"] = _subject(image)
    parts = sorted(component["bom-ref"] for component in bill.get("components", []))
    bill["dependencies"] = [*bill.get("dependencies", []), {"ref": ROOT, "dependsOn": parts}]
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ImageError(f"the bill of materials of {image.name} breaks CycloneDX's schema: {error}")
    return text


def _subject(image: BuiltImage) -> dict[str, Any]:
    """The image as a component; its package URL as github.com/package-url/purl-spec has it for OCI."""
    repository = image.uri.partition("@")[0]
    name, where = quote(repository.rpartition("/")[2]), quote(repository, safe="")
    return {
        "type": "container",
        "bom-ref": ROOT,
        "name": image.name,
        "version": image.digest,
        "purl": f"pkg:oci/{name}@{quote(image.digest, safe='')}?repository_url={where}",
    }


def _output(command: list[str], advice: str, given: str = "") -> str:
    """Output of a program; ImageError with what it said when it fails."""
    try:
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError as error:
        raise ImageError(f"{command[0]} is not installed. Install it, or build on a machine that has it.") from error
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout).strip()
        raise ImageError(f"{' '.join(command)} failed with exit status {error.returncode}: {told} {advice}") from error
