use super::sources::{Archive, deb822, debian_archive, one_line};

#[test]
fn one_line_sources_are_read_with_their_key() {
    let found = one_line(
        "# deb http://old.example.org/debian x main\ndeb [arch=amd64 signed-by=/k.gpg] http://deb.example.org/debian stable main\ndeb-src http://a b c\n",
    );
    assert_eq!(
        found,
        [Archive {
            uri: "http://deb.example.org/debian".to_owned(),
            signed_by: Some("/k.gpg".to_owned()),
        }]
    );
}

#[test]
fn stanzas_are_read_and_disabled_ones_left_out() {
    let found = deb822(
        "Types: deb deb-src\n# a remark\nURIs: http://deb.example.org/debian\nSuites: stable\nSigned-By: /k.gpg\n\nEnabled: no\nTypes: deb\nURIs: http://off.example.org/debian\n\nTypes: deb-src\nURIs: http://src.example.org/debian\n",
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].uri, "http://deb.example.org/debian");
    assert_eq!(found[0].signed_by.as_deref(), Some("/k.gpg"));
}

#[test]
fn a_machine_without_a_debian_archive_is_told_so() {
    let error = debian_archive(std::path::Path::new("/nonexistent")).unwrap_err();
    assert!(error.to_string().contains("no Debian archive"), "{error}");
}
