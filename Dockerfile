# One image for the three services; the command says which one runs: cakupan-registry, cakupan-coverage or
# cakupan-notifier, each with `serve`. It needs no writable file system but /tmp.
# A release names the base image by its digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:…
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
# Wheels only, each with its hash: nothing is compiled, and no build fetches tools of its own.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all: PIP_REQUIRE_HASHES=1
COPY deploy/image/build.lock deploy/image/requirements.lock ./
RUN python -m venv --without-pip /opt/cakupan \
  && pip install --requirement build.lock \
  && pip --python /opt/cakupan/bin/python install --requirement requirements.lock
COPY pyproject.toml ./
COPY shared/ shared/
COPY services/ services/
# Our own wheel has no hash to compare: it is made here.
RUN PIP_REQUIRE_HASHES=0 pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
  && PIP_REQUIRE_HASHES=0 pip --python /opt/cakupan/bin/python install --no-deps --no-index /wheels/*.whl \
  && python -m compileall -q /opt/cakupan

# What only compose.yaml needs: keys, tokens and topics are made, and a mailbox shows the mails.
FROM build AS build-local
COPY deploy/image/local.lock ./
RUN pip --python /opt/cakupan/bin/python install --requirement local.lock

FROM ${BASE} AS base
# The base image brings pip and setuptools; nothing that is installed at run time has a place here.
RUN pip uninstall --yes --root-user-action=ignore setuptools wheel pip \
  && groupadd --gid 10001 cakupan \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cakupan
ENV PATH=/opt/cakupan/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv
EXPOSE 8001 8002 8003 9001 9002 9003

FROM base AS local
COPY --from=build-local /opt/cakupan /opt/cakupan
COPY deploy/ deploy/
RUN install --directory --owner 10001 --group 10001 \
  /srv/.local /srv/secrets/registry /srv/secrets/coverage /srv/secrets/notifier /srv/secrets/officials
ENV PYTHONPATH=/srv
# A volume laid here takes over this folder's owner.
VOLUME /srv/.local
USER 10001:10001

FROM base AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Cakupan" \
  org.opencontainers.image.description="Registry, coverage and notifier: who is covered by employment social security" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.base.name="python:3.11-slim-bookworm"
COPY --from=build /opt/cakupan /opt/cakupan
USER 10001:10001
CMD ["cakupan-registry", "serve"]
