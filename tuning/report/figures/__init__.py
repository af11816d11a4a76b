"""The figures of the page, with plotly: each a function from what `tuning.report.contents` found to a figure."""
