"""From the markup of documentation comments to text: Javadoc and its kin, Doxygen, C#'s XML, RDoc, reStructuredText.

What is left is the text a reader of the rendered page would see, tags as lines `@param x …` after it. `<img` and links
stay for the rules to see.
"""

from __future__ import annotations

import html
import re

_INLINE = re.compile(r"\{@(\w+)\s*((?:[^{}]|\{[^{}]*\})*)\}")
_TARGET = re.compile(r"[^\s|(]*(?:\([^)]*\))?")
_TAG_NAMES = (
    r"p|br|hr|[ou]l|li|d[ltd]|pre|h[1-6]|table|t[rdh]|thead|tbody|caption|div|blockquote|center|section"
    r"|code|em|strong|tt|var|kbd|samp|span|small|big|su[bp]|cite|font|[biu]"
)
_BREAKS = re.compile(r"(?i)\s*</?(?:p|[ou]l|pre|h[1-6]|table|div|blockquote|dl|hr)(?:\s[^<>]*)?/?>\s*")
_ELEMENT = re.compile(rf"(?i)(?<!\w)<(?:{_TAG_NAMES})(?:\s[^<>]*)?/?>|</(?:{_TAG_NAMES})\s*>|<br\s*/?>")
_HOISTED = re.compile(r"(?m)^[ \t]*@(?:brief|short|desc|description|summary|classdesc)\b[ \t:]*")
_KERNEL = re.compile(r"\A\w*_\w*(?:\(\))?(?:[ \t]*:[ \t]*\n|[ \t]+-+[ \t]+)|\A\w+\(\)[ \t]*(?::|-+)[ \t]*")
_PARAMETERS_FIRST = re.compile(r"\A((?:@\w+:.*\n(?:[ \t]+\S.*\n)*)+)\s*\n(?!@)((?:.*\S.*(?:\n|\Z))+)")
_TAG_LINE = re.compile(r"\s*@\w+")


def javadoc(text: str) -> str:
    """Javadoc, JSDoc, PHPDoc: `{@link X label}` is its label, HTML goes, `<p>` and lists begin a paragraph."""
    return _described(_html(_INLINE.sub(_inline, text))) if _marked(text) else text


def doxygen(text: str) -> str:
    """Doxygen with `@` or `\\`: the paragraph of `@brief` comes first, `\\p x` is x; HTML as in Javadoc.

    The style of the Linux kernel and of GTK, `name() - what it does` or `name:`, parameters, what it does, as well.
    """
    text = _KERNEL.sub("", re.sub(r"(?m)^([ \t]*)\\(?=[a-z]+\b)", r"\1@", text), count=1)
    text = re.sub(r"(?m)^[ \t]*@(?:fn|def|class|struct|ingroup|headerfile|relates\w*|overload)\b.*\n?", "", text)
    text = re.sub(r"[@\\](?:p|c|a|b|e|em|ref|link)[ \t]+(\S)", r"\1", text)
    text = re.sub(r"[@\\](?:n\b|endlink\b|f\$)", "", text)
    text = re.sub(r"(?m)^[ \t]*@details?\b[ \t]*", "\n", text)
    text = _PARAMETERS_FIRST.sub(r"\2\n\1", text)
    return _described(_html(text)) if _marked(text) else text


def xmldoc(text: str) -> str:
    """C#'s XML: the summary is the first paragraph, remarks the next, then `@param x …`, `@return …`.

    By patterns and not by a parser of XML: people write `a < b` and forget to close what they opened.
    """
    text = re.sub(r"(?is)<code\b.*?(?:</code>|\Z)", "", text)
    text = re.sub(
        r"(?is)<(?:see|seealso)\b[^<>]*?(?:cref|langword|href)\s*=\s*[\"'](?:\w:)?([^\"']*)[\"'][^<>]*?/>", r"\1", text
    )
    text = re.sub(r"(?is)<(?:see|seealso)\b[^<>]*>(.*?)</see(?:also)?>", r"\1", text)
    text = re.sub(r"(?is)<(?:type)?paramref\b[^<>]*?name\s*=\s*[\"']([^\"']*)[\"'][^<>]*?/?>", r"\1", text)
    if not re.search(r"(?i)<(?:summary|remarks|returns|param|value|inheritdoc|exception)\b", text):
        return _xml_text(text)
    parts = [_xml_text(" ".join(re.findall(r"(?is)<summary\b[^<>]*>(.*?)(?:</summary>|\Z)", text)))]
    parts += [_xml_text(found) for found in re.findall(r"(?is)<remarks\b[^<>]*>(.*?)</remarks>", text)]
    tags = re.findall(r"(?is)<(param|typeparam|returns|exception)\b([^<>]*)>(.*?)</\1>", text)
    lines = []
    for tag, attributes, inside in tags:
        named = re.search(r"[\"'](?:\w:)?([^\"']*)[\"']", attributes)
        lines.append(" ".join(f"@{tag} {named[1] if named else ''} {_xml_text(inside)}".split()))
    return "\n\n".join(part for part in (*parts, "\n".join(lines)) if part)


