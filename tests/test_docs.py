"""What the documentation shows is what happens: its code is run, its commands exist."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language on a page."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def sandbox(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_guide_to_adding_an_option_works_as_written(tmp_path: Path) -> None:
    page = DOCS / "adding-an-option.md"
    (tmp_path / "rounded_counts.py").write_text(blocks(page, "python")[0], "utf-8")
    (tmp_path / "plan.toml").write_text(blocks(page, "toml")[0], "utf-8")
    done = sandbox(*blocks(page, "sh")[0].split()[1:], "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    paths = json.loads(done.stdout)
    lines = (tmp_path / paths["evidence"]).read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "run"]
    ours = [row for row in rows if row["option"] == "rounded-counts"]
    assert [row["status"] for row in rows] == ["done"] * 4
    assert ours[0]["payload_kinds"] == ["statistics"]
    assert all(total["person_rows"] == 0 for total in ours[0]["egress"].values())
    assert "rounded-counts" in (tmp_path / paths["report"]).read_text("utf-8")


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8"))
        if "://" not in target
    ]
    assert len(links) >= 10
    broken = [
        f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()
    ]
    assert not broken


def test_every_command_in_the_docs_exists() -> None:
    shown = {
        match
        for page in [ROOT / "README.md", *DOCS.rglob("*.md")]
        for match in re.findall(r"^sandbox ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    known = sandbox("--help", folder=ROOT).stdout
    commands = set(re.findall(r"^  ([a-z-]+) {2,}", known, re.MULTILINE))
    assert len(shown) >= 4
    assert shown <= commands


def test_the_project_speaks_of_itself_alone() -> None:
    said = r"\b(ticket|sprint|issue #?\d+|session \d+)\b|/w[o]rk/|/r[o]ot/"
    words = re.compile(said, re.IGNORECASE)
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    guilty = [
        name
        for name in tracked
        if name != "tests/test_docs.py" and words.search((ROOT / name).read_text("utf-8"))
    ]
    assert not guilty
