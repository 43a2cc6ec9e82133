//! The log in a file: where it is, and that nothing of it is missing when the program ends.

use crate::program::{Host, program};

#[tokio::test]
async fn the_log_goes_to_a_file_of_the_day_and_a_link_leads_to_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = 0;
    for _ in 0..2 {
        let mut command = program(folder.path());
        command.env("LOG_LEVEL", "info").env("LOG_FORMAT", "json").env("LOG_FILE", "logs/of/arash.log");
        let host = Host::start(command).await;
        host.get("no key", "/api/v1/sessions").await;
        let (code, said) = host.stop("-TERM").await;
        assert_eq!(code, Some(0), "{said}");
        let log = std::fs::read_to_string(folder.path().join("logs/of/arash.log")).unwrap();
        assert!(log.contains("/api/v1/sessions") && log.trim_end().ends_with('}'), "{log}");
        assert!(log.lines().last().unwrap().contains("stopped"), "the last line is there: {log}");
        assert!(said.contains("/api/v1/sessions"), "standard error has it as well: {said}");
        assert!(log.lines().count() > lines, "what was there stays");
        lines = log.lines().count();
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("logs/of")).unwrap().collect();
    names.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    let names: Vec<_> = names.into_iter().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0] == "arash.log" && names[1].starts_with("arash.log.20"), "{names:?}");
}

#[tokio::test]
async fn a_fault_that_ends_the_program_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = program(folder.path());
    command.env("API_PORT", taken.local_addr().unwrap().port().to_string()).env("LOG_FILE", "arash.log");
    Host::launch(command).await.err().unwrap();
    let log = std::fs::read_to_string(folder.path().join("arash.log")).unwrap();
    assert!(log.contains("cannot listen on 127.0.0.1"), "{log}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_at_the_start_and_one_of_others_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("other"), "of somebody else").unwrap();
    for file in ["other/arash.log", "."] {
        let mut command = program(folder.path());
        command.env("LOG_FILE", file);
        let said = Host::launch(command).await.err().unwrap();
        assert!(said.contains("LOG_FILE"), "{file}: {said}");
    }
    let mut command = program(folder.path());
    command.env("LOG_FILE", "other").env("LOG_LEVEL", "info");
    assert_eq!(Host::start(command).await.stop("-TERM").await.0, Some(0));
    assert_eq!(std::fs::read_to_string(folder.path().join("other")).unwrap(), "of somebody else");
}
