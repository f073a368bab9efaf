"""The page about HDTF."""

from pathlib import Path

from web import Web

from segtalker.config.data import Hdtf
from segtalker.datasets.hdtf import hdtf_recordings
from segtalker.datasets.hdtf_report import hdtf_report


def test_the_page_says_what_is_gone(web: Web, settings: Hdtf, tmp_path: Path) -> None:
    page = hdtf_report(hdtf_recordings(settings, tmp_path), "subjects")
    assert "| fetched | 4 | 4 | 0.1 |" in page
    assert "| missing | 1 | 1 | 0.0 |" in page
    assert "| listed | 5 | 5 | 0.2 |" in page
    assert "WDA_AnnieKuster | missing:" in page
    assert "RD_Radio24 | the lists give no times for it" in page
    assert "CC BY 4.0" in page
