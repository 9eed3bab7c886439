#!/bin/sh
# Starts the Functions host in place of this shell, so that the SIGTERM of a scale-in or a new revision reaches the host,
# which then drains. The start script of some base images keeps a shell in between, and the signal ends there.
set -eu

host=/azure-functions-host/Microsoft.Azure.WebJobs.Script.WebHost
if [ -x "$host" ]; then
    exec "$host" "$@"
fi
if [ -f "$host.dll" ]; then
    exec dotnet "$host.dll" "$@"
fi
echo "no Functions host in this image: $host is missing; build on mcr.microsoft.com/azure-functions/python" >&2
exit 1
