"""What the tests of all languages look at."""

from common.corpora.mining.languages import language_of, parse_file


def functions(source: str, path: str):
    """The functions of a file by symbol."""
    parsed = parse_file(source.encode(), path, language_of(path))
    found = {function.symbol: function for function in parsed.functions}
    assert len(found) == len(parsed.functions), "the symbols of a test are unique"
    assert parsed.broken_line is None
    return found


def seen(source: str, path: str):
    """symbol → (start line, end line, parameters, stub)."""
    return {
        symbol: (found.start_line, found.end_line, " ".join(found.parameters), found.is_stub)
        for symbol, found in functions(source, path).items()
    }
