from tests.common.corpora.mining.found import functions, seen

RUBY = """# frozen_string_literal: true
# Finds the root.
def root(a, b = 1, *rest, key:, **options, &block)
  [1].each { |x| define(x) }
end

module Outer
  class Inner::Deep < Base
    # Public: Reads +name+ from
    # <tt>disk</tt>.
    #
    # rubocop:disable Metrics
    # @param name [String]
    # rubocop:enable Metrics
    def read(name)
      # inside
      def nested; 1; end
      name
    end

    # Hidden one.
    private def hidden = compute

    class << self
      # Built here.
      def build
        new
      end
    end

    # Comparing.

    def self.call(x) = x
    def empty; end
    def todo
      raise NotImplementedError, "todo"
    end
    def name=(value)
      @name = value
    end
  end
end

=begin
An old block.
=end
def old
  1
end

Point = Struct.new(:x) do
  # Twice as far.
  def twice
    x * 2
  end
end

#####################
# Twice in a box,
# but documentation.
#####################
def boxed
  2
end
"""


def test_ruby():
    assert seen(RUBY, "a.rb") == {
        "root": (3, 5, "a b *rest key **options &block", False),
        "Outer.Inner.Deep.read": (15, 19, "name", False),
        "Outer.Inner.Deep.hidden": (22, 22, "", False),
        "Outer.Inner.Deep.build": (26, 28, "", False),
        "Outer.Inner.Deep.call": (33, 33, "x", False),
        "Outer.Inner.Deep.empty": (34, 34, "", True),
        "Outer.Inner.Deep.todo": (35, 37, "", True),
        "Outer.Inner.Deep.name=": (38, 40, "value", False),
        "old": (47, 49, "", False),
        "Point.twice": (53, 55, "", False),
        "boxed": (62, 64, "", False),
    }
    found = functions(RUBY, "a.rb")
    assert {symbol.split(".")[-1]: function.documentation for symbol, function in found.items()} == {
        "root": "Finds the root.",
        "read": "Reads name from\ndisk.\n\n@param name [String]",
        "hidden": "Hidden one.",
        "build": "Built here.",
        "call": "",
        "empty": "",
        "todo": "",
        "name=": "",
        "old": "An old block.",
        "twice": "Twice as far.",
        "boxed": "Twice in a box,\nbut documentation.",
    }
    assert found["Outer.Inner.Deep.read"].code == ("def read(name)\n  # inside\n  def nested; 1; end\n  name\nend")
    assert found["Outer.Inner.Deep.hidden"].code == "private def hidden = compute"
