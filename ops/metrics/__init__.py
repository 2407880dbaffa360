"""Every metric of every service, declared once: a module for each service, each with a registry of its own.

Names begin with `voltstream_` and end in their unit. Labels are bounded sets (a version, an action that OCPP knows, an
error's code, a partition): never a station, a connector, a transaction or anything else that a charger chooses.
`python -m ops.metrics` writes docs/metrics.md from these modules.
"""
