"""Pages with their own launcher."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

STREAMLIT = "import streamlit as st\n\nst.set_page_config(page_title='x')\n"


def test_streamlit(tmp_path: Path) -> None:
    """The launcher runs the page out of the bundle, with its other pages and settings."""
    files = {
        "requirements.txt": "streamlit",
        "charts.py": "import streamlit as st\ndef chart(): st.line_chart([])",
        "Home.py": STREAMLIT,
        "pages/1_Other.py": STREAMLIT,
        ".streamlit/config.toml": "",
    }
    result = inferred(tmp_path, files)
    assert (value(result, "entry"), reason(result, "entry")) == (
        "streamlit.web.cli:main", "Home.py:1",
    )  # fmt: skip
    services = value(result, "services")
    assert isinstance(services, list)
    assert services[0]["port"] == {"mode": "ephemeral", "by": "argument"}
    arguments = " ".join(services[0]["arguments"])
    assert arguments.startswith("run {bundle}/Home.py --server.port {port} ")
    assert "--global.developmentMode false" in arguments
    assert value(result, "packages.streamlit") == {"submodules": True, "data": True}
    assert value(result, "data") == [
        {"source": "Home.py", "destination": "."},
        {"source": "pages/1_Other.py", "destination": "pages"},
        {"source": ".streamlit/config.toml", "destination": ".streamlit"},
    ]


def test_further_pages_are_not_the_entry(tmp_path: Path) -> None:
    """The pages in `pages` belong to the one beside it, whatever their names."""
    result = inferred(tmp_path, {"zoo.py": STREAMLIT, "pages/app.py": STREAMLIT})
    assert reason(result, "entry") == "zoo.py:1"
    assert result.notes == ()


def test_a_command_names_the_page(tmp_path: Path) -> None:
    """`streamlit run` of a Dockerfile is believed before names and imports."""
    files = {
        "app.py": STREAMLIT,
        "ui/second.py": STREAMLIT,
        "Dockerfile": 'FROM x\nENTRYPOINT ["streamlit", "run", "ui/second.py", "--server.port=80"]',
    }
    result = inferred(tmp_path, files)
    assert reason(result, "services") == "Dockerfile:2"
    assert value(result, "data") == [{"source": "ui/second.py", "destination": "ui"}]


def test_panel(tmp_path: Path) -> None:
    """Panel serves the file."""
    result = inferred(tmp_path, {"dash.py": "import panel as pn\npn.panel('x').servable()"})
    services = value(result, "services")
    assert isinstance(services, list)
    assert value(result, "entry") == "panel.command:main"
    assert services[0]["arguments"][:4] == ["serve", "{bundle}/dash.py", "--port", "{port}"]


@pytest.mark.parametrize(
    ("launch", "port"),
    [
        ("launch()", {"mode": "ephemeral", "by": "environment", "variable": "GRADIO_SERVER_PORT"}),
        ("launch(server_port=7000)", {"mode": "fixed", "number": 7000, "by": "environment"}),
        ("launch(server_port=int(os.environ.get('PORT', 1)))",
         {"mode": "ephemeral", "by": "environment", "variable": "PORT"}),
    ],
)  # fmt: skip
def test_gradio(launch: str, port: dict[str, object], tmp_path: Path) -> None:
    """The module is run, and its port is the one that its code or Gradio's variable names."""
    code = f"import os\nimport gradio as gr\ndemo = gr.Blocks()\ndemo.{launch}"
    result = inferred(tmp_path, {"app.py": code})
    services = value(result, "services")
    assert isinstance(services, list)
    assert (services[0]["entry"], services[0]["port"]) == ("app", port)


def test_gradio_in_an_application(tmp_path: Path) -> None:
    """A Gradio page that is mounted in FastAPI is an ASGI application."""
    code = (
        "import gradio as gr\nfrom fastapi import FastAPI\napi = FastAPI()\n"
        "app = gr.mount_gradio_app(api, gr.Blocks(), path='/')"
    )
    result = inferred(tmp_path, {"main.py": code})
    assert (value(result, "entry"), value(result, "serve")) == ("main:app", "asgi")


@pytest.mark.parametrize(
    ("run", "port", "notes"),
    [("ui.run(reload=False, port=9000)", 9000, 0), ("ui.run()", 8080, 1)],
)
def test_nicegui(run: str, port: int, notes: int, tmp_path: Path) -> None:
    """Its port is fixed in its code; a page that reloads is named with its line."""
    result = inferred(tmp_path, {"main.py": f"from nicegui import ui\n{run}"})
    services = value(result, "services")
    assert isinstance(services, list)
    assert services[0]["port"]["number"] == port
    assert [note.partition(": ")[0] for note in result.notes] == ["main.py:2"] * notes
