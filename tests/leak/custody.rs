//! More commands that a value is given to: recipients, new keys, the log's ways out, templates, and
//! what other keepers of secrets print.

use crate::cases::Case;

/// Every case; the vault has `a/main` and a policy by now.
pub(crate) fn all(v: &str) -> Vec<Case> {
    let mut all = recipients(v);
    all.extend(managers(v));
    all.extend(templates(v));
    all.extend(pasted(v));
    all
}

fn recipients(v: &str) -> Vec<Case> {
    let add = |text: String| Case::new("recipient add key").file("key", text);
    let phrase = |text: String| {
        let arguments = "recipient add --new-passphrase-file pass --work-factor 15";
        Case::new(arguments).file("pass", text)
    };
    vec![
        Case::new("set a/main").stdin(v),
        Case::new("recipient list"),
        Case::new("recipient list --json"),
        add(v.to_owned()),
        add(format!("age1{v}\n")),
        add(format!("# {v}\n{v}\n")),
        add(format!("AGE-SECRET-KEY-1{v}\n")),
        phrase(v.to_owned()),
        phrase(format!("{v}\n")),
        phrase(String::new()),
        Case::new("list --passphrase-file pass").file("pass", format!("{v}x")),
        Case::new("rekey"),
        Case::new("rekey --identity key").file("key", format!("AGE-SECRET-KEY-1{v}\n")),
        Case::new("recipient rm age1 --yes"),
        Case::new("log --export syslog"),
        Case::new("doctor --json"),
    ]
}

fn managers(v: &str) -> Vec<Case> {
    let texts = [
        "{\"title\": \"OpenAI\", \"fields\": [{\"label\": \"API_KEY\", \"type\": \"CONCEALED\", \"value\": \"V\"}]}",
        "{\"title\": \"V\", \"fields\": [{\"label\": \"V\", \"value\": \"V\"}]}",
        "{\"items\": [{\"name\": \"x\", \"login\": {\"password\": \"V\"}, \"notes\": \"V\"}]}",
        "{\"encrypted\": true, \"data\": \"V\"}",
        "{\"data\": {\"data\": {\"token\": \"V\"}, \"metadata\": {\"path\": \"V\"}}}",
        "{\"data\": {\"token\": \"V\" V}}",
        "[\"V\"]",
        "\"V\"",
        "V",
        "{\"V\": 1",
        "",
    ];
    let mut all = Vec::new();
    for keeper in ["1password", "bitwarden", "vault"] {
        let import = format!("import --from {keeper}");
        for text in texts {
            let text = text.replace('V', v);
            all.push(Case::new(&import).stdin(&text));
            all.push(Case::new(&format!("{import} m.json --json")).file("m.json", text));
        }
    }
    for keeper in ["sops", "dotenvx", "pass"] {
        let text = format!("{v}: \"{v}");
        all.push(Case::new(&format!("import --from {keeper} s.yaml")).file("s.yaml", text));
    }
    all
}

fn templates(v: &str) -> Vec<Case> {
    let texts = [
        "key = V\n",
        "key = {{ clawvault://V }}\n",
        "key = {{ clawvault://a/main#V }}\n",
        "key = {{ clawvault://a/main V }}\n",
        "key = {{ clawvault://a/main | V }}\n",
        "V {{ clawvault://a/main",
        "{{ V }} {{ clawvault://none/such }} V",
    ];
    let case = |text: &&str| {
        let out = Case::new("run --only a/main --template t=/none/such/t -- true");
        out.file("t", text.replace('V', v))
    };
    texts.iter().map(case).collect()
}

/// Pasted where a name, an option or nothing at all should stand.
fn pasted(v: &str) -> Vec<Case> {
    let texts = [
        "recipient V",
        "recipient add V",
        "recipient add age1V",
        "recipient add AGE-SECRET-KEY-1V",
        "recipient add --V",
        "recipient add --passphrase=V",
        "recipient add --work-factor V",
        "recipient add --recovery=V",
        "recipient rm V",
        "recipient rm V --yes",
        "recipient rm age1V --yes --json",
        "recipient list V",
        "recipient list --json=V",
        "rekey V",
        "rekey --V",
        "restore none V",
        "restore none --check=V",
        "backup none/b V",
        "log --event V",
        "log --outcome V",
        "log --export V",
        "log --verify --against V",
        "import --from V",
        "import --from vault none V",
        "export --format k8s-secret --name V",
        "export --format docker-env --only V",
        "export --format json --only a/main,V",
    ];
    texts.iter().map(|text| Case::new(&text.replace('V', v)).stdin(v)).collect()
}
