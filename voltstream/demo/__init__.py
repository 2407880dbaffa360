"""`voltstream demo`: the whole pipeline on one machine, a simulated fleet, and what was derived against the truth."""