def rdoc(text: str) -> str:
    """Ruby: `+x+` and `<tt>x</tt>` are x, TomDoc's `Public:` and a `call-seq:` before the text go."""
    text = re.sub(r"\A(?:Public|Internal|Private): ", "", text)
    text = re.sub(r"\A:?call-seq:[ \t]*\n(?:[ \t]+\S.*\n|[ \t]*\n)*", "", text)
    text = re.sub(r"(?<!\w)\+([\w:.?!#=]+)\+(?!\w)", r"\1", text)
    return _html(text) if _marked(text) else text


def rst(text: str) -> str:
    """Python: the roles of reStructuredText, :func:`title <target>` is title, :class:`~a.B` is B."""
    if ":`" not in text:
        return text
    text = re.sub(r":(?:\w+:)?\w+:`([^`<>]+?)\s*<[^`<>]*>`", r"\1", text)
    text = re.sub(r":(?:\w+:)?\w+:`~(?:[\w]+\.)*(\w+(?:\(\))?)`", r"\1", text)
    return re.sub(r":(?:\w+:)?\w+:`!?([^`]+)`", r"\1", text)


def plain(text: str) -> str:
    """No markup: Go."""
    return text


def _marked(text: str) -> bool:
    return any(sign in text for sign in "<@&")


def _inline(found: re.Match[str]) -> str:
    tag, inside = found[1], found[2].strip()
    if tag in ("inheritDoc", "inheritdoc", "docRoot", "value"):
        return ""
    if tag not in ("link", "linkplain", "see", "tutorial", "linkcode"):
        return html.escape(inside, quote=False)  # `{@code <b>}` shows <b>
    target = _TARGET.match(inside)
    label = inside[target.end() :].lstrip(" \t\n|") if target else ""
    return html.escape(label or inside.lstrip("#").replace("#", "."), quote=False)


def _html(text: str) -> str:
    """Text without the usual elements; angle brackets of code (`List<String>`) stay."""
    if "<" in text:
        text = _BREAKS.sub("\n\n", text)
        text = re.sub(r"(?i)\n?[ \t]*<li\b[^<>]*>\s*", "\n- ", text)
        text = _ELEMENT.sub("", text)
    return (html.unescape(text) if "&" in text else text).strip()


def _described(text: str) -> str:
    """The paragraph of `@brief` or `@description` in front of everything else."""
    if (found := _HOISTED.search(text)) is None:
        return text
    before, rest = text[: found.start()].strip(), text[found.end() :].split("\n")
    if before and not _TAG_LINE.match(before):
        return "\n\n".join([before, _HOISTED.sub("", text[found.start() :])])
    end = next((i for i, line in enumerate(rest) if i and (not line.strip() or _TAG_LINE.match(line))), len(rest))
    return "\n\n".join(part for part in ("\n".join(rest[:end]), before, "\n".join(rest[end:]).strip()) if part)


def _xml_text(text: str) -> str:
    text = re.sub(r"(?i)\s*</?(?:para|list|item|listheader|br)\b[^<>]*>\s*", "\n\n", text.strip())
    text = re.sub(r"(?i)</?(?:c|b|i|em|strong|tt|term|description|summary|remarks|inheritdoc|note)\b[^<>]*>", "", text)
    return html.unescape(re.sub(r"\n\s*\n\s*", "\n\n", re.sub(r"[ \t]*\n(?!\n)[ \t]*", "\n", text))).strip()
