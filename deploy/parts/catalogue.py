"""The real parts and how each is had. A new one is a line in PARTS and, where no recipe fits, a function."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from workshop import CORES, Part, Unavailable, run

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
LOAD_GENERATOR = PROJECT / "tests" / "bench" / "peers" / "wsload.c"

Recipe = Callable[[Path], None]


def maven(pom: Path) -> Recipe:
    """The jars that `pom` names and what they need, into libs/."""

    def make(folder: Path) -> None:
        shutil.copy(pom, folder)
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        run(["mvn", "-B", "-q", goal, f"-DoutputDirectory={folder / 'libs'}"], cwd=folder)

    return make


def go_install(package: str, program: str, *arguments: str) -> Recipe:
    """One Go program, built from its module's source, as bin/`program`."""

    def make(folder: Path) -> None:
        binaries = folder / "bin"
        # The Go on this machine, whatever the module would rather have: a toolchain is not to be fetched.
        env = {"GOBIN": str(binaries), "GOTOOLCHAIN": "local", "GOMAXPROCS": CORES, "GOFLAGS": ""}
        run(["go", "install", "-p", CORES, *arguments, package], cwd=folder, env=env)
        (built,) = binaries.iterdir()
        built.rename(binaries / program)

    return make


def influxdb2(folder: Path) -> None:
    """InfluxDB 2.x as bin/influxd, built from the modules that influxdb2/go.mod names.

    It is Go around a library in Rust (Flux), which InfluxData's own pkg-config compiles when Go's linker asks for it.
    """
    for name in ("go.mod", "go.sum"):
        shutil.copy(HERE / "influxdb2" / name, folder)
    for tool, package in (("cargo", "cargo"), ("cc", "gcc"), ("pkg-config", "pkg-config")):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not on this machine (Debian's package {package})")
    go_install("github.com/influxdata/pkg-config@v0.2.7", "pkg-config")(folder)
    env = {
        "GOTOOLCHAIN": "local",
        "GOMAXPROCS": CORES,
        "GOFLAGS": "",
        "PKG_CONFIG": str(folder / "bin" / "pkg-config"),
        "CARGO_BUILD_JOBS": CORES,
        "RUSTC_WRAPPER": str(HERE / "influxdb2" / "rustc-lenient"),
    }
    if shutil.which("rustup"):  # the library asks for a toolchain of 2023, which is not to be fetched
        env["RUSTUP_TOOLCHAIN"] = run(["rustup", "show", "active-toolchain"], cwd=folder).split()[0]
    build = ["go", "build", "-p", CORES, "-tags", "sqlite_foreign_keys,sqlite_json", "-o", "bin/influxd"]
    run([*build, "github.com/influxdata/influxdb/v2/cmd/influxd"], cwd=folder, env=env, timeout_s=60 * 60)
    (folder / "bin" / "pkg-config").unlink()


def npm(package: Path) -> Recipe:
    """What the lock file in the folder `package` says, into node_modules/."""

    def make(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(package / name, folder)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)

    return make


def cc(source: Path, program: str, *arguments: str) -> Recipe:
    """One C file, compiled as bin/`program`."""

    def make(folder: Path) -> None:
        if not source.exists():
            raise Unavailable(f"{source.relative_to(PROJECT)} is not there")
        (folder / "bin").mkdir()
        run(["cc", "-O2", "-o", f"bin/{program}", str(source), *arguments], cwd=folder)

    return make


def debian(*packages: str) -> Recipe:
    """Packages of Debian's or Ubuntu's, where we may install them."""

    def make(folder: Path) -> None:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise Unavailable(f"install {packages[0]} from your system's packages (only root can, and only by apt-get)")
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "-qq", "update"], cwd=folder, env=env)
        run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages], cwd=folder, env=env)

    return make


def on_path(*programs: str) -> Callable[[], bool]:
    """Whether one of `programs` is on this machine."""
    return lambda: any(shutil.which(each) for each in programs)


def turkish_locale(folder: Path) -> None:
    """The locale in which the capital of i is not I."""
    debian("locales")(folder)
    run(["localedef", "-i", "tr_TR", "-f", "UTF-8", "tr_TR.UTF-8"], cwd=folder)


def has_turkish_locale() -> bool:
    return (
        shutil.which("locale") is not None
        and "tr_TR.utf8"
        in subprocess.run(
            ["locale", "-a"], capture_output=True, text=True, errors="replace", check=False
        ).stdout.splitlines()
    )


PARTS = [
    Part("kafka", "4.1.1", "the log, as in production", maven(HERE / "kafka" / "pom.xml")),
    Part(
        "influxdb",
        "1.8.10",
        "the time-series store",
        go_install("github.com/influxdata/influxdb/cmd/influxd@v1.8.10", "influxd"),
    ),
    Part("influxdb2", "2.7.12", "the time-series store of new installations", influxdb2),
    Part(
        "toxiproxy",
        "2.12.0",
        "a network that fails",
        go_install("github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0", "toxiproxy-server"),
    ),
    Part("ocpp-rpc", "2.2.1", "an OCPP client independent of ours", npm(HERE / "ocpp-rpc")),
    Part(
        "wsload",
        hashlib.sha256(LOAD_GENERATOR.read_bytes()).hexdigest()[:8] if LOAD_GENERATOR.exists() else "",
        "the load generator of the benchmarks",
        cc(LOAD_GENERATOR, "wsload", "-lm"),
    ),
    Part(
        "chromium",
        "",
        "a browser to look at the live page",
        debian("chromium", "fonts-dejavu-core", "fonts-liberation"),
        installed=on_path("chromium", "chromium-browser", "google-chrome"),
    ),
    Part(
        "docker",
        "",
        "an engine that runs docker-compose.yml",
        debian("docker.io"),
        installed=lambda: all(map(shutil.which, ("dockerd", "docker"))),
    ),
    Part("mmdebstrap", "", "a base image without a registry", debian("mmdebstrap"), installed=on_path("mmdebstrap")),
    Part("prometheus", "", "promtool, which tests the alerts", debian("prometheus"), installed=on_path("promtool")),
    Part(
        "libfaketime",
        "",
        "another day, for `make test-dates`",
        debian("libfaketime"),
        installed=lambda: any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")),
    ),
    Part("tr_TR", "", "another language, for `make test-dates`", turkish_locale, installed=has_turkish_locale),
]
