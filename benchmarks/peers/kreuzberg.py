"""kreuzberg by itself: text, pages and metadata of all files of a folder, on all cores, written nowhere."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import kreuzberg

from benchmarks import child


def extract(path: Path) -> int:
    """1 if the file can be read."""
    config = kreuzberg.ExtractionConfig(
        use_cache=False, enable_quality_processing=False, disable_ocr=path.suffix not in (".png", ".jpg", ".tif"),
        pages=kreuzberg.PageConfig(extract_pages=True),
        language_detection=kreuzberg.LanguageDetectionConfig(enabled=True),
        tree_sitter=kreuzberg.TreeSitterConfig(enabled=False),
        ocr=kreuzberg.OcrConfig(backend="tesseract", language="eng"),
    )  # fmt: skip
    try:
        kreuzberg.extract_file_sync(str(path), config=config)
    except kreuzberg.KreuzbergError:
        return 0
    return 1


def work(source: str, _: Path) -> int:
    """One process for each core."""
    found = sorted(p for p in Path(source).rglob("*") if p.is_file())
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return sum(pool.map(extract, found))


if __name__ == "__main__":
    child.main({"documents": work})
