"""The images of this repository: one a folder under containers/, and the list that the build hands to the release."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.image import ImageError

LIST = Path("images.json")


@dataclass(frozen=True)
class BuiltImage:
    """An image in the registry, by its digest; `is_new` tells that this build has pushed it."""

    name: str
    folder: str
    uri: str
    is_new: bool

    @property
    def digest(self) -> str:
        """Digest of the image, `sha256:...`."""
        return self.uri.partition("@")[2]

    @property
    def prefix(self) -> str:
        """Where the project's bucket keeps what is known of the image: a place of its digest's."""
        return f"images/{self.name}/{self.digest.replace(':', '-')}"


def container_folders(root: Path) -> dict[str, Path]:
    """Folders with a Dockerfile by the name of their image: `training/xgboost` is `training-xgboost`."""
    found: dict[str, Path] = {}
    for folder in sorted(path.parent for path in root.rglob("Dockerfile")):
        name = "-".join(folder.relative_to(root).parts)
        if name in found:
            raise ImageError(f"{found[name]} and {folder} would both be the image {name}. Rename one of the folders.")
        found[name] = folder
    if not found:
        raise ImageError(f"{root} holds no Dockerfile. Add a folder with one, such as {root}/training/mine/Dockerfile.")
    return found


def write_list(folder: Path, images: list[BuiltImage]) -> None:
    """Leave the list for the release."""
    (folder / LIST).write_text(json.dumps([asdict(image) for image in images], indent=2) + "\n", encoding="utf-8")


def read_list(folder: Path) -> list[BuiltImage]:
    """Read what the build has left."""
    return [BuiltImage(**item) for item in json.loads((folder / LIST).read_text(encoding="utf-8"))]
