from tests.common.corpora.mining.test_units import places, units

JS = """#!/usr/bin/env node
'use strict'
/** @fileoverview Everything about stores. */

const fs = require('fs')

/** Keeps things. */
export class Store extends Base {
  #size = 0
  static Part = class { run() { return 1 } }
  /** Finds it. */
  async find(key) { return this.map[key] }
  handler = (event) => { this.x = event };
  * [Symbol.iterator]() { yield 1 }
}
const Named = class { run() { return 1 } }
/** Loads them. */
export const load = async (names, { deep }) => names
const api = { get: (key) => key }
Store.prototype.go = function (a) { this.a = a }
function stub() {}
first.a = function () { return 1 }, first.b = function () { return 2 }
"""


def test_javascript():
    assert places(JS, "store.js") == {
        ("module", "store"): (3, 3, "", ""),
        ("class", "Store"): (7, 15, "export class Store extends Base", ""),
        ("class", "Store.Part"): (10, 10, "static Part = class", "Store"),
        ("method", "Store.Part.run"): (10, 10, "run()", "Store.Part"),
        ("method", "Store.find"): (11, 12, "async find(key)", "Store"),
        ("method", "Store.handler"): (13, 13, "handler = (event)", "Store"),
        ("method", "Store.Symbol.iterator"): (14, 14, "* [Symbol.iterator]()", "Store"),
        ("class", "Named"): (16, 16, "const Named = class", ""),
        ("method", "Named.run"): (16, 16, "run()", "Named"),
        ("function", "load"): (17, 18, "export const load = async (names, { deep })", ""),
        ("method", "api.get"): (19, 19, "get: (key)", "api"),
        ("method", "Store.go"): (20, 20, "Store.prototype.go = function (a)", "Store"),
        ("method", "first.a"): (22, 22, "first.a = function ()", "first"),
        ("method", "first.b"): (22, 22, "first.b = function ()", "first"),
    }
    found = units(JS, "store.js")
    assert found["module", "store"].documentation == "Everything about stores."
    assert found["class", "Store"].documentation == "Keeps things."
    assert found["class", "Store"].code == (
        "export class Store extends Base {\n  #size = 0\n  static Part = class\n  async find(key)\n"
        "  handler = (event);\n  * [Symbol.iterator]()\n}"
    )
    assert found["method", "first.b"].code == "first.b = function () { return 2 }"


TS = """/* Everything about stores. */
import { a } from 'a';

/** Keeps things. */
@Injectable({ in: 'root' })
export class Store<T> {
  private size: number = 0;
  /** Finds it. */
  @Input()
  @Output() find(@Inject() key: string): T { return this.map[key]; }
  abstract nothing(): void;
}
/** Has an area. */
export interface Shape extends Base { area(): number; }
export enum Colour { Red = 1 }
abstract class Part { go(): void { this.x(); } }
namespace Space {
  export class Inner { go(): void { this.x(); } }
  export function inside(a: string): void { a; }
}
/** Loads them. */
export const load: Handler = async ({ a }: P): Promise<void> => { a; };
"""


def test_typescript():
    assert places(TS, "store.ts") == {
        ("module", "store"): (1, 1, "", ""),
        ("class", "Store"): (4, 12, "export class Store<T>", ""),
        ("method", "Store.find"): (8, 10, "find(@Inject() key: string): T", "Store"),
        ("class", "Shape"): (13, 14, "export interface Shape extends Base", ""),
        ("class", "Colour"): (15, 15, "export enum Colour", ""),
        ("class", "Part"): (16, 16, "abstract class Part", ""),
        ("method", "Part.go"): (16, 16, "go(): void", "Part"),
        ("class", "Space.Inner"): (18, 18, "export class Inner", ""),
        ("method", "Space.Inner.go"): (18, 18, "go(): void", "Space.Inner"),
        ("function", "Space.inside"): (19, 19, "export function inside(a: string): void", ""),
        ("function", "load"): (21, 22, "export const load: Handler = async ({ a }: P): Promise<void>", ""),
    }
    found = units(TS, "store.ts")
    assert found["class", "Store"].code == (
        "@Injectable({ in: 'root' })\nexport class Store<T> {\n  private size: number = 0;\n"
        "  @Input()\n  @Output() find(@Inject() key: string): T\n  abstract nothing(): void;\n}"
    )
    assert found["class", "Shape"].code == "export interface Shape extends Base { area(): number; }"
    assert found["class", "Shape"].documentation == "Has an area."


C = """/*
 * Copyright (c) 2020 Somebody
 */
#ifndef STORE_H
#define STORE_H
/**
 * @file store.h
 * @brief Everything about stores.
 */
#include <stdio.h>

/** Keeps things. */
struct store {
    int size; /* how many */
    struct part { int of; } first;
};
/* A point. */
typedef struct {
    int x;
} point_t;
typedef struct list_s list_t;
struct declared;
struct store *used(struct store *s) { return s; }
enum colour { RED, GREEN };
static union value { int i; float f; } values[] = { { 1 } };

/* Finds it. */
static int
find(const char *names[], ...)
{
    return 0;
}
#endif
"""


def test_c():
    assert places(C, "store.h") == {
        ("module", "store"): (6, 9, "", ""),
        ("class", "store"): (12, 16, "struct store", ""),
        ("class", "store.part"): (15, 15, "struct part", "store"),
        ("class", "point_t"): (17, 20, "typedef struct", ""),
        ("function", "used"): (23, 23, "struct store *used(struct store *s)", ""),
        ("class", "colour"): (24, 24, "enum colour", ""),
        ("class", "value"): (25, 25, "union value", ""),
        ("function", "find"): (27, 32, "static int find(const char *names[], ...)", ""),
    }
    found = units(C, "store.h")
    assert {unit.language for unit in found.values()} == {"c"}
    assert found["module", "store"].documentation == "Everything about stores."
    assert found["class", "store"].documentation == "Keeps things."
    assert found["class", "store"].code == "struct store {\n    int size; /* how many */\n    struct part first;\n}"
    assert found["class", "point_t"].code == "typedef struct {\n    int x;\n} point_t;"
    assert found["class", "value"].code == "union value { int i; float f; }"


CPP = """#pragma once
// Everything about stores.

namespace shop::detail {
/// Keeps things.
template <typename T>
class SHOP_EXPORT Store final : public Base {
public:
    //! Finds it.
    T find(int key) const { return map[key]; }
    Store() : size(1) { go(); }
    void declared();
    struct Part { void of() { go(); } };
private:
    int size = 0;
};
class Later;
enum class Colour { Red };
typedef struct { int x; } Point;

/// Sells all.
template <typename T>
void Store<T>::sell(int n) const noexcept { n++; }
int load(int n) { return n; }
}
int outside() { return 1; }
"""


def test_cpp():
    assert places(CPP, "store.hpp") == {
        ("module", "store"): (2, 2, "", ""),
        ("class", "shop.detail.Store"): (
            5, 16, "template <typename T> class SHOP_EXPORT Store final : public Base", "",
        ),
        ("method", "shop.detail.Store.find"): (9, 10, "T find(int key) const", "shop.detail.Store"),
        ("method", "shop.detail.Store.Store"): (11, 11, "Store()", "shop.detail.Store"),
        ("class", "shop.detail.Store.Part"): (13, 13, "struct Part", "shop.detail.Store"),
        ("method", "shop.detail.Store.Part.of"): (13, 13, "void of()", "shop.detail.Store.Part"),
        ("class", "shop.detail.Colour"): (18, 18, "enum class Colour", ""),
        ("class", "shop.detail.Point"): (19, 19, "typedef struct", ""),
        ("method", "shop.detail.Store.sell"): (
            21, 23, "template <typename T> void Store<T>::sell(int n) const noexcept", "shop.detail.Store",
        ),
        ("function", "shop.detail.load"): (24, 24, "int load(int n)", ""),
        ("function", "outside"): (26, 26, "int outside()", ""),
    }  # fmt: skip
    found = units(CPP, "store.hpp")
    assert found["class", "shop.detail.Store"].code == (
        "template <typename T>\nclass SHOP_EXPORT Store final : public Base {\npublic:\n    T find(int key) const\n"
        "    Store()\n    void declared();\n    struct Part;\nprivate:\n    int size = 0;\n};"
    )
    assert found["class", "shop.detail.Store"].documentation == "Keeps things."


def test_a_header_that_is_cplusplus_gives_units_of_cplusplus():
    found = units("#pragma once\nclass A : public B {\n  int x;\n};\n", "a.h")
    assert [unit.language for unit in found.values()] == ["cpp"]
