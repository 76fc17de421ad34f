# The server, or with `--build-arg FOR=all` Kedro and MLflow as well. docs/containers.md explains it.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# serve or all: which of containers/*.lock is installed
ARG FOR=serve
# cpu, or cuda for NVIDIA GPUs
ARG TORCH=cpu
# where pip finds the CPU wheel; only files with the hashes of containers/ are installed
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv /opt/venv && python -m venv /opt/sbom
COPY containers/*.lock ./
RUN /opt/venv/bin/pip install --no-deps --require-hashes \
        ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} --requirement "torch-${TORCH}.lock"
RUN /opt/venv/bin/pip install --no-deps --require-hashes --requirement "${FOR}.lock" \
    && /opt/sbom/bin/pip install --no-deps --require-hashes --requirement sbom.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation . \
    && /opt/venv/bin/pip check \
    && /opt/venv/bin/pip uninstall --yes pip \
    && /opt/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
        --output-format JSON --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python
# tests, headers and static libraries of the packages: nothing imports them
RUN find /opt/venv/lib -type d \( -name tests -o -path '*/torch/include' -o -path '*/torch/test' \) \
        -prune -exec rm -r {} + \
    && find /opt/venv/lib -type f -name '*.a' -delete \
    && find /opt/venv/lib -path '*/torch/bin/*' ! -name torch_shm_manager -delete

FROM ${BASE}
LABEL org.opencontainers.image.title="sen2naip_sr" \
      org.opencontainers.image.description="Super-resolution (2x) of 4-band GeoTIFFs: REST API and page" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --no-create-home --home-dir /var/cache/sen2naip_sr \
        --shell /usr/sbin/nologin app \
    && install --directory --owner=app --group=app \
        /var/lib/sen2naip_sr /var/cache/sen2naip_sr /app /app/data /app/src
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY pyproject.toml .telemetry ./
COPY conf conf
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/cache/sen2naip_sr \
    XDG_CACHE_HOME=/var/cache/sen2naip_sr \
    MPLCONFIGDIR=/var/cache/sen2naip_sr/matplotlib \
    NUMBA_CACHE_DIR=/var/cache/sen2naip_sr/numba \
    GRADIO_TEMP_DIR=/var/cache/sen2naip_sr/gradio \
    GRADIO_ANALYTICS_ENABLED=False \
    DO_NOT_TRACK=1 \
    GIT_PYTHON_REFRESH=quiet \
    SEN2NAIP_SR_HOST=0.0.0.0 \
    SEN2NAIP_SR_SPOOL=/var/lib/sen2naip_sr
USER 10001:10001
VOLUME ["/var/lib/sen2naip_sr", "/var/cache/sen2naip_sr"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SEN2NAIP_SR_PORT', 8000)), timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["sen2naip-sr", "serve"]
