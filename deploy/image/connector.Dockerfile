# The image with one connector in it: make connector-image CONNECTOR=airbyte-source-faker==7.2.1
# It is found there and not installed by a pod, which could not: no package index, and a file system to read only.
ARG IMAGE=hallmark

FROM ${IMAGE} AS build
ARG SOURCE_DATE_EPOCH=0
ARG CONNECTOR
USER root
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /opt/hallmark/deploy/image/build.sh connector "${CONNECTOR}"

FROM ${IMAGE}
ARG CONNECTOR
LABEL org.opencontainers.image.title="hallmark with ${CONNECTOR}"
COPY --from=build /opt/hallmark/connectors /opt/hallmark/connectors
