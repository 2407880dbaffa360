"""Grafana boards and alert rules in Python; `dashboards/build.py` writes them as files. Pure."""
