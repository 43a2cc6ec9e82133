//! No statement reads through a table that grows: what the engines say about how they would run each.

#[cfg(test)]
mod tests {
    use crate::store::sql::SqlStore;
    use crate::store::sql::all_statements;

    /// The tables whose rows are as many as there was use.
    const GROWING: [&str; 10] = [
        "audit_log",
        "deliveries",
        "idempotency_keys",
        "messages",
        "outbox",
        "quota_buckets",
        "sessions",
        "telegram_inbox",
        "turns",
        "usage_logs",
    ];

    /// Statements that go through a table from its oldest row on and stop after some, or are about all sessions. No
    /// request waits for the former; the latter are what an administrator asks.
    fn may_go_through_all(sql: &str) -> bool {
        sql.contains("id LIMIT 500") || sql.starts_with("SELECT platform, COUNT(*)")
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn no_statement_reads_through_a_growing_table_on_sqlite() {
        use sqlx::{AssertSqlSafe, Row};

        // Without statistics, as they are in use, and with those of tables of some sizes.
        for rows in [None, Some(10), Some(1_000), Some(100_000), Some(10_000_000)] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/test.db", folder.path().display());
            let mut store = SqlStore::open(&url).await.unwrap();
            if let Some(rows) = rows {
                for sql in statistics(rows) {
                    sqlx::query(AssertSqlSafe(sql)).execute(store.db.sqlite().unwrap().writer()).await.unwrap();
                }
                crate::store::Store::close(&store).await;
                store = SqlStore::open(&url).await.unwrap();
            }
            for sql in all_statements(store.db.dialect()).into_iter().filter(|sql| !may_go_through_all(sql)) {
                if !["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb)) {
                    continue;
                }
                let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
                let plan = plan.fetch_all(store.db.sqlite().unwrap().writer()).await.unwrap();
                for step in plan.iter().map(|row| row.get::<String, _>("detail")) {
                    let scanned = step.strip_prefix("SCAN ").unwrap_or_default();
                    let is_through = GROWING.contains(&scanned) || step.contains("AUTOMATIC");
                    assert!(!is_through, "{sql}\n{step}, with statistics of {rows:?} rows");
                }
            }
            crate::store::Store::close(&store).await;
        }
    }

    /// The statement that every unknown key costs.
    fn key_by_digest(dialect: crate::store::sql::text::Dialect) -> String {
        let of_digests = |sql: &String| sql.contains("k.key_hash = $1 OR k.previous_hash = $1");
        all_statements(dialect).into_iter().find(of_digests).unwrap()
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_key_is_found_by_either_secret_through_an_index_on_sqlite() {
        use sqlx::{AssertSqlSafe, Row};

        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {}", key_by_digest(store.db.dialect()));
        let plan = sqlx::query(AssertSqlSafe(plan)).fetch_all(store.db.sqlite().unwrap().writer()).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        for column in ["key_hash", "previous_hash"] {
            let is_searched = |step: &String| step.starts_with("SEARCH k USING") && step.contains(column);
            assert!(steps.iter().any(is_searched), "{steps:?}");
        }
        assert!(!steps.iter().any(|step| step.starts_with("SCAN k")), "{steps:?}");
        crate::store::Store::close(&store).await;
    }

    #[cfg(all(feature = "postgres", feature = "testing"))]
    #[tokio::test]
    async fn a_key_is_found_by_either_secret_through_an_index_on_postgres() {
        use sqlx::{AssertSqlSafe, Executor, Row};

        let database = crate::testing::PostgresDatabase::create().await;
        let store = SqlStore::open(database.url()).await.unwrap();
        let mut connection = store.db.postgres().unwrap().pool().acquire().await.unwrap();
        // So many keys that it matters; the planner is left to itself.
        let keys = "INSERT INTO teams (name, is_active, created_at, updated_at) VALUES ('t', TRUE, 0, 0);
            INSERT INTO api_keys (team_id, key_hash, key_prefix, name, access_level, is_active, created_at)
            SELECT 1, 'hash ' || number, 'p', 'n', 'user', TRUE, 0 FROM generate_series(1, 20000) AS number;
            ANALYZE api_keys; SET plan_cache_mode = force_generic_plan";
        connection.execute(keys).await.unwrap();
        let prepare = format!("PREPARE p AS {}", key_by_digest(store.db.dialect()));
        connection.execute(AssertSqlSafe(prepare)).await.unwrap();
        let plan = sqlx::raw_sql("EXPLAIN EXECUTE p('x')").fetch_all(&mut *connection).await.unwrap();
        let plan = plan.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n");
        for index in ["api_keys_key_hash_key", "api_keys_previous_hash_key"] {
            assert!(plan.contains(index), "{plan}");
        }
        assert!(!plan.contains("Seq Scan on api_keys"), "{plan}");
        drop(connection);
        crate::store::Store::close(&store).await;
    }

    /// What `ANALYZE` would note of tables of so many rows.
    #[cfg(feature = "sqlite")]
    fn statistics(rows: u64) -> Vec<String> {
        let mut statements = vec!["ANALYZE".to_owned(), "DELETE FROM sqlite_stat1".to_owned()];
        for table in GROWING {
            // Each index as if its first column found a tenth of the rows, and all of them one.
            statements.push(format!(
            "INSERT INTO sqlite_stat1 SELECT '{table}', i.name, CASE WHEN i.origin = 'pk' OR i.\"unique\" THEN '{rows} 1'
                 ELSE '{rows} ' || MAX(1, {rows} / 10) || ' 1' END FROM pragma_index_list('{table}') AS i"
        ));
        }
        statements
    }

    #[cfg(all(feature = "postgres", feature = "testing"))]
    #[tokio::test]
    async fn every_statement_about_a_growing_table_has_an_index_on_postgres() {
        use sqlx::{AssertSqlSafe, Executor, Row};

        let database = crate::testing::PostgresDatabase::create().await;
        let store = SqlStore::open(database.url()).await.unwrap();
        let mut connection = store.db.postgres().unwrap().pool().acquire().await.unwrap();
        // Tables of few rows are read through in any case; with this only those for which there is no index.
        let settings = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
        SET plan_cache_mode = force_generic_plan";
        connection.execute(settings).await.unwrap();
        for sql in all_statements(store.db.dialect()).into_iter().filter(|sql| !may_go_through_all(sql)) {
            if !["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb)) {
                continue;
            }
            let values = (1..=64).take_while(|number| sql.contains(&format!("${number}"))).count();
            let values = if values == 0 { String::new() } else { format!("({})", vec!["NULL"; values].join(", ")) };
            connection.execute(AssertSqlSafe(format!("PREPARE p AS {sql}"))).await.unwrap();
            let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE p{values}")));
            let plan = plan.fetch_all(&mut *connection).await.unwrap();
            for step in plan.iter().map(|row| row.get::<String, _>(0)) {
                let scanned = step.split_once("Seq Scan on ").map_or("", |(_, rest)| rest);
                let is_through = GROWING.iter().any(|table| scanned.starts_with(table));
                assert!(!is_through, "{sql}\n{step}");
            }
            connection.execute("DEALLOCATE p").await.unwrap();
        }
        drop(connection);
        crate::store::Store::close(&store).await;
    }
}
