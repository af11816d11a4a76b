"""Binary numbers, permissions, check digits."""

from common.corpora.microproblems.draws import letters, lines, listing, numbers
from common.corpora.microproblems.family import Family, Function, Option, Stdin

BIT_PATTERNS = Family(
    name="bit_patterns",
    difficulty="introductory",
    form=Function(("count_numbers", "numbers_with_bits", "bit_count_upto"), ("n",), "how many there are"),
    parameters={
        "k": range(1, 8),
        "what": (
            Option("exactly $k ones", "bits.count('1') == $k"),
            Option("exactly $k zeros", "bits.count('0') == $k"),
            Option("at least $k ones in a row", "'1' * $k in bits"),
            Option("exactly $k places where neighbouring digits differ", "bits.count('01') + bits.count('10') == $k"),
        ),
    },
    where=lambda p: p.k > 1 or "row" not in p.what.words,
    wordings=(
        "Write the whole numbers from 1 to n (n ≥ 0) in binary, without leading zeros. How many of them have $what? "
        "(k = $k.)",
        "Among the numbers 1, 2, ..., n, where n may be 0, count those whose binary form has $what. Here k is $k.",
    ),
    solutions=(
        """
        def $fn(n):
            count = 0
            for i in range(1, n + 1):
                bits = bin(i)[2:]
                if $what:
                    count += 1
            return count
        """,
        """
        def $fn(n):
            # All binary words in the order of their size, each made from a shorter one.
            words, count = ["1"] if n else [], 0
            while words:
                count += sum(1 for bits in words if $what)
                words = [bits + digit for bits in words for digit in "01" if int(bits + digit, 2) <= n]
            return count
        """,
    ),
    draw=lambda r, p: [r.choice((r.randint(2, 40), r.randint(2**p.k, 2 ** (p.k + 2)), r.randint(100, 900)))],
    edges=lambda p: [[0], [1], [2**p.k], [2 ** (p.k + 1) - 1]],
)


ROTATED_BITS = Family(
    name="rotated_bits",
    difficulty="interview",
    form=Stdin(
        "The first line holds n (n ≥ 1), the second line n integers from 0 to 2^$w - 1.",
        "The n new numbers in one line.",
    ),
    parameters={
        "w": range(4, 13),
        "k": (1, 2, 3),
        "way": (
            Option("to the left", "(x << $k | x >> $w - $k) % 2 ** $w", "bits[$k:] + bits[:$k]"),
            Option("to the right", "(x >> $k | x << $w - $k) % 2 ** $w", "bits[-$k:] + bits[:-$k]"),
        ),
    },
    wordings=(
        "Write each number with $w binary digits (leading zeros included) and rotate these by $k places $way: what "
        "falls out on one side comes back on the other. Print the numbers that result.",
        "A register has $w bits. Rotate the content of several such registers by $k bits $way and print the values "
        "afterwards.",
    ),
    solutions=(
        """
        n = int(input())
        print(*[$way for x in map(int, input().split())])
        """,
        """
        n = int(input())
        result = []
        for token in input().split():
            bits = format(int(token), "b").zfill($w)
            result.append(str(int($way_other, 2)))
        print(" ".join(result))
        """,
    ),
    draw=lambda r, p: listing(numbers(r, 0, 2**p.w - 1, 1, 6)),
    edges=lambda p: [listing([0]), listing([1]), listing([2**p.w - 1, 2 ** (p.w - 1)])],
)


PERMISSIONS = Family(
    name="permissions",
    difficulty="introductory",
    form=Function(("decode", "list_rights", "permissions"), ("number",), "the text"),
    parameters={
        "names": (
            ("read", "write", "run"),
            ("run", "write", "read"),
            ("own", "copy", "move", "drop"),
            ("red", "green", "blue"),
            ("new", "open", "done", "late"),
            ("a", "b", "c", "d", "e"),
            ("see", "edit", "share", "print"),
        ),
        "join": ("+", ", ", "/", "-"),
        "empty": ("none", "nothing"),
    },
    wordings=(
        "The bits of a number stand for rights, beginning with the bit of value 1: $names. Write the rights whose "
        "bits are set, in this order, joined by '$join'; without any, write '$empty'. Higher bits mean nothing.",
        "Flags are stored in one number. In the order of bit values (1, 2, 4, ...) they are called $names. Make a "
        "text of the names of all flags that are set, with '$join' between them, or '$empty' if there are none; "
        "ignore other bits.",
    ),
    solutions=(
        """
        def $fn(number):
            return $join.join(name for i, name in enumerate($names) if number >> i & 1) or $empty
        """,
        """
        def $fn(number):
            text = ""
            for name in $names:
                if number % 2:
                    text += ($join if text else "") + name
                number //= 2
            return text if text else $empty
        """,
    ),
    draw=lambda r, p: [r.randrange(2 ** len(p.names))],
    edges=lambda p: [[0], [2 ** len(p.names) - 1], [2 ** len(p.names)], [2 ** len(p.names) + 1]],
)


