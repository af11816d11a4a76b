"""Dictionaries: frequencies, votes, stocks, histograms."""

from random import Random

from common.corpora.microproblems.draws import lines, listing, numbers, rows, words
from common.corpora.microproblems.family import Family, Function, Option, Parameters, Stdin

FREQUENT_WORDS = Family(
    name="frequent_words",
    difficulty="introductory",
    form=Stdin("One line with words separated by blanks.", "One line a word: the word, '$mark', and its count."),
    parameters={
        "k": range(1, 5),
        "which": (Option("most", "-count[word]", "max"), Option("least", "count[word]", "min")),
        "ties": (
            Option("in alphabetical order", "word", "sorted(words)"),
            Option("in the order in which they come first", "first.index(word)", "words"),
        ),
        "mark": (":", "=", " x "),
    },
    wordings=(
        "Print the $k $which frequent words of a line (all, if there are fewer), the $which frequent first, each with "
        "'$mark' and the number of times that it comes. Words with equal counts stand $ties.",
        "$person reads a line and lists up to $k different words, beginning with the $which frequent; where counts "
        "are equal, $ties. A row of the list looks like word${mark}3, where 3 is the count.",
    ),
    solutions=(
        """
        from collections import Counter
        words = input().split()
        count = Counter(words)
        first = list(dict.fromkeys(words))
        for word in sorted(first, key=lambda word: ($which, $ties))[:$k]:
            print(word + $mark + str(count[word]))
        """,
        """
        words = input().split()
        count = {}
        for word in $ties_other:
            count[word] = count.get(word, 0) + 1
        for _ in range($k):
            if count:
                word = $which_other(count, key=count.get)
                print(word, count.pop(word), sep=$mark)
        """,
    ),
    draw=lambda r, p: lines(words(r, 4, 14)),
    edges=lambda p: [lines("one"), lines("b a b a c"), lines("d c b a a e")],
)


