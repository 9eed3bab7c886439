"""dramatiq on dramatiq-azure, for `bench/drain.py`; runs in bench/.venv-drain.

Each call appends eight bytes, its clock, to the file DRAIN_STAMPS. `python drain_dramatiq.py COUNT` puts messages.
"""

import os
import struct
import sys
import time

import dramatiq
from dramatiq_azure import ASQBroker

dramatiq.set_broker(ASQBroker())  # reads AZURE_STORAGE_CONNECTION_STR
stamps = os.open(os.environ["DRAIN_STAMPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@dramatiq.actor(queue_name=os.environ["DRAIN_QUEUE"], max_retries=0)
def noop(number):
    os.write(stamps, struct.pack("d", time.time()))


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        noop.send(number)
