"""Container images of this repository: built when new, listed, scanned, and published by their digest."""
