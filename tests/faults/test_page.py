"""The status page in a real browser."""

import hashlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

import pytest
from faulty_http import Exchange, FaultyServer
from harness import PROBE, Launch, service
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from frostline_runtime.artifact.manifest import ModelServer, Resource, Service

HOSTILE = "<img src=x onerror=document.title='owned'> \x1b[31mred"


@pytest.fixture
def browser() -> Iterator[Chrome]:
    """Return headless Chromium."""
    driver = shutil.which("chromedriver")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not (driver and chromium):
        pytest.skip("needs Chromium and chromedriver")
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1100,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=Driver(driver))
    yield browser
    browser.quit()


def text(browser: Chrome, selector: str) -> str:
    """Return the text of *selector*."""
    return browser.find_element(By.CSS_SELECTOR, selector).text


def wait_text(browser: Chrome, selector: str, wanted: str) -> None:
    """Wait until *selector* shows *wanted*."""
    WebDriverWait(browser, 15, ignored_exceptions=[Exception]).until(
        lambda _: wanted in text(browser, selector), f"{selector} never showed {wanted}"
    )


@pytest.mark.product("T7")
def test_the_page(launch: Launch, browser: Chrome) -> None:
    """The page shows the services and their output as text only, and its buttons work."""
    artifact = launch(service("main", "--say", HOSTILE), service("other"))
    browser.get(str(artifact.wait_for("ready")["status_url"]))
    main = "article[data-service=main]"
    wait_text(browser, f"{main} .state", "READY")
    wait_text(browser, "#status", "ok")
    assert "#" not in browser.current_url  # the ticket is used up and gone
    before = text(browser, f"{main} .pid")

    browser.find_element(By.CSS_SELECTOR, f"{main} [data-verb=stop]").click()
    wait_text(browser, f"{main} .state", "STOPPED")
    wait_text(browser, "#status", "failed")
    start = browser.find_element(By.CSS_SELECTOR, f"{main} [data-verb=start]")
    start.send_keys(Keys.ENTER)
    wait_text(browser, f"{main} .state", "READY")
    assert text(browser, f"{main} .pid") != before
    browser.find_element(By.CSS_SELECTOR, f"{main} [data-verb=restart]").send_keys(Keys.SPACE)
    wait_text(browser, f"{main} .restarts", "2")

    browser.find_element(By.CSS_SELECTOR, f"{main} [data-verb=output]").click()
    wait_text(browser, "#lines", "<img src=x onerror")
    assert browser.title == "Services"
    assert not browser.find_elements(By.CSS_SELECTOR, "#lines img")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.find_element(By.ID, "output").is_displayed()

    os.kill(artifact.pid("other"), signal.SIGKILL)
    wait_text(browser, "article[data-service=other] .restarts", "1")
    severe = [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    # /health answers 503 while a required service is stopped.
    assert [message for message in severe if "503" not in message] == []


@pytest.mark.product("T7")
def test_a_service_that_failed(launch: Launch, browser: Chrome) -> None:
    """The card of a failed service has its last error, that of a running one its uptime."""
    words = ("--exit-after", 0.05, "--exit-code", 78, "--no-server")
    artifact = launch(service(), service("extra", *words, required=False))
    browser.get(str(artifact.wait_for("ready")["status_url"]))
    wait_text(browser, "article[data-service=extra] .reason", "exited with code 78")
    wait_text(browser, "article[data-service=main] .uptime", " s")


def test_it_recovers(launch: Launch, browser: Chrome) -> None:
    """The page says that the artifact does not answer, and goes on after its restart."""
    first = launch(service())
    token = "t" * 64
    browser.get(str(first.wait_for("ready")["status_url"]))
    wait_text(browser, "#status", "ok")
    first.stop()
    wait_text(browser, "#status", "not answering")
    second = launch(service(), env={"FROSTLINE_TOKEN": token})
    url = str(second.wait_for("ready")["base_url"])
    assert browser.current_url.startswith(url)  # the same port again
    wait_text(browser, "#status", "ok")


def test_without_a_ticket(launch: Launch, browser: Chrome) -> None:
    """Without a ticket the page shows the status only; a ticket is valid once."""
    artifact = launch(service())
    ready = artifact.wait_for("ready")
    browser.get(str(ready["base_url"]))
    wait_text(browser, "#notice", "Only the status")
    assert not browser.find_elements(By.CSS_SELECTOR, "article")
    browser.get("about:blank")
    browser.get(str(ready["status_url"]))
    wait_text(browser, "article .state", "READY")
    browser.execute_script("sessionStorage.clear()")
    browser.get("about:blank")
    browser.get(str(ready["status_url"]))
    wait_text(browser, "#notice", "Only the status")


@pytest.fixture
def foreign_page() -> Iterator[str]:
    """Return the address of a page of another server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "rebound.localhost"])
def test_other_pages_read_nothing(
    launch: Launch, browser: Chrome, foreign_page: str, host: str
) -> None:
    """G2: another origin, or another name for this address, gets no answer."""
    artifact = launch(service())
    port = str(artifact.wait_for("ready")["base_url"]).rpartition(":")[2]
    browser.get(foreign_page)
    outcome = browser.execute_async_script(
        "fetch(arguments[0]).then(r => r.text())"
        ".then(t => arguments[1]('read ' + t), () => arguments[1]('refused'))",
        f"http://{host}:{port}/health",
    )
    assert outcome == "refused"
    if host != "127.0.0.1":  # as a page, where the same-origin policy does not protect
        browser.get(f"http://{host}:{port}/health")
        assert "this Host is not allowed" in browser.page_source


@pytest.mark.product("L2", "T7")
def test_a_download_is_shown(launch: Launch, browser: Chrome, tmp_path: Path) -> None:
    """A download is shown as text and as a bar; both go away at the end."""
    go_on = threading.Event()
    data = b"GGUF\3\0\0\0" + bytes(16) + bytes(1_000_000)

    def slow(exchange: Exchange) -> None:
        body = exchange.offer(content=data)
        exchange.body(body[:420_000])
        go_on.wait(60)
        exchange.body(body[420_000:])

    script = tmp_path / "llamafile"
    standin = Path(__file__).with_name("standin.py")
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -S {standin} new "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    with FaultyServer(slow) as files:
        model = Resource(
            name="m", urls=(files.url(),), destination="m.gguf", when="first-run", size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
        server = ModelServer(executable=str(script), model="{storage}/m.gguf")
        llm = Service(name="llm", kind="llamafile", required=False, startup=PROBE)
        artifact = launch(llm, server=server, resources=(model,))
        browser.get(str(artifact.wait_for("ready", 30)["status_url"]))
        card = "article[data-service=llm]"
        wait_text(browser, f"{card} .reason", "fetching m: ")
        bar = browser.find_element(By.CSS_SELECTOR, f"{card} progress")
        assert bar.is_displayed()
        go_on.set()
        wait_text(browser, f"{card} .state", "READY")
        assert not bar.is_displayed()
        assert text(browser, f"{card} .reason") == ""
