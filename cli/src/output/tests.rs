use super::*;

fn files(pairs: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    for (name, text) in pairs {
        files.file(*name, *text);
    }
    files
}

#[test]
fn a_link_is_swapped_when_what_it_leads_to_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for release in ["1", "2"] {
        let mut files = files(&[(&format!("p/releases/{release}/lds.json"), release)]);
        files.link("p/current", format!("releases/{release}"));
        assert!(!compare(at, &files).is_empty());
        write(at, &files).unwrap();
        assert_eq!(
            fs::read_to_string(at.join("p/current/lds.json")).unwrap(),
            release
        );
        assert!(compare(at, &files).is_empty());
    }
    assert!(!at.join("p/releases/1").exists());
}

#[test]
fn what_is_no_longer_made_goes_and_other_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("notes.txt"), "mine").unwrap();
    assert_eq!(
        write(at, &files(&[("a/x.json", "1"), ("b.json", "2")])).unwrap(),
        2
    );
    assert_eq!(
        write(at, &files(&[("a/x.json", "1"), ("b.json", "2")])).unwrap(),
        0,
        "nothing to do"
    );
    assert_eq!(
        compare(at, &files(&[("b.json", "3"), ("c.json", "4")])),
        [
            Difference::New("c.json".into()),
            Difference::Changed("b.json".into()),
            Difference::Stale("a/x.json".into()),
        ]
    );
    write(at, &files(&[("b.json", "3"), ("c.json", "4")])).unwrap();
    assert!(!at.join("a").exists() && at.join("notes.txt").exists());
    assert!(compare(at, &files(&[("b.json", "3"), ("c.json", "4")])).is_empty());
    assert!(!at.join(STAGE).exists());
}

#[test]
fn a_list_that_leads_out_of_the_folder_takes_nothing_away() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("out");
    fs::create_dir(&folder).unwrap();
    fs::write(outer.path().join("precious"), "x").unwrap();
    fs::write(folder.join(LIST), "../precious\n/etc/passwd\n").unwrap();
    write(&folder, &files(&[("a", "1")])).unwrap();
    assert!(outer.path().join("precious").exists());
}

#[test]
fn a_failing_write_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, &files(&[("a", "old"), ("z", "old")])).unwrap();
    // A folder stands where a file should: known only when the rename is tried.
    fs::create_dir_all(at.join("m/inner")).unwrap();
    let problem = write(at, &files(&[("a", "old"), ("m", "new"), ("z", "old")])).unwrap_err();
    assert!(problem.message.contains("cannot be written"), "{problem}");
    assert_eq!(fs::read_to_string(at.join("a")).unwrap(), "old");
    assert_eq!(fs::read_to_string(at.join("z")).unwrap(), "old");
    assert!(!at.join(STAGE).exists());
}

#[test]
fn what_a_killed_run_left_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join(STAGE)).unwrap();
    fs::write(at.join(STAGE).join("0"), "half").unwrap();
    write(at, &files(&[("a", "1")])).unwrap();
    assert!(!at.join(STAGE).exists());
    assert_eq!(fs::read_to_string(at.join("a")).unwrap(), "1");
}

#[test]
fn many_files_are_written_at_once_and_one_that_cannot_be_leaves_all_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let names: Vec<String> = (0..FEW * 2).map(|number| format!("f/{number}")).collect();
    let of = |text: &str| files(&names.iter().map(|name| (name.as_str(), text)).collect::<Vec<_>>());
    assert_eq!(write(at, &of("old")).unwrap(), names.len());
    assert!(compare(at, &of("old")).is_empty());
    // The folder of what is being written cannot be made.
    fs::write(at.join("plain"), "").unwrap();
    assert!(write(&at.join("plain"), &of("new")).is_err());
    assert!(compare(at, &of("old")).is_empty());
    assert!(!at.join(STAGE).exists());
}
