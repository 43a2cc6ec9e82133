-- Times are milliseconds since the epoch, UTC, and end in _at, _until or _start; money is micro-units and ends in
-- _micros. deliveries, messages, turns and usage_logs are cut by weeks: their first key is a UUIDv7, which begins with
-- the time of its making. The program makes the weeks' tables; what fits none of them goes to the default ones.

CREATE TABLE teams (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    description    TEXT,
    monthly_quota  BIGINT  CHECK (monthly_quota >= 0),
    daily_quota    BIGINT  CHECK (daily_quota >= 0),
    allowed_models TEXT, -- a JSON array of model ids; null means all
    is_active      BOOLEAN NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL
);

CREATE TABLE api_keys (
    id                     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id                BIGINT  NOT NULL REFERENCES teams (id),
    key_hash               TEXT    NOT NULL UNIQUE, -- SHA-256, hexadecimal
    key_prefix             TEXT    NOT NULL,
    name                   TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    access_level           TEXT    NOT NULL CHECK (access_level IN ('user', 'team_lead', 'admin')),
    monthly_quota_override BIGINT  CHECK (monthly_quota_override >= 0),
    daily_quota_override   BIGINT  CHECK (daily_quota_override >= 0),
    is_active              BOOLEAN NOT NULL,
    created_by             TEXT,
    description            TEXT,
    created_at             BIGINT  NOT NULL,
    last_used_at           BIGINT,
    expires_at             BIGINT,
    previous_hash          TEXT    UNIQUE,
    previous_expires_at    BIGINT
);

CREATE INDEX api_keys_by_team ON api_keys (team_id, id);

CREATE TABLE sessions (
    id               UUID   NOT NULL PRIMARY KEY,
    session_key      TEXT   NOT NULL UNIQUE,
    platform         TEXT   NOT NULL,
    team_id          BIGINT,
    user_id          TEXT   NOT NULL,
    chat_id          TEXT   NOT NULL,
    current_model    TEXT,
    version          BIGINT NOT NULL,
    lease_node       UUID,
    lease_until      BIGINT,
    fence            BIGINT NOT NULL DEFAULT 0,
    message_count    BIGINT NOT NULL,
    stored_messages  BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    last_activity_at BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL
);

CREATE INDEX sessions_by_activity ON sessions (last_activity_at, id);
CREATE INDEX sessions_by_team ON sessions (team_id, last_activity_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE messages (
    session_id   UUID   NOT NULL,
    seq          BIGINT NOT NULL,
    turn_id      UUID   NOT NULL,
    role         TEXT   NOT NULL,
    content      TEXT   NOT NULL,
    attachments  TEXT, -- a JSON array; null means none
    tool_calls   TEXT, -- a JSON array; null means none
    tool_call_id TEXT, -- of a tool's result: the call that it is of
    tokens       BIGINT,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (session_id, seq)
) PARTITION BY RANGE (session_id);

CREATE TABLE messages_default PARTITION OF messages DEFAULT;

CREATE TABLE turns (
    id          UUID   NOT NULL PRIMARY KEY,
    state       TEXT   NOT NULL CHECK (state IN ('started', 'completed', 'failed', 'interrupted', 'stopped')),
    lease_until BIGINT,
    started     TEXT, -- JSON: what is recorded if nobody ends the turn; null when it has ended
    created_at  BIGINT NOT NULL
) PARTITION BY RANGE (id);

CREATE TABLE turns_default PARTITION OF turns DEFAULT;

CREATE INDEX turns_started ON turns (lease_until) WHERE state = 'started';

-- Beside the turns, because a table that is cut by weeks cannot keep a key unique. Kept for a day.
CREATE TABLE idempotency_keys (
    scope           TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    turn_id         UUID   NOT NULL,
    request_digest  BYTEA  NOT NULL,
    receipt         TEXT, -- the reply as JSON; null while the turn runs
    session_key     TEXT,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (scope, idempotency_key)
);

CREATE INDEX idempotency_keys_by_turn ON idempotency_keys (turn_id);
CREATE INDEX idempotency_keys_by_session ON idempotency_keys (session_key);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at) WHERE receipt IS NOT NULL;

