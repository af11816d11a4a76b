"""The report of a sweep as files."""

from __future__ import annotations

from pathlib import Path

from common.runs import write_text
from tuning.outcome import Sweep
from tuning.report.markdown import markdown
from tuning.report.spreadsheet import comma_separated


def write_report(sweep: Sweep, folder: Path) -> None:
    """Write `report.html`, `report.md` and `trials.csv` into `folder`; each replaces an older one at once."""
    from tuning.report.page import page  # loads plotly

    write_text(folder / "trials.csv", comma_separated(sweep))
    write_text(folder / "report.md", markdown(sweep))
    write_text(folder / "report.html", page(sweep))
