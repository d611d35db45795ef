"""A real browser without a window, which tells what it was asked to load and what went wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
HERE = ("localhost", "127.0.0.1", "[::1]")


class Browser:
    """A tab, and what came of it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, address: str | Path) -> None:
        """Load a page: a file or an address on this machine."""
        self.driver.get(address.as_uri() if isinstance(address, Path) else address)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a function of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)  # type: ignore[no-untyped-call]

    def size(self, width: int, height: int) -> None:
        """Make the window as large as some device's."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def prefer(self, **features: str) -> None:
        """Say what the reader prefers: `prefers_color_scheme="dark"`."""
        said = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", features=said)

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def errors(self) -> list[str]:
        """What the console held that is an error, since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """The addresses that were asked for, since it was last asked."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]  # type: ignore[no-untyped-call]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests. Where there is none they are skipped, or fail if HARNESS_REQUIRE_BROWSER is 1."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    service = shutil.which("chromedriver")
    if program is None or service is None:
        missing = "install chromium and chromedriver (Debian: chromium and chromium-driver) to try pages in a browser"
        if os.environ.get("HARNESS_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = program
    options.add_argument("--headless=new")
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--disable-background-networking")
    options.add_argument("--no-first-run")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which root has not
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SE_OFFLINE", "true")  # no driver is downloaded
        patch.setenv("SE_AVOID_STATS", "true")
        driver = Chrome(options, Service(service))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """An empty tab; when the test is over, nothing that it loaded has left the machine."""
    chromium.open("about:blank")
    chromium.size(1280, 900)
    chromium.prefer(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    chromium.errors()
    chromium.requests()
    yield chromium
    left = [request for request in chromium.requests() if not _stays_here(request)]
    assert left == []


def _stays_here(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("file", "data", "about", "blob") or parts.hostname in HERE
