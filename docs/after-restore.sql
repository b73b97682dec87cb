-- After a restore, before a gateway starts on it: what has ended since the backup must not live again. docs/backup.md says why.
begin;

-- Every session ends, and the audit trail tells of it.
with ended as (delete from sessions returning id, district_id)
insert into audit_events (district_id, id, actor_type, action, record_type, record_id, members)
select district_id, substr(md5(random()::text || id), 1, 12), 'OPERATOR', 'SESSION_REVOKE', 'SESSION', id, '{}' from ended;

-- Every code and every link ends, and no mail of then goes out.
update login_requests
set code_ended_at = coalesce(code_ended_at, now()), link_ended_at = coalesce(link_ended_at, now()), mail_due_at = null;

-- No browser is known: each has to sign in once before it counts as one that has.
delete from trusted_devices;

commit;

-- The keys that work now: revoke those that were revoked since the backup.
select district_id, id, name, hint, created_at, last_used_at, expires_at from api_keys
where revoked_at is null and (expires_at is null or expires_at > now())
order by district_id, created_at, id;
