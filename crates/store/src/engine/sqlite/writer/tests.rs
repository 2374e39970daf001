use super::*;
use crate::Result;

/// A writer whose database may have no more than 20 pages.
fn small_writer(dir: &tempfile::TempDir) -> Writer {
    let connection = Connection::open(dir.path().join("small.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA max_page_count = 20; CREATE TABLE rows (number BIGINT, text TEXT)",
        )
        .unwrap();
    Writer::start(connection, Duration::from_secs(5)).unwrap()
}

async fn add(writer: &Writer, number: i64, length: usize) -> Result<()> {
    let writing = writer.begin().await?;
    let insert = move |connection: &Connection| {
        let text = "x".repeat(length);
        connection.execute("INSERT INTO rows VALUES ($1, $2)", (number, text))?;
        Ok(())
    };
    writing.run(insert).await?;
    writing.commit().await
}

async fn count(writer: &Writer) -> i64 {
    let writing = writer.begin().await.unwrap();
    writing
        .run(|connection| Ok(connection.query_row("SELECT COUNT(*) FROM rows", [], |row| row.get(0))?))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_full_database_rejects_what_does_not_fit_and_keeps_the_rest() {
    let dir = tempfile::TempDir::new().unwrap();
    let writer = small_writer(&dir);
    let mut kept = 0;
    let error = loop {
        match add(&writer, kept, 2000).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(kept > 10, "{kept}");
    assert_eq!(count(&writer).await, kept);
    // Space was freed: the same writer goes on.
    let writing = writer.begin().await.unwrap();
    writing
        .run(|connection| Ok(connection.execute_batch("DELETE FROM rows WHERE number < 5")?))
        .await
        .unwrap();
    writing.commit().await.unwrap();
    add(&writer, 100, 2000).await.unwrap();
    assert_eq!(count(&writer).await, kept - 4);
}

#[tokio::test]
async fn a_transaction_that_sqlite_gave_up_runs_nothing_more() {
    let dir = tempfile::TempDir::new().unwrap();
    let writer = small_writer(&dir);
    let writing = writer.begin().await.unwrap();
    writing.run(|connection| Ok(connection.execute_batch("ROLLBACK")?)).await.unwrap();
    let more = writing.run(|connection| Ok(connection.execute("INSERT INTO rows VALUES (1, '')", [])?)).await;
    assert!(matches!(more, Err(StoreError::Unavailable(_))), "{more:?}");
    assert!(writing.commit().await.is_err());
    assert_eq!(count(&writer).await, 0);
    add(&writer, 2, 10).await.unwrap();
}

#[tokio::test]
async fn a_group_that_loses_its_space_is_answered_as_it_ended() {
    let dir = tempfile::TempDir::new().unwrap();
    let writer = small_writer(&dir);
    // All begin before the first goes on, so they share a group, and one of them is too large for the database.
    let sizes = (0..20).map(|number| (number, if number == 10 { 200_000 } else { 10 }));
    let adds = sizes.map(|(number, length)| add(&writer, number, length));
    let answers = futures::future::join_all(adds).await;
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answers.iter().any(Result::is_err));
    for answer in &answers {
        assert!(matches!(answer, Ok(()) | Err(StoreError::Full | StoreError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(usize::try_from(count(&writer).await).unwrap(), kept);
}
