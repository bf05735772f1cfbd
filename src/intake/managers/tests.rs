//! What each reader takes, passes over and refuses.

use proptest::prelude::*;

use super::*;

fn taken(manager: Manager, json: &str) -> Vec<(Label, String)> {
    let pair =
        |found: Found| (found.label, String::from_utf8(found.value.expose().to_vec()).unwrap());
    read(manager, json.as_bytes(), "test").unwrap().found.into_iter().map(pair).collect()
}

fn passed(manager: Manager, json: &str) -> Vec<String> {
    read(manager, json.as_bytes(), "test").unwrap().passed.into_iter().map(|p| p.place).collect()
}

fn kind(manager: Manager, json: &str) -> Kind {
    read(manager, json.as_bytes(), "test").unwrap_err().kind
}

fn path(path: &str, text: &str) -> (Label, String) {
    (Label::Path(path.to_owned()), text.to_owned())
}

fn variable(name: &str, text: &str) -> (Label, String) {
    (Label::Variable(name.to_owned()), text.to_owned())
}

const OP_LOGIN: &str = r#"{
  "id": "x", "title": "Data Base", "version": 3, "vault": {"id": "v", "name": "Private"},
  "category": "LOGIN", "sections": [{"id": "add more"}, {"id": "s1", "label": "Admin"}],
  "fields": [
    {"id": "username", "type": "STRING", "purpose": "USERNAME", "label": "username", "value": "me"},
    {"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password",
     "value": "p\nw", "entropy": 12.5, "password_details": {"strength": "GOOD"}},
    {"id": "notesPlain", "type": "STRING", "purpose": "NOTES", "label": "notesPlain", "value": "n"},
    {"id": "e", "type": "CONCEALED", "label": "empty"},
    {"id": "t", "section": {"id": "s1", "label": "Admin"}, "type": "CONCEALED", "label": "token",
     "value": "deep"},
    {"id": "k", "type": "CONCEALED", "label": "GROQ_API_KEY", "value": "gsk"},
    {"id": "o", "type": "OTP", "label": "one-time password", "value": "otpauth://", "totp": "1"}
  ]}"#;
const OP_KEY: &str = r#"{"title": "OPENAI_API_KEY", "category": "API_CREDENTIAL", "fields": [
    {"id": "credential", "type": "CONCEALED", "label": "credential", "value": "sk"}]}"#;

#[test]
fn onepassword_takes_what_it_conceals() {
    let login = [
        path("Data Base.password", "p\nw"),
        path("Data Base.Admin.token", "deep"),
        variable("GROQ_API_KEY", "gsk"),
    ];
    assert_eq!(taken(Manager::OnePassword, OP_LOGIN), login);
    let said = ["Data Base.notesPlain", "Data Base.one-time password"];
    assert_eq!(passed(Manager::OnePassword, OP_LOGIN), said);
    // A list, and items one after the other, as `op item get -` prints them.
    let both = [&login[..], &[variable("OPENAI_API_KEY", "sk")]].concat();
    assert_eq!(taken(Manager::OnePassword, &format!("[{OP_LOGIN},{OP_KEY}]")), both);
    assert_eq!(taken(Manager::OnePassword, &format!("{OP_LOGIN}\n{OP_KEY}\n")), both);
    let ssh = r#"{"title":"k","fields":[{"type":"SSHKEY","id":"private_key","value":"PEM"}]}"#;
    assert_eq!(taken(Manager::OnePassword, ssh), [path("k.private_key", "PEM")]);
}

