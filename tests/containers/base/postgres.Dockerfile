# Stands in for an official PostgreSQL 18 image: the same variables, folder and user.
FROM debian:bookworm-slim
RUN useradd --system --uid 999 --home-dir /var/lib/postgresql postgres \
    && install -d -o postgres /var/lib/postgresql /var/run/postgresql
COPY pginstall /usr/local/
COPY postgres-entrypoint.sh /usr/local/bin/
ENV PGDATA=/var/lib/postgresql/18/docker LD_LIBRARY_PATH=/usr/local/lib PGHOST=/var/run/postgresql
VOLUME /var/lib/postgresql
ENTRYPOINT ["postgres-entrypoint.sh"]
CMD ["postgres"]
