# Stands in for the official OpenSearch image: the same server with its k-NN plugin, from its jars,
# with the same variables, folder, user and port.
FROM debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 && apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --home-dir /usr/share/opensearch opensearch \
    && install -d -o 1000 /usr/share/opensearch /usr/share/opensearch/data
COPY opensearch /usr/share/opensearch/lib
COPY opensearch-entrypoint.sh /usr/local/bin/
USER 1000
VOLUME /usr/share/opensearch/data
ENTRYPOINT ["opensearch-entrypoint.sh"]
