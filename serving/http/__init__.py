"""The endpoints: FastAPI over a `Backend`, in OpenAI's shapes.

    backend.py              what is asked of whatever computes, and what it answers
    settings.py, keys.py    limits; API keys with permitted adapters and rates
    envelope.py             around each request: key, rate, size, time, the client that leaves, counting
    admission.py            who is let in: how many at a time, and for how long a wait
    exchange.py             one request as the routes see it
    errors.py, openapi.py   OpenAI's error object; `/openapi.json` with each status that can occur
    events.py, writing.py   server-sent events; answers that a model writes
    metrics.py, snippets.py Prometheus figures; the lines of a hit that are shown
    answers.py, page.py     parts that several answers share; the page's files
    schemas/, routes/       a file for each endpoint
    app.py                  create_app

In: HTTP, a `Backend`, `HttpSettings`. Out: an ASGI application. May import: fastapi, prometheus_client, common,
serving.names, serving.records; no ray, no torch. No path or URL of a request is ever opened, and no prompt or key is
logged.
"""
