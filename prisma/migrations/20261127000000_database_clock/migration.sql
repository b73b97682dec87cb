-- A row's times are the database's, whoever writes it: Prisma fills in now() itself, from the clock of its process, and leaves this to the
-- database. It means the same as CURRENT_TIMESTAMP; only the catalog changes.
-- AlterTable
ALTER TABLE "api_keys" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "audit_events" ALTER COLUMN "at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "code_guesses" ALTER COLUMN "at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "districts" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "idempotency_keys" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "interviews" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "updated_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "login_requests" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "mail_due_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "people" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "updated_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "sessions" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "last_seen_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "trusted_devices" ALTER COLUMN "signed_in_at" SET DEFAULT transaction_timestamp();
