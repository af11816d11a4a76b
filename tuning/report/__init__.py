"""What a sweep says about itself: a page with figures, the same in Markdown, a table for other programs, the terminal.

In: `tuning.outcome.Sweep`, plain data. Out: files, and strings. May import: common.runs, tuning.outcome. plotly and
optuna load with the functions that need them.
"""

from tuning.report.files import write_report

__all__ = ["write_report"]
