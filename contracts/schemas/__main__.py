"""Write the committed schemas and the AsyncAPI document anew."""

from pathlib import Path

from contracts.asyncapi import generate as asyncapi
from contracts.schemas import RECORDS, generate, text

if __name__ == "__main__":
    here = Path(__file__).parent
    for name in RECORDS:
        (here / f"{name}.json").write_text(text(generate(name)))
    (here.parent / "asyncapi.json").write_text(text(asyncapi()))
