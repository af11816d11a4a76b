"""Named data sets for code search, each in the layout in which it is published.

May import: common.errors, common.config, common.corpora.
"""