CREATE TABLE usage_logs (
    turn_id           UUID    NOT NULL PRIMARY KEY,
    api_key_id        BIGINT,
    team_id           BIGINT,
    session_key       TEXT,
    platform          TEXT    NOT NULL,
    model_used        TEXT,
    kind              TEXT    NOT NULL CHECK (kind IN ('chat', 'command', 'stream', 'completion')),
    request_count     BIGINT  NOT NULL DEFAULT 1,
    prompt_tokens     BIGINT  NOT NULL,
    completion_tokens BIGINT  NOT NULL,
    tokens_used       BIGINT  NOT NULL,
    cost_micros       BIGINT  NOT NULL,
    estimated         BOOLEAN NOT NULL,
    success           BOOLEAN NOT NULL,
    response_time_ms  BIGINT  NOT NULL,
    error_message     TEXT,
    created_at        BIGINT  NOT NULL
) PARTITION BY RANGE (turn_id);

CREATE TABLE usage_logs_default PARTITION OF usage_logs DEFAULT;

CREATE INDEX usage_logs_by_team ON usage_logs (team_id, turn_id);
CREATE INDEX usage_logs_by_key ON usage_logs (api_key_id, turn_id);
CREATE INDEX usage_logs_by_time ON usage_logs USING brin (created_at);

-- The sums of usage_logs, written in the same transaction. 0 and '' stand for no team, no key, no model, because
-- they are part of the key. latency_N counts response times up to N milliseconds and above the bound before.
CREATE TABLE usage_hourly (
    team_id           BIGINT  NOT NULL,
    hour              BIGINT  NOT NULL,
    api_key_id        BIGINT  NOT NULL,
    platform          TEXT    NOT NULL,
    model_used        TEXT    NOT NULL,
    requests          BIGINT  NOT NULL,
    succeeded         BIGINT  NOT NULL,
    prompt_tokens     BIGINT  NOT NULL,
    completion_tokens BIGINT  NOT NULL,
    estimated         BOOLEAN NOT NULL,
    cost_micros       BIGINT  NOT NULL,
    latency_1         BIGINT  NOT NULL,
    latency_5         BIGINT  NOT NULL,
    latency_10        BIGINT  NOT NULL,
    latency_25        BIGINT  NOT NULL,
    latency_50        BIGINT  NOT NULL,
    latency_100       BIGINT  NOT NULL,
    latency_250       BIGINT  NOT NULL,
    latency_500       BIGINT  NOT NULL,
    latency_1000      BIGINT  NOT NULL,
    latency_2500      BIGINT  NOT NULL,
    latency_5000      BIGINT  NOT NULL,
    latency_10000     BIGINT  NOT NULL,
    latency_30000     BIGINT  NOT NULL,
    latency_above     BIGINT  NOT NULL,
    PRIMARY KEY (team_id, hour, api_key_id, platform, model_used)
);

CREATE INDEX usage_hourly_by_key ON usage_hourly (api_key_id, hour);

CREATE TABLE quota_buckets (
    scope        TEXT   NOT NULL, -- team:7 or key:12
    period       TEXT   NOT NULL CHECK (period IN ('daily', 'monthly')),
    bucket_start BIGINT NOT NULL,
    used         BIGINT NOT NULL CHECK (used >= 0),
    leased       BIGINT NOT NULL CHECK (leased >= 0),
    PRIMARY KEY (scope, period, bucket_start)
);

CREATE INDEX quota_buckets_by_start ON quota_buckets (period, bucket_start);

CREATE TABLE quota_leases (
    node         UUID   NOT NULL,
    scope        TEXT   NOT NULL,
    period       TEXT   NOT NULL,
    bucket_start BIGINT NOT NULL,
    amount       BIGINT NOT NULL CHECK (amount >= 0),
    lease_until  BIGINT NOT NULL,
    PRIMARY KEY (node, scope, period, bucket_start)
);

-- When a team was last told that so much of a quota is used.
CREATE TABLE quota_thresholds (
    scope       TEXT   NOT NULL,
    period      TEXT   NOT NULL CHECK (period IN ('daily', 'monthly')),
    percent     BIGINT NOT NULL,
    quota_limit BIGINT NOT NULL,
    told_at     BIGINT NOT NULL,
    PRIMARY KEY (scope, period, percent)
);

CREATE INDEX quota_thresholds_by_time ON quota_thresholds (period, told_at);

