# The front door: hands every request to a backend that answers, and says so when none does.
ARG NGINX_IMAGE=nginxinc/nginx-unprivileged:1.28-bookworm
FROM ${NGINX_IMAGE}
COPY frontend/front-door.conf.template /etc/nginx/templates/default.conf.template
COPY frontend/away.html frontend/away.json /usr/share/opentranscribe/
ENV NGINX_ENTRYPOINT_LOCAL_RESOLVERS=1 OPENTR_BACKEND=backend:8080
EXPOSE 8080
