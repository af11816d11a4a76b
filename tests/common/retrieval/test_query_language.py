"""The language of questions as people type them and of code as they paste it; and what must stay undecided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.mining.languages import LANGUAGES
from common.retrieval import query_cues
from common.retrieval.query_language import CERTAIN, Guess, classify

QUESTIONS = {
    "python": (
        "read csv into dataframe pandas", "python check if a variable is iterable", "sort a list of dicts in python 3",
        "numpy array to list", "django queryset filter by date", "How do I parse XML in Python?",
        "call a php script from python",
    ),
    "go": (
        "how to close a channel in goroutine", "read a file line by line in go", "go struct to json",
        "golang convert string to int", "go function that returns an error", "io.Reader from a string",
        "unmarshal nested json go",
    ),
    "javascript": (
        "npm package promise chain", "jquery ajax post json", "javascript debounce function",
        "remove item from array in js", "addEventListener on a dynamically added button",
    ),
    "typescript": (
        "typescript generic function with constraint", "angular service inject http client", "keyof a union type",
        "extend an interface in TypeScript",
    ),
    "java": (
        "spring boot rest controller", "java sort arraylist of objects", "hibernate lazy loading exception",
        "read a file with BufferedReader", "mock a method in JUnit with mockito",
    ),
    "ruby": (
        "rails activerecord find or create", "ruby hash with default value", "sort an array of hashes in Ruby",
        "write a rake task that takes arguments", "convert a symbol to a string ruby", "rspec stub a method",
    ),
    "php": (
        "php array remove duplicates", "laravel eloquent model relationship", "wordpress shortcode with attributes",
        "prepared statements in PHP with mysqli",
    ),
    "c": (
        "reverse a string in c", "c function that returns a pointer",
        "read a line with fgets into a buffer from malloc",
        "how to use pthread_create", "typedef struct with a function pointer",
    ),
    "cpp": (
        "c++ sort vector of pairs", "unique_ptr vs shared_ptr", "split a std::string by delimiter",
        "how to write a template class in C++?", "why do I need a virtual destructor",
    ),
    "csharp": (
        "c# read all lines of a file", "linq group by multiple columns", "How to bind a list in WPF",
        "entity framework include nested property", "parse json in C#",
    ),
}  # fmt: skip
CODE = {
    "python": (
        "def add(a, b=1):\n    return a + b", "for name in names:\n    print(name)",
        "import numpy as np\nx = np.zeros(3)",
    ),
    "go": (
        "func (s *Server) Close() error {\n\treturn s.ln.Close()\n}", "x, err := f()\nif err != nil {\n\treturn err\n}",
    ),
    "javascript": (
        "function add(a, b) {\n  return a + b;\n}", "const el = document.querySelector('#id');",
        "module.exports = function (app) { app.use(x); };",
    ),
    "typescript": (
        "function add(a: number, b: number): number {\n  return a + b;\n}", "export type Id = string | number;",
        "constructor(private readonly http: HttpClient) {}",
    ),
    "java": (
        "public static void main(String[] args) {\n    System.out.println(1);\n}",
        "List<String> xs = new ArrayList<>();",
        "@Override\npublic boolean equals(Object o) {\n    return o == this;\n}",
    ),
    "ruby": (
        "def full_name\n  [first, last].join(' ')\nend", "users.each do |user|\n  puts user.name\nend",
        "@name ||= options[:name]\nreturn unless name",
    ),
    "php": (
        "public function get($id)\n{\n    return $this->items[$id];\n}",
        "function add($a, $b) {\n    return $a + $b;\n}",
    ),
    "c": (
        "struct node *next = list->head;\nfree(list);", "#include <stdio.h>\nint main(void) {\n  printf(\"x\\n\");\n}",
        "char *copy = malloc(strlen(s) + 1);\nif (copy == NULL)\n    return NULL;",
    ),
    "cpp": (
        "std::vector<int> v;\nfor (auto& x : v) x++;",
        "template <typename T>\nT add(const T& a, const T& b) { return a + b; }",
        "#include <iostream>\nusing namespace std;",
    ),
    "csharp": (
        "public string Name { get; set; }", "using System.Linq;\nvar names = users.Select(u => u.Name).ToList();",
        "foreach (var item in items)\n{\n    Console.WriteLine(item);\n}",
    ),
}  # fmt: skip
UNDECIDED = (
    "", "   \n", "quick sort", "reverse a linked list", "read a file line by line", "go back to the previous page",
    "go through all items and remove duplicates", "swift ruby slippers", "ruby red color code", "a ring with a ruby",
    "where do objects go", "vitamin c",
    "convert celsius c to fahrenheit f", "drink java while it is hot, or tea", "convert python code to java",
    "javascript vs typescript", "pattern matching in rust", "kotlin coroutine flow",
    "matlab plot two lines", "create a pandas like data frame in R", "makes the final prediction of the model",
    "runs the JavaScript of the page and waits", "x = y", "foo(bar, baz)", "if (a == b) { return c; }",
    "int add(int a, int b) { return a + b; }", "public Range(int from, int to) {", "i = c++;", "SELECT name FROM users",
    "fn main() { let mut x = 1; }", "fun add(a: Int, b: Int) = a + b",
)  # fmt: skip


@pytest.mark.parametrize(("language", "query"), [(name, query) for name, its in QUESTIONS.items() for query in its])
def test_a_question_names_its_language(language, query):
    assert classify(query).language == language


@pytest.mark.parametrize(("language", "code"), [(name, code) for name, its in CODE.items() for code in its])
def test_code_shows_its_language(language, code):
    assert classify(code).language == language


@pytest.mark.parametrize("query", UNDECIDED)
def test_what_several_languages_share_stays_undecided(query):
    guess = classify(query)
    assert guess.language is None
    assert guess.confidence < CERTAIN
    assert guess.cues == ()


def test_the_lists_above_and_the_lexicon_know_every_language():
    assert set(QUESTIONS) == set(CODE) == set(query_cues.WORDS) == set(LANGUAGES)
    weighed = {language for row in query_cues.SYNTAX for language in row[2]}
    assert weighed - {"none"} == set(LANGUAGES)


def test_cues_are_what_was_found_and_the_strongest_comes_first():
    assert classify("how to close a channel in goroutine").cues == ("goroutine", "channel")
    assert classify("x, err := f()\nif err != nil { return err }").cues[0] == "if err != nil"


def test_names_in_comments_of_code_do_not_outvote_its_syntax():
    code = "def run(self, text):\n    # as JavaScript does\n    return self.engine.run(text)"
    assert classify(code).language == "python"


def test_a_cue_counts_once():
    once, often = classify("close the channel"), classify("close the channel, this channel or that channel")
    assert once == often


def test_more_cues_make_it_more_certain():
    assert classify("pandas").confidence < classify("pandas numpy").confidence < 1


def test_only_the_beginning_is_read():
    assert classify("x " * 1000 + "pandas numpy") == classify("x " * 1000)


@given(st.text(alphabet=st.sampled_from("abc :={}()[]<>$@#&*.,;|\n\t'\"_-+?/") | st.characters()))
def test_any_text_gives_a_guess_and_always_the_same(text):
    guess = classify(text)
    assert guess == classify(text)
    assert 0 < guess.confidence <= 1
    assert (guess.language in LANGUAGES) == (guess.confidence >= CERTAIN) == bool(guess.cues)


@given(st.sampled_from([query for its in QUESTIONS.values() for query in its]), st.sampled_from(["", " ", "\n", "?"]))
def test_space_around_a_question_changes_nothing(query, end):
    assert classify(f"  {query}{end}").language == classify(query).language


def test_a_guess_cannot_be_changed():
    with pytest.raises(AttributeError):
        Guess("go", 1.0, ("goroutine",)).language = "c"
