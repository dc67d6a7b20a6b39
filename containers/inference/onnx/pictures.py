"""Pixels of a PNG or JPEG file, made as the training data's were."""

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

Pixels = npt.NDArray[np.uint8]

FORMATS = ("PNG", "JPEG")
# Memory, not the file's size, is what a picture costs: a megabyte of PNG may hold a billion pixels.
Image.MAX_IMAGE_PIXELS = 25_000_000
warnings.simplefilter("error", Image.DecompressionBombWarning)
Image.preinit()  # decoders are imported before the workers part, not at the first request


class PictureError(ValueError):
    """A file is no picture that can be read; the message says why."""


def read_pixels(content: bytes, height: int, width: int, channels: int) -> Pixels:
    """Decode, convert to gray (1 channel) or RGB (3), and resize; uint8 [height, width, channels]."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            pixels = np.asarray(converted(image, height, width, channels))
    except UnidentifiedImageError as error:
        raise PictureError("is no PNG or JPEG file") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise PictureError(f"has more than {Image.MAX_IMAGE_PIXELS} pixels") from error
    except Exception as error:  # decoders raise whatever their parsers do
        raise PictureError(f"is a damaged image: {error}") from error
    return pixels.reshape(height, width, channels)


def converted(image: Image.Image, height: int, width: int, channels: int) -> Image.Image:
    """What training does to an image too: the same colours, the same size."""
    return image.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
