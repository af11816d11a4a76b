"""Ray Serve: many adapters on one base over HTTP.

    records.py, names.py    what the parts tell each other; a request's `model`
    config.py               what a server is told: registry, bases, indexes, limits
    catalogue.py, sources.py, refresher.py  which adapters there are: registry, watched folder, looked at again
    places.py               an adapter's files on this machine
    store.py                adapters in memory: counted, loaded side by side, the longest unused leave
    planner.py              what runs together; pure
    engines/                one base, many adapters: encoding and decoding
    deployments/            the engines, search and the ingress as Ray Serve deployments
    http/                   schemas, routes, protection, server-sent events; FastAPI without Ray
    page/                   the page at `/`
    app.py, start.py        `serve run serving.app:build`; `python -m serving.start`
    discovery.py, transport.py   bases where none are named; how Ray Serve's processes talk

In: the registry's adapters and an index. Out: OpenAI-shaped endpoints and the search page. May import: common.
"""
