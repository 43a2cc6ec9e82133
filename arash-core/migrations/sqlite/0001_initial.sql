-- Times are milliseconds since the epoch, UTC, and end in _at, _until or _start; money is micro-units and ends in
-- _micros; ids of 16 bytes are UUIDs. Booleans are 0 or 1.

CREATE TABLE teams (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    description    TEXT,
    monthly_quota  INTEGER CHECK (monthly_quota >= 0),
    daily_quota    INTEGER CHECK (daily_quota >= 0),
    allowed_models TEXT,                       -- a JSON array of model ids; null means all
    is_active      INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id                     INTEGER PRIMARY KEY AUTOINCREMENT,
    team_id                INTEGER NOT NULL REFERENCES teams (id),
    key_hash               TEXT    NOT NULL UNIQUE,  -- SHA-256, hexadecimal
    key_prefix             TEXT    NOT NULL,
    name                   TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    access_level           TEXT    NOT NULL CHECK (access_level IN ('user', 'team_lead', 'admin')),
    monthly_quota_override INTEGER CHECK (monthly_quota_override >= 0),
    daily_quota_override   INTEGER CHECK (daily_quota_override >= 0),
    is_active              INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_by             TEXT,
    description            TEXT,
    created_at             INTEGER NOT NULL,
    last_used_at           INTEGER,
    expires_at             INTEGER,
    previous_hash          TEXT UNIQUE,
    previous_expires_at    INTEGER
) STRICT;

CREATE INDEX api_keys_by_team ON api_keys (team_id, id);

