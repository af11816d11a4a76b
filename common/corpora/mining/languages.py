"""Which file is in which language, and who parses it. A new language is a record here and a test.

Extensions that are left out: `.pyi` and `.d.ts` declare functions without their code.
"""

from __future__ import annotations

from pathlib import PurePath

from common.corpora.mining import declarators, extract, javascript, markup, python
from common.corpora.mining.functions import ParsedFile
from common.corpora.mining.grammar import Grammar
from common.errors import UserError

_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
_PREPROCESSOR = frozenset({"preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif", "preproc_elifdef"})
_JAVASCRIPT_FUNCTIONS = javascript.VALUES | {
    "function_declaration", "generator_function_declaration", "method_definition",
}  # fmt: skip
_JAVASCRIPT_PASSED = frozenset({
    "statement_block", "if_statement", "else_clause", "try_statement", "catch_clause", "finally_clause",
})  # fmt: skip

_JAVA_CLASSES = frozenset({"class_declaration", "interface_declaration", "enum_declaration", "record_declaration"})
_PHP_CLASSES = frozenset({"class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"})
_CSHARP_CLASSES = frozenset({
    "class_declaration", "struct_declaration", "interface_declaration", "record_declaration", "enum_declaration",
})  # fmt: skip
_TYPESCRIPT_CLASSES = frozenset({"class_declaration", "abstract_class_declaration", "class"})
_C_CLASSES = frozenset({"struct_specifier", "union_specifier", "enum_specifier"})

