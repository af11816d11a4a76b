"""From source files to functions worth pairing with their documentation.

    functions.py    the record of one function, whatever its language
    languages.py    which files hold which language: one record a language, and who parses it
    grammar.py      what such a record says, and the parser of a wheel
    extract.py      from a file and its record to its functions
    python.py       the same for Python, whose documentation stands in the function
    javascript.py, declarators.py   names and nodes that need more than a record
    units.py        functions, methods, classes and module documentation, for a search index; unit_definitions.py,
                    module_docs.py: where they are in a file
    comments.py     which comment documents a function, its text without the marks
    markup.py       from Javadoc, Doxygen, XML, RDoc, reStructuredText to text
    source_text.py  encodings, indentation, the first error
    rules.py        which functions make a good pair
    neardup.py      near-duplicates, contamination
    walk.py       the source files of a tree, and what was left out and why; ignore.py: what git ignores
    reading.py      the bytes of one of them, safely
    grouping.py   folders as groups that are held out together

May import: common.errors, common.corpora.lines. No torch, no ray.
"""