CREATE TABLE sessions (
    id               BLOB    NOT NULL PRIMARY KEY,
    session_key      TEXT    NOT NULL UNIQUE,
    platform         TEXT    NOT NULL,
    team_id          INTEGER,
    user_id          TEXT    NOT NULL,
    chat_id          TEXT    NOT NULL,
    current_model    TEXT,
    version          INTEGER NOT NULL,
    lease_node       BLOB,
    lease_until      INTEGER,
    fence            INTEGER NOT NULL DEFAULT 0,
    message_count    INTEGER NOT NULL,
    stored_messages  INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_activity ON sessions (last_activity_at, id);
CREATE INDEX sessions_by_team ON sessions (team_id, last_activity_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE messages (
    session_id   BLOB    NOT NULL,
    seq          INTEGER NOT NULL,
    turn_id      BLOB    NOT NULL,
    role         TEXT    NOT NULL,
    content      TEXT    NOT NULL,
    attachments  TEXT,                         -- a JSON array; null means none
    tool_calls   TEXT,                         -- a JSON array; null means none
    tool_call_id TEXT,                         -- of a tool's result: the call that it is of
    tokens       INTEGER,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE turns (
    id          BLOB    NOT NULL PRIMARY KEY,
    state       TEXT    NOT NULL CHECK (state IN ('started', 'completed', 'failed', 'interrupted', 'stopped')),
    lease_until INTEGER,
    started     TEXT,                          -- JSON: what is recorded if nobody ends the turn; null when it has ended
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX turns_started ON turns (lease_until) WHERE state = 'started';

-- Beside the turns, because a table that is cut by weeks cannot keep a key unique. Kept for a day.
CREATE TABLE idempotency_keys (
    scope           TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    turn_id         BLOB    NOT NULL,
    request_digest  BLOB    NOT NULL,
    receipt         TEXT,                      -- the reply as JSON; null while the turn runs
    session_key     TEXT,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (scope, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_turn ON idempotency_keys (turn_id);
CREATE INDEX idempotency_keys_by_session ON idempotency_keys (session_key);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at) WHERE receipt IS NOT NULL;

CREATE TABLE usage_logs (
    turn_id           BLOB    NOT NULL PRIMARY KEY,
    api_key_id        INTEGER,
    team_id           INTEGER,
    session_key       TEXT,
    platform          TEXT    NOT NULL,
    model_used        TEXT,
    kind              TEXT    NOT NULL CHECK (kind IN ('chat', 'command', 'stream', 'completion')),
    request_count     INTEGER NOT NULL DEFAULT 1,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    tokens_used       INTEGER NOT NULL,
    cost_micros       INTEGER NOT NULL,
    estimated         INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    success           INTEGER NOT NULL CHECK (success IN (0, 1)),
    response_time_ms  INTEGER NOT NULL,
    error_message     TEXT,
    created_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_logs_by_team ON usage_logs (team_id, turn_id);
CREATE INDEX usage_logs_by_key ON usage_logs (api_key_id, turn_id);

-- The sums of usage_logs, written in the same transaction. 0 and '' stand for no team, no key, no model, because
-- they are part of the key. latency_N counts response times up to N milliseconds and above the bound before.
CREATE TABLE usage_hourly (
    team_id           INTEGER NOT NULL,
    hour              INTEGER NOT NULL,
    api_key_id        INTEGER NOT NULL,
    platform          TEXT    NOT NULL,
    model_used        TEXT    NOT NULL,
    requests          INTEGER NOT NULL,
    succeeded         INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    estimated         INTEGER NOT NULL,
    cost_micros       INTEGER NOT NULL,
    latency_1         INTEGER NOT NULL,
    latency_5         INTEGER NOT NULL,
    latency_10        INTEGER NOT NULL,
    latency_25        INTEGER NOT NULL,
    latency_50        INTEGER NOT NULL,
    latency_100       INTEGER NOT NULL,
    latency_250       INTEGER NOT NULL,
    latency_500       INTEGER NOT NULL,
    latency_1000      INTEGER NOT NULL,
    latency_2500      INTEGER NOT NULL,
    latency_5000      INTEGER NOT NULL,
    latency_10000     INTEGER NOT NULL,
    latency_30000     INTEGER NOT NULL,
    latency_above     INTEGER NOT NULL,
    PRIMARY KEY (team_id, hour, api_key_id, platform, model_used)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_hourly_by_key ON usage_hourly (api_key_id, hour);

CREATE TABLE quota_buckets (
    scope        TEXT    NOT NULL,             -- team:7 or key:12
    period       TEXT    NOT NULL CHECK (period IN ('daily', 'monthly')),
    bucket_start INTEGER NOT NULL,
    used         INTEGER NOT NULL CHECK (used >= 0),
    leased       INTEGER NOT NULL CHECK (leased >= 0),
    PRIMARY KEY (scope, period, bucket_start)
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_buckets_by_start ON quota_buckets (period, bucket_start);

CREATE TABLE quota_leases (
    node         BLOB    NOT NULL,
    scope        TEXT    NOT NULL,
    period       TEXT    NOT NULL,
    bucket_start INTEGER NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount >= 0),
    lease_until  INTEGER NOT NULL,
    PRIMARY KEY (node, scope, period, bucket_start)
) STRICT, WITHOUT ROWID;

-- When a team was last told that so much of a quota is used.
CREATE TABLE quota_thresholds (
    scope       TEXT    NOT NULL,
    period      TEXT    NOT NULL CHECK (period IN ('daily', 'monthly')),
    percent     INTEGER NOT NULL,
    quota_limit INTEGER NOT NULL,
    told_at     INTEGER NOT NULL,
    PRIMARY KEY (scope, period, percent)
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_thresholds_by_time ON quota_thresholds (period, told_at);

-- The keys that secrets were sealed with: a program that lacks one of them does not start.
CREATE TABLE sealing_keys (
    id          INTEGER PRIMARY KEY,
    fingerprint BLOB    NOT NULL, -- tells it from another key of the same id
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE webhook_endpoints (
    team_id             INTEGER PRIMARY KEY REFERENCES teams (id),
    url                 TEXT    NOT NULL,
    secret              BLOB    NOT NULL, -- sealed
    secret_key_id       INTEGER NOT NULL REFERENCES sealing_keys (id),
    secret_hint         TEXT    NOT NULL,
    previous_secret     BLOB,             -- sealed
    previous_key_id     INTEGER REFERENCES sealing_keys (id),
    previous_expires_at INTEGER,
    enabled             INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    events              TEXT    NOT NULL, -- names as JSON
    failing_since       INTEGER,
    disabled_reason     TEXT,
    updated_at          INTEGER NOT NULL
) STRICT;

-- Events and how their delivery stands. A leased one has lease_until; fence counts the leases. Of a team's events with one
-- order_key one is leased at a time: that of a session is its key. state_since is when it was
-- delivered or given up, or since when it waits. status_code, response_time_ms and error are those of the last attempt.
CREATE TABLE outbox (
    id               BLOB    NOT NULL PRIMARY KEY,
    team_id          INTEGER NOT NULL,
    turn_id          BLOB,
    session_key      TEXT,
    order_key        TEXT,
    event_type       TEXT    NOT NULL,
    payload          TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    due_at           INTEGER NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    fence            INTEGER NOT NULL DEFAULT 0,
    lease_until      INTEGER,
    state            TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    state_since      INTEGER NOT NULL,
    status_code      INTEGER,
    response_time_ms INTEGER,
    error            TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_waiting ON outbox (team_id, due_at, id) WHERE state = 'pending' AND lease_until IS NULL;
CREATE INDEX outbox_leased ON outbox (team_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (state_since, id);
CREATE INDEX outbox_by_team ON outbox (team_id, state, created_at, id);
CREATE INDEX outbox_by_session ON outbox (session_key) WHERE session_key IS NOT NULL;

CREATE TABLE deliveries (
    id               BLOB    NOT NULL PRIMARY KEY,
    outbox_id        BLOB    NOT NULL,
    attempt          INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    status_code      INTEGER,
    response_time_ms INTEGER,
    error            TEXT,
    response_excerpt TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_by_event ON deliveries (outbox_id, attempt);

CREATE TABLE audit_log (
    id           BLOB    NOT NULL PRIMARY KEY,
    at           INTEGER NOT NULL,
    actor_key_id INTEGER,
    action       TEXT    NOT NULL,
    object       TEXT    NOT NULL,
    team_id      INTEGER,
    before       TEXT,
    after        TEXT,
    request_id   TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_log_by_team ON audit_log (team_id, id);

-- Updates of bots. One that was answered keeps nothing of what was said, only that it was there.
CREATE TABLE telegram_inbox (
    bot_id      INTEGER NOT NULL,
    update_id   INTEGER NOT NULL,
    payload     TEXT,                       -- JSON; null when it is done
    progress    TEXT,                       -- JSON of the host: how far it has come
    state       TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
    attempts    INTEGER NOT NULL DEFAULT 1,
    received_at INTEGER NOT NULL,
    lease_until INTEGER,
    PRIMARY KEY (bot_id, update_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX telegram_inbox_waiting ON telegram_inbox (bot_id, update_id) WHERE state = 'waiting' AND lease_until IS NULL;
CREATE INDEX telegram_inbox_leased ON telegram_inbox (bot_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX telegram_inbox_by_time ON telegram_inbox (received_at);

CREATE TABLE node_epochs (
    name  TEXT    NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO node_epochs (name, epoch) VALUES ('keys', 1);
