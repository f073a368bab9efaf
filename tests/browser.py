"""A headless Chromium: pages are opened as a reader opens them, files without a network."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

_PATIENCE_MS = 60_000


class Browser:
    """One page at a time; notes every complaint of it and every address it asks for.

    Args:
        program: path of Chromium.

    Attributes:
        complaints: errors and warnings on the console, those of the page's own policy included, and exceptions.
        requests: addresses, without those of data inside the page.
    """

    def __init__(self, program: str) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._driver = sync_playwright().start()
        self._chromium = self._driver.chromium.launch(executable_path=program, chromium_sandbox=False)
        self._page = self._chromium.new_page(offline=True)
        self._page.set_default_timeout(_PATIENCE_MS)
        self._page.on("console", self._hear)
        self._page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._page.on("request", self._see)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._chromium.close()
        self._driver.stop()

    def open(self, path: Path, width: int, height: int = 900) -> None:
        """Opens a file in a window of so many pixels and waits until all of it is there."""
        self._page.set_viewport_size({"width": width, "height": height})
        self.complaints.clear()
        self.requests.clear()
        self._page.goto(path.resolve().as_uri(), wait_until="load")

    def visit(self, address: str, width: int, height: int = 900) -> Page:
        """Opens a page of a server on this machine, the only network there is then, and gives it."""
        self._page.set_viewport_size({"width": width, "height": height})
        self.complaints.clear()
        self.requests.clear()
        self._page.context.set_offline(False)
        self._page.goto(address, wait_until="load")
        return self._page

    def run(self, script: str) -> Any:
        """The value of an expression, or what its promise comes to."""
        return self._page.evaluate(f"() => ({script})")

    def wait(self, condition: str) -> None:
        """Waits until an expression is true."""
        self._page.wait_for_function(f"() => ({condition})")

    def click(self, element: str) -> None:
        """Clicks into the middle of an element, given as an expression, with a mouse."""
        found = self._page.evaluate_handle(f"() => {element}").as_element()
        assert found is not None, element
        found.click()

    def picture(self, path: Path) -> None:
        """Saves what the whole page looks like as PNG."""
        self._page.screenshot(path=path, full_page=True)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.requests.append(request.url)
