-- Keys compare byte by byte (COLLATE "C").
-- CreateTable
CREATE TABLE "idempotency_keys" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "credential_id" TEXT COLLATE "C" NOT NULL,
    "operation" TEXT COLLATE "C" NOT NULL,
    "key_hash" TEXT COLLATE "C" NOT NULL,
    "input_mac" TEXT NOT NULL,
    "secret_id" TEXT COLLATE "C" NOT NULL,
    "record_id" TEXT COLLATE "C" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("district_id","credential_id","operation","key_hash")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_type" TEXT NOT NULL,
    "actor_id" TEXT COLLATE "C",
    "action" TEXT COLLATE "C" NOT NULL,
    "record_type" TEXT,
    "record_id" TEXT COLLATE "C",
    "members" TEXT[],
    "network" TEXT,
    "request_id" TEXT,
    "count" INTEGER NOT NULL DEFAULT 1,
    "repeat_key" TEXT COLLATE "C",
    "open_until" TIMESTAMPTZ(3),
    "number" INTEGER,
    "secret_id" TEXT COLLATE "C",
    "mac" TEXT,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "audit_chains" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "number" INTEGER NOT NULL DEFAULT 0,
    "mac" TEXT NOT NULL DEFAULT '',
    "logged_at" TIMESTAMPTZ(3),
    "logged_mac" TEXT,

    CONSTRAINT "audit_chains_pkey" PRIMARY KEY ("district_id")
);

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");

-- CreateIndex
CREATE INDEX "audit_events_district_id_at_id_idx" ON "audit_events"("district_id", "at", "id");

-- CreateIndex
CREATE INDEX "audit_events_district_id_actor_id_at_id_idx" ON "audit_events"("district_id", "actor_id", "at", "id");

-- CreateIndex
CREATE INDEX "audit_events_district_id_action_at_id_idx" ON "audit_events"("district_id", "action", "at", "id");

-- CreateIndex
CREATE INDEX "audit_events_district_id_record_id_at_id_idx" ON "audit_events"("district_id", "record_id", "at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "audit_events_district_id_number_key" ON "audit_events"("district_id", "number");

-- CreateIndex
CREATE INDEX "login_requests_district_id_person_id_idx" ON "login_requests"("district_id", "person_id");

-- CreateIndex
CREATE INDEX "sessions_email_key_idx" ON "sessions"("email_key");

-- Denials of one credential are one row a minute with a count.
CREATE UNIQUE INDEX "audit_events_repeat_key_idx" ON "audit_events"("district_id", "repeat_key") WHERE "repeat_key" IS NOT NULL;

-- What is not sealed yet is a short queue, found without a look at the rest.
CREATE INDEX "audit_events_unsealed_idx" ON "audit_events"("district_id", "at", "id") WHERE "number" IS NULL;

-- Whatever ends or changes a credential tells every instance, in the transaction that does it and whoever does it. Statements that
-- change nothing a credential stands on (last use, a name, an expired session swept away) tell nothing.
CREATE FUNCTION "tell_of_sessions"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM pg_notify('credentials', 'credential:' || o.id) FROM old_rows o WHERE o.expires_at > now();
  ELSE
    PERFORM pg_notify('credentials', 'credential:' || o.id) FROM old_rows o JOIN new_rows n ON n.id = o.id
      WHERE (o.token_hash, o.district_id, o.person_id, o.email_key, o.expires_at)
        IS DISTINCT FROM (n.token_hash, n.district_id, n.person_id, n.email_key, n.expires_at);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "sessions_deleted" AFTER DELETE ON "sessions"
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_sessions"();
CREATE TRIGGER "sessions_updated" AFTER UPDATE ON "sessions"
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_sessions"();

CREATE FUNCTION "tell_of_api_keys"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM pg_notify('credentials', 'credential:' || o.id) FROM old_rows o;
  ELSE
    PERFORM pg_notify('credentials', 'credential:' || o.id) FROM old_rows o JOIN new_rows n ON n.id = o.id
      WHERE (o.key_hash, o.district_id, o.scopes, o.expires_at, o.revoked_at)
        IS DISTINCT FROM (n.key_hash, n.district_id, n.scopes, n.expires_at, n.revoked_at);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "api_keys_deleted" AFTER DELETE ON "api_keys"
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_api_keys"();
CREATE TRIGGER "api_keys_updated" AFTER UPDATE ON "api_keys"
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_api_keys"();

-- Deleting a person deletes the sessions, which tell of themselves.
CREATE FUNCTION "tell_of_people"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('credentials', 'person:' || o.district_id || '/' || o.id)
    FROM old_rows o JOIN new_rows n ON n.district_id = o.district_id AND n.id = o.id
    WHERE (o.archived, o.roles, o.language) IS DISTINCT FROM (n.archived, n.roles, n.language);
  RETURN NULL;
END $$;
CREATE TRIGGER "people_updated" AFTER UPDATE ON "people"
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_people"();

CREATE FUNCTION "tell_of_roles"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('credentials', 'district:' || r.district_id) FROM (SELECT DISTINCT district_id FROM changed) r;
  RETURN NULL;
END $$;
CREATE TRIGGER "roles_inserted" AFTER INSERT ON "roles"
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_roles"();
CREATE TRIGGER "roles_updated" AFTER UPDATE ON "roles"
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_roles"();
CREATE TRIGGER "roles_deleted" AFTER DELETE ON "roles"
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_roles"();

CREATE FUNCTION "tell_of_districts"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('credentials', 'district:' || o.id) FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE (o.billing_plan, o.trial_ends_at) IS DISTINCT FROM (n.billing_plan, n.trial_ends_at);
  RETURN NULL;
END $$;
CREATE TRIGGER "districts_updated" AFTER UPDATE ON "districts"
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "tell_of_districts"();
