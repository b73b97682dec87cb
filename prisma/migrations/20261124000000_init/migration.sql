-- Keys and sort_name compare byte by byte (COLLATE "C"): the same order on every server and in every cursor, and faster.
-- CreateTable
CREATE TABLE "districts" (
    "id" TEXT COLLATE "C" NOT NULL,
    "name" JSONB NOT NULL,
    "accent" TEXT NOT NULL,
    "languages" TEXT[],
    "billing_plan" TEXT NOT NULL,
    "trial_ends_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "districts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "roles" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "name" JSONB NOT NULL,
    "permissions" JSONB NOT NULL,

    CONSTRAINT "roles_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "boards" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "name" JSONB NOT NULL,

    CONSTRAINT "boards_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "forms" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "name" JSONB NOT NULL,

    CONSTRAINT "forms_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "form_fields" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "form_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "position" INTEGER NOT NULL,
    "name" JSONB NOT NULL,
    "type" TEXT NOT NULL,
    "private" BOOLEAN NOT NULL DEFAULT false,
    "options" JSONB,

    CONSTRAINT "form_fields_pkey" PRIMARY KEY ("district_id","form_id","id")
);

-- CreateTable
CREATE TABLE "profiles" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "name" JSONB NOT NULL,

    CONSTRAINT "profiles_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "people" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "first" TEXT NOT NULL,
    "last" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "email_key" TEXT NOT NULL,
    "language" TEXT NOT NULL,
    "roles" JSONB NOT NULL DEFAULT '{}',
    "tags" TEXT[],
    "archived" BOOLEAN NOT NULL DEFAULT false,
    "avatar_url" TEXT,
    "sort_name" TEXT COLLATE "C" NOT NULL,
    "terms" TEXT[],
    "signed_in_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "people_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "mentor_assignments" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "mentor_id" TEXT COLLATE "C" NOT NULL,
    "candidate_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "mentor_assignments_pkey" PRIMARY KEY ("district_id","mentor_id","candidate_id")
);

