"""What gives a programming language away: its names, libraries and idioms, and its syntax, with log-odds. Data.

Names and mentions are found in questions, syntax in code. 5 and more is hardly met in another language, about 3 is
shared by two or three, below 2 is a hint.
"""

from __future__ import annotations

NONE = "none"
"""The key of a cue that speaks against every language."""

_THING = (
    r"(?:functions?|methods?|class(?:es)?|code|programs?|programming|scripts?|strings?|arrays?|lists?|hash(?:es)?|maps?"
    r"|structs?|interfaces?|modules?|packages?|librar(?:y|ies)|projects?|loops?|json|http|regex|types?|languages?"
    r"|pointers?|enums?|compiler|tests?|errors?|snippets?|examples?|slices?|channels?|blocks?|gems?|symbols?)"
)
_VERB = r"(?:how|read|write|parse|convert|check|create|sort|remove|split|print|iterate|replace|count|open|format)"
IN = r"\b(?:in|using|with)"
_END = r"(?=\s*(?:$|[?.,:;)]|how\b|without\b|using\b|with\b|on\b|from\b|by\b))"
NAMES: tuple[tuple[str, str], ...] = (
    ("python", r"\bpython(?:[23](?:\.\d+)?)?\b"),
    ("java", r"(?<![\w-])java\b(?!\s?-?script|\.)"),
    ("javascript", r"\bjava\s?script\b|\becmascript\b|\bes6\b|(?<![.\w/])js\b(?!\.)"),
    ("typescript", r"\btypescript\b"),
    ("php", r"\bphp(?:\s?[4578](?:\.\d)?)?\b"),
    ("cpp", r"(?<!\w)c\+\+(?:\d\d)?(?!\s*[;)\]=])|\bcpp\b"),
    ("csharp", r"(?<!\w)c\s?#(?!\w)|\bc\s?sharp\b"),
    ("go", r"\bgo\s?lang\b"),
)
ASKED = r"(?:functions?|methods?|arrays?|strings?|lists?|dict(?:ionary)?|objects?|class|code to|how|vs|\d+)"
MENTIONS: tuple[tuple[str, dict[str, float]], ...] = (
    (rf"{IN} ts{_END}|\bts {_THING}\b", {"typescript": 6}),
    (rf"(?i:{IN} go){_END}|(?<![\w-])[gG]o {_THING}\b|\bgo (?:mod|vet|get -u|routines?)\b", {"go": 6}),
    (rf"(?i:{IN}) c(?=\s*\??\s*\Z)|{IN} C(?![\w+#'/-])|(?<![\w+#.'/&-])[cC] {_THING}\b|^c {_VERB}\b", {"c": 5}),
    (r"(?i)\bansi[ -]c\b|\bc(?:89|99|11)\b|\bc language\b", {"c": 6}),
    (rf"(?i){IN} ruby\b(?! (?:red|slippers?))|\bruby (?:on rails|{_THING})\b|^ruby {_VERB}\b", {"ruby": 7}),
    (r"(?<=[a-z,] )Ruby\b|(?<!\ba )(?<!\bthe )(?<!\band )\bruby(?=\s*\??\s*\Z)", {"ruby": 4.5}),
    (r"(?<!\bto )\bgo(?=\s*\??\s*\Z)", {"go": 3}),
    (r"(?<=[a-z,] )Go\b(?! (?:to|back|through|up|down|on|over)\b)", {"go": 4}),
    (r"(?<![\w-])[\w-]+\.(?:py|ipynb)\b(?!\()", {"python": 3.5}),
    (r"(?<![\w-])[\w-]+\.(?:rb|gemspec)\b(?!\()", {"ruby": 4.5}),
    (r"(?<![\w-])[\w-]+\.php\b(?!\()", {"php": 4}),
    (r"(?<![\w-])[\w-]+\.(?:cs|csproj)\b(?!\()", {"csharp": 4.5}),
    (r"(?<![\w-])[\w-]+\.(?:cpp|hpp)\b(?!\()", {"cpp": 5}),
    (r"(?<![\w-])[\w-]+\.tsx?\b(?!\()", {"typescript": 4.5}),
    (
        r"(?i)\b(?:rust|kotlin|scala|haskell|perl|matlab|vba|lua|elixir|erlang|clojure|dart|flutter|julia|fortran|cobol"
        r"|swift(?:ui)?|objective-?c|groovy|ocaml|f#)(?!\w)",
        {NONE: 5},
    ),
    (r"(?i)\bin r\b", {NONE: 8}),
    (r"(?i)\b(?:bash|powershell|shell script)\b", {NONE: 3}),
)

