"""The answers that all versions share."""

import pytest

from contracts.versions import Version
from edge.answers import common, served


@pytest.mark.parametrize("version", list(Version))
def test_every_version_serves_them(version: Version) -> None:
    table = served(version)
    assert table["BootNotification"].answer is common.boot_notification
    assert table["DataTransfer"].answer is common.data_transfer
    assert table["Heartbeat"].answer is common.heartbeat
