"""The answers of OCPP 2.0.1 and 2.1.

To add an action: one small function, one entry in a table.
"""

from contracts.quirks import as_list
from edge.answers.asked import EMPTY, Answer, Asked, encode
from edge.answers.common import boot_notification, data_transfer, heartbeat

_REFUSED = {"deny": "Blocked", "list": "Unknown"}
_MAX_VAT_NUMBER = 20
_MAX_CHAIN = 4  # certificates of one chain, request and reply


def _id_token_info(asked: Asked, token: object) -> dict[str, str]:
    """`token` is an IdToken as it was sent: an object, or anything in a message that did not validate."""
    identifier = token.get("idToken") if isinstance(token, dict) else None
    return {"status": "Accepted" if asked.policy.allows(identifier) else _REFUSED[asked.policy.authorize]}


def authorize(asked: Asked) -> bytes:
    payload = asked.payload
    if "certificate" in payload or "iso15118CertificateHashData" in payload:
        # A contract certificate (use case C07): without a CA behind us nobody can vouch for its chain.
        return b'{"idTokenInfo":{"status":"Invalid"},"certificateStatus":"CertChainError"}'
    return encode({"idTokenInfo": _id_token_info(asked, payload.get("idToken"))})


def get_certificate_chain_status(asked: Asked) -> bytes:
    """Each certificate's status is Failed: there is no OCSP responder behind us."""
    requests = [entry for entry in as_list(asked.payload.get("certificateStatusRequests")) if isinstance(entry, dict)]
    statuses = [
        {
            "certificateHashData": request.get("certificateHashData"),
            "source": request.get("source"),
            "status": "Failed",
            "nextUpdate": asked.time,
        }
        for request in requests[:_MAX_CHAIN]
    ]
    return encode({"certificateStatus": statuses})


def transaction_event(asked: Asked) -> bytes:
    """idTokenInfo whenever a token was sent: the schema does not demand it, the station waits for it (E01, E03)."""
    token = asked.payload.get("idToken")
    return EMPTY if token is None else encode({"idTokenInfo": _id_token_info(asked, token)})


def vat_number_validation(asked: Asked) -> bytes:
    """Rejected: nobody behind us can check it."""
    payload = asked.payload
    reply: dict[str, object] = {"vatNumber": str(payload.get("vatNumber"))[:_MAX_VAT_NUMBER], "status": "Rejected"}
    if "evseId" in payload:
        reply["evseId"] = payload["evseId"]
    return encode(reply)


ANSWERS_201: dict[str, Answer] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "ClearedChargingLimit": EMPTY,
    "DataTransfer": data_transfer,
    "FirmwareStatusNotification": EMPTY,
    "Get15118EVCertificate": b'{"status":"Failed","exiResponse":""}',
    "GetCertificateStatus": b'{"status":"Failed"}',
    "Heartbeat": heartbeat,
    "LogStatusNotification": EMPTY,
    "MeterValues": EMPTY,
    "NotifyChargingLimit": EMPTY,
    "NotifyCustomerInformation": EMPTY,
    "NotifyDisplayMessages": EMPTY,
    "NotifyEVChargingNeeds": b'{"status":"Rejected"}',  # we make no charging profiles
    "NotifyEVChargingSchedule": b'{"status":"Accepted"}',  # it was processed; no approval is meant
    "NotifyEvent": EMPTY,
    "NotifyMonitoringReport": EMPTY,
    "NotifyReport": EMPTY,
    "PublishFirmwareStatusNotification": EMPTY,
    "ReportChargingProfiles": EMPTY,
    "ReservationStatusUpdate": EMPTY,
    "SecurityEventNotification": EMPTY,
    "SignCertificate": b'{"status":"Rejected"}',
    "StatusNotification": EMPTY,
    "TransactionEvent": transaction_event,
}

ANSWERS_21: dict[str, Answer] = ANSWERS_201 | {
    "BatterySwap": EMPTY,
    "ClosePeriodicEventStream": EMPTY,
    "GetCertificateChainStatus": get_certificate_chain_status,
    "NotifyDERAlarm": EMPTY,
    "NotifyDERStartStop": EMPTY,
    "NotifyEVChargingNeeds": b'{"status":"NoChargingProfile"}',  # what 2.1 has for it
    "NotifyPriorityCharging": EMPTY,
    "NotifySettlement": EMPTY,
    "OpenPeriodicEventStream": b'{"status":"Rejected"}',
    "PullDynamicScheduleUpdate": b'{"status":"Rejected"}',
    "ReportDERControl": EMPTY,
    "VatNumberValidation": vat_number_validation,
}

SENT_21 = frozenset({"NotifyPeriodicEventStream"})  # a SEND: recorded, never answered
