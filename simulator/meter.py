"""An energy meter that counts whole Wh: the truth of the simulator. Pure."""


class Meter:
    """A register in whole Wh, as the display shows it. `resets`: it begins anew with each session."""

    __slots__ = ("_total_wh", "resets")

    def __init__(self, lifetime_wh: int, *, resets: bool = False) -> None:
        self._total_wh = float(lifetime_wh)
        self.resets = resets

    @property
    def register_wh(self) -> int:
        """What it shows now."""
        return int(self._total_wh)

    def begin_session(self) -> int:
        """A session begins; what the register shows at that moment."""
        if self.resets:
            self._total_wh = 0.0
        return self.register_wh

    def add(self, wh: float) -> None:
        """Count energy that went through."""
        if wh < 0:
            raise ValueError("an import register never falls")
        self._total_wh += wh


def kwh_text(wh: int) -> str:
    """Whole Wh as kWh, exactly: 1234567 is 1234.567."""
    return f"{wh // 1000}.{wh % 1000:03d}"
