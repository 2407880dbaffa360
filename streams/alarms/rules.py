"""The alarm rules, as data. To add one: an entry here, and a signal in signals.py (or a caller) that names it."""

from typing import Literal

import msgspec

from contracts.events import Severity
from contracts.times import MINUTE, SECOND

Scope = Literal["node", "site", "station", "evse", "connector"]


class Rule(msgspec.Struct, frozen=True):
    """One rule. A condition lasts until its signal says it is over; an occurrence expires after `expires_us`."""

    name: str
    kind: Literal["condition", "occurrence"]
    severity: Severity
    scope: Scope
    title: str
    expires_us: int = 0
    version: int = 1

    @property
    def runbook(self) -> str:
        return f"docs/alarms.md#{self.name}"


OFFLINE_GRACE = 60 * SECOND  # how long a station is away before `offline` is raised, at that deadline
BOOTS = 4  # boots within BOOT_WINDOW make a loop
BOOT_WINDOW = 10 * MINUTE

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("connector-fault", "condition", "major", "connector", "Connector fault"),
        Rule("offline", "condition", "major", "station", "Station offline"),
        Rule("edge-node-lost", "condition", "critical", "node", "Edge node lost"),
        Rule("edge-clock", "condition", "major", "node", "Edge node's clock is wrong"),
        Rule(
            "edge-duplicate", "occurrence", "critical", "node", "Two edge nodes with one name", expires_us=60 * MINUTE
        ),
        Rule("oversized-frame", "occurrence", "minor", "station", "Frame over the limit", expires_us=60 * MINUTE),
        Rule("boot-loop", "occurrence", "major", "station", "Station boots again and again", expires_us=60 * MINUTE),
        Rule("security-event", "occurrence", "warning", "station", "Security event", expires_us=24 * 60 * MINUTE),
    )
}

# 1.6: these are dangerous whatever the connector's status says.
CRITICAL_ERRORS = frozenset({"GroundFailure", "HighTemperature", "OverCurrentFailure"})

# 2.x: variables that are true while something is wrong (part 2, appendix of components and variables): a change of one
# of them is an alert; that of any other is a report, unless its monitor alerts.
FAULT_VARIABLES = frozenset({"Problem", "Tripped", "Overload"})
# Of these components `Active` is such a variable; elsewhere it says that something runs.
FAULT_SENSORS = frozenset(
    {
        "CableBreakawaySensor",
        "EmergencyStopSensor",
        "ExternalTemperatureSensor",
        "FloodSensor",
        "GroundIsolationProtection",
        "OverCurrentProtection",
        "ShockSensor",
        "TemperatureSensor",
        "TiltSensor",
    }
)

# The severity that 2.1's events carry (0 Danger to 9 Debug); elsewhere the rule's holds.
SEVERITIES: dict[int | None, Severity] = {
    0: "critical",
    1: "critical",
    2: "critical",
    3: "critical",
    4: "major",
    5: "major",
    6: "warning",
    7: "info",
    8: "info",
    9: "info",
}

# Security events that are worth an alarm (part 2, appendix of security events); starts and resets are information.
SECURITY_EVENTS: dict[str, Severity] = {
    "TamperDetectionActivated": "critical",
    "SecurityLogWasCleared": "major",
    "MemoryExhaustion": "major",
    "SettingSystemTime": "warning",
    "InvalidFirmwareSignature": "major",
    "InvalidFirmwareSigningCertificate": "major",
    "InvalidCentralSystemCertificate": "major",
    "InvalidCsmsCertificate": "major",
    "InvalidCSMSCertificate": "major",
    "InvalidChargePointCertificate": "major",
    "InvalidChargingStationCertificate": "major",
    "InvalidTLSVersion": "warning",
    "InvalidTLSCipherSuite": "warning",
    "InvalidMessages": "warning",
    "AttemptedReplayAttacks": "critical",
    "FailedToAuthenticateAtCentralSystem": "warning",
    "FailedToAuthenticateAtCsms": "warning",
    "CentralSystemFailedToAuthenticate": "warning",
    "CsmsFailedToAuthenticate": "warning",
}
SECURITY_INFORMATION: frozenset[str] = frozenset({"StartupOfTheDevice", "ResetOrReboot"})
