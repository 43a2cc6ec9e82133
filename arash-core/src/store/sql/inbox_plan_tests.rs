//! However much was answered or is being answered: what is asked of the inbox costs a few look-ups.

#[cfg(test)]
mod tests {
    use crate::store::sql::{SqlStore, all_statements, text::Dialect};

    /// The statements of the inbox but its insert, which looks up one key.
    fn statements(dialect: Dialect) -> Vec<String> {
        let is_of_inbox = |sql: &String| sql.contains("telegram_inbox") && !sql.starts_with("INSERT");
        let statements: Vec<_> = all_statements(dialect).into_iter().filter(is_of_inbox).collect();
        assert!(statements.len() >= 9, "{statements:?}");
        statements
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn no_statement_of_the_inbox_goes_through_what_is_done_on_sqlite() {
        use sqlx::{AssertSqlSafe, Row};

        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        for sql in statements(store.db.dialect()) {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let plan = plan.fetch_all(store.db.sqlite().unwrap().writer()).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let shown = format!("{sql}\n{}", steps.join("\n"));
            for step in steps.iter().filter(|step| step.contains("telegram_inbox")) {
                // One row, or rows that all are asked for: those of an index that holds no others.
                let is_quick = ["(bot_id=? AND update_id=?)", "telegram_inbox_waiting", "telegram_inbox_leased"];
                let is_quick = is_quick.iter().any(|part| step.contains(part)) || step.contains("(received_at<?)");
                // The leased ones are few: all of them may be looked at.
                let is_few = step.ends_with("INDEX telegram_inbox_leased");
                assert!(is_few || step.starts_with("SEARCH") && is_quick, "{shown}");
            }
            assert!(!shown.contains("TEMP B-TREE"), "{shown}");
        }
        crate::store::Store::close(&store).await;
    }

    #[cfg(all(feature = "postgres", feature = "testing"))]
    #[tokio::test]
    async fn no_statement_of_the_inbox_goes_through_what_is_done_on_postgres() {
        use sqlx::{AssertSqlSafe, Executor, Row};

        use crate::store::sql::outbox_plan_tests::rows_read;

        let database = crate::testing::PostgresDatabase::create().await;
        let store = SqlStore::open(database.url()).await.unwrap();
        let mut connection = store.db.postgres().unwrap().pool().acquire().await.unwrap();
        // 40,000 that are done, 10,000 that somebody has, 30 that nobody has; the planner is left to itself.
        let rows = "INSERT INTO telegram_inbox (bot_id, update_id, payload, state, received_at, lease_until)
                SELECT 1, number, '{}', CASE WHEN number <= 40000 THEN 'done' ELSE 'waiting' END, number,
                    CASE WHEN number > 40000 AND number <= 50000 THEN 1000000 + number END
                FROM generate_series(1, 50030) AS number;
            ANALYZE; SET plan_cache_mode = force_generic_plan";
        connection.execute(rows).await.unwrap();
        for sql in statements(store.db.dialect()).into_iter().filter(|sql| !sql.contains("COUNT(*)")) {
            let values = match (1..=3).take_while(|number| sql.contains(&format!("${number}"))).count() {
                _ if sql.contains("UNNEST") => "(ARRAY[1, 1], ARRAY[3, 4])",
                _ if sql.contains("received_at < $1") => "(40, 500)",
                _ if sql.contains("progress = $3") => "(1, 50001, '{}')",
                _ if sql.contains("LIMIT $3") => "(1, 2000000, 20)",
                3 => "(1, '[50001, 50002]', 3000000)",
                _ if sql.contains("lease_until <= $2") => "(1, 1040050)",
                _ => "(1, '[50003, 50004]')",
            };
            connection.execute(AssertSqlSafe(format!("PREPARE p AS {sql}"))).await.unwrap();
            let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE p{values}")));
            let plan: String = plan.fetch_one(&mut *connection).await.unwrap().get_unchecked(0);
            let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
            assert!(rows_read(&plan[0]["Plan"], "telegram_inbox") <= 200, "{sql}\n{plan:#}");
            connection.execute("DEALLOCATE p").await.unwrap();
        }
        drop(connection);
        crate::store::Store::close(&store).await;
    }
}
