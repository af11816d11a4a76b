from tests.common.corpora.mining.test_units import places, units

PHP = """<?php
/**
 * Everything about stores.
 *
 * @package Shop
 */

namespace Shop;

use Other;

/** Keeps things. */
#[Entity]
final class Store extends Base {
    const SIZE = 1;
    /** Finds it. */
    #[Pure] public function find(string $key): ?int { return $this->map[$key]; }
}
interface Shape {
    /** How large. */
    function area(): float;
}
trait Helps { function help() { echo 1; } }
enum Suit: string { case Hearts = 'h'; }
/** Loads them. */
function load(array $names) { return 1; }
"""


def test_php():
    assert places(PHP, "store.php") == {
        ("module", "store"): (2, 6, "", ""),
        ("class", "Store"): (12, 18, "final class Store extends Base", ""),
        ("method", "Store.find"): (16, 17, "public function find(string $key): ?int", "Store"),
        ("class", "Shape"): (19, 22, "interface Shape", ""),
        ("method", "Shape.area"): (20, 21, "function area(): float", "Shape"),
        ("class", "Helps"): (23, 23, "trait Helps", ""),
        ("method", "Helps.help"): (23, 23, "function help()", "Helps"),
        ("class", "Suit"): (24, 24, "enum Suit: string", ""),
        ("function", "load"): (25, 26, "function load(array $names)", ""),
    }
    found = units(PHP, "store.php")
    assert found["module", "store"].documentation == "Everything about stores."
    assert found["class", "Store"].code == (
        "#[Entity]\nfinal class Store extends Base {\n    const SIZE = 1;\n"
        "    #[Pure] public function find(string $key): ?int\n}"
    )


GO = """// Copyright 2020 Somebody

// Package store keeps things
// in order.
package store

// Store is a list.
type Store[T any] struct {
\tsize int // how many
}

type (
\t// Shape has an area.
\tShape interface {
\t\tArea() float64
\t}
\tname string
)

// Find finds it.
func (s *Store[T]) Find(key string) (T, error) {
\treturn s.m[key], nil
}

func load(names ...string) int { return 1 }
func stub() {}
"""


def test_go():
    assert places(GO, "store/store.go") == {
        ("module", "store"): (3, 4, "", ""),
        ("class", "Store"): (7, 10, "type Store[T any] struct", ""),
        ("class", "Shape"): (13, 16, "Shape interface", ""),
        ("method", "Store.Find"): (20, 23, "func (s *Store[T]) Find(key string) (T, error)", "Store"),
        ("function", "load"): (25, 25, "func load(names ...string) int", ""),
    }
    found = units(GO, "store/store.go")
    assert found["module", "store"].documentation == "Package store keeps things\nin order."
    assert found["class", "Store"].documentation == "Store is a list."
    assert found["class", "Store"].code == "type Store[T any] struct {\n\tsize int // how many\n}"
    assert found["class", "Shape"].code == "Shape interface {\n\tArea() float64\n}"


RUBY = """# frozen_string_literal: true
# Everything about stores.
require "set"

# Keeps +things+.
module Shop
  # The first one.
  class Store < Base
    # Finds it.
    def find(key, *rest)
      @map[key]
    end

    SIZE = 1
    def self.load(x) = x
    def stub; end
    # Says nothing.
    def quiet; end
  end
  class Missing < StandardError; end
end
"""


def test_ruby():
    assert places(RUBY, "store.rb") == {
        ("module", "store"): (1, 2, "", ""),
        ("class", "Shop"): (5, 21, "module Shop", ""),
        ("class", "Shop.Store"): (7, 19, "class Store < Base", "Shop"),
        ("method", "Shop.Store.find"): (9, 12, "def find(key, *rest)", "Shop.Store"),
        ("method", "Shop.Store.load"): (15, 15, "def self.load(x)", "Shop.Store"),
        ("method", "Shop.Store.quiet"): (17, 18, "def quiet", "Shop.Store"),
        ("class", "Shop.Missing"): (20, 20, "class Missing < StandardError", "Shop"),
    }
    found = units(RUBY, "store.rb")
    assert found["module", "store"].documentation == "Everything about stores."
    assert (found["class", "Shop"].documentation, found["class", "Shop.Store"].documentation) == (
        "Keeps things.", "The first one.",
    )  # fmt: skip
    assert found["class", "Shop.Store"].code == (
        "class Store < Base\n  def find(key, *rest)\n\n  SIZE = 1\n  def self.load(x)\n  def stub\n  def quiet\nend"
    )


def test_a_comment_on_the_first_member_does_not_document_the_ruby_class():
    source = "class A\n  # Finds it.\n  def find\n    1\n  end\nend\n"
    found = units(source, "a.rb")
    assert (found["class", "A"].documentation, found["method", "A.find"].documentation) == ("", "Finds it.")
