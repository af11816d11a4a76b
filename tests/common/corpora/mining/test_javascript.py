from tests.common.corpora.mining.found import functions, seen

JS = """#!/usr/bin/env node
'use strict'
/** @fileoverview All of it. */
const fs = require('fs')

/**
 * Reads it, see {@link Reader#open}.
 * @param {string} a
 */
export async function read(a, { b, c }, [d], e = 1, ...rest) {
  const inner = () => 1
  function nested() {}
  return inner
}

/** Arrow. */
export const arrow = async x => x + 1;
var one = 1, /** Two. */
    two = function () { return 2 };
exports.three = function named() { return 3 }
/** Default. */
module.exports = function main() { return 4 }
module.exports.five = () => { throw new Error('not implemented') }
Thing.prototype.go = function (a) { this.a = a }
Thing.prototype = { stop() { return 1 }, /** Wait a bit. */ wait: function () { return 2 }, n: 1 }
window.App.start = function () { return 1 }
const api = {
  /**
   * Gets it.
   */
  get: (key) => key,
  'quoted-key': function () { return 1 },
  nested: { deep() { return 1 } },
}

class Widget extends Base {
  static #count = 0
  /** Draws. */
  // eslint-disable-next-line
  static async draw(ctx) { return ctx }
  handler = (event) => { this.x = event }
  constructor() { super() }
  get size() { return 1 }
  * [Symbol.iterator]() { yield 1 }
  #secret() {}
}
const Named = class { run() { return 1 } };

(function ($) {
  /** Inside a module. */
  function inModule() { return 1 }
  $.fn.plugin = function () { return 1 }
})(jQuery)

define(['a'], function (a) {
  return { method: function () { return a } }
})
const View = Backbone.View.extend({ render() { return this } })
app.get('/', (request, response) => { response.send(1) })
promise.then(function () { return 1 }).catch(() => 2)
if (fs) { function conditional() { return 1 } }
"""


def test_javascript():
    assert seen(JS, "a.js") == {
        "read": (10, 14, "a { b, c } [d] e ...rest", False),
        "arrow": (17, 17, "x", False),
        "two": (19, 19, "", False),
        "three": (20, 20, "", False),
        "main": (22, 22, "", False),
        "five": (23, 23, "", True),
        "Thing.go": (24, 24, "a", False),
        "Thing.stop": (25, 25, "", False),
        "Thing.wait": (25, 25, "", False),
        "App.start": (26, 26, "", False),
        "api.get": (31, 31, "key", False),
        "api.quoted-key": (32, 32, "", False),
        "api.nested.deep": (33, 33, "", False),
        "Widget.draw": (40, 40, "ctx", False),
        "Widget.handler": (41, 41, "event", False),
        "Widget.constructor": (42, 42, "", False),
        "Widget.size": (43, 43, "", False),
        "Widget.Symbol.iterator": (44, 44, "", False),
        "Widget.#secret": (45, 45, "", True),
        "Named.run": (47, 47, "", False),
        "inModule": (51, 51, "", False),
        "$.fn.plugin": (52, 52, "", False),
        "method": (56, 56, "", False),
        "View.render": (58, 58, "", False),
        "conditional": (61, 61, "", False),
    }
    found = functions(JS, "a.js")
    assert {symbol: function.documentation for symbol, function in found.items() if function.documentation} == {
        "read": "Reads it, see Reader.open.\n@param {string} a",
        "arrow": "Arrow.",
        "main": "Default.",
        "api.get": "Gets it.",
        "Widget.draw": "Draws.",
        "inModule": "Inside a module.",
    }
    assert found["arrow"].code == "export const arrow = async x => x + 1;"
    assert found["read"].code.startswith("export async function read(")
    assert found["main"].code == "module.exports = function main() { return 4 }"
    assert found["api.get"].code == "get: (key) => key"
    assert found["inModule"].code == "function inModule() { return 1 }"


TS = """
@Injectable()
export class Service<T> {
  /** Finds it. */
  @Input()
  @Output() find(a: number, b?: string, ...rest: any[]): void { return; }
  @Bind()
  /** Between. */
  between(): number { return 1; }
  private abstract nothing(): void;
  field = (x: T): T => { return x; };
}
namespace Space { export function inside(this: Window, a: string): void { a; } }
declare module "x" { function declared(): void; }
interface Shape { area(): number; }
/** First signature. */
function over(a: string): void;
/** The function. */
function over(a: any) { return a; }
export default class extends Base { run() { return 1; } }
/** Typed. */
export const typed: Handler = async ({ a, b }: P): Promise<void> => { a; };
const cast = { f() { return 1; } } as const;
"""


def test_typescript():
    assert seen(TS, "a.ts") == {
        "Service.find": (5, 6, "a b ...rest", False),
        "Service.between": (7, 9, "", False),
        "Service.nothing": (10, 10, "", True),
        "Service.field": (11, 11, "x", False),
        "Space.inside": (13, 13, "this a", False),
        "over": (19, 19, "a", False),
        "default.run": (20, 20, "", False),
        "typed": (22, 22, "{ a, b }", False),
        "cast.f": (23, 23, "", False),
    }
    found = functions(TS, "a.ts")
    assert {symbol: function.documentation for symbol, function in found.items() if function.documentation} == {
        "Service.find": "Finds it.",
        "Service.between": "Between.",
        "over": "The function.",
        "typed": "Typed.",
    }
    assert found["Service.find"].code.startswith("@Input()\n@Output() find(")
    assert found["Service.between"].code == "@Bind()\nbetween(): number { return 1; }"
    assert {function.language for function in found.values()} == {"typescript"}


def test_tsx_and_jsx_have_elements_and_ts_has_casts():
    component = "/** Shows it. */\nexport const Show = (p{}) => {{\n  return <b>{{p.x}}</b>;\n}};\n"
    assert functions(component.format(": P"), "a.tsx")["Show"].documentation == "Shows it."
    assert functions(component.format(""), "a.jsx")["Show"].language == "javascript"
    assert list(functions("function f(x: any) { return <string>x; }\n", "a.ts")) == ["f"]
