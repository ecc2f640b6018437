# The one image of flow pods, the worker and `hallmark deliver --follow`. What its steps do is in deploy/image/build.sh,
# how it is built and run in deploy/image/README.md.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ARG SOURCE_DATE_EPOCH=0
COPY deploy/image/build.sh /opt/hallmark/deploy/image/
RUN /opt/hallmark/deploy/image/build.sh system

# The configuration of pip, where it is needed to reach an index, is mounted for one step and in no layer.
FROM base AS build
ARG SOURCE_DATE_EPOCH=0
COPY requirements.lock requirements-image.lock /opt/hallmark/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf /opt/hallmark/deploy/image/build.sh packages
COPY LICENSE README.md prefect.toml prefect.yaml pyproject.toml /opt/hallmark/
COPY blocks /opt/hallmark/blocks
COPY dbt /opt/hallmark/dbt
COPY expectations /opt/hallmark/expectations
COPY flows /opt/hallmark/flows
COPY governance /opt/hallmark/governance
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf /opt/hallmark/deploy/image/build.sh project

FROM base
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ARG PYTHON_IMAGE
LABEL org.opencontainers.image.title="hallmark" \
      org.opencontainers.image.description="A governed data platform: every batch is tested, stamped and traceable to the column." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
COPY --from=build /opt/hallmark /opt/hallmark
COPY --from=build /var/lib/db/sbom /var/lib/db/sbom
# All that a program writes is below /scratch or /tmp; the root file system may be read-only.
ENV PATH=/opt/hallmark/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    HALLMARK_HOME=/scratch \
    HALLMARK_CONNECTORS=/opt/hallmark/connectors \
    HOME=/scratch \
    PREFECT_HOME=/scratch/prefect \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1
WORKDIR /opt/hallmark
USER 10001:10001
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s \
    CMD test -w "$HALLMARK_HOME" && hallmark --help >/dev/null
ENTRYPOINT ["tini", "--"]
CMD ["hallmark", "--help"]
