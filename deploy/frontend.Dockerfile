# The front door: hands every request to a backend that answers, and says so when none does.
ARG NGINX_IMAGE=nginxinc/nginx-unprivileged:1.28-bookworm
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${NGINX_IMAGE} AS door

# What is in it, as CycloneDX; there is no Python in the image itself.
FROM ${PYTHON_IMAGE} AS bill
ARG RELEASE=unknown
COPY sbom.py /tmp/sbom.py
COPY --from=door /var/lib/dpkg/status /tmp/status
RUN python3 /tmp/sbom.py --version "$RELEASE" --debian /tmp/status > /tmp/opentranscribe.cdx.json

FROM door
COPY --from=bill /tmp/opentranscribe.cdx.json /usr/share/sbom/opentranscribe.cdx.json
COPY frontend/front-door.conf.template /etc/nginx/templates/default.conf.template
COPY frontend/away.html frontend/away.json /usr/share/opentranscribe/
ENV NGINX_ENTRYPOINT_LOCAL_RESOLVERS=1 OPENTR_BACKEND=backend:8080
EXPOSE 8080
