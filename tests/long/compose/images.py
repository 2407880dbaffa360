"""The images of docker-compose.yml, under the names that it gives them: ours, and stand-ins for the official ones.

The stand-ins are the real programs in images of ours, for machines that reach no image registry: Kafka's jars and the
InfluxDB server from the parts, Debian's HAProxy. What an official image adds to its program is in images/ by its
published rules. Docker's own cache tells what has to be built again.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from parts.places import part, program
from tests.long.compose.engine import Engine, run

PROJECT = Path(__file__).resolve().parents[3]
OURS = "voltstream:compose-test"
LARGEST = 350_000_000
_IMAGES = Path(__file__).parent / "images"
_DEBIAN = "bookworm"
# A minimal Debian as python:3-slim has it, without Perl, which it needs once only; and this machine's certificate
# authorities, so that pip finds its index behind a proxy too.
_HOOKS = (
    'chroot "$1" apt-get -qq install -y usr-is-merged usrmerge-',
    'chroot "$1" apt-get -qq purge -y perl libperl5.36 perl-modules-5.36',
    'install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"',
    'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
)
_LEFT_OUT = ("doc", "info", "locale", "man")


def build(engine: Engine) -> None:
    """Build what is missing or has changed. Raises PartMissing and CommandFailed."""
    added = {
        "kafka": {"libs": part("kafka") / "libs"},
        "influxdb": {"influxd": part("influxdb2") / "bin" / "influxd"},
        "balancer": {},
    }
    base = _base(engine)
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    for service, files in added.items():
        _stand_in(engine, base, services[service]["image"], _IMAGES / service, files)
    _build(engine, base, OURS, PROJECT)


def complaints(engine: Engine) -> list[str]:
    """What our image must not be: large, root's, or with tools in it."""
    size = int(engine.docker("image", "inspect", "--format", "{{.Size}}", OURS))
    print(f"{OURS}: {size / 1e6:.0f} MB", flush=True)
    found = [f"the image has {size:,} bytes, more than {LARGEST:,}"] if size > LARGEST else []
    looks = "id -u; for tool in pip gcc cc ld; do command -v $tool; done; ls /opt/voltstream/bin/pip* 2>/dev/null; true"
    user, *tools = engine.docker("run", "--rm", "--network=none", "--entrypoint=sh", OURS, "-c", looks).split()
    if user == "0":
        found.append("the image runs as root")
    return [*found, *(f"the image holds {tool}" for tool in tools)]


def _base(engine: Engine) -> str:
    """A Debian with Python, made once for each version of its recipe."""
    options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    options += [f"--customize-hook={hook}" for hook in _HOOKS]
    recipe = ["--variant=minbase", "--include=python3-venv", *options, _DEBIAN]
    name = f"voltstream-test-base:{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"
    if not engine.docker("images", "--quiet", name).strip():
        print(f"{name}: a minimal Debian is put together (a few minutes, once)", flush=True)
        with tempfile.TemporaryDirectory(prefix="voltstream-base-") as folder:
            archive = Path(folder) / "base.tar"
            run([program("mmdebstrap"), *recipe, str(archive)], engine.env)
            certificates = "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
            engine.docker("import", "--change", certificates, str(archive), name)
    return name


def _stand_in(engine: Engine, base: str, name: str, recipe: Path, files: Mapping[str, Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="voltstream-image-") as folder:
        context = Path(shutil.copytree(recipe, Path(folder) / "context"))
        for target, source in files.items():
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, context / target)
        _build(engine, base, name, context)


def _build(engine: Engine, base: str, name: str, context: Path) -> None:
    print(f"{name}: building", flush=True)
    engine.docker("build", "--network=host", "--build-arg", f"BASE={base}", "--tag", name, str(context))
