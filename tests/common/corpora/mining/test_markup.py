import pytest

from common.corpora.mining.markup import doxygen, javadoc, rdoc, rst, xmldoc


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("See {@link Foo#bar(int, T)}.", "See Foo.bar(int, T)."),
        ("See {@link #bar} and {@link Foo the foo}.", "See bar and the foo."),
        ("A {@code Map<K, {V}>} and {@literal <b>}.", "A Map<K, {V}> and <b>."),
        ("{@inheritDoc}", ""),
        ("One.<p>Two.</p>", "One.\n\nTwo."),
        ("<b>One</b> <code>x</code>, a&nbsp;&lt; b", "One x, a\xa0< b"),
        ("A List<String> of Map<K, V>", "A List<String> of Map<K, V>"),
        ("All:<ul><li>one</li>\n<li>two</ul>", "All:\n\n- one\n- two"),
        ("Shown <img src=x> and <a href=y>there</a>.", "Shown <img src=x> and <a href=y>there</a>."),
        ("@method go\n@description Goes on.\n@param x it", "Goes on.\n\n@method go\n\n@param x it"),
        ("Goes.\n@description Far.", "Goes.\n\nFar."),
        ("a < b", "a < b"),
    ],
)
def test_javadoc(written, text):
    assert javadoc(written) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("@brief One\ntwo.\n\nMore.", "One\ntwo.\n\nMore."),
        ("\\brief One.\n\\param x it\n\\return y", "One.\n\n@param x it\n@return y"),
        ("\\param x it\n\\brief One.", "One.\n\n@param x it"),
        ("Uses \\p x, @c y and \\ref Z.", "Uses x, y and Z."),
        ("@fn int f(int)\n@brief One.\n@details Two.", "One.\n\nTwo."),
        ("f_x() - Do it.", "Do it."),
        ("do_it: \n@a: b\n\nDoes it.\n\nMore.", "Does it.\n\n@a: b\n\nMore."),
        ("well-known - indeed", "well-known - indeed"),
        ("a <b>bold</b> vector<int>", "a bold vector<int>"),
    ],
)
def test_doxygen(written, text):
    assert doxygen(written) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("<summary>One.</summary>", "One."),
        ("<summary>\nOne\n  two.\n</summary>\n<returns>X</returns>", "One\ntwo.\n\n@returns X"),
        ('<summary>See <see cref="M:A.B(System.Int32)"/>.</summary>', "See A.B(System.Int32)."),
        ('<summary>See <see cref="A">the A</see>, <c>x</c> &amp; y.</summary>', "See the A, x & y."),
        ("<summary>One.<para>Two.</para></summary>", "One.\n\nTwo."),
        ("<remarks>R</remarks><summary>S</summary>", "S\n\nR"),
        ('<param name="a">The\n a.</param><summary>S</summary>', "S\n\n@param a The a."),
        ("<summary>Not closed", "Not closed"),
        ("<inheritdoc/>", ""),
        ("No XML, a < b.", "No XML, a < b."),
        ("<summary>S</summary><example><code>x();</code></example>", "S"),
    ],
)
def test_xmldoc(written, text):
    assert xmldoc(written) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Public: Reads +a_b+ from <tt>c</tt>.", "Reads a_b from c."),
        ("call-seq:\n  f(a) -> b\n\nDoes it.", "Does it."),
        ("1 + 2 + 3", "1 + 2 + 3"),
        ("List<String>", "List<String>"),
    ],
)
def test_rdoc(written, text):
    assert rdoc(written) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (":func:`f` and :py:class:`~a.b.C`", "f and C"),
        (":ref:`the title <target>`, :meth:`!x`", "the title, x"),
        ("``literal`` and `single`", "``literal`` and `single`"),
        (":param x: it", ":param x: it"),
    ],
)
def test_rst(written, text):
    assert rst(written) == text
