"""Starts the app as many do: by a string, which no analysis follows."""

import os

import uvicorn


def main() -> None:
    """Serve until told to stop."""
    uvicorn.run("hard.app:app", host="127.0.0.1", port=int(os.environ["STRINGS_PORT"]))
