"""`voltstream sink init`: what a sink and Grafana need in an InfluxDB."""