#[test]
fn onepassword_refuses_lists_without_fields_and_other_json() {
    let list = r#"[{"id": "x", "title": "a", "category": "LOGIN"}]"#;
    assert_eq!(kind(Manager::OnePassword, list), Kind::NoValues);
    assert_eq!(kind(Manager::OnePassword, r#"{"A_KEY": "x"}"#), Kind::Shape("op"));
    assert_eq!(kind(Manager::OnePassword, "[1]"), Kind::Shape("op"));
    assert_eq!(kind(Manager::OnePassword, ""), Kind::Syntax("JSON"));
}

const BW_ITEMS: &str = r#"[
  {"object": "item", "id": "1", "type": 1, "name": "ANTHROPIC_API_KEY", "notes": null,
   "login": {"username": "u", "password": "sk-ant", "totp": null, "uris": []}},
  {"object": "item", "type": 1, "name": "site", "notes": "remember", "favorite": false,
   "fields": [{"name": "plain", "value": "v", "type": 0}, {"name": "api token", "value": "hid",
     "type": 1}, {"name": "flag", "value": "true", "type": 2}],
   "login": {"username": "u", "password": "pw", "totp": "otpauth://"}},
  {"object": "item", "type": 3, "name": "visa", "card": {"number": "4", "code": "1"}},
  {"object": "item", "type": 5, "name": "host", "sshKey": {"privateKey": "PEM", "publicKey": "p"}}
]"#;

#[test]
fn bitwarden_takes_passwords_hidden_fields_and_ssh_keys() {
    let expected = [
        variable("ANTHROPIC_API_KEY", "sk-ant"),
        path("site.password", "pw"),
        path("site.api token", "hid"),
        path("host.privateKey", "PEM"),
    ];
    assert_eq!(taken(Manager::Bitwarden, BW_ITEMS), expected);
    assert_eq!(passed(Manager::Bitwarden, BW_ITEMS), ["site.totp", "site.notes", "visa.card"]);
    let export = format!(r#"{{"encrypted": false, "folders": [], "items": {BW_ITEMS}}}"#);
    assert_eq!(taken(Manager::Bitwarden, &export), expected);
    let one = r#"{"type": 1, "name": "x", "login": {"password": "y"}}"#;
    assert_eq!(taken(Manager::Bitwarden, one), [path("x.password", "y")]);
}

#[test]
fn bitwarden_refuses_encrypted_exports_and_other_json() {
    let account = r#"{"encrypted": true, "encKeyValidation_DO_NOT_EDIT": "2.x", "items": []}"#;
    let password = r#"{"encrypted": true, "passwordProtected": true, "data": "2.x"}"#;
    assert_eq!(kind(Manager::Bitwarden, account), Kind::Encrypted);
    assert_eq!(kind(Manager::Bitwarden, password), Kind::Encrypted);
    assert_eq!(kind(Manager::Bitwarden, r#"{"A_KEY": "x"}"#), Kind::Shape("bw"));
    assert_eq!(kind(Manager::Bitwarden, r#"{"items": ["x"]}"#), Kind::Shape("bw"));
}

#[test]
fn vault_takes_the_data_of_either_version() {
    let data =
        r#"{"OPENAI_API_KEY": "sk", "passcode": "p", "port": 5, "on": true, "deep": {"a": "x"}}"#;
    let one =
        format!(r#"{{"request_id": "r", "lease_id": "", "renewable": false, "data": {data}}}"#);
    let two = format!(
        r#"{{"request_id": "r", "data": {{"data": {data}, "metadata": {{"created_time": "t",
        "custom_metadata": null, "deletion_time": "", "destroyed": false, "version": 2}}}}}}"#
    );
    let expected = [variable("OPENAI_API_KEY", "sk"), path("deep.a", "x"), path("passcode", "p")];
    for json in [one, two] {
        assert_eq!(taken(Manager::Vault, &json), expected);
        assert_eq!(passed(Manager::Vault, &json), ["on", "port"]);
    }
    // A version 1 secret may have such keys of its own.
    let own = r#"{"data": {"data": "x", "metadata": "y"}}"#;
    assert_eq!(taken(Manager::Vault, own), [path("data", "x"), path("metadata", "y")]);
}

#[test]
fn vault_refuses_lists_deleted_versions_and_other_json() {
    assert_eq!(kind(Manager::Vault, r#"["a", "b/"]"#), Kind::NoValues);
    let deleted = r#"{"data": {"data": null, "metadata": {"version": 1, "destroyed": true}}}"#;
    assert_eq!(kind(Manager::Vault, deleted), Kind::NoValues);
    assert_eq!(kind(Manager::Vault, r#"{"errors": ["no"]}"#), Kind::Shape("vault"));
}

#[test]
fn titles_are_one_line_and_bounded() {
    let json =
        |title: &str| format!(r#"{{"type": 1, "name": "{title}", "login": {{"password": "y"}}}}"#);
    let found = taken(Manager::Bitwarden, &json("a\\nb"));
    assert_eq!(found, [path("a b.password", "y")]);
    let long = json(&"x".repeat(MAX_PATH));
    assert_eq!(kind(Manager::Bitwarden, &long), Kind::PathTooLong);
}

proptest! {
    #[test]
    fn whatever_a_vault_holds_comes_out_the_same(
        data in proptest::collection::btree_map("[a-z]{1,8}", "[^\0]{1,40}", 1..8),
    ) {
        let json = serde_json::json!({ "data": { "data": data, "metadata": { "version": 1 } } });
        let found = taken(Manager::Vault, &json.to_string());
        let expected: Vec<_> = data.iter().map(|(key, text)| path(key, text)).collect();
        prop_assert_eq!(found, expected);
    }
}
