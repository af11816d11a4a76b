from serving.http.snippets import snippet


def test_the_window_holds_most_words_of_the_query():
    source = "def f():\n    a\n    b\n    copyFiles(path)\n    permissions = 1\n    c"
    found = snippet(source, "copy a file with permission", 2)
    assert found.text == "    copyFiles(path)\n    permissions = 1"
    assert found.line == 3
    assert [found.text[start:end] for start, end in found.highlights] == ["copy", "Files", "permissions"]


def test_without_a_word_it_begins_at_the_beginning():
    found = snippet("one\ntwo\nthree", "nothing", 2)
    assert (found.text, found.line, found.highlights) == ("one\ntwo", 0, ())


def test_a_short_source_is_shown_whole():
    assert snippet("one\ntwo", "two", 9).text == "one\ntwo"
    assert snippet("", "two", 9).text == ""
