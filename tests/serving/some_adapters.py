"""Records of adapters that exist nowhere, for what never looks at their files."""

import hashlib

from serving.records import Adapter, Place


def some_adapter(name="docsearch", version="1", **changes):
    """An adapter whose digest is that of its name and version, unless `changes` say another."""
    known = {
        "aliases": (),
        "digest": hashlib.sha256(f"{name}@{version}".encode()).hexdigest(),
        "place": Place(registry="sqlite:///nowhere.db"),
        "base": "some/base",
        "base_digest": "b" * 64,
        "task": "search",
        "language": "all",
        "method": "lora",
    }
    return Adapter(name=name, version=version, **(known | changes))
