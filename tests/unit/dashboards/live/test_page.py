"""The page's files: nothing from elsewhere, every icon there, and colours that can be read."""

import re
from itertools import product
from pathlib import Path

import pytest

from dashboards.live import server

PAGE = Path(server.__file__).parent / "page"
FILES = {path.name: path.read_text() for path in PAGE.iterdir()}


SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}


def test_every_file_is_served_as_its_kind() -> None:
    served = server._files()
    assert set(served) == {"/" if name == "index.html" else f"/{name}" for name in FILES}
    assert {kind for path, (_, kind) in served.items() if path.endswith(".js")} == {"text/javascript"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_takes_only_what_another_gives(name: str) -> None:
    for names, source in re.findall(r'^import \{ ([^}]+) \} from "\./([\w.]+)";', SCRIPTS[name], re.MULTILINE):
        given = re.findall(r"^export (?:function|const) ([\w$]+)", SCRIPTS[source], re.MULTILINE)
        assert set(names.split(", ")) <= set(given)


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", FILES[name]))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in FILES[name]


def test_the_page_needs_no_exception_from_its_policy() -> None:
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", FILES["index.html"])
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert forbidden not in "".join(SCRIPTS.values())
    assert "unsafe" not in server._HEADERS["Content-Security-Policy"]


def test_every_icon_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="i-(\w+)"', FILES["index.html"]))
    icons = set(re.findall(r'\["[^"]+", "(\w+)"\]', FILES["format.js"]))
    assert icons <= drawn
    assert {"critical", "major", "minor", "warning", "info", "online", "offline", "unknown"} <= drawn


def test_every_id_the_script_asks_for_is_on_the_page() -> None:
    asked = set(re.findall(r'\$\("([\w-]+)"\)', "".join(SCRIPTS.values())))
    assert asked
    assert asked <= set(re.findall(r'id="([\w-]+)"', FILES["index.html"]))


def schemes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", FILES["live.css"], re.DOTALL)
    names = {"light": light, "dark": dark}
    return {scheme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", text)) for scheme, text in names.items()}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


PAIRS = [
    *product(("ink", "soft", "brand", "green", "red", "amber", "blue"), ("surface",)),
    *product(("ink", "soft"), ("ground", "raised")),
    *((colour, f"{colour}-soft") for colour in ("green", "blue", "amber", "violet", "red", "grey")),
    ("ink", "brand-soft"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    """WCAG 2.1, 1.4.3: at least 4.5 to 1."""
    colours = schemes()[scheme]
    bright, dim = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5
