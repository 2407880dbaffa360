"""Starts ../peers/stock_faust.py, which is left as it was measured, when its table's topic exists.

Faust names that topic after the app, and the app is named after its process: so this process makes the topic and
becomes the peer. (Left to the broker, the topic is there a moment too late, and Faust stops at a partition mismatch.)
"""

import os
import sys
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

PEER = Path(__file__).resolve().parents[1] / "peers" / "stock_faust.py"

if __name__ == "__main__":
    mode, partitions = os.environ["MODE"], int(os.environ["PARTITIONS"])
    topic = f"fb-{mode}{os.getpid()}-state{mode}-changelog"
    admin = AdminClient({"bootstrap.servers": Path("bs.addr").read_text()})
    admin.create_topics([NewTopic(topic, partitions, 1, config={"cleanup.policy": "compact"})])[topic].result()
    os.execv(sys.executable, [sys.executable, str(PEER), "worker", "-l", "warn", "--without-web"])  # noqa: S606
