-- Read models: tables that projectors fill from the event log; every row can be made again.
-- Every table the owner makes here from now on, shadow tables of a rebuild too, is the service's to use.
GRANT USAGE ON SCHEMA read TO teamledger_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA read
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO teamledger_service;

-- How far a group of projectors is: everything up to `position` is in its tables, nothing later.
-- `event_id` is the id of the event at that position in the store that `epoch` names.
CREATE TABLE read.groups (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    epoch uuid,
    event_id text
);

-- Ids, names and sort columns compare by code point: the same order on every server.
CREATE TABLE read.teams_1 (
    team_id text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    team_alias text COLLATE "C",
    alias_lower text COLLATE "C",
    organization_id text COLLATE "C",
    blocked boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    created_position bigint NOT NULL,
    deleted_at timestamptz,
    deleted_by text COLLATE "C",
    deleted_by_key text COLLATE "C",
    deleted_by_role text,
    deleted_claim jsonb,
    deleted_event_id text COLLATE "C",
    members_total bigint NOT NULL,
    settings jsonb NOT NULL,
    metadata jsonb NOT NULL,
    budget_since timestamptz,
    defaults_since timestamptz,
    model_table_id bigint,
    model_aliases_by text COLLATE "C",
    PRIMARY KEY (team_id, incarnation)
);
CREATE UNIQUE INDEX teams_1_live_idx ON read.teams_1 (team_id) WHERE deleted_at IS NULL;
CREATE INDEX teams_1_created_at_idx ON read.teams_1 (created_at DESC, team_id)
    WHERE deleted_at IS NULL;
CREATE INDEX teams_1_alias_idx ON read.teams_1 (team_alias, team_id) WHERE deleted_at IS NULL;
CREATE INDEX teams_1_alias_lower_idx ON read.teams_1 (alias_lower, team_id)
    WHERE deleted_at IS NULL;
CREATE INDEX teams_1_organization_idx ON read.teams_1 (organization_id, created_at DESC, team_id)
    WHERE deleted_at IS NULL;
CREATE INDEX teams_1_deleted_at_idx ON read.teams_1 (deleted_at DESC, team_id)
    WHERE deleted_at IS NOT NULL;

-- `joined` is the stream version of the fact that added the member: the order of the roster.
CREATE TABLE read.memberships_1 (
    team_id text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL,
    joined bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    limits jsonb,
    PRIMARY KEY (team_id, incarnation, user_id)
);
CREATE INDEX memberships_1_user_idx ON read.memberships_1 (user_id, team_id);
CREATE INDEX memberships_1_joined_idx ON read.memberships_1 (team_id, incarnation, joined);

-- The only read model with personal data in plain text.
CREATE TABLE read.users_1 (
    user_id text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    person text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    email_lower text COLLATE "C",
    user_alias text COLLATE "C",
    user_role text COLLATE "C",
    settings jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (user_id, incarnation)
);
CREATE UNIQUE INDEX users_1_live_idx ON read.users_1 (user_id) WHERE deleted_at IS NULL;
CREATE INDEX users_1_email_lower_idx ON read.users_1 (email_lower, user_id);
CREATE INDEX users_1_person_idx ON read.users_1 (person);

CREATE TABLE read.keys_1 (
    token text COLLATE "C" NOT NULL,
    incarnation bigint NOT NULL,
    user_id text COLLATE "C",
    team_id text COLLATE "C",
    team_incarnation bigint,
    key_alias text COLLATE "C",
    organization_id text COLLATE "C",
    expires timestamptz,
    blocked boolean,
    created_at timestamptz NOT NULL,
    created_by text COLLATE "C",
    updated_at timestamptz NOT NULL,
    updated_by text COLLATE "C",
    version bigint NOT NULL,
    deleted_at timestamptz,
    deleted_by text COLLATE "C",
    deleted_cause text,
    settings jsonb NOT NULL,
    PRIMARY KEY (token, incarnation)
);
CREATE UNIQUE INDEX keys_1_live_idx ON read.keys_1 (token) WHERE deleted_at IS NULL;
CREATE INDEX keys_1_team_idx ON read.keys_1 (team_id, team_incarnation, created_at DESC, token);
CREATE INDEX keys_1_user_idx ON read.keys_1 (user_id, created_at DESC, token);
CREATE INDEX keys_1_alias_idx ON read.keys_1 (key_alias, token);

-- One row per command and changed thing, under the position of its first fact.
CREATE TABLE read.audit_1 (
    position bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    updated_at timestamptz NOT NULL,
    action text NOT NULL,
    table_name text NOT NULL,
    object_id text COLLATE "C" NOT NULL,
    object_team_id text COLLATE "C",
    object_key_hash text COLLATE "C",
    actor text COLLATE "C",
    actor_key text COLLATE "C",
    actor_role text,
    claim jsonb,
    command text NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    correlation_id text COLLATE "C",
    before_value jsonb NOT NULL,
    updated_values jsonb NOT NULL,
    PRIMARY KEY (position)
);
CREATE UNIQUE INDEX audit_1_id_idx ON read.audit_1 (id);
CREATE INDEX audit_1_updated_at_idx ON read.audit_1 (updated_at, position);
CREATE INDEX audit_1_object_idx ON read.audit_1 (object_id, position);
CREATE INDEX audit_1_team_idx ON read.audit_1 (object_team_id, position)
    WHERE object_team_id IS NOT NULL;
CREATE INDEX audit_1_key_idx ON read.audit_1 (object_key_hash, position)
    WHERE object_key_hash IS NOT NULL;
CREATE INDEX audit_1_actor_idx ON read.audit_1 (actor, position);
CREATE INDEX audit_1_actor_key_idx ON read.audit_1 (actor_key, position);
