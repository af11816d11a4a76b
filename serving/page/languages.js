// What a tokenizer has to know of each language. A new language is a record here.

// The patterns are compiled with the flags m and u; what is not closed in a snippet goes on to its end.
const END = "(?![^])";
const C_COMMENT = [String.raw`\/\/[^\n]*`, String.raw`\/\*[^]*?(?:\*\/|${END})`];
const HASH_COMMENT = [String.raw`#[^\n]*`];
const DOUBLE = String.raw`"(?:\\[^]|[^"\\\n])*(?:"|(?=\n)|${END})`;
const SINGLE = String.raw`'(?:\\[^]|[^'\\\n])*(?:'|(?=\n)|${END})`;
const BACKTICK = String.raw`${"`"}(?:\\[^]|[^\\${"`"}])*(?:${"`"}|${END})`;
const TRIPLE = String.raw`[rbuftRBUFT]{0,2}(?:"""[^]*?(?:"""|${END})|'''[^]*?(?:'''|${END}))`;
const PREPROCESSOR = String.raw`^[ \t]*#[ \t]*\w+`;
const ANNOTATION = String.raw`@[A-Za-z_][\w.]*`;

const words = (text) => new Set(text.trim().split(/\s+/));
const C_WORDS = `auto break case char const continue default do double else enum extern float for goto if inline int
  long register return short signed sizeof static struct switch typedef union unsigned void volatile while NULL true
  false bool`;
const JS_WORDS = `async await break case catch class const continue debugger default delete do else export extends
  false finally for from function get if import in instanceof let new null of return set static super switch this
  throw true try typeof undefined var void while with yield`;

export const PLAIN = { comments: [], strings: [DOUBLE], meta: [], keywords: new Set() };

export const LANGUAGES = {
  python: {
    comments: HASH_COMMENT, strings: [TRIPLE, `[rbuftRBUFT]{0,2}${DOUBLE}`, `[rbuftRBUFT]{0,2}${SINGLE}`],
    meta: [ANNOTATION],
    keywords: words(`and as assert async await break case class continue def del elif else except False finally for
      from global if import in is lambda match None nonlocal not or pass raise return self True try while with yield`),
  },
  java: {
    comments: C_COMMENT, strings: [`"""[^]*?(?:"""|${END})`, DOUBLE, SINGLE], meta: [ANNOTATION],
    keywords: words(`abstract assert boolean break byte case catch char class continue default do double else enum
      extends false final finally float for if implements import instanceof int interface long native new null package
      permits private protected public record return sealed short static super switch synchronized this throw throws
      transient true try var void volatile while yield`),
  },
  javascript: {
    comments: C_COMMENT, strings: [DOUBLE, SINGLE, BACKTICK], meta: [ANNOTATION], keywords: words(JS_WORDS),
  },
  typescript: {
    comments: C_COMMENT, strings: [DOUBLE, SINGLE, BACKTICK], meta: [ANNOTATION],
    keywords: words(`${JS_WORDS} abstract any as asserts bigint boolean declare enum implements infer interface is keyof
      module namespace never number object override private protected public readonly satisfies string symbol type
      unknown`),
  },
  go: {
    comments: C_COMMENT, strings: [DOUBLE, SINGLE, BACKTICK], meta: [],
    keywords: words(`any bool break byte case chan const continue default defer else error fallthrough false float32
      float64 for func go goto if import int int32 int64 interface iota map nil package range return rune select string
      struct switch true type uint8 var`),
  },
  ruby: {
    comments: [...HASH_COMMENT, String.raw`^=begin[^]*?(?:^=end|${END})`], strings: [DOUBLE, SINGLE],
    meta: [String.raw`:[A-Za-z_]\w*[?!]?`, String.raw`@{1,2}[A-Za-z_]\w*`],
    keywords: words(`alias and begin break case class def defined do else elsif end ensure false for if in module next
      nil not or redo rescue retry return self super then true undef unless until when while yield attr_accessor
      attr_reader attr_writer private protected public require require_relative raise`),
  },
  php: {
    comments: [...C_COMMENT, String.raw`#(?!\[)[^\n]*`], strings: [DOUBLE, SINGLE],
    meta: [String.raw`<\?(?:php|=)?`, String.raw`\?>`, String.raw`#\[[^\]\n]*\]`],
    keywords: words(`abstract and array as bool break callable case catch class clone const continue declare default do
      echo else elseif enum extends false final finally float fn for foreach function global if implements include
      instanceof int interface match namespace new null or private protected public readonly require require_once
      return self static string switch this throw trait true try use var void while yield`),
  },
  c: { comments: C_COMMENT, strings: [DOUBLE, SINGLE], meta: [PREPROCESSOR], keywords: words(C_WORDS) },
  cpp: {
    comments: C_COMMENT, strings: [DOUBLE, SINGLE], meta: [PREPROCESSOR],
    keywords: words(`${C_WORDS} catch class concept consteval constexpr co_await co_return co_yield decltype delete
      explicit final friend mutable namespace new noexcept nullptr operator override private protected public requires
      static_assert template this throw try typename using virtual`),
  },
  csharp: {
    comments: C_COMMENT, strings: [String.raw`\$?@\$?"(?:""|[^"])*(?:"|${END})`, String.raw`\$?${DOUBLE}`, SINGLE],
    meta: [PREPROCESSOR],
    keywords: words(`abstract as async await base bool break byte case catch char class const continue decimal default
      delegate do double else enum event explicit extern false finally float for foreach get if implicit in init int
      interface internal is lock long nameof namespace new null object operator out override params private protected
      public readonly record ref return sealed set sizeof static string struct switch this throw true try typeof uint
      using value var virtual void when where while yield`),
  },
};

// Names that models write after three backticks.
export const SPELLINGS = {
  py: "python", js: "javascript", ts: "typescript", rb: "ruby", golang: "go", "c++": "cpp", "c#": "csharp",
  cs: "csharp",
};
