# One image for every service: `docker build --tag voltstream .`, then `docker run voltstream edge --help`.
# BASE is an image with Python 3.11 to 3.13 and its venv module; what is built on it holds no compiler and no pip.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS wheel
WORKDIR /source
COPY deploy/build.lock deploy/build.lock
RUN python3 -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement deploy/build.lock
COPY . .
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM ${BASE} AS environment
COPY deploy/run.lock /run.lock
RUN python3 -m venv /opt/voltstream \
    && /opt/voltstream/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement /run.lock
COPY --from=wheel /wheel /wheel
RUN /opt/voltstream/bin/pip install --no-cache-dir --no-deps /wheel/voltstream-*.whl \
    && /opt/voltstream/bin/pip uninstall --yes pip setuptools

FROM ${BASE}
# The group is root's, as OpenShift has it: a volume that is shared with Grafana (uid 472, gid 0) needs no common uid.
# A volume that is mounted there for the first time takes the folder's owner and mode.
RUN useradd --system --uid 10001 --gid 0 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin voltstream \
    && install --directory --owner 10001 --group 0 --mode 0770 /run/voltstream-tokens /var/lib/voltstream
COPY --from=environment /opt/voltstream /opt/voltstream
ENV PATH=/opt/voltstream/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:0
WORKDIR /var/lib/voltstream
ENTRYPOINT ["voltstream"]
CMD ["--help"]
