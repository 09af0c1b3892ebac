# Stands in for the SeaweedFS image: the same program, from its package.
FROM debian:bookworm-slim
COPY weed /usr/bin/weed
RUN install -d -o 1000 /data
USER 1000
ENTRYPOINT ["weed"]
