# Stands in for the unprivileged nginx image: the same user, folders and start-up of templates.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light gettext-base curl \
    && rm -rf /var/lib/apt/lists/* && useradd --system --uid 101 nginx
COPY nginx-entrypoint.sh /usr/local/bin/
COPY nginx.conf /etc/nginx/nginx.conf
RUN rm -rf /etc/nginx/conf.d && install -d -o nginx /etc/nginx/conf.d /etc/nginx/templates
USER 101
ENTRYPOINT ["nginx-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
