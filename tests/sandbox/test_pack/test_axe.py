"""Accessibility by axe-core in headless Chromium, in light and dark; skipped where absent.

`make axe` fetches axe-core once into `.cache/axe`; the continuous integration does so.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sandbox.pack import html
from sandbox.pack.build import build
from sandbox.pack.material import Material

AXE = Path(__file__).parents[3] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
RUN = """
<script>
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
axe.run(document, {runOnly: rules}).then(found => {
  const out = document.createElement("pre");
  out.id = "axe-found";
  out.textContent = JSON.stringify(found.violations.map(v => ({
    id: v.id, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)), rules: found.passes.length,
  })));
  document.body.append(out);
});
</script>
"""

needs_axe = pytest.mark.skipif(
    not AXE.is_file() or BROWSER is None,
    reason="axe-core or Chromium is absent: run `make axe`, and install chromium",
)


class Found(HTMLParser):
    """The text of the element in which violations are written."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside = False
        self.text = ""
        self.feed(page)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = ("id", "axe-found") in attrs or self.inside

    def handle_endtag(self, _tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        self.text += data if self.inside else ""


def violations(page: str, folder: Path, *, dark: bool = False) -> list[dict[str, object]]:
    """What axe finds wrong with a page."""
    path = folder / "page.html"
    script = f"<script>{AXE.read_text('utf-8')}</script>{RUN}"
    path.write_text(page.replace("</body>", f"{script}</body>"), "utf-8")
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=60000",
        "--dump-dom",
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        path.as_uri(),
    ]
    done = subprocess.run(command, check=True, capture_output=True, timeout=170)
    text = Found(done.stdout.decode()).text
    assert text, "axe did not finish"
    found: list[dict[str, object]] = json.loads(text)
    return found


@needs_axe
@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_violation(
    material: Callable[..., Material], tmp_path: Path, *, dark: bool
) -> None:
    page = html.write(build(material(draw=True))).decode()
    assert violations(page, tmp_path, dark=dark) == []


@needs_axe
@pytest.mark.slow
def test_axe_finds_a_planted_violation(material: Callable[..., Material], tmp_path: Path) -> None:
    page = html.write(build(material())).decode()
    broken = page.replace('<html lang="en-GB">', "<html>").replace("--ink: #0b0c0c", "--ink: #eee")
    assert {each["id"] for each in violations(broken, tmp_path)} >= {
        "html-has-lang",
        "color-contrast",
    }
