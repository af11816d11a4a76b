"""The page's pure modules, run by the browser: tokens, spans, rankings, events, prose."""

import json

import pytest

from tests.serving.page.page_backend import HITS

pytestmark = pytest.mark.clients


def call(page, module, function, *arguments):
    given = ", ".join(map(json.dumps, arguments))
    return page.value(f"import('/{module}.js').then((module) => module.{function}({given}))")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", 'x = f"""a\n#b""" # c', ['string f"""a\n#b"""', "comment # c"]),
        ("python", "@memo\ndef f(n=0x1F): return 'it''s'", [
            "meta @memo", "keyword def", "call f", "number 0x1F", "keyword return", "string 'it'", "string 's'",
        ]),
        ("java", "/* a\n// b */ int x = 1.5f; // \"c\"", [
            "comment /* a\n// b */", "keyword int", "number 1.5f", 'comment // "c"',
        ]),
        ("javascript", "`a // ${b}` // c", ["string `a // ${b}`", "comment // c"]),
        ("typescript", "type A = 'x'", ["keyword type", "string 'x'"]),
        ("go", "var s = `a\n\"b` + 'c'", ["keyword var", 'string `a\n"b`', "string 'c'"]),
        ("ruby", "=begin\nx\n=end\nnil :b # c", ["comment =begin\nx\n=end", "keyword nil", "meta :b", "comment # c"]),
        ("php", "<?php # a\nfn($b) => \"c\"", ["meta <?php", "comment # a", "keyword fn", 'string "c"']),
        ("c", "  #include <a.h>\nif 'x'; // y", ["meta   #include", "keyword if", "string 'x'", "comment // y"]),
        ("cpp", "template <class T> /* open\nend", ["keyword template", "keyword class", "comment /* open\nend"]),
        ("csharp", 'var a = @"b\n""c"; // d', ["keyword var", 'string @"b\n""c"', "comment // d"]),
        ("py", "pass", ["keyword pass"]),
        ("klingon", 'if "open\nnext 12', ['string "open', "number 12"]),
        ("constructor", "if", []),
        ("python", "ünïcode(é) if_ 'a", ["call ünïcode", "string 'a"]),
    ],
)  # fmt: skip
def test_tokens(page, language, text, expected):
    found = call(page, "highlight", "tokens", text, language)
    assert [f"{one['kind']} {text[one['start'] : one['end']]}" for one in found] == expected


@pytest.mark.parametrize("hit", HITS, ids=lambda hit: hit.language)
def test_lines_hold_the_whole_text_and_the_marks(page, hit):
    text = hit.source
    marks = [{"start": at, "end": at + 3} for at in range(0, len(text) - 3, 7)]
    units = call(page, "highlight", "unitsOf", text, marks)
    rows = call(page, "highlight", "lines", text, hit.language, units)
    assert "\n".join("".join(part["text"] for part in row) for row in rows) == text
    marked = "".join(part["text"] for row in rows for part in row if part["marked"])
    assert marked == "".join(text[one["start"] : one["end"]] for one in marks).replace("\n", "")


def test_two_rankings(page):
    assert call(page, "compare", "compare", ["a", "b", "c"], ["c", "a"]) == {
        "left": [2, None, 1], "right": [3, 1], "shared": 2,
    }  # fmt: skip
    assert call(page, "compare", "compare", [], ["a"]) == {"left": [], "right": [None], "shared": 0}


def test_events_arrive_in_any_cut(page):
    text = 'data: {"a":"ü𝒳"}\n\nevent: error\r\ndata: one\r\ndata: two\r\n\r\ndata: [DONE]\n\ndata: lost'
    script = """
    (async () => {
      const { events } = await import("/sse.js");
      const bytes = new TextEncoder().encode(TEXT);
      const found = [];
      for (const size of [1, 2, 3, 7, 1000]) {
        const stream = new ReadableStream({ start(out) {
          for (let at = 0; at < bytes.length; at += size) out.enqueue(bytes.slice(at, at + size));
          out.close();
        } });
        const all = [];
        for await (const { name, data } of events(stream)) all.push(`${name} ${data}`);
        found.push(all);
      }
      return found;
    })()
    """
    found = page.value(script.replace("TEXT", json.dumps(text)))
    assert found == [['message {"a":"ü𝒳"}', "error one\ntwo", "message [DONE]"]] * 5


def test_prose_and_code(page):
    found = call(page, "prose", "blocks", "a\n\n```Py\nx = 1\n```\nb\n```\nopen")
    assert [(one["code"], one["language"], one["text"]) for one in found] == [
        (False, "", "a\n"), (True, "py", "x = 1"), (False, "", "b"), (True, "", "open"),
    ]  # fmt: skip