ELECTION = Family(
    name="election",
    difficulty="introductory",
    form=Stdin("The first line holds n (n ≥ 1), the second line n names, one for each vote.", "A name or '$nobody'."),
    parameters={
        "percent": (20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75),
        "compared": (Option("at least", ">=", "<"), Option("more than", ">", "<=")),
        "nobody": ("nobody", "repeat", "none"),
    },
    wordings=(
        "In a vote the candidate with the most votes wins if these are $compared $percent percent of all votes and "
        "nobody else has as many. Print the winner, or '$nobody'.",
        "A club needs a chair. Whoever alone has the largest number of votes is elected, provided that it is "
        "$compared $percent% of the votes cast. If that fails, print '$nobody'.",
    ),
    solutions=(
        """
        from collections import Counter
        n = int(input())
        ranking = Counter(input().split()).most_common()
        name, votes = ranking[0]
        alone = len(ranking) == 1 or ranking[1][1] < votes
        print(name if alone and 100 * votes $compared $percent * n else $nobody)
        """,
        """
        n = int(input())
        votes = sorted(input().split())
        best, leaders = 0, []
        for name in set(votes):
            got = votes.count(name)
            if got > best:
                best, leaders = got, [name]
            elif got == best:
                leaders.append(name)
        if len(leaders) > 1 or best * 100 $compared_other n * $percent:
            print($nobody)
        else:
            print(leaders[0])
        """,
    ),
    draw=lambda r, p: listing(_ballot(r, p)),
    edges=lambda p: [listing(["Ann"]), listing(["Bo", "Cy"]), listing(["Cy"] * (p.percent // 5) + _others(p))],
)


def _others(parameters: Parameters) -> list[str]:
    """So many other votes that the first candidate has exactly `percent`; none of the others has as many."""
    return [f"P{i}" for i in range(20 - parameters.percent // 5)]


def _ballot(rng: Random, parameters: Parameters) -> list[str]:
    size = rng.choice((5, 8, 10, 20))
    leading = max(1, min(size, parameters.percent * size // 100 + rng.randint(-1, 1)))
    leader = rng.choice(("Ann", "Bo", "Cy", "Di"))
    ballot = [leader] * leading + [f"{rng.choice('QRSTUVWXYZ')}{rng.choice('ae')}" for _ in range(size - leading)]
    rng.shuffle(ballot)
    return ballot


STOCK = Family(
    name="stock",
    difficulty="interview",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds 'add' or 'take', a word and a positive number.",
        "One line for each such item, in alphabetical order: the item and its number. If there is none, 'empty'.",
    ),
    parameters={
        "k": range(1, 13),
        "rule": (
            Option("is ignored as a whole", "have", "0"),
            Option("takes what is there", "0", "have"),
            Option("is carried out all the same, so that the number becomes negative", "have - number", "number"),
        ),
    },
    wordings=(
        "A store keeps a list of things that come in and go out. A request to take more than there is of an item "
        "$rule. At the end print the items of which there are $k or more.",
        "$person runs a shop. Deliveries are entered as 'add', sales as 'take'. A sale of more than the shop has of "
        "an item $rule. Which items are in stock in the end, with at least $k pieces?",
    ),
    solutions=(
        """
        stock = {}
        for _ in range(int(input())):
            action, item, number = input().split()
            number, have = int(number), stock.get(item, 0)
            if action == "add":
                stock[item] = have + number
            else:
                stock[item] = have - number if number <= have else $rule
        left = [f"{item} {stock[item]}" for item in sorted(stock) if stock[item] >= $k]
        print("\\n".join(left) or "empty")
        """,
        """
        entries = [input().split() for _ in range(int(input()))]
        found = False
        for item in sorted({entry[1] for entry in entries}):
            have = 0
            for action, other, number in entries:
                number = int(number)
                if other == item and action == "add":
                    have += number
                elif other == item:
                    have -= number if have >= number else $rule_other
            if have >= $k:
                print(item, have)
                found = True
        if not found:
            print("empty")
        """,
    ),
    draw=lambda r, p: rows(
        [
            (r.choice(("add", "add", "take")), r.choice(("nail", "nut", "bolt", "saw")), r.randint(1, p.k + 6))
            for _ in range(r.randint(3, 14))
        ]
    ),
    edges=lambda p: [
        rows([("add", "cup", p.k)]),
        rows([("take", "cup", 1), ("add", "cup", p.k)]),
        rows([("add", "cup", p.k + 2), ("take", "cup", p.k + 3), ("add", "pan", p.k - 1 or 1)]),
    ],
)


BINS = Family(
    name="bins",
    difficulty="introductory",
    form=Function(("histogram", "count_bins", "fill_bins"), ("values", "bins"), "the list of the counts"),
    parameters={
        "width": range(2, 11),
        "low": (-5, 0, 1, 10),
        "outside": (
            Option("are left out", "if 0 <= place < bins", "place < 0 or place >= bins"),
            Option("count for the nearest bin", "", "False"),
        ),
    },
    wordings=(
        "Count the integers of a list in bins of width $width: the first bin holds the values from $low up to, but "
        "without, $low + $width, the next one follows, and there are `bins` (1 or more) of them. Values outside of "
        "all bins $outside.",
        "Draw a histogram with `bins` columns, each for $width different whole numbers; the first column begins at "
        "$low. Values too small or too large $outside.",
    ),
    solutions=(
        """
        def $fn(values, bins):
            places = [(value - $low) // $width for value in values]
            places = [min(max(place, 0), bins - 1) for place in places $outside]
            return [places.count(i) for i in range(bins)]
        """,
        """
        def $fn(values, bins):
            counts = [0] * bins
            for value in values:
                place = 0
                while value >= $low + (place + 1) * $width:
                    place += 1
                if value < $low:
                    place = -1
                if $outside_other:
                    continue
                counts[max(0, min(place, bins - 1))] += 1
            return counts
        """,
    ),
    draw=lambda r, p: [numbers(r, p.low - 4, p.low + 5 * p.width, 1, 14), r.randint(1, 4)],
    edges=lambda p: [[[], 2], [[p.low, p.low + p.width], 2], [[p.low - 1, p.low + p.width - 1], 1]],
)


FAMILIES = (FREQUENT_WORDS, ELECTION, STOCK, BINS)
