"""Requests and answers of the endpoints as pydantic models.

    common.py       what all requests share: types are strict, unknown fields refused; fields with one accepted value
    embeddings.py, generation.py, completions.py, chat.py, search.py, rerank.py, models.py

In: JSON. Out: validated records, and the schemas of `/openapi.json`. May import: pydantic, common.config, serving.http.
"""
