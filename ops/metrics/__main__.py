"""`python -m ops.metrics` writes docs/metrics.md anew."""

from pathlib import Path

from ops.metrics.document import document

if __name__ == "__main__":
    (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").write_text(document())
