"""The endpoints, a file for each: `router` in it is what `serving.http.app` puts together.

In: validated requests and their exchange. Out: what the backend answers, in the endpoint's shape. May import: fastapi,
serving.http.
"""