CHECK_DIGIT = Family(
    name="check_digit",
    difficulty="introductory",
    form=Stdin("One line with a number of one or more digits; it may begin with zeros.", "'$good' or '$bad'."),
    parameters={
        "weights": ((1, 3), (2, 1), (3, 7, 1), (1, 2, 3, 4), (7, 3), (5, 1, 2), (9, 4)),
        "modulus": (7, 10, 11, 13),
        "good": ("valid", "yes"),
        "bad": ("invalid", "no"),
    },
    wordings=(
        "The digits of a number are multiplied, from left to right, by $weights, and then by these again from the "
        "beginning, as long as there are digits. If the sum of the products is divisible by $modulus, print '$good', "
        "otherwise '$bad'.",
        "Check a ticket number: weight its digits in turn with $weights (repeated as often as needed, starting at the "
        "left), add up, and look whether $modulus divides the sum. The answer is '$good' or '$bad' accordingly.",
    ),
    solutions=(
        """
        digits = input().strip()
        total = sum(int(digit) * $weights[i % len($weights)] for i, digit in enumerate(digits))
        print($good if total % $modulus == 0 else $bad)
        """,
        """
        from itertools import cycle
        rest = 0
        for digit, weight in zip(input(), cycle($weights)):
            rest = (rest + "0123456789".index(digit) * weight) % $modulus
        print($bad if rest else $good)
        """,
    ),
    draw=lambda r, p: lines(_ticket(letters(r, "0123456789", 3, 9), p.weights, p.modulus, make=r.random() < 0.7)),
    edges=lambda p: [lines("0"), lines("1"), lines("0" * 5 + "1"), lines("9" * 9)],
)


def _ticket(digits: str, weights: tuple[int, ...], modulus: int, *, make: bool) -> str:
    """The digits, with the last one changed so that the check succeeds, where one digit can do that."""
    if not make:
        return digits
    for last in "0123456789":
        changed = digits[:-1] + last
        if sum(int(digit) * weights[i % len(weights)] for i, digit in enumerate(changed)) % modulus == 0:
            return changed
    return digits


XOR_CHOICES = Family(
    name="xor_choices",
    difficulty="competition",
    form=Stdin(
        "The first line holds n (n ≥ 1), the second line n integers from 0 to 63.",
        "The number of choices modulo $modulus.",
    ),
    parameters={
        "mask": (1, 2, 3, 5, 6, 7, 9, 12, 15, 21, 63),
        "wanted": (0, 1, 2, 3, 4, 5),
        "modulus": (97, 1000, 1009),
    },
    where=lambda p: p.wanted & p.mask == p.wanted,
    wordings=(
        "Choose some of the n numbers (maybe none, maybe all). Let x be the exclusive or of those chosen, 0 without "
        "any. For how many of the 2^n choices is (x and $mask), bit by bit, equal to $wanted? Print their number "
        "modulo $modulus.",
        "$person presses some of n switches; switch i flips the lamps in the binary number a_i, and all lamps are off "
        "at first. Only lamps in the mask $mask matter. Count the sets of switches after which exactly the lamps "
        "$wanted of the mask are on, modulo $modulus.",
    ),
    solutions=(
        """
        n = int(input())
        ways = {0: 1}
        for value in map(int, input().split()):
            new = dict(ways)
            for x, count in ways.items():
                new[x ^ value] = new.get(x ^ value, 0) + count
            ways = new
        print(sum(count for x, count in ways.items() if x & $mask == $wanted) % $modulus)
        """,
        """
        n = int(input())
        basis, free = [], 0
        for token in input().split():
            value = int(token) & $mask
            for b in basis:
                value = min(value, value ^ b)
            if value:
                basis.append(value)
            else:
                free += 1
        target = $wanted
        for b in basis:
            target = min(target, target ^ b)
        print(0 if target else pow(2, free, $modulus))
        """,
    ),
    draw=lambda r, p: listing(numbers(r, 0, 63, 3, 16)),
    edges=lambda p: [listing([0]), listing([63]), listing([p.mask, p.wanted, p.wanted]), listing([1, 2, 4, 8, 16, 32])],
)


FAMILIES = (BIT_PATTERNS, ROTATED_BITS, PERMISSIONS, CHECK_DIGIT, XOR_CHOICES)
