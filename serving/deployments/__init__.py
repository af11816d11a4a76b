"""The parts of a server as Ray Serve deployments.

    facts.py        what replicas say of themselves: bases, indexes
    embedding.py    a base for vectors, its adapters, its queue
    generation.py   a base that writes; asking.py: from messages and snippets to a prompt
    search.py       the indexes
    calling.py      calls between deployments: a lost replica, a full queue, a client that left
    directory.py    which models there are; backend.py: the HTTP layer's `Backend` over all of it
    preloading.py   adapters in memory before somebody asks; finding.py: the space of a search; gauges.py
    ingress.py      HTTP; listening.py: without Ray Serve's proxy before it

In: `serving.config`. Out: deployments for `serving.app`. May import: ray, serving's other rooms, common.
"""
