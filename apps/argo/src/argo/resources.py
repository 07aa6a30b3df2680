"""The files that come with argo."""

from pathlib import Path


def resource(*parts: str) -> Path:
    """Return the path of the bundled file or folder *parts*, from source and frozen alike.

    In a PyInstaller bundle `__file__` lies inside the bundle, next to the data files.
    """
    path = Path(__file__).parent.joinpath(*parts)
    if not path.exists():
        message = f"{path} is missing: argo's installation is incomplete"
        raise FileNotFoundError(message)
    return path