GRAMMARS = (
    Grammar(
        language="java",
        title="Java",
        package="tree-sitter-java",
        extensions=(".java",),
        functions=frozenset({"method_declaration", "constructor_declaration", "compact_constructor_declaration"}),
        scopes=_JAVA_CLASSES,
        passed=frozenset({"class_body", "interface_body", "enum_body", "enum_body_declarations"}),
        classes=_JAVA_CLASSES | {"annotation_type_declaration"},
        marks=("/**",),
        reduce=markup.javadoc,
    ),
    Grammar(
        language="javascript",
        title="JavaScript",
        package="tree-sitter-javascript",
        extensions=(".js", ".mjs", ".cjs", ".jsx"),
        functions=_JAVASCRIPT_FUNCTIONS,
        scopes=frozenset({"class_declaration", "class"}),
        passed=_JAVASCRIPT_PASSED,
        marks=("/**",),
        reduce=markup.javadoc,
        name=javascript.own_name,
        expand=javascript.expand,
        classes=frozenset({"class_declaration", "class"}),
        class_steps=javascript.class_steps,
    ),
    Grammar(
        language="typescript",
        title="TypeScript",
        package="tree-sitter-typescript",
        extensions=(".ts", ".mts", ".cts", ".tsx"),
        functions=_JAVASCRIPT_FUNCTIONS | {"abstract_method_signature"},
        scopes=_TYPESCRIPT_CLASSES | {"internal_module", "module"},
        passed=_JAVASCRIPT_PASSED | {"ambient_declaration"},
        marks=("/**",),
        reduce=markup.javadoc,
        name=javascript.own_name,
        expand=javascript.expand,
        classes=_TYPESCRIPT_CLASSES | {"interface_declaration", "enum_declaration"},
        class_steps=javascript.class_steps,
        namespaces=frozenset({"internal_module", "module"}),
        entry="language_typescript",
        entries={".tsx": "language_tsx"},
    ),
    Grammar(
        language="go",
        title="Go",
        package="tree-sitter-go",
        extensions=(".go",),
        functions=frozenset({"function_declaration", "method_declaration"}),
        scopes=frozenset(),
        passed=frozenset(),
        marks=("//", "/*"),
        reduce=markup.plain,
        name=declarators.receiver_name,
        classes=frozenset({"type_spec"}),
        class_name=declarators.type_name,
        class_body=declarators.type_body,
        class_steps=declarators.types_of_go,
    ),
    Grammar(
        language="ruby",
        title="Ruby",
        package="tree-sitter-ruby",
        extensions=(".rb", ".rake"),
        functions=frozenset({"method", "singleton_method"}),
        scopes=frozenset({"class", "module", "assignment"}),
        passed=frozenset({
            "body_statement", "singleton_class", "do_block", "block", "block_body", "begin", "if",
            "unless", "then", "else", "elsif",
        }),
        marks=("#", "=begin"),
        reduce=markup.rdoc,
        name=declarators.constant_name,
        wrappers=frozenset({"call", "argument_list"}),
        classes=frozenset({"class", "module"}),
    ),
    Grammar(
        language="php",
        title="PHP",
        package="tree-sitter-php",
        extensions=(".php",),
        functions=frozenset({"function_definition", "method_declaration"}),
        scopes=_PHP_CLASSES,
        passed=frozenset({
            "namespace_definition", "declaration_list", "enum_declaration_list", "compound_statement", "if_statement",
            "else_clause", "else_if_clause", "colon_block",
        }),
        marks=("/**",),
        reduce=markup.javadoc,
        entry="language_php",
        classes=_PHP_CLASSES,
    ),
    Grammar(
        language="c",
        title="C",
        package="tree-sitter-c",
        extensions=(".c", ".h"),
        functions=frozenset({"function_definition"}),
        scopes=frozenset(),
        passed=_PREPROCESSOR | {"linkage_specification", "declaration_list"},
        marks=("//", "/*"),
        reduce=markup.doxygen,
        name=declarators.declared_name,
        parameters=declarators.declared_parameters,
        mask=declarators.without_c_linkage,
        classes=_C_CLASSES,
        class_name=declarators.type_name,
        class_steps=declarators.types_of_c,
    ),
    Grammar(
        language="cpp",
        title="C++",
        package="tree-sitter-cpp",
        extensions=(".cc", ".cpp", ".cxx", ".c++", ".C", ".hpp", ".hh", ".hxx", ".h++", ".ipp", ".tpp", ".inl"),
        functions=frozenset({"function_definition"}),
        scopes=frozenset({"namespace_definition", "class_specifier", "struct_specifier", "union_specifier"}),
        passed=_PREPROCESSOR | {
            "linkage_specification", "declaration_list", "field_declaration_list", "field_declaration", "declaration",
            "type_definition",
        },
        marks=("//", "/*"),
        reduce=markup.doxygen,
        wrappers=frozenset({"template_declaration", "friend_declaration"}),
        name=declarators.declared_name,
        parameters=declarators.declared_parameters,
        mask=declarators.without_macros,
        classes=_C_CLASSES | {"class_specifier"},
        class_name=declarators.type_name,
        class_steps=declarators.types_of_c,
        namespaces=frozenset({"namespace_definition"}),
    ),
    Grammar(
        language="csharp",
        title="C#",
        package="tree-sitter-c-sharp",
        extensions=(".cs",),
        functions=frozenset({
            "method_declaration", "constructor_declaration", "destructor_declaration", "operator_declaration",
            "conversion_operator_declaration", "local_function_statement",
        }),
        scopes=_CSHARP_CLASSES,
        passed=_PREPROCESSOR | {"namespace_declaration", "declaration_list", "global_statement"},
        marks=("///", "/**"),
        reduce=markup.xmldoc,
        name=declarators.operator_name,
        classes=_CSHARP_CLASSES,
    ),
)  # fmt: skip
_BY_LANGUAGE = {grammar.language: grammar for grammar in GRAMMARS}
LANGUAGES = tuple(sorted({python.LANGUAGE, *_BY_LANGUAGE}))
EXTENSIONS = {".py": python.LANGUAGE} | {
    extension: grammar.language for grammar in GRAMMARS for extension in grammar.extensions
}


def language_of(path: str) -> str | None:
    """The language of a file by its name, None where it is none of ours.

    A header `.h` is called C here; `parse_file`, which sees what is in it, reads it as C++ where it is that.
    """
    name = PurePath(path)
    if name.name.lower().endswith(_DECLARATIONS):
        return None
    return EXTENSIONS.get(name.suffix) or EXTENSIONS.get(name.suffix.lower())


def parse_file(source: bytes, path: str, language: str) -> ParsedFile:
    """The functions of one file. Raises `UserError` for an unknown language or a missing grammar, `DataError` for
    bytes that are no text."""
    if language == python.LANGUAGE:
        return python.parse_file(source, path)
    return extract.parse_file(source, path, grammar_of(source, path, language))


def grammar_of(source: bytes, path: str, language: str) -> Grammar:
    """The record of a file's language, Python excepted. Raises `UserError` where there is none."""
    if language not in _BY_LANGUAGE:
        raise UserError(f"no parser for language {language!r}", f"known are {', '.join(LANGUAGES)}")
    if language == "c" and PurePath(path).suffix.lower() == ".h" and declarators.is_cplusplus(source):
        language = "cpp"
    return _BY_LANGUAGE[language]
