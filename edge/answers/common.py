"""The answers that are the same in every version."""

from edge.answers.asked import Asked, encode

_REGISTRATION = {"accept": "Accepted", "pending": "Pending", "reject": "Rejected"}


def boot_notification(asked: Asked) -> bytes:
    policy = asked.policy
    accepted = policy.registration == "accept"
    return encode(
        {
            "status": _REGISTRATION[policy.registration],
            "currentTime": asked.time,
            "interval": policy.heartbeat_interval_s if accepted else policy.boot_retry_interval_s,
        }
    )


def data_transfer(asked: Asked) -> bytes:
    known = asked.payload.get("vendorId") in asked.policy.data_transfer_vendors
    return encode({"status": "Accepted" if known else "UnknownVendorId"})


def heartbeat(asked: Asked) -> bytes:
    return b'{"currentTime":"%b"}' % asked.time.encode()
