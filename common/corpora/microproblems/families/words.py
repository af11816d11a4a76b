"""Words and the parts of names."""

from common.corpora.microproblems.draws import VOCABULARY, letters, lines, rows, words
from common.corpora.microproblems.family import Family, Option, Stdin

JOINED_WORDS = Family(
    name="joined_words",
    difficulty="introductory",
    form=Stdin("One line with words of small letters, separated by blanks.", "The joined words in one line."),
    parameters={
        "k": range(1, 6),
        "change": (
            Option("written backwards", "word[::-1]", "''.join(reversed(word))"),
            Option("in capital letters", "word.upper()", "''.join(char.upper() for char in word)"),
            Option("without their first letter", "word[1:]", "word.replace(word[0], '', 1)"),
            Option("with the last letter doubled", "word + word[-1]", "word[:-1] + 2 * word[-1]"),
        ),
        "join": ("-", "_", "+", "/"),
    },
    wordings=(
        "From a line of words take those with more than $k letters, $change, and join them with '$join'. If there is "
        "none, print 'none'.",
        "$person labels $things with several words. Words of $k letters or fewer are dropped, the others are put in "
        "$change and connected by '$join'. Print the label, or 'none' if no word is left.",
    ),
    solutions=(
        """
        print($join.join($change for word in input().split() if len(word) > $k) or "none")
        """,
        """
        label = ""
        for word in input().split():
            if len(word) <= $k:
                continue
            if label:
                label += $join
            label += $change_other
        print(label if label else "none")
        """,
    ),
    draw=lambda r, p: lines(words(r, 2, 7, of=[*VOCABULARY, "a", "ox", "is", "ivy", "to", "the", "i"])),
    edges=lambda p: [lines("a"), lines("z" * p.k), lines(["z" * p.k + "y", "abc"])],
)


WORD_ORDER = Family(
    name="word_order",
    difficulty="interview",
    form=Stdin("One line with words of small letters, separated by blanks.", "The words in one line."),
    parameters={
        "key": (
            Option("their length", "len(word)", "len(word)"),
            Option("their last letter", "word[-1]", "ord(word[len(word) - 1])"),
            Option(
                "their number of vowels (a, e, i, o, u)",
                "sum(c in 'aeiou' for c in word)",
                "sum(map(word.count, 'aeiou'))",
            ),
            Option("their largest letter", "max(word)", "ord(sorted(word)[-1])"),
        ),
        "way": (Option("ascending", "False", "<"), Option("descending", "True", ">")),
        "k": range(1, 5),
    },
    wordings=(
        "Leave out all words shorter than $k letters and sort the rest by $key, $way; words that are equal in this "
        "keep their order. At least one word is left.",
        "$person orders words by $key ($way), and where two are level the one that came first stays first. Words with "
        "fewer than $k letters are thrown away; one or more words remain.",
    ),
    solutions=(
        """
        words = [word for word in input().split() if len(word) >= $k]
        print(*sorted(words, key=lambda word: $key, reverse=$way))
        """,
        """
        def value(word):
            return $key_other

        ordered = []
        for new in input().split():
            if len(new) < $k:
                continue
            place = len(ordered)
            while place and value(new) $way_other value(ordered[place - 1]):
                place -= 1
            ordered.insert(place, new)
        print(" ".join(ordered))
        """,
    ),
    draw=lambda r, p: lines([*words(r, 3, 8, of=[*VOCABULARY, "a", "ox", "is", "ivy"]), "pear"]),
    edges=lambda p: [lines("queue"), lines("abcd bcda cdab dabc"), lines("a bb ccc dddd eeeee")],
)


IDENTIFIERS = Family(
    name="identifiers",
    difficulty="introductory",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines is a name.", "The n changed names, one a line."
    ),
    parameters={
        "mark": ("_", "-", "."),
        "style": (
            Option(
                "every part but the first with a capital letter, nothing between",
                "parts[0] + ''.join(map(str.title, parts[1:]))",
                "part.title() if i else part",
            ),
            Option(
                "every part with a capital letter, nothing between", "''.join(map(str.title, parts))", "part.title()"
            ),
            Option(
                "all in capital letters, with '+' between the parts",
                "'+'.join(parts).upper()",
                "('+' if i else '') + part.upper()",
            ),
            Option("the first letter of each part only", "''.join(part[0] for part in parts)", "part[0]"),
        ),
        "drop": (0, 1, 2),
    },
    wordings=(
        "Names consist of parts (small letters) that are joined by '$mark'. Leave out the first $drop parts of each "
        "name, but never the last part, and write the rest in a new style: $style.",
        "$person renames files. A name like ab${mark}cde${mark}f has parts; take up to $drop of them off at the front "
        "(at least one has to stay) and write what is left like this: $style.",
    ),
    solutions=(
        """
        for _ in range(int(input())):
            parts = input().split($mark)
            parts = parts[min($drop, len(parts) - 1):]
            print($style)
        """,
        """
        import sys
        for name in sys.stdin.read().split()[1:]:
            dropped = 0
            while dropped < $drop and $mark in name:
                name = name[name.index($mark) + 1:]
                dropped += 1
            result = ""
            for i, part in enumerate(name.split($mark)):
                result += $style_other
            print(result)
        """,
    ),
    draw=lambda r, p: rows(
        [p.mark.join(letters(r, "abcdeow", 1, 4) for _ in range(r.randint(1, 5))) for _ in range(r.randint(1, 4))]
    ),
    edges=lambda p: [rows(["a"]), rows([p.mark.join(("one", "two"))]), rows([p.mark.join("abc"), "xyz"])],
)


FAMILIES = (JOINED_WORDS, WORD_ORDER, IDENTIFIERS)
