import pytest

from common.corpora.mining.comments import comment_text
from tests.common.corpora.mining.found import functions


@pytest.mark.parametrize(
    ("raws", "text"),
    [
        (["/** One. */"], "One."),
        (["/**\n * One.\n *\n *   Two.\n */"], "One.\n\n  Two."),
        (["/**\n     One,\n       two.\n     */"], "One,\n  two."),
        (["/** One,\n    two. */"], "One,\ntwo."),
        (["/*! One.\n ** Two.\n **/"], "One.\n* Two."),
        (["/**\n * - a\n * * b\n */"], "- a\n* b"),
        (
            [
                "/** List:\n * a */",
            ],
            "List:\na",
        ),
        (["/**\n list:\n * a\n * b\n */"], "list:\n* a\n* b"),
        (["// One", "//   two"], "One\n  two"),
        (["/// One", "///", "/// Two"], "One\n\nTwo"),
        (["//! One"], "One"),
        (["# One", "#", "# Two"], "One\n\nTwo"),
        (["=begin\nOne\n=end"], "One"),
        (["/****************\n * Return it and\n * more.\n ****************/"], "Return it and\nmore."),
        (["# ----------", "# One two", "# three", "# ----------"], "One two\nthree"),
        (["# Helpers", "# ----------", "# Does it."], "Does it."),
        (["# Heading", "# ---", "# Does it."], "Heading\n---\nDoes it."),
    ],
)
def test_marks_go_and_text_stays(raws, text):
    assert comment_text(raws) == text


@pytest.mark.parametrize(
    "raws",
    [
        ["/*------ Helpers ------*/"],
        ["// ----- Helpers"],
        ["/* Helpers ------------ */"],
        ["//////////", "// Helpers", "//////////"],
        ["/***********\n * Helpers *\n ***********/"],
        ["/* Copyright (c) 2020 A. */"],
        ["# SPDX-License-Identifier: MIT"],
        ["/** @fileoverview All of it. */"],
        ["/** @typedef {Object} A */"],
        ["/** @name Getters\n *  @{ */"],
        ["/// @}"],
        ["//go:noinline", "//nolint:errcheck", "// +build linux"],
        ["# frozen_string_literal: true", "# rubocop:disable Metrics", "# :nodoc:"],
        ["// NOLINTNEXTLINE", "// clang-format off"],
        ["/** */"],
    ],
)
def test_what_documents_no_function(raws):
    assert comment_text(raws) == ""


@pytest.mark.parametrize(
    ("before", "documentation"),
    [
        ("/** It. */", "It."),
        ("/** It. */ ", "It."),
        ("/** It. */\n\n", ""),
        ("/* It. */", ""),
        ("/*** It. ***/", ""),
        ("/**/", ""),
        ("// It.", ""),
        ("/** It. */\n// note\n/* note */\n", "It."),
        ("/** First. */\n/** It. */\n", "It."),
        ("int a; /** Of a. */\n", ""),
        ("int a; /** It. */ ", ""),
    ],
)
def test_which_comment_belongs_to_the_function_below(before, documentation):
    source = "class A {\n" + before + ("" if before.endswith((" ", "\n")) else "\n") + "int f() { return 1; }\n}\n"
    assert functions(source, "A.java")["A.f"].documentation == documentation


@pytest.mark.parametrize(
    ("before", "documentation"),
    [
        ("/// It\n/// is.\n", "It\nis."),
        ("// no\n/// It.\n", "It."),
        ("/// It.\n// note\n", "It."),
        ("//// It.\n", ""),
        ("/// Blank.\n\n/// It.\n", "It."),
        ("int a; ///< Of a.\n/// It.\n", "It."),
    ],
)
def test_lines_of_one_kind_belong_together(before, documentation):
    assert functions(f"class A {{\n{before}int F() {{ return 1; }}\n}}\n", "A.cs")["A.F"].documentation == documentation
