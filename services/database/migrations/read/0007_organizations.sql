-- Organizations, their members, and budgets. No fact about them was ever recorded before, so the
-- tables are complete as they are.
CREATE TABLE read.organizations_1 (
    organization_id text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    organization_alias text COLLATE "C" NOT NULL,
    alias_lower text COLLATE "C" NOT NULL,
    budget_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text COLLATE "C",
    updated_at timestamptz NOT NULL,
    updated_by text COLLATE "C",
    version bigint NOT NULL,
    deleted_at timestamptz,
    members_total bigint NOT NULL,
    settings jsonb NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (organization_id, incarnation)
);
CREATE UNIQUE INDEX organizations_1_live_idx ON read.organizations_1 (organization_id)
    WHERE deleted_at IS NULL;
-- A search for parts of an alias reads this index alone.
CREATE INDEX organizations_1_newest_idx
    ON read.organizations_1 (created_at DESC, organization_id) INCLUDE (alias_lower)
    WHERE deleted_at IS NULL;

CREATE TABLE read.organization_members_1 (
    organization_id text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL,
    joined bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    limits jsonb,
    PRIMARY KEY (organization_id, incarnation, user_id)
);
CREATE INDEX organization_members_1_user_idx
    ON read.organization_members_1 (user_id, organization_id);
CREATE INDEX organization_members_1_joined_idx
    ON read.organization_members_1 (organization_id, incarnation, joined);

CREATE TABLE read.budgets_1 (
    budget_id text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text COLLATE "C",
    updated_at timestamptz NOT NULL,
    updated_by text COLLATE "C",
    since timestamptz NOT NULL,
    version bigint NOT NULL,
    deleted_at timestamptz,
    settings jsonb NOT NULL,
    PRIMARY KEY (budget_id, incarnation)
);
CREATE UNIQUE INDEX budgets_1_live_idx ON read.budgets_1 (budget_id) WHERE deleted_at IS NULL;
CREATE INDEX budgets_1_newest_idx ON read.budgets_1 (created_at DESC, budget_id)
    WHERE deleted_at IS NULL;
