"""axe-core, run inside a page of the browser."""

from typing import Any

from axe_core_python.async_playwright import Axe
from playwright.async_api import Page

CONTRAST = "color-contrast"


async def findings(page: Page) -> list[str]:
    """What breaks a rule, and which texts' contrast cannot be told: "color-contrast: .chip: ... contrast of 3.4"."""
    result: dict[str, Any] = await Axe().run(page)
    untold = [rule for rule in result["incomplete"] if rule["id"] == CONTRAST]
    return [_line(rule["id"], node) for rule in [*result["violations"], *untold] for node in rule["nodes"]]


def _line(rule: str, node: dict[str, Any]) -> str:
    reasons = "; ".join(str(check["message"]) for check in [*node["any"], *node["all"], *node["none"]])
    return f"{rule}: {' '.join(map(str, node['target']))}: {reasons}"
