"""Buckets, mappings and authorizations of InfluxDB 2.x."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from influxdb_client import (
    Authorization,
    BucketRetentionRules,
    DBRPCreate,
    DBRPsService,
    Permission,
    PermissionResource,
)
from influxdb_client.rest import ApiException

from sinks.influx_settings import InfluxSettings
from sinks.init.logins import Login, logins
from sinks.init.server import Server
from sinks.init.settings import SinkInitSettings
from sinks.init.words import kept
from sinks.store import StoreClosedError

DAY_S = 86_400


def set_up(server: Server, influx: InfluxSettings, init: SinkInitSettings) -> Iterator[str]:
    """Make what is missing, change what differs; a sentence for each. Raises StoreError and ConfigurationError."""
    with server.plainly():
        org_id = _org_id(server, influx)
        bucket, line = _bucket(server, influx.influx_bucket, org_id, init.retention_days)
        yield line
        yield _mapping(server, influx.influx_bucket, org_id, bucket.id)
        for login in logins(init):
            yield _authorization(server, login, influx.influx_bucket, org_id, bucket.id)


def _org_id(server: Server, influx: InfluxSettings) -> str:
    found = _found(lambda: server.client.organizations_api().find_organizations(org=influx.influx_org))
    if not found:
        token = SinkInitSettings.variable("admin_token")
        unknown = f"InfluxDB knows no organisation {influx.influx_org!r}, or none that {token} may see"
        raise influx.wrong("influx_org", unknown)
    return str(found[0].id)


def _bucket(server: Server, name: str, org_id: str, retention_days: int | None) -> tuple[Any, str]:
    api = server.client.buckets_api()
    found = _found(lambda: api.find_buckets(name=name, org_id=org_id).buckets)
    if not found:
        made = api.create_bucket(bucket_name=name, org=org_id, retention_rules=_rules(retention_days or 0))
        return made, f"bucket {name}: made, points are kept {kept(retention_days or 0)}"
    (bucket,) = found
    days = sum(rule.every_seconds for rule in bucket.retention_rules) / DAY_S
    if retention_days is None or days == retention_days:
        return bucket, f"bucket {name}: there, points are kept {kept(days)}"
    bucket.retention_rules = _rules(retention_days)
    return api.update_bucket(bucket), f"bucket {name}: points are now kept {kept(retention_days)}, not {kept(days)}"


def _found(look_up: Callable[[], Sequence[Any]]) -> Sequence[Any]:
    """What a look-up by name gives; InfluxDB answers 404 where it finds nothing."""
    try:
        return look_up()
    except ApiException as error:
        if error.status != 404:
            raise
        return ()


def _rules(days: int) -> list[BucketRetentionRules]:
    """A shard may not outlast its points: 0 lets the server choose its length anew."""
    return [BucketRetentionRules(type="expire", every_seconds=days * DAY_S, shard_group_duration_seconds=0)]


def _mapping(server: Server, name: str, org_id: str, bucket_id: str) -> str:
    """InfluxQL finds a bucket by its name from 2.4 on; a mapping is needed before, and for a name like db/policy."""
    database, _, policy = name.partition("/")
    service = DBRPsService(server.client.api_client)
    found = [one for one in service.get_dbr_ps(org_id=org_id, db=database).content if one.default]
    if any(one.bucket_id == bucket_id for one in found):
        return f"InfluxQL: database {database} is the bucket"
    if found:
        raise StoreClosedError(f"InfluxQL's database {database} is mapped to another bucket, {found[0].bucket_id}")
    service.post_dbrp(
        dbrp_create=DBRPCreate(
            org_id=org_id,
            bucket_id=bucket_id,
            database=database,
            retention_policy=policy or "autogen",
            default=True,
        )
    )
    return f"InfluxQL: database {database} is now mapped to the bucket"


def _authorization(server: Server, login: Login, bucket: str, org_id: str, bucket_id: str) -> str:
    api = server.client.authorizations_api()
    description = f"voltstream: {login.owner} may {login.action} {bucket}"
    ours = [one for one in api.find_authorizations(org_id=org_id) if one.description == description]
    fitting = [one for one in ours if _allows(one, login.action, bucket_id)]
    for outdated in [one for one in ours if one not in fitting]:  # for a bucket of that name that was deleted
        api.delete_authorization(outdated)

    held = login.token_file.read()
    tokens = [one.token or held for one in fitting]  # a server that keeps only hashes of tokens does not tell them
    token = held if held in tokens else next(filter(None, tokens), None)
    if token is None:
        resource = PermissionResource(type="buckets", id=bucket_id, org_id=org_id)
        permissions = [Permission(action=login.action, resource=resource)]
        wanted = Authorization(org_id=org_id, description=description, permissions=permissions)
        token = api.create_authorization(authorization=wanted).token
    return login.hand_over(token)


def _allows(one: Any, action: str, bucket_id: str) -> bool:
    """Whether an authorization holds, and for this alone."""
    allowed = [(each.action, each.resource.type, each.resource.id) for each in one.permissions]
    return one.status == "active" and allowed == [(action, "buckets", bucket_id)]
