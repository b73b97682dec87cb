-- Every API key ends, and the audit trail tells of it. For a restore after which nobody knows which keys were revoked since.
with revoked as (
  update api_keys set revoked_at = now()
  where revoked_at is null and (expires_at is null or expires_at > now()) returning id, district_id
)
insert into audit_events (district_id, id, actor_type, action, record_type, record_id, members)
select district_id, substr(md5(random()::text || id), 1, 12), 'OPERATOR', 'API_KEY_REVOKE', 'API_KEY', id, '{}' from revoked;