-- CreateTable
CREATE TABLE "interviews" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "person_id" TEXT COLLATE "C" NOT NULL,
    "date" DATE NOT NULL,
    "board_id" TEXT COLLATE "C" NOT NULL,
    "form_id" TEXT COLLATE "C" NOT NULL,
    "profile_id" TEXT COLLATE "C" NOT NULL,
    "published" BOOLEAN NOT NULL DEFAULT false,
    "responses" JSONB NOT NULL DEFAULT '{}',
    "recordings" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "interviews_pkey" PRIMARY KEY ("district_id","id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" TEXT COLLATE "C" NOT NULL,
    "token_hash" TEXT NOT NULL,
    "district_id" TEXT COLLATE "C" NOT NULL,
    "person_id" TEXT COLLATE "C" NOT NULL,
    "email_key" TEXT NOT NULL,
    "user_agent" TEXT,
    "address" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT COLLATE "C" NOT NULL,
    "key_hash" TEXT NOT NULL,
    "district_id" TEXT COLLATE "C" NOT NULL,
    "name" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_by_id" TEXT COLLATE "C",
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "login_requests" (
    "id" TEXT COLLATE "C" NOT NULL,
    "email_key" TEXT NOT NULL,
    "browser_hash" TEXT,
    "network" TEXT NOT NULL,
    "secret_id" TEXT COLLATE "C" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "district_id" TEXT COLLATE "C",
    "person_id" TEXT COLLATE "C",
    "code_mac" TEXT,
    "code_draw" INTEGER NOT NULL DEFAULT 0,
    "code_attempts" INTEGER NOT NULL DEFAULT 0,
    "code_ended_at" TIMESTAMPTZ(3),
    "link_hash" TEXT,
    "link_ended_at" TIMESTAMPTZ(3),
    "mail_attempts" INTEGER NOT NULL DEFAULT 0,
    "mail_due_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "mail_sent_at" TIMESTAMPTZ(3),
    "mail_error" TEXT,

    CONSTRAINT "login_requests_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "people_email_key_idx" ON "people"("email_key");

-- CreateIndex
CREATE INDEX "people_district_id_sort_name_id_idx" ON "people"("district_id", "sort_name", "id");

-- CreateIndex
CREATE INDEX "people_district_id_created_at_id_idx" ON "people"("district_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "people_district_id_updated_at_id_idx" ON "people"("district_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "people_district_id_archived_sort_name_id_idx" ON "people"("district_id", "archived", "sort_name", "id");

-- CreateIndex
CREATE INDEX "people_district_id_archived_created_at_id_idx" ON "people"("district_id", "archived", "created_at", "id");

-- CreateIndex
CREATE INDEX "people_district_id_archived_updated_at_id_idx" ON "people"("district_id", "archived", "updated_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "people_district_id_email_key_key" ON "people"("district_id", "email_key");

-- CreateIndex
CREATE INDEX "mentor_assignments_district_id_candidate_id_mentor_id_idx" ON "mentor_assignments"("district_id", "candidate_id", "mentor_id");

-- CreateIndex
CREATE INDEX "interviews_district_id_date_id_idx" ON "interviews"("district_id", "date", "id");

-- CreateIndex
CREATE INDEX "interviews_district_id_created_at_id_idx" ON "interviews"("district_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "interviews_district_id_updated_at_id_idx" ON "interviews"("district_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "interviews_district_id_person_id_date_id_idx" ON "interviews"("district_id", "person_id", "date", "id");

-- CreateIndex
CREATE INDEX "interviews_district_id_board_id_date_id_idx" ON "interviews"("district_id", "board_id", "date", "id");

-- CreateIndex
CREATE INDEX "interviews_district_id_profile_id_date_id_idx" ON "interviews"("district_id", "profile_id", "date", "id");

-- CreateIndex
CREATE INDEX "interviews_district_id_published_date_id_idx" ON "interviews"("district_id", "published", "date", "id");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_token_hash_key" ON "sessions"("token_hash");

-- CreateIndex
CREATE INDEX "sessions_district_id_person_id_idx" ON "sessions"("district_id", "person_id");

-- CreateIndex
CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys"("key_hash");

-- CreateIndex
CREATE INDEX "api_keys_district_id_created_at_id_idx" ON "api_keys"("district_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "login_requests_code_mac_key" ON "login_requests"("code_mac");

-- CreateIndex
CREATE UNIQUE INDEX "login_requests_link_hash_key" ON "login_requests"("link_hash");

-- CreateIndex
CREATE INDEX "login_requests_mail_due_at_idx" ON "login_requests"("mail_due_at");

-- CreateIndex
CREATE INDEX "login_requests_browser_hash_created_at_idx" ON "login_requests"("browser_hash", "created_at");

-- CreateIndex
CREATE INDEX "login_requests_email_key_created_at_idx" ON "login_requests"("email_key", "created_at");

-- CreateIndex
CREATE INDEX "login_requests_network_created_at_idx" ON "login_requests"("network", "created_at");

-- CreateIndex
CREATE INDEX "login_requests_created_at_idx" ON "login_requests"("created_at");

-- AddForeignKey
ALTER TABLE "roles" ADD CONSTRAINT "roles_district_id_fkey" FOREIGN KEY ("district_id") REFERENCES "districts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "boards" ADD CONSTRAINT "boards_district_id_fkey" FOREIGN KEY ("district_id") REFERENCES "districts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "forms" ADD CONSTRAINT "forms_district_id_fkey" FOREIGN KEY ("district_id") REFERENCES "districts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "form_fields" ADD CONSTRAINT "form_fields_district_id_form_id_fkey" FOREIGN KEY ("district_id", "form_id") REFERENCES "forms"("district_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_district_id_fkey" FOREIGN KEY ("district_id") REFERENCES "districts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "people" ADD CONSTRAINT "people_district_id_fkey" FOREIGN KEY ("district_id") REFERENCES "districts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "mentor_assignments" ADD CONSTRAINT "mentor_assignments_district_id_mentor_id_fkey" FOREIGN KEY ("district_id", "mentor_id") REFERENCES "people"("district_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "mentor_assignments" ADD CONSTRAINT "mentor_assignments_district_id_candidate_id_fkey" FOREIGN KEY ("district_id", "candidate_id") REFERENCES "people"("district_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "interviews" ADD CONSTRAINT "interviews_district_id_person_id_fkey" FOREIGN KEY ("district_id", "person_id") REFERENCES "people"("district_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "interviews" ADD CONSTRAINT "interviews_district_id_board_id_fkey" FOREIGN KEY ("district_id", "board_id") REFERENCES "boards"("district_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "interviews" ADD CONSTRAINT "interviews_district_id_form_id_fkey" FOREIGN KEY ("district_id", "form_id") REFERENCES "forms"("district_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "interviews" ADD CONSTRAINT "interviews_district_id_profile_id_fkey" FOREIGN KEY ("district_id", "profile_id") REFERENCES "profiles"("district_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_district_id_person_id_fkey" FOREIGN KEY ("district_id", "person_id") REFERENCES "people"("district_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_district_id_fkey" FOREIGN KEY ("district_id") REFERENCES "districts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Search, role and tag of people are words in one inverted index, each prefixed by its district, so that a word of one
-- tenant never touches another's entries. Prisma has no notation for an index on an expression.
CREATE INDEX "people_terms_idx" ON "people" USING GIN (array_to_tsvector("terms"));
