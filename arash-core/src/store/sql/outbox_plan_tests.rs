//! However long a backlog is: a claim and a page of the delivery log cost a few look-ups.

/// What a statement reads of a table, as PostgreSQL tells after running it: the most rows of any one step.
#[cfg(all(feature = "postgres", feature = "testing"))]
pub(super) fn rows_read(plan: &serde_json::Value, table: &str) -> u64 {
    let count = |name: &str| plan.get(name).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    let own = count("Actual Loops") * (count("Actual Rows") + count("Rows Removed by Filter"));
    let of_table = if plan.get("Relation Name").is_some_and(|name| name == table) { own as u64 } else { 0 };
    let plans = plan.get("Plans").and_then(serde_json::Value::as_array);
    let below = plans.into_iter().flatten().map(|plan| rows_read(plan, table)).max().unwrap_or(0);
    of_table.max(below)
}

#[cfg(test)]
mod tests {
    #[cfg(all(feature = "postgres", feature = "testing"))]
    use super::rows_read;
    use crate::store::sql::{SqlStore, all_statements, text::Dialect};

    fn reads_of_the_outbox(dialect: Dialect) -> Vec<String> {
        let is_read =
            |sql: &String| (sql.starts_with("SELECT") || sql.starts_with("WITH")) && sql.contains("FROM outbox");
        all_statements(dialect).into_iter().filter(is_read).collect()
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn no_read_of_the_outbox_sorts_or_reads_through_a_backlog_on_sqlite() {
        use sqlx::{AssertSqlSafe, Row};

        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let statements = reads_of_the_outbox(store.db.dialect());
        assert!(statements.len() >= 6, "{statements:?}");
        for sql in statements {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let plan = plan.fetch_all(store.db.sqlite().unwrap().writer()).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let shown = format!("{sql}\n{}", steps.join("\n"));
            for step in &steps {
                // The leased ones are few: all of them may be looked at.
                let is_few = step.contains("INDEX outbox_leased");
                let is_scan = step.starts_with("SCAN outbox") || step.starts_with("SCAN leased");
                assert!(is_few || !is_scan, "{shown}");
                // A page of all states is put together of one page of each.
                assert!(sql.contains("UNION ALL SELECT * FROM") || !step.contains("TEMP B-TREE"), "{shown}");
            }
        }
        crate::store::Store::close(&store).await;
    }

    #[cfg(all(feature = "postgres", feature = "testing"))]
    #[tokio::test]
    async fn a_claim_and_a_page_read_a_few_rows_of_a_backlog_on_postgres() {
        use sqlx::{AssertSqlSafe, Executor, Row};

        let database = crate::testing::PostgresDatabase::create().await;
        let store = SqlStore::open(database.url()).await.unwrap();
        let mut connection = store.db.postgres().unwrap().pool().acquire().await.unwrap();
        // 20,000 of one team that wait, 20,000 that were delivered, one each of 20 other teams; the planner is left to itself.
        let rows = "INSERT INTO teams (name, is_active, created_at, updated_at)
                SELECT 't ' || number, TRUE, 0, 0 FROM generate_series(1, 21) AS number;
            INSERT INTO sealing_keys (id, fingerprint, created_at) VALUES (1, '', 0);
            INSERT INTO webhook_endpoints (team_id, url, secret, secret_key_id, secret_hint, enabled, events, updated_at)
                SELECT number, 'u', '', 1, '', TRUE, '[]', 0 FROM generate_series(1, 21) AS number;
            INSERT INTO outbox (id, team_id, session_key, event_type, payload, created_at, due_at, state_since, state)
                SELECT gen_random_uuid(), CASE WHEN number > 40000 THEN number - 39999 ELSE 1 END, 's ' || number,
                    'message.completed', '{}', number, number, number, CASE WHEN number <= 20000 THEN 'delivered' ELSE 'pending' END
                FROM generate_series(1, 40020) AS number;
            ANALYZE; SET plan_cache_mode = force_generic_plan";
        connection.execute(rows).await.unwrap();
        for sql in reads_of_the_outbox(store.db.dialect()) {
            let values = match (1..=9).take_while(|number| sql.contains(&format!("${number}"))).count() {
                0 => String::new(),
                1 => "('s 5')".to_owned(),
                2 if sql.contains("state_since < $1") => "(40000, 50)".to_owned(),
                2 => "('00000000-0000-7000-8000-000000000000', 1)".to_owned(),
                4 if sql.starts_with("WITH") => "(50000, 4, 1, 32)".to_owned(),
                4 => "(1, 50000, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 50)".to_owned(),
                _ if sql.contains("BETWEEN") => "(1, 'pending', 0, 50000, 50)".to_owned(),
                _ => "(1, 'pending', 50000, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 50)".to_owned(),
            };
            connection.execute(AssertSqlSafe(format!("PREPARE p AS {sql}"))).await.unwrap();
            let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE p{values}")));
            let plan: String = plan.fetch_one(&mut *connection).await.unwrap().get_unchecked(0);
            let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
            assert!(rows_read(&plan[0]["Plan"], "outbox") <= 200, "{sql}\n{plan:#}");
            connection.execute("DEALLOCATE p").await.unwrap();
        }
        drop(connection);
        crate::store::Store::close(&store).await;
    }
}
