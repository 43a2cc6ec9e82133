use std::sync::atomic::AtomicU32;

use super::*;
use crate::error::ErrorKind;
use crate::store::sql::db::Db;
use crate::store::sql::text::{Dialect, Sql};
use crate::store::{SqlStore, Store};

#[tokio::test]
async fn a_database_that_another_program_holds_is_told_soon_and_works_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let db = Db::open(&url, SqlOptions::default()).await.unwrap();
    let other = pool(1).connect_with(options(&url, Durability::Full).unwrap()).await.unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let asked = execute(&db, EPOCH, vec![]);
    let refused = tokio::time::timeout(Duration::from_secs(4), asked).await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.retry_after().is_some());
    held.rollback().await.unwrap();
    execute(&db, EPOCH, vec![]).await.unwrap();
    other.close().await;
    db.close().await;
}

#[tokio::test]
async fn commits_wait_for_the_disk_unless_they_need_not() {
    for (durability, expected) in [(Durability::Full, 2), (Durability::Process, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let db = SqliteDb::open(&url, SqlOptions::default().durability(durability)).await.unwrap();
        let rows = fetch(&db.writer, SYNCHRONOUS.text(Dialect::Sqlite), &[]).await.unwrap();
        assert_eq!(rows[0].int("synchronous").unwrap(), expected, "{durability:?}");
        db.close().await;
    }
}

#[tokio::test]
async fn what_may_be_forgotten_does_not_wait_and_nobody_after_it_is_as_hasty() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let db = Db::open(&url, SqlOptions::default()).await.unwrap();
    let synchronous = |durability| {
        let asked = db.transact_with(durability, "test", |tx| {
            Box::pin(async { tx.fetch_optional(SYNCHRONOUS, &[]).await?.map(|row| row.int("synchronous")).transpose() })
        });
        async move { asked.await.unwrap() }
    };
    for (durability, expected) in [
        (Durability::Process, Some(1)),
        (Durability::Process, Some(1)),
        (Durability::Full, Some(2)),
        (Durability::Process, Some(1)),
        (Durability::Full, Some(2)),
    ] {
        assert_eq!(synchronous(durability).await, expected);
    }
    db.close().await;
}

#[tokio::test]
async fn programs_that_start_at_once_share_a_new_database() {
    for _ in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let opened = futures_util::future::join_all((0..8).map(|_| Db::open(&url, SqlOptions::default()))).await;
        for db in opened {
            db.unwrap().close().await;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
    for file in ["test.db", "test.db-wal", "test.db-shm"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    store.close().await;
}

// sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, 1 is NORMAL.
const SYNCHRONOUS: Sql = Sql::both("SELECT synchronous FROM pragma_synchronous");
const EPOCH: Sql = Sql::both("UPDATE node_epochs SET epoch = epoch");
const FILLER: Sql = Sql::both("CREATE TABLE filler (data BLOB NOT NULL) STRICT");
const FILLED: Sql = Sql::both("SELECT data FROM filler");
const GROW: Sql = Sql::both("INSERT INTO filler VALUES (zeroblob($1))");
const TOUCH: Sql = Sql::both("UPDATE filler SET data = data WHERE rowid = 1");

async fn execute(db: &Db, sql: Sql, values: Vec<Value>) -> Result<u64> {
    db.transact("test", move |tx| {
        let values = values.clone();
        Box::pin(async move { tx.execute(sql, &values).await })
    })
    .await
}

/// A database whose every writing connection finds room for so many pages and no more.
async fn db_of_pages(folder: &tempfile::TempDir, pages: &Arc<AtomicU32>) -> Db {
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let opened = SqliteDb::open(&url, SqlOptions::default()).await.unwrap();
    opened.writer.close().await;
    let limit = Arc::clone(pages);
    let limited = pool(1).before_acquire(move |connection, _| {
        let pragma = format!("PRAGMA max_page_count = {}", limit.load(Ordering::SeqCst));
        Box::pin(async move {
            let is_usable = is_usable(connection).await?;
            connection.execute(AssertSqlSafe(pragma)).await?;
            Ok(is_usable)
        })
    });
    let writer = limited.connect_with(options(&url, Durability::Full).unwrap()).await.unwrap();
    Db::of_sqlite(SqliteDb { writer, ..opened })
}

#[tokio::test]
async fn a_full_disk_is_told_and_does_no_harm_once_there_is_room_again() {
    const PLENTY: u32 = 1_000_000;
    let (folder, pages) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU32::new(PLENTY)));
    let db = db_of_pages(&folder, &pages).await;
    let store = SqlStore { db: db.clone(), is_log_to_be_emptied: Arc::default() };
    execute(&db, FILLER, vec![]).await.unwrap();
    execute(&db, GROW, vec![100_i64.into()]).await.unwrap();
    // SQLite takes it for the size that the database has.
    pages.store(1, Ordering::SeqCst);
    for _ in 0..3 {
        let full = execute(&db, GROW, vec![1_000_000_i64.into()]).await.unwrap_err();
        assert_eq!(full.kind(), ErrorKind::Unavailable, "{full:?}");
        // What needs no room can still be written, and storage is as well as that.
        assert_eq!(execute(&db, TOUCH, vec![]).await.unwrap(), 1);
        store.health().await.unwrap();
    }
    assert_eq!(db.fetch_all(FILLED, &[]).await.unwrap().len(), 1, "nothing is half written");
    pages.store(PLENTY, Ordering::SeqCst);
    for _ in 0..3 {
        execute(&db, GROW, vec![1_000_000_i64.into()]).await.unwrap();
        store.health().await.unwrap();
    }
    store.close().await;
}
