# Cuepoint in a container:  docker build -t cuepoint .  &&  docker run -p 7860:7860 -v cuepoint:/data cuepoint
# With a GPU:               docker build -t cuepoint --build-arg GPU=1 .  &&  docker run --gpus all ...
# It asks for a password: see `docker logs`, or give one with -e CUEPOINT_PASSWORD=...
# As a Hugging Face Space (sdk: docker) this file is used as it is: user 1000, port 7860, data under /data.

FROM python:3.11-slim-bookworm AS packages
ARG GPU=0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_HTTP_TIMEOUT=600 UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.8
COPY locks/ /locks/
# Bytecode is compiled here: the app's user may not write it later, and a start without it takes seconds longer.
RUN python -m venv /opt/venv \
 && if [ "$GPU" = 1 ]; then lock=gpu; else lock=cpu; fi \
 && uv pip install --no-cache --python /opt/venv/bin/python --no-deps --require-hashes --only-binary :all: \
      --compile-bytecode -r "/locks/$lock.txt"

FROM python:3.11-slim-bookworm
RUN useradd --uid 1000 --create-home cuepoint \
 && install -d -o cuepoint -g cuepoint /data /opt/cuepoint /opt/cache
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/home/cuepoint \
    CUEPOINT_HOME=/data \
    CUEPOINT_CACHE=/opt/cache \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_DISABLE_TELEMETRY=1
USER 1000
WORKDIR /opt/cuepoint
# The model pack is fetched and verified at build time: a running container needs no network.
COPY --chown=1000 model/ model/
RUN python -m model.pack && python -m model.language.decoder
COPY --chown=1000 pyproject.toml requirements.txt LICENSE NOTICE README.md ./
COPY --chown=1000 assets/ assets/
COPY --chown=1000 retrieval/ retrieval/
COPY --chown=1000 app/ app/

VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "-m", "app", "serve", "--host", "0.0.0.0", "--port", "7860"]
