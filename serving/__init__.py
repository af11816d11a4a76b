"""Ray Serve: many adapters on one base over HTTP. Empty until the serving work lands.

In: the registry's adapters and an index. Out: OpenAI-shaped endpoints and the search page. May import: common.
"""
