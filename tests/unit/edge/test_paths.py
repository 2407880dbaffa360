"""JSON pointers."""

from edge.paths import pointer


def test_pointers_are_escaped() -> None:
    assert pointer(()) == ""
    assert pointer(("a/b", 0, "c~d", "")) == "/a~1b/0/c~0d/"


def test_pointers_are_cut() -> None:
    assert pointer(("a" * 9, "b~" * 9), 12) == "/aaaaaaaaa/b"
    assert pointer(("~~", 1), 4) == "/~0~"
