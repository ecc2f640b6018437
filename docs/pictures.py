"""Makes every picture and every printed output of the documentation from a real run: `make pictures`.

One batch of the default sample in a folder of its own, and one of the examples in docs/sources (`examples.py`).
README's blocks and the pages' are filled with what was printed. Not here: text. `make pictures ARGS=--tests` prints
the end of the test run as well, which takes minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import examples

from blocks.sample.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
IMAGES, OUTPUT = ROOT / "docs" / "images", ROOT / "docs" / "output"
HALLMARK = Path(sys.executable).with_name("hallmark")
WIDTH, HEIGHT = 1400, 1000
COLUMNS = 80
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def main() -> None:
    """The sample's run, its output, its report; then the examples."""
    with tempfile.TemporaryDirectory(prefix="hallmark-docs-") as folder:
        home = Path(folder) / ".hallmark"
        try:
            # What `make run` calls.
            text = printed([HALLMARK, "sample", "--wave"], home) + printed([HALLMARK, "run"], home)
            keep("first-run.txt", text)
            screenshot(home / "reports" / "latest.html", IMAGES / "report.png")
        finally:
            printed([HALLMARK, "sample", "--remove"], home)
    keep("demo-incident.txt", printed([sys.executable, "-W", "ignore", ROOT / "docs" / "demo_incident.py"], None))
    keep("capacity.txt", printed([HALLMARK, "plan", "--simulate"], None), ROOT / "docs" / "capacity.md")
    keep("costs.txt", printed([sys.executable, ROOT / "terraform" / "costs.py"], None), ROOT / "docs" / "costs.md")
    with tempfile.TemporaryDirectory(prefix="hallmark-examples-") as folder:
        with EmbeddedPostgres(Path(folder)) as server:
            examples.fill(Path(folder), server.url())
        server.destroy()
    if "--tests" in sys.argv:
        keep("tests.txt", printed([sys.executable, "-m", "pytest", "-q", "-W", "ignore"], None).splitlines()[-1] + "\n")


def printed(command: list[str | Path], home: Path | None) -> str:
    """What a terminal of 80 columns shows of a command, without colours; an error ends the script."""
    own = ("HALLMARK_", "CRM_URL", "DROPS_ROOT", "MAILROOM_ROOT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"COLUMNS": str(COLUMNS), "NO_COLOR": "1"} | ({"HALLMARK_HOME": str(home)} if home else {})
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    # A clone's home is .hallmark in it.
    text = done.stdout.replace(str(home), ".hallmark") if home else done.stdout
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def keep(name: str, text: str, page: Path = ROOT / "README.md") -> None:
    """Write an output, and put it into the block of that name of a page."""
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / name).write_text(text, encoding="utf-8")
    block = re.compile(rf"(<!-- docs/output/{re.escape(name)} -->\n```text\n).*?(```\n)", re.S)
    filled = block.sub(lambda found: found[1] + text + found[2], page.read_text(encoding="utf-8"))
    page.write_text(filled, encoding="utf-8")


def screenshot(page: Path, target: Path) -> None:
    """The top of a page, as Chromium draws it."""
    browser = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("no Chromium. Remedy: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hallmark-chromium-") as profile:
        options = [f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={target}"]
        subprocess.run([browser, *QUIET, *options, page.as_uri()], check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    main()
