"""A car's battery: what it draws at which state of charge. Pure."""

import msgspec

NOMINAL_V = 230.0
_TAPER_FROM = 0.8  # above this share of the capacity a battery takes less and less
_LEAST = 0.08  # the share of its power a battery takes right before it is full
_STEP_S = 30.0  # of the integration: power hardly moves within half a minute


class Car(msgspec.Struct, frozen=True):
    """A car as it arrives. `max_w` is what it can draw at most, `phases` 0 for DC; `soc` and `target` are shares."""

    capacity_wh: float
    max_w: float
    phases: int
    soc: float
    target: float


def power_w(car: Car, soc: float, offered_w: float) -> float:
    """What the car draws at a state of charge: all it can up to 80 %, then a straight line down; 0 when it is done."""
    if soc >= car.target:
        return 0.0
    most_w = min(car.max_w, offered_w)
    if soc <= _TAPER_FROM:
        return most_w
    return most_w * (1.0 - (1.0 - _LEAST) * (soc - _TAPER_FROM) / (1.0 - _TAPER_FROM))


class Charge:
    """One car being charged: its state of charge, moved on by `advance`."""

    __slots__ = ("car", "offered_w", "soc")

    def __init__(self, car: Car, offered_w: float) -> None:
        self.car = car
        self.soc = car.soc
        self.offered_w = offered_w

    @property
    def power_w(self) -> float:
        """What it draws now."""
        return power_w(self.car, self.soc, self.offered_w)

    def advance(self, seconds: float) -> float:
        """Charge for so long; the energy that went through the meter, in Wh."""
        taken_wh = 0.0
        while seconds > 0:
            now_w = self.power_w
            if now_w <= 0:
                break
            step_s = min(seconds, _STEP_S)
            left_wh = (self.car.target - self.soc) * self.car.capacity_wh
            step_wh = min(now_w * step_s / 3600.0, left_wh)
            # Reaching the target by a float's last digit is reaching it.
            self.soc = self.car.target if left_wh - step_wh < 0.01 else self.soc + step_wh / self.car.capacity_wh
            taken_wh += step_wh
            seconds -= step_s
        return taken_wh
