# The single-box edition: the API, its database and its S3 server in one container.
# `make image` builds it from the programs of a release; the build needs no network.
#
#   docker run -d --name recordings -p 8000:8000 -p 8001:8001 -v recordings:/data call-recordings
#   docker exec recordings /recordings token --account A
#
# docs/how-to/run-on-one-machine.md describes how to run it.
FROM scratch
ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="Call recordings API" \
      org.opencontainers.image.description="The recordings resource of Kazoo's Crossbar, on one machine" \
      org.opencontainers.image.licenses="LicenseRef-Proprietary" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
# Certificates, for imports from a Kazoo over HTTPS; LICENSE; the two programs.
COPY rootfs/ /
# An empty folder, which a new volume takes its owner from.
COPY --chown=65532:65532 data/ /data/
ENV HOST=0.0.0.0 PORT=8000 S3_PORT=8001 DATA_DIR=/data
WORKDIR /data
USER 65532:65532
EXPOSE 8000 8001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["/recordings-server", "--health"]
ENTRYPOINT ["/recordings-server"]
CMD ["--empty"]
