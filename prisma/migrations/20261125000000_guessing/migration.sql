-- Keys compare byte by byte (COLLATE "C").
-- CreateTable
CREATE TABLE "code_guesses" (
    "id" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "network" TEXT COLLATE "C",
    "site" TEXT COLLATE "C",
    "block" TEXT COLLATE "C" NOT NULL,
    "browser_hash" TEXT COLLATE "C",
    "requests" TEXT[] COLLATE "C",
    "people" TEXT[] COLLATE "C",
    "cost" INTEGER NOT NULL,
    "trusted" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "code_guesses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "guess_budget" (
    "id" INTEGER NOT NULL,
    "alerted_percent" INTEGER NOT NULL DEFAULT 0,
    "alerted_at" TIMESTAMPTZ(3),

    CONSTRAINT "guess_budget_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "request_buckets" (
    "key" TEXT COLLATE "C" NOT NULL,
    "full_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "request_buckets_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "trusted_devices" (
    "district_id" TEXT COLLATE "C" NOT NULL,
    "person_id" TEXT COLLATE "C" NOT NULL,
    "token_hash" TEXT COLLATE "C" NOT NULL,
    "signed_in_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "trusted_devices_pkey" PRIMARY KEY ("district_id","person_id","token_hash")
);

-- CreateIndex
CREATE INDEX "code_guesses_at_idx" ON "code_guesses"("at");

-- CreateIndex
CREATE INDEX "code_guesses_network_at_idx" ON "code_guesses"("network", "at");

-- CreateIndex
CREATE INDEX "code_guesses_site_at_idx" ON "code_guesses"("site", "at");

-- CreateIndex
CREATE INDEX "code_guesses_block_at_idx" ON "code_guesses"("block", "at");

-- CreateIndex
CREATE INDEX "code_guesses_browser_hash_at_idx" ON "code_guesses"("browser_hash", "at");

-- CreateIndex
CREATE INDEX "request_buckets_full_at_idx" ON "request_buckets"("full_at");

-- CreateIndex
CREATE INDEX "trusted_devices_token_hash_idx" ON "trusted_devices"("token_hash");

-- CreateIndex
CREATE INDEX "trusted_devices_signed_in_at_idx" ON "trusted_devices"("signed_in_at");

-- AddForeignKey
ALTER TABLE "trusted_devices" ADD CONSTRAINT "trusted_devices_district_id_person_id_fkey" FOREIGN KEY ("district_id", "person_id") REFERENCES "people"("district_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The budget is summed up over the few that cost something, however many guesses in vain there are; a person is found in an array.
CREATE INDEX "code_guesses_paid_idx" ON "code_guesses"("at") WHERE "cost" > 0;
CREATE INDEX "code_guesses_people_idx" ON "code_guesses" USING GIN ("people");

-- The row that guesses lock.
INSERT INTO "guess_budget" ("id") VALUES (1);
