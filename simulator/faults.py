"""The faults and security events that stations report, per version. Data."""

import msgspec


class Fault16(msgspec.Struct, frozen=True):
    """A fault as OCPP 1.6 tells it, in StatusNotification. `faulted`: the connector is out of order meanwhile."""

    error_code: str
    faulted: bool
    vendor_error_code: str | None = None
    info: str | None = None

    @property
    def cause(self) -> str:
        """How its alarm's key ends: the vendor's word where OCPP has none, `Faulted` where nobody has one."""
        if self.error_code == "OtherError" and self.vendor_error_code:
            return self.vendor_error_code
        return "Faulted" if self.error_code == "NoError" else self.error_code


class Fault2x(msgspec.Struct, frozen=True):
    """A fault as OCPP 2.x tells it, in NotifyEvent: a component's variable. `faulted` as above."""

    component: str
    variable: str
    faulted: bool

    @property
    def cause(self) -> str:
        return f"{self.component}.{self.variable}"


Fault = Fault16 | Fault2x

# While one of these lasts no car can charge.
FATAL_16 = (
    Fault16("GroundFailure", faulted=True),
    Fault16("OverCurrentFailure", faulted=True, info="L2 48A"),
    Fault16("OtherError", faulted=True, vendor_error_code="E-0417", info="contactor welded"),
    Fault16("NoError", faulted=True),
    Fault16("ConnectorLockFailure", faulted=True, info="C;420"),
)
# These are told, and charging goes on.
WARNING_16 = (
    Fault16("HighTemperature", faulted=False, info='{"t":71}'),
    Fault16("WeakSignal", faulted=False, info="null"),
    Fault16("OtherError", faulted=False, vendor_error_code="CX012"),
)
STATION_16 = (Fault16("PowerMeterFailure", faulted=False), Fault16("ReaderFailure", faulted=False))

FATAL_2X = (
    Fault2x("GroundIsolationProtection", "Problem", faulted=True),
    Fault2x("OverCurrentProtection", "Tripped", faulted=True),
    Fault2x("ConnectorPlugRetentionLock", "Problem", faulted=True),
)
WARNING_2X = (
    Fault2x("LiquidCoolingSystem", "Problem", faulted=False),
    Fault2x("EVSE", "Overload", faulted=False),
    Fault2x("ExternalTemperatureSensor", "Problem", faulted=False),
)

SECURITY_EVENTS = ("TamperDetectionActivated", "SecurityLogWasCleared", "MemoryExhaustion", "InvalidMessages")
