"""How `voltstream sink init` says things. Pure."""


def kept(days: float) -> str:
    """How long points are kept; 0 is for ever."""
    if days == 0:
        return "for ever"
    return "for 1 day" if days == 1 else f"for {days:g} days"
