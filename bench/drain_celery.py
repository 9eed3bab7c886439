"""Celery on kombu's azurestoragequeues transport, for `bench/drain.py`; runs in bench/.venv-drain.

Each task appends eight bytes, its clock, to the file DRAIN_STAMPS. `python drain_celery.py COUNT` puts tasks.
"""

import os
import struct
import sys
import time

from celery import Celery

app = Celery("drain", broker=f"azurestoragequeues://{os.environ['DRAIN_KEY']}@{os.environ['DRAIN_ENDPOINT']}")
app.conf.update(
    task_ignore_result=True,
    worker_enable_remote_control=False,
    task_default_queue=os.environ["DRAIN_QUEUE"],
    broker_connection_retry_on_startup=True,
)
stamps = os.open(os.environ["DRAIN_STAMPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@app.task(name="noop")
def noop(number):
    os.write(stamps, struct.pack("d", time.time()))


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        noop.delay(number)