-- The keys that secrets were sealed with: a program that lacks one of them does not start.
CREATE TABLE sealing_keys (
    id          BIGINT  PRIMARY KEY,
    fingerprint BYTEA   NOT NULL, -- tells it from another key of the same id
    created_at  BIGINT  NOT NULL
);

CREATE TABLE webhook_endpoints (
    team_id             BIGINT  PRIMARY KEY REFERENCES teams (id),
    url                 TEXT    NOT NULL,
    secret              BYTEA   NOT NULL, -- sealed
    secret_key_id       BIGINT  NOT NULL REFERENCES sealing_keys (id),
    secret_hint         TEXT    NOT NULL,
    previous_secret     BYTEA,            -- sealed
    previous_key_id     BIGINT  REFERENCES sealing_keys (id),
    previous_expires_at BIGINT,
    enabled             BOOLEAN NOT NULL,
    events              TEXT    NOT NULL, -- names as JSON
    failing_since       BIGINT,
    disabled_reason     TEXT,
    updated_at          BIGINT  NOT NULL
);

-- Events and how their delivery stands. A leased one has lease_until; fence counts the leases. Of a team's events with one
-- order_key one is leased at a time: that of a session is its key. state_since is when it was
-- delivered or given up, or since when it waits. status_code, response_time_ms and error are those of the last attempt.
CREATE TABLE outbox (
    id               UUID   NOT NULL PRIMARY KEY,
    team_id          BIGINT NOT NULL,
    turn_id          UUID,
    session_key      TEXT,
    order_key        TEXT,
    event_type       TEXT   NOT NULL,
    payload          TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    due_at           BIGINT NOT NULL,
    attempts         BIGINT NOT NULL DEFAULT 0,
    fence            BIGINT NOT NULL DEFAULT 0,
    lease_until      BIGINT,
    state            TEXT   NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    state_since      BIGINT NOT NULL,
    status_code      BIGINT,
    response_time_ms BIGINT,
    error            TEXT
);

CREATE INDEX outbox_waiting ON outbox (team_id, due_at, id) WHERE state = 'pending' AND lease_until IS NULL;
CREATE INDEX outbox_leased ON outbox (team_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (state_since, id);
CREATE INDEX outbox_by_team ON outbox (team_id, state, created_at, id);
CREATE INDEX outbox_by_session ON outbox (session_key) WHERE session_key IS NOT NULL;

CREATE TABLE deliveries (
    id               UUID   NOT NULL PRIMARY KEY,
    outbox_id        UUID   NOT NULL,
    attempt          BIGINT NOT NULL,
    at               BIGINT NOT NULL,
    status_code      BIGINT,
    response_time_ms BIGINT,
    error            TEXT,
    response_excerpt TEXT
) PARTITION BY RANGE (id);

CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT;

CREATE INDEX deliveries_by_event ON deliveries (outbox_id, attempt);

CREATE TABLE audit_log (
    id           UUID   NOT NULL PRIMARY KEY,
    at           BIGINT NOT NULL,
    actor_key_id BIGINT,
    action       TEXT   NOT NULL,
    object       TEXT   NOT NULL,
    team_id      BIGINT,
    before       TEXT,
    after        TEXT,
    request_id   TEXT
);

CREATE INDEX audit_log_by_team ON audit_log (team_id, id);

-- Updates of bots. One that was answered keeps nothing of what was said, only that it was there.
CREATE TABLE telegram_inbox (
    bot_id      BIGINT NOT NULL,
    update_id   BIGINT NOT NULL,
    payload     TEXT,                       -- JSON; null when it is done
    progress    TEXT,                       -- JSON of the host: how far it has come
    state       TEXT   NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
    attempts    BIGINT NOT NULL DEFAULT 1,
    received_at BIGINT NOT NULL,
    lease_until BIGINT,
    PRIMARY KEY (bot_id, update_id)
);

CREATE INDEX telegram_inbox_waiting ON telegram_inbox (bot_id, update_id) WHERE state = 'waiting' AND lease_until IS NULL;
CREATE INDEX telegram_inbox_leased ON telegram_inbox (bot_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX telegram_inbox_by_time ON telegram_inbox (received_at);

CREATE TABLE node_epochs (
    name  TEXT   NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL
);

INSERT INTO node_epochs (name, epoch) VALUES ('keys', 1);
