# API, workers and scheduler: one image, started with the role as its argument.
# Built by tools/build_images.py, which puts the wheel and the lock into the context.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
COPY requirements.txt /tmp/requirements.txt
# What nobody uses at run time goes: tests, sources of extensions, a second copy of one of them.
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes \
        -r /tmp/requirements.txt \
    && find /opt/venv -depth -type d \
        \( -name tests -o -name __pycache__ -o -path '*/onnx/backend/test' \) -exec rm -rf {} + \
    && find /opt/venv -type f \( -name '*.a' -o -name '*.h' -o -name '*.cc' -o -name '*.pyi' \
        -o -path '*/zstandard/_cffi*' \) -delete

FROM ${PYTHON_IMAGE}
# The user that the permissions of a shared model cache are meant for.
RUN useradd --uid 1000 --create-home opentr \
    && install -d -o 1000 -g 1000 -m 700 /app /app/data /app/backups /models
COPY --from=packages /opt/venv /opt/venv
COPY *.whl /tmp/wheel/
RUN python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-index \
        /tmp/wheel/*.whl \
    && rm -rf /tmp/wheel
# What is in it, as CycloneDX.
ARG RELEASE=unknown
COPY sbom.py requirements.txt package-lock.json /tmp/bill/
RUN mkdir -p /usr/share/sbom && cd /tmp/bill \
    && python3 sbom.py --version "$RELEASE" --python requirements.txt --npm package-lock.json \
        --debian /var/lib/dpkg/status > /usr/share/sbom/opentranscribe.cdx.json \
    && rm -rf /tmp/bill
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OPENTR_HOME=/app \
    OPENTR_PROFILE=distributed \
    OPENTR_BIND_HOST=0.0.0.0 \
    OPENTR_FRONTEND_PORT=8080 \
    OPENTR_BACKEND_PORT=8080 \
    MODEL_CACHE_DIR=/models
USER 1000
WORKDIR /app
EXPOSE 8080
ENTRYPOINT ["python", "-m", "opentranscribe.entrypoints.container"]
CMD ["backend"]
