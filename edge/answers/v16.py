"""The answers of OCPP 1.6: core profile, firmware management, and the security extension (third edition).

To add an action: one small function, one entry in ANSWERS.
"""

from edge.answers.asked import EMPTY, Answer, Asked, encode
from edge.answers.common import boot_notification, data_transfer, heartbeat

_REFUSED = {"deny": "Blocked", "list": "Invalid"}  # 1.6, 7.2: Invalid is an identifier that is not known


def _id_tag_info(asked: Asked, token: object) -> dict[str, str]:
    return {"status": "Accepted" if asked.policy.allows(token) else _REFUSED[asked.policy.authorize]}


def authorize(asked: Asked) -> bytes:
    return encode({"idTagInfo": _id_tag_info(asked, asked.payload.get("idTag"))})


def start_transaction(asked: Asked) -> bytes:
    """The id is a hash of the start: see transaction_ids. The token enters as records show it, so that an id that

    stands on the log is no means to guess a token that does not.
    """
    payload = asked.payload
    token = payload.get("idTag")
    shown = asked.policy.tokens.published(token) if isinstance(token, str) else None
    given = asked.transactions.started(
        payload.get("connectorId"), shown, payload.get("meterStart"), payload.get("timestamp")
    )
    return encode({"idTagInfo": _id_tag_info(asked, token), "transactionId": given})


def stop_transaction(asked: Asked) -> bytes:
    asked.transactions.stopped(asked.payload.get("transactionId"))
    token = asked.payload.get("idTag")
    return EMPTY if token is None else encode({"idTagInfo": _id_tag_info(asked, token)})


ANSWERS: dict[str, Answer] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "DataTransfer": data_transfer,
    "DiagnosticsStatusNotification": EMPTY,
    "FirmwareStatusNotification": EMPTY,
    "Heartbeat": heartbeat,
    "LogStatusNotification": EMPTY,
    "MeterValues": EMPTY,
    "SecurityEventNotification": EMPTY,
    "SignCertificate": b'{"status":"Rejected"}',  # there is no CA behind us
    "SignedFirmwareStatusNotification": EMPTY,
    "StartTransaction": start_transaction,
    "StatusNotification": EMPTY,
    "StopTransaction": stop_transaction,
}
