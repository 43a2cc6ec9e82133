//! No statement reads through a table that grows: what the engines say about how they would run each.

#[cfg(test)]
mod tests {
    use crate::store::sql::SqlStore;
    use crate::store::sql::all_statements;

    /// The tables whose rows are as many as there was use.
    const GROWING: [&str; 8] =
        ["deliveries", "idempotency_keys", "messages", "outbox", "quota_buckets", "sessions", "turns", "usage_logs"];

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
