"""Databases, retention policies and users of InfluxDB 1.8."""

import secrets
from collections.abc import Iterator

from sinks.influx_settings import InfluxSettings
from sinks.init.logins import Login, logins
from sinks.init.server import Server
from sinks.init.settings import SinkInitSettings
from sinks.init.words import kept

HOURS_A_DAY = 24


def set_up(server: Server, influx: InfluxSettings, init: SinkInitSettings) -> Iterator[str]:
    """Make what is missing, change what differs; a sentence for each. Raises StoreError and ConfigurationError."""
    database, _, policy = influx.influx_bucket.partition("/")
    there = database in [row["name"] for row in server.query("SHOW DATABASES")]
    if not there:
        server.query(f"CREATE DATABASE {quoted(database)}")
    yield f"database {database}: {'there' if there else 'made'}"
    yield _policy(server, database, policy, init.retention_days)
    for login in logins(init):
        yield _user(server, login, database)
    if not init.admin_token.get_secret_value():
        yield "InfluxDB asks nobody for a login: until its auth-enabled is true, everyone may read and write"


def _policy(server: Server, database: str, name: str, retention_days: int | None) -> str:
    """The named retention policy, or that which the database has by default."""
    policies = server.query(f"SHOW RETENTION POLICIES ON {quoted(database)}")
    found = next((one for one in policies if (one["name"] == name if name else one["default"])), None)
    policy = name or (found["name"] if found else "autogen")
    on = f"RETENTION POLICY {quoted(policy)} ON {quoted(database)}"
    days = 0.0 if found is None else days_of(found["duration"])
    wanted = f"DURATION {retention_days or 0}d REPLICATION 1 SHARD DURATION 0s"  # a shard may not outlast its policy
    if found is None:
        server.query(f"CREATE {on} {wanted}")
        return f"retention policy {policy}: made, points are kept {kept(retention_days or 0)}"
    if retention_days is None or days == retention_days:
        return f"retention policy {policy}: there, points are kept {kept(days)}"
    server.query(f"ALTER {on} {wanted}")
    return f"retention policy {policy}: points are now kept {kept(retention_days)}, not {kept(days)}"


def _user(server: Server, login: Login, database: str) -> str:
    """A user with the password in the file: a new one where there is none, since InfluxDB does not tell passwords."""
    user = f"{database}-{login.action}"
    name, _, password = login.token_file.read().partition(":")
    if name != user or not password:
        password = secrets.token_urlsafe(24)
    line = login.hand_over(f"{user}:{password}")  # first: a run that is cut short leaves a password to go on with
    if user in [row["user"] for row in server.query("SHOW USERS")]:
        server.query(f"SET PASSWORD FOR {quoted(user)} = {literal(password)}")
    else:
        server.query(f"CREATE USER {quoted(user)} WITH PASSWORD {literal(password)}")
    granted = {row["database"]: row["privilege"] for row in server.query(f"SHOW GRANTS FOR {quoted(user)}")}
    if granted.get(database) != login.action.upper():
        server.query(f"GRANT {login.action.upper()} ON {quoted(database)} TO {quoted(user)}")
    return line


def days_of(duration: str) -> float:
    """Days in a duration as InfluxDB shows it, for example `720h0m0s`; 0 for ever."""
    hours, _, rest = duration.partition("h")
    return 0.0 if not rest else int(hours) / HOURS_A_DAY


def quoted(name: str) -> str:
    """A name in a statement."""
    return _within('"', name)


def literal(text: str) -> str:
    """A text in a statement."""
    return _within("'", text)


def _within(quote: str, text: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote
