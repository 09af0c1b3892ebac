# Stands in for an official Valkey image: the same protocol and program names.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s redis-server /usr/bin/valkey-server && ln -s redis-cli /usr/bin/valkey-cli \
    && install -d -o 999 /data
WORKDIR /data
USER 999
CMD ["valkey-server"]
