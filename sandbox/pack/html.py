"""The HTML face: one file that works without script, prints, and reads in light and dark."""

import re
from html.parser import HTMLParser
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sandbox.pack.document import Document

VOID = {"meta", "link", "br", "img", "input", "hr"}


def write(document: Document) -> bytes:
    """The page."""
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    folder, report = files("sandbox.pack"), files("sandbox.report")
    template = environment.from_string((folder / "pack.html").read_text("utf-8"))
    style = [(report / "page.css").read_text("utf-8"), (folder / "pack.css").read_text("utf-8")]
    text: str = template.render(
        d=document,
        open=document.public,
        style=Markup("\n".join(style)),  # noqa: S704 - our own files
        drawing=Markup,
    )
    return (re.sub(r"\n\s*\n+", "\n", text).strip() + "\n").encode()


def read(content: bytes) -> dict[str, str]:
    """Anchor → text, as a reader of the page sees it."""
    reader = _Reader()
    reader.feed(content.decode("utf-8", "replace"))
    return reader.found


class _Reader(HTMLParser):
    """Collects the text of every element that has an anchor."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag in VOID:
            return
        anchor = dict(attrs).get("id") or ""
        self._open.append((tag, anchor))
        if anchor:
            self.found.setdefault(anchor, "")

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        while self._open:
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        """Text belongs to every anchored element around it."""
        for _, anchor in self._open:
            if anchor:
                self.found[anchor] += f"{data} "
