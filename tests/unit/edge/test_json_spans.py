"""Where values stand in a document."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge.json_spans import scalars

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=30,
)


def leaves(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, dict):
        return [leaf for key, member in value.items() for leaf in leaves(member, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [(path, value)]


@given(documents, st.sampled_from([None, 1]), st.booleans())
def test_every_value_is_found_where_it_stands(document: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # a lone surrogate: such frames are never spliced
    found = [(path, msgspec.json.decode(text[start:end])) for path, start, end in scalars(text)]
    assert found == leaves(decoded)


def test_repeated_keys_repeat() -> None:
    text = b'{"a":1, "a" : "x", "b":{"a":[true,{"c\\u0064":null}]}}'
    assert [(path, text[start:end]) for path, start, end in scalars(text)] == [
        (("a",), b"1"),
        (("a",), b'"x"'),
        (("b", "a", 0), b"true"),
        (("b", "a", 1, "cd"), b"null"),
    ]
