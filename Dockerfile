# syntax=docker/dockerfile:1
# Ebb on the official Functions image for Python. The host listens on 8080, so that it needs no root.
ARG PYTHON_VERSION=3.13
FROM mcr.microsoft.com/azure-functions/python:4-python${PYTHON_VERSION}

ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true \
    ASPNETCORE_URLS=http://+:8080 \
    FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING=true \
    PYTHONUNBUFFERED=1

# Packages first: this layer changes only when requirements.txt does.
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir -r /tmp/requirements.txt && rm /tmp/requirements.txt

# The host writes its logs, keys and snapshots below /home; the app's own files stay root's and read-only.
RUN useradd --uid 10001 --no-create-home --home-dir /home --shell /usr/sbin/nologin ebb \
    && mkdir -p /home/LogFiles /home/data /home/.aspnet \
    && chown ebb:ebb /home /home/LogFiles /home/data /home/.aspnet

COPY infra/entrypoint.sh /usr/local/bin/ebb-entrypoint
RUN chmod 0755 /usr/local/bin/ebb-entrypoint
# .dockerignore lets nothing through but the deployed app.
COPY . /home/site/wwwroot

# Set RUN_AS=root at build time should a future base image refuse to run without it.
ARG RUN_AS=10001
USER ${RUN_AS}
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=90s \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/api/health?scope=host', timeout=5)"]
ENTRYPOINT ["/usr/local/bin/ebb-entrypoint"]