# --- words and phrases; a space stands for a hyphen as well. A word in several rows speaks for several languages.
WORDS: dict[str, dict[float, str]] = {
    "python": {
        6: "pandas, numpy, django, matplotlib, scipy, sklearn, scikit learn, pytest, pyspark, asyncio, sqlalchemy"
        ", tkinter, virtualenv, pip install, jupyter, kwargs, list comprehension, os.path, beautifulsoup, nonetype"
        ", pyqt, pygame, pypi, setup.py, __init__, unittest.mock, functools, itertools, namedtuple, dataclass"
        ", np.array, ndarray, pickle file, seaborn, pillow, argparse, optparse, wsgi, conda, boto3, celery, ipython",
        4.5: "flask, keras, dataframe, data frame, docstring, f string, valueerror, pytorch, xarray, numpy array"
        ", pyplot, list of lists, generator expression",
        3: "tensorflow, keyerror, opencv, decorator, indexerror, attributeerror, pickle",
        2.5: "dict, tuple, tensor",
        1.5: "iterable, generator, typeerror, stdout, module, csv, notebook, axis, lambda, str",
    },
    "java": {
        6: "spring boot, spring mvc, spring bean, hibernate, maven, jdbc, jvm, servlet, junit, mockito, arraylist, jpa"
        ", gson, lombok, javafx, bufferedreader, nullpointerexception, classloader, concurrenthashmap"
        ", completablefuture, jsp, jaxb, java.util, linkedhashmap, executorservice, reentrantlock, classpath, jax rs"
        ", inputstreamreader",
        4: "gradle, tomcat, jackson, inputstream, outputstream, arraydeque, treemap, linkedlist, bytebuffer, log4j"
        ", threadpoolexecutor, illegalargumentexception, iterator remove, enummap, jframe, jtable",
        2.5: "hashmap, stringbuilder, android, runnable, javadoc, bytecode, ioexception, jar, synchronized",
        1.5: "bean, annotation, checked exception, interface, package private",
    },
    "javascript": {
        6: "jquery, node.js, nodejs, localstorage, addeventlistener, innerhtml, reactjs, lodash, jsx"
        ", express middleware, vue, vuex, vuejs, document.getelementbyid, json.stringify, ajax call, underscore.js"
        ", npm module",
        5.5: "npm, react, redux, eslint, webpack, d3, event listener, settimeout, mongoose, dom element, dom node",
        3: "dom, ajax, promise, event handler, eventemitter, json.parse, async await, foreach, jasmine, jest"
        ", click event, angular, babel, rxjs, socket.io, mocha, callback function",
        1.5: "callback, browser, html element, css class, event, closure, websocket, typeof, undefined, emit",
    },
    "typescript": {
        6: "tsconfig, nestjs, typeorm, keyof, angular service, angular component, angular directive, type guard, ngrx"
        ", mapped type, conditional type, type alias, declaration merging, @injectable, .d.ts",
        4.5: "angular, rxjs, tsx, deno, type assertion, zod, observable subscribe, discriminated union",
        3: "react, npm, union type, observable, generic type, eslint, optional chaining, type inference, redux",
        1.5: "async await, promise, interface, enum, decorator, webpack, jest, undefined",
    },
    "go": {
        6: "goroutine, gofmt, io.reader, io.writer, http.handler, context.context, gorm, go.mod, waitgroup, sync.mutex"
        ", err != nil, fmt.println, interface{}, struct tag, http.request, httprouter, kubelet, []byte, []string"
        ", time.duration, http.responsewriter, json.unmarshal, time.time, proto.message",
        4.5: "sync.waitgroup, chan, buffered channel, unbuffered channel, kubectl, rune, etcd",
        2.5: "defer, channel, kubernetes, protobuf, grpc, unmarshal, marshal, k8s, nil, mutex",
        1.5: "struct, panic, slice, select statement, pod, ctx, byte slice",
    },
    "ruby": {
        6: "rails, activerecord, rspec, gemfile, bundler, rubygems, sinatra, irb, sidekiq, capybara, attr_accessor"
        ", attr_reader, rubocop, activesupport, nokogiri, method_missing, rake task, gem install, minitest, factorybot"
        ", actioncontroller, before_action, has_many, belongs_to, each do, instance_variable_get",
        4.5: "rake, erb, symbolize, puma, capistrano, haml, jekyll, singleton class, activemodel"
        ", instance_eval",
        3: "active record",
        2: "gem, mixin, monkey patch, nil, chef, vagrant, yield, symbol, puppet, truthy",
        1: "hash, array of hashes, proc, block",
    },
    "php": {
        6: "laravel, symfony, wordpress, composer.json, drupal, magento, phpunit, codeigniter, mysqli, woocommerce"
        ", yii, cakephp, var_dump, isset, array_map, preg_match, htmlspecialchars, eloquent model, artisan"
        ", array_merge, zend, twig, psr 4, psr 7, doctrine, array_filter, foreach ($, moodle, typo3, phpdoc, shortcode",
        4.5: "eloquent, pdo, associative array, blade template, wp, composer, joomla, prepared statement pdo",
        2.5: "explode, foreach, mysql, fgets, form submit, cookie, controller action, entitymanager, bundle, apache",
        1: "session, post request, html form, service container",
    },
    "c": {
        6: "typedef struct, linux kernel module, strtok, fscanf, sockaddr, strncpy",
        5: "malloc, calloc, scanf, fgets, strcpy, strcmp, pthread, pthread_create, ioctl, glib, sizeof struct",
        3: "realloc, memcpy, gcc, void pointer, printf, function pointer, char array, null terminated, segfault"
        ", memset, segmentation fault, linux kernel, char pointer, preprocessor, posix, stdio.h, stdlib.h",
        1.5: "pointer, struct, free memory, makefile, header file, macro, fork, bitmask, linker, double pointer",
    },
    "cpp": {
        6: "std::vector, std::string, std::map, unique_ptr, shared_ptr, weak_ptr, iostream, constexpr, raii"
        ", stl vector, rvalue reference, move constructor, copy constructor, template specialization"
        ", template metaprogramming, virtual destructor, pure virtual, sfinae, unordered_map, std::sort"
        ", variadic template, cout, ostream, ifstream",
        4.5: "stl, move semantics, smart pointer, eigen, rvalue, boost asio, endl, cin, stringstream, const reference"
        ", dynamic_cast, emplace_back, push_back, operator overloading, friend class, g++, vtable",
        2.5: "qt, memcpy, cmake, opencv, boost, lvalue, function pointer, gcc, virtual function, segfault, mfc"
        ", destructor, header file, template class, segmentation fault, void pointer",
        1.5: "pointer, template, malloc, vector, priority queue, linker, double pointer, overload, raw pointer"
        ", pthread",
    },
    "csharp": {
        6: "linq, asp.net, dotnet, wpf, winforms, xaml, entity framework, nuget, blazor, unity3d, ienumerable"
        ", iqueryable, dbcontext, datagridview, signalr, newtonsoft, xamarin, idisposable, web.config, ado.net, ilist"
        ", monobehaviour, gameobject, cancellationtoken, httpclient getasync, async task, nunit, windows forms, vb.net",
        5: ".net, moq, xunit, dependency property, observablecollection, async void, extension method, gridview",
        3: "unity, datatable, mvvm, textbox, listbox, dispatcher, visual studio, viewmodel, combobox, delegate"
        ", nullable int",
        1.5: "stringbuilder, dictionary, readonly, event handler, async await, lambda, enum, console app, attribute",
    },
}  # fmt: skip

