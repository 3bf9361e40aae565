# syntax=docker/dockerfile:1
# The platform: API, pages, writers, workers, chosen by the command. From the repository's root:
#   docker build -f deploy/containers/server.Dockerfile -t tundish-server:0.1.0 .
# Every Python part comes with the hash that requirements/image.txt names. For a build that can be repeated to the
# byte, name the base by its digest: --build-arg PYTHON_IMAGE=docker.io/library/python@sha256:…
ARG PYTHON_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/tundish
WORKDIR /src
COPY requirements/image.txt requirements/image.txt
RUN /opt/tundish/bin/pip install --require-hashes --only-binary :all: -r requirements/image.txt
COPY pyproject.toml setup.py README.md LICENSE NOTICE ./
COPY platform platform
COPY connectors connectors
COPY analytics analytics
COPY dashboards dashboards
COPY deploy/tundish_deploy deploy/tundish_deploy
COPY apps-marketplace apps-marketplace
RUN /opt/tundish/bin/pip install --no-deps --no-build-isolation . \
 && for app in apps-marketplace/*/pyproject.toml; do \
      /opt/tundish/bin/pip install --no-deps --no-build-isolation "$(dirname "$app")" || exit 1; done \
 && /opt/tundish/bin/pip uninstall --yes pip setuptools \
 && python -m compileall -q /opt/tundish/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="tundish-server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# Debian keeps one version of a package in a release; a pinned one would be gone at its next security update.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 tundish \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/tundish --shell /usr/sbin/nologin tundish \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/tundish /var/lib/tundish/data \
      /var/lib/tundish/data/apps /var/lib/tundish/data/models
COPY --from=build /opt/tundish /opt/tundish
ENV PATH=/opt/tundish/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TUNDISH_DATA_DIR=/var/lib/tundish/data
USER 10001:10001
WORKDIR /var/lib/tundish
VOLUME /var/lib/tundish
EXPOSE 8050
HEALTHCHECK --interval=10s --timeout=8s --start-period=120s --retries=6 CMD ["python", "-m", "tundish_deploy.probes"]
ENTRYPOINT ["tundish"]
CMD ["part", "server", "server"]
