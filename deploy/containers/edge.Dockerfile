# syntax=docker/dockerfile:1
# A gateway beside the machines: connectors and spool, no web server, no models. From the repository's root:
#   docker build -f deploy/containers/edge.Dockerfile -t tundish-edge:0.1.0 .
#   docker run -v ./edge:/etc/tundish:ro -v spool:/var/lib/tundish tundish-edge:0.1.0 part collect press-1
# Every Python part comes with the hash that requirements/edge.txt names. For a build that can be repeated to the
# byte, name the base by its digest: --build-arg PYTHON_IMAGE=docker.io/library/python@sha256:…
ARG PYTHON_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/tundish
WORKDIR /src
COPY requirements/edge.txt requirements/edge.txt
RUN /opt/tundish/bin/pip install --require-hashes --only-binary :all: -r requirements/edge.txt
COPY pyproject.toml setup.py README.md LICENSE NOTICE ./
COPY platform platform
COPY connectors connectors
COPY analytics analytics
COPY dashboards dashboards
COPY deploy/tundish_deploy deploy/tundish_deploy
RUN /opt/tundish/bin/pip install --no-deps --no-build-isolation . \
 && /opt/tundish/bin/pip uninstall --yes pip setuptools \
 && python -m compileall -q /opt/tundish/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="tundish-edge" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
RUN groupadd --gid 10001 tundish \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/tundish --shell /usr/sbin/nologin tundish \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/tundish /var/lib/tundish/data \
 && install -d -m 0755 /etc/tundish
COPY --from=build /opt/tundish /opt/tundish
ENV PATH=/opt/tundish/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TUNDISH_DATA_DIR=/var/lib/tundish/data TUNDISH_PROBE_PORT=8051
USER 10001:10001
# tundish.toml is looked for here.
WORKDIR /etc/tundish
VOLUME /var/lib/tundish
EXPOSE 8051
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s --retries=6 CMD ["python", "-m", "tundish_deploy.probes"]
ENTRYPOINT ["tundish"]
CMD ["--help"]