# --- syntax, for code as the query; code that has been tokenised has spaces around its signs.
_CALLED = r"\((?:[^()]|\([^()]*\))*\)"  # an argument list, over several lines if need be
_ACCESS = (
    r"\b(?:public|private|protected|internal)\s+"
    r"(?:(?:static|final|abstract|synchronized|virtual|override)\s+)*(?:<[^()]*?>\s+)?"
)
_TYPED = r"(?!(?:function|async|static|get|set|class|new|readonly)\b)[\w.]+(?:<[\w<>,.? ]*>)?(?:\s*\[\s*\])*\s+"
_C_TYPE = r"(?:unsigned|int|void|char|size_t|u?int\d+_t|bool|double|float|long)"
SYNTAX: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("def …:", rf"\bdef\s+\w+\s*{_CALLED}\s*(?:->[^:\n]+)?:", {"python": 7}),
    ("def …(self", r"\bdef\s+\w+\s*\(\s*(?:self|cls)\b", {"python": 6}),
    ("self.", r"\bself\s?\.\s?\w", {"python": 2.5, "ruby": 2}),
    ("import …", r"^[ \t]*(?:from\s+[\w.]+\s+import\s|import\s+\w+(?:\.\w+)*(?:\s+as\s+\w+)?\s*$)", {"python": 5}),
    ("for … in …:", r"\bfor\s+[\w, ()]+\s+in\s+[^:{}\n]+:\s*$", {"python": 5}),
    ("…:", r"^[ \t]*(?:if|elif|while|with|try|else|except)\b[^{};?\n]*:[ \t]*$", {"python": 3}),
    ("elif", r"\belif\b|\bexcept\s+\w+(?:\s+as\s+\w+)?\s*:|\bis\s+(?:not\s+)?None\b", {"python": 4}),
    ("None", r"\bNone\b", {"python": 2}),
    ('"""', r'"""|^>>> ', {"python": 4}),
    ("__…__", r"\b__[a-z]+__\b", {"python": 4}),
    (":param", r":(?:param|type|rtype|returns?|class|meth|obj|func)\b[^\n]*?:|:class:|``", {"python": 4}),
    ("def … end", r"\bdef\s+(?:self\.)?\w+[?!=]?(?:[ \t]*\([^()]*(?:\([^()]*\)[^()]*)*\))?[ \t]*$", {"ruby": 5.5}),
    ("end", r"^[ \t]*end\s*$|;\s*end\b", {"ruby": 4}),
    ("do |…|", r"(?:\bdo|\{)\s*\|[\w\s,*&()]+\|", {"ruby": 6}),
    ("@… =", r"(?<![\w@])@@?[a-z_]\w*\s*(?:\|\||&&|[+-])?=(?![=~>])", {"ruby": 5}),
    (".nil?", r"\.(?:nil|empty|blank|present|any|include|is_a|respond_to|key|start_with|zero|match)\?", {"ruby": 5}),
    (":… =>", r"(?<![\w:]):[a-z_]\w*\s*=>|[\[(,]\s*:[a-z_]\w*\s*[\]),]|(?<!\w)&:\w", {"ruby": 5}),
    ("#{…}", r"#\{[^}]*\}", {"ruby": 4}),
    ("require '…'", r"^[ \t]*require(?:_relative)?\s+['\"]|\braise\s+[A-Z][\w:]*\s*,|^[ \t]*rescue\b|\belsif\b",
     {"ruby": 5}),
    ("unless", r"^[ \t]*(?:return\b.*\s)?unless\s+\w|\sif\s+@\w|\bputs\s", {"ruby": 3}),
    ("…::…", r"\b\w+::~?\w", {"cpp": 3, "ruby": 2, "php": 1.5}),
    ("$this->", r"\$this\s*->", {"php": 8}),
    ("$…", r"(?<!\w)\$[a-z_]\w*\s*(?:=(?!=)|->|\[|;|,|\))", {"php": 4, "javascript": 1}),
    ("function …($…)", r"\bfunction\s+&?\w*\s*\([^()]*\$\w|<\?php", {"php": 7}),
    ("public function", r"\b(?:public|private|protected|static)\s+function\b", {"php": 7}),
    ("array(", r"\barray\s*\(|\b(?:self|static|parent)::|\\[A-Z]\w+\\[A-Z]", {"php": 4}),
    ("@param $…", r"@(?:param|var|return)\s+[\w\\|\[\]]+\s+\$\w|\$_(?:GET|POST|SESSION|SERVER|FILES)\b", {"php": 7}),
    ("func (…) …", r"\bfunc\s*\(\s*\w+\s+\*?\s*\w+\s*\)\s*\w+\s*\(", {"go": 8}),
    ("func …(", r"\bfunc\s+[A-Za-z]\w*\s*\(", {"go": 5.5}),
    (":=", r"\w\s*:=\s", {"go": 4}),
    ("if err != nil", r"\berr\s*!=\s*nil\b|\bgo\s+func\s*\(|\bmap\[\w+\]|\bdefer\s+[\w.]+\(", {"go": 6}),
    ("type … struct", r"\btype\s+\w+\s+(?:struct|interface|func)\b|^package\s+\w+\s*$", {"go": 6}),
    ("[]…", r"(?<![\w\]])\[\s*\](?:string|byte|int|float64|\*?\w+\.)", {"go": 5}),
    ("fmt.", r"\b(?:fmt|strings|strconv|http|os|errors|ioutil|json)\.[A-Z]\w+", {"go": 3.5}),
    ("nil", r"\bnil\b", {"ruby": 1.5, "go": 1.5}),
    ("public … name(", rf"{_ACCESS}{_TYPED}[a-z]\w*\s*\(", {"java": 5.5, "csharp": 1.5}),
    ("public … Name(", rf"{_ACCESS}{_TYPED}[A-Z]\w*\s*\(", {"csharp": 6, "java": 0.5}),
    ("public", _ACCESS + r"\w", {"java": 1.5, "csharp": 1.5, "typescript": 1, "php": 0.5}),
    ("throws", r"\)\s*throws\s+[A-Z]|\bSystem\s?\.\s?out\b|@(?:Override|Autowired|SuppressWarnings|Nullable)\b",
     {"java": 6}),
    ("final", r"\bfinal\s+[\w<>]+\s+\w|\bboolean\s+\w+\s*[=;(,)]|\bnew\s+\w+<>\s*\(", {"java": 4.5}),
    ("import java", r"\bimport\s+(?:static\s+)?(?:javax?|org|com)\s*\.", {"java": 6}),
    ("String …", r"\bString\s*(?:\[\s*\])?\s+[a-z]\w*\s*[=;,)(\[]", {"java": 4, "csharp": 1}),
    (".equals(", r"\.\s*(?:equals|isEmpty|hashCode|getClass|getName|toArray)\s*\(", {"java": 3, "javascript": 0.5}),
    ("{@link", r"\{@(?:link|code|inheritDoc)\b", {"java": 4, "javascript": 1.5, "typescript": 1, "php": 1.5}),
    ("extends", r"\bextends\s+[A-Z]|\bimplements\s+[A-Z]", {"java": 2, "typescript": 2, "php": 1.5, "javascript": 1}),
    ("override", r"\b(?:public|protected|internal)\s+(?:virtual|override|sealed|partial|async\s+Task)\b",
     {"csharp": 7}),
    ("public string", r"\b(?:public|private|protected|internal)\s+(?:\w+\s+)?(?:string|bool|sbyte)\b", {"csharp": 5}),
    ("using System", r"\busing\s+(?:System|Microsoft|Newtonsoft|UnityEngine)\b|\bConsole\s?\.\s?(?:Write|Read)",
     {"csharp": 8}),
    ("get; set;", r"\{\s*get\s*[;{]|\bget\s*\{\s*return|\)\s*:\s*(?:base|this)\s*\(", {"csharp": 7}),
    ("foreach (… in", r"\bforeach\s*\(\s*\w[\w<>\[\]]*\s+\w+\s+in\s", {"csharp": 7}),
    ("string …", r"(?<![:\w\[\]])(?<![:\w]\s)string\s+[a-z_]\w*\s*[=;,)]", {"csharp": 4.5, "cpp": 1.5}),
    ("<summary>", r"<(?:/?summary|param name=|see cref=)|\bnameof\(|\bout\s+var\b", {"csharp": 6}),
    ("List<int>", r"\b(?:IEnumerable|IList|Dictionary|Task|Func|Action|List)<[a-z]", {"csharp": 4}),
    (".ToList", r"\.(?:ToList|ToString|FirstOrDefault|Where|Length|Count|AddRange|Equals)\b", {"csharp": 3}),
    ("function …(…) {", r"\bfunction\b\s*\*?\s*\w*\s*\(\s*\w[\w\s,={}\[\]]*\)\s*\{",
     {"javascript": 5.5, "typescript": 1}),
    ("function …() {", r"\bfunction\b\s*\w*\s*\(\s*\)\s*\{", {"javascript": 4, "php": 2.5, "typescript": 1.5}),
    ("=>", r"(?:\)|\b\w+)\s*=>\s*[{(\w]", {"javascript": 2.5, "typescript": 2, "csharp": 2, "php": 1, "ruby": 1}),
    ("= (…) =>", r"=\s*(?:async\s*)?\(\s*[a-z]\w*(?:\s*,\s*\w+)*\s*\)\s*=>", {"javascript": 2}),
    ("const … =", r"\b(?:const|let)\s+(?:\w+|\{[^}]*\}|\[[^\]]*\])\s*=(?!=)", {"javascript": 4, "typescript": 3}),
    ("===", r"[!=]==", {"javascript": 4, "typescript": 2.5, "php": 3}),
    ("var … =", r"\bvar\s+\w+\s*=\s*(?:function\b|\{|\[|this\b|require\b|\$\()", {"javascript": 4.5}),
    ("var", r"\bvar\s+\w+\s*=", {"javascript": 2.5, "csharp": 2, "go": 1, "typescript": 1}),
    ("module.exports", r"\bmodule\.exports\b|\brequire\s*\(\s*['\"]|\.prototype\b", {"javascript": 6, "php": 1}),
    ("document.", r"\b(?:document|window|console)\.[a-z]\w+", {"javascript": 5, "typescript": 3}),
    ("typeof", r"\btypeof\s+\w|\bundefined\b", {"javascript": 3.5, "typescript": 2.5}),
    ("$(…)", r"\$\(\s*(?:['\"]|this\b)", {"javascript": 6}),
    ("@param {…}", r"@(?:param|returns?|type)\s+\{(?!@)", {"javascript": 5, "typescript": 1}),
    ("…: string", r"[(,]\s*\w+\??\s*:\s*(?:string|number|boolean|any|void|unknown|never)\b", {"typescript": 7}),
    ("): … {", r"\)\s*:\s*[\w.]+(?:<[\w<>\[\]|, ]*>)?(?:\[\])?\s*(?:\{|=>)", {"typescript": 4.5, "php": 2}),
    ("const …: …", r"\b(?:const|let|var)\s+\w+\s*:\s*[\w<{(\[]", {"typescript": 5.5}),
    ("type … =", r"^[ \t]*(?:export\s+)?type\s+\w+(?:<[^>]*>)?\s*=\s*[\w{'\"(|]", {"typescript": 5}),
    ("interface … {", r"\binterface\s+\w+[^{;]*\{[^}();]*\w\??\s*:\s*\w|\bas\s+const\b", {"typescript": 6}),
    ("private …: …", r"\b(?:private|public|protected|readonly)\s+\w+\??\s*:\s*[\w{(\[]", {"typescript": 6}),
    ("export", r"^[ \t]*export\s+(?:default\s+)?(?:class|function|const|async)\b",
     {"javascript": 4, "typescript": 3.5}),
    ("import … from", r"^[ \t]*import\s+.+\sfrom\s+['\"]", {"javascript": 4.5, "typescript": 4}),
    ("#include <….h>", r"#\s*include\s*<\s*[\w/]+\s*\.\s*h\s*>", {"c": 4.5, "cpp": 3}),
    ("#include <…>", r"#\s*include\s*<\s*[\w/+]+(?:\s*\+\+\s*\.\s*h)?\s*>", {"cpp": 7}),
    ("#define", r"^[ \t]*#\s*(?:define|ifdef|ifndef|include)\b", {"c": 2.5, "cpp": 2.5}),
    ("struct … *", r"\bstruct\s+\w+\s*\*|\btypedef\s+(?:struct|enum|union)\b", {"c": 5.5, "cpp": 1}),
    ("char *", r"\b(?:char|void|int|u?int\d+_t|size_t|FILE)\s*\*+\s*\w+", {"c": 3.5, "cpp": 3}),
    ("…->…", r"(?<![$>\w\]])[a-z_]\w*->[a-z_]\w*", {"c": 2.5, "cpp": 2.5}),
    ("NULL", r"\bNULL\b", {"c": 3, "cpp": 1.5, "php": 1}),
    ("int f(…) {", rf"^[ \t]*(?:static\s+)?(?:inline\s+)?{_C_TYPE}\s*\**\s*[a-z_]\w*\s*\([^)]*\)\s*\{{",
     {"c": 2.5, "cpp": 2.5}),
    ("static …", r"^(?:static\s+)?(?:inline\s+)?[\w *]+\n[a-z]\w*\s?\([^()]*\)\s*\{", {"c": 2.5, "cpp": 1.5}),
    ("main(", r"\bmain\s*\(\s*(?:void|int\s+argc)\b|\b__(?:[us]\d+|inline__|attribute__)\b", {"c": 2.5, "cpp": 1}),
    ("…_t", r"\b[a-z]\w*_t\b", {"c": 1.5, "cpp": 1.5}),
    ("printf(", r"\b[fs]?n?printf\s*\(|\bsizeof\b", {"c": 2.5, "cpp": 1.5, "php": 0.5}),
    ("std::", r"\bstd\s?::|\busing\s+namespace\s+\w+\s*;|\bnullptr\b|\btemplate\s*<", {"cpp": 8}),
    ("cout <<", r"\b(?:cout|cerr)\s*<<|<<\s*endl\b|\b(?:static|dynamic|reinterpret)_cast\s*<", {"cpp": 6}),
    ("vector<…>", r"\b(?:vector|map|set|pair|unordered_map|queue|stack)\s*<\s*\w", {"cpp": 5}),
    ("…::…(…) {", r"^[\w:<>*&~, ]*\b\w+::~?\w+\s*\([^;]*\)\s*(?:const\s*)?[{:]", {"cpp": 5}),
    ("const …&", r"\bconst\s+[\w:<>]+\s*&\s*\w|\)\s*const\s*(?:\{|override|noexcept|;)", {"cpp": 6}),
    ("operator=", r"\boperator\s*[=+*/<>![(-]|\bnoexcept\b|\w&&\s\w+[,)]", {"cpp": 6}),
    ("…& …", r"\b[A-Za-z]\w*(?:<[^<>]*>)?&\s[a-z]\w*\s*[,)]|\bauto\s*[&*]?\s*\w+\s*[=:]", {"cpp": 4}),
    ("public:", r"^[ \t]*(?:public|private|protected)\s*:\s*$|\bclass\s+\w+\s*:\s*public\b", {"cpp": 5.5}),
    ("fn …", r"\bfn\s+\w+\s*[(<]|\blet\s+mut\b|\bprintln!|\bfun\s+\w+\s*\(|\bfunc\b[^\n]*\)\s*->", {NONE: 6}),
)  # fmt: skip
