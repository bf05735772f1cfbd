//! The commands that a value is given to, in every place where a person may put it.

use crate::custody;

/// One command.
#[derive(Default)]
pub(crate) struct Case {
    pub(crate) arguments: Vec<String>,
    pub(crate) stdin: String,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) files: Vec<(String, String)>,
}

impl Case {
    pub(crate) fn new(arguments: &str) -> Self {
        let arguments = arguments.split(' ').map(str::to_owned).collect();
        Self { arguments, ..Self::default() }
    }

    pub(crate) fn stdin(self, text: &str) -> Self {
        Self { stdin: text.to_owned(), ..self }
    }

    pub(crate) fn file(mut self, name: &str, text: String) -> Self {
        self.files.push((name.to_owned(), text));
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The arguments for a message, without the value.
    pub(crate) fn shown(&self, value: &str) -> Vec<String> {
        let files = self.files.iter().map(|(name, text)| format!("{name}: {text}"));
        let all = self.arguments.iter().cloned().chain([self.stdin.clone()]).chain(files);
        all.map(|text| text.replace(value, "VALUE")).collect()
    }
}

/// Every case, in an order in which the later ones meet what the earlier ones stored.
pub(crate) fn all(value: &str) -> Vec<Case> {
    let mut all = stored(value);
    all.extend(documents(value));
    all.extend(arguments(value));
    all.extend(keys(value));
    all.extend(policies(value));
    all.extend(custody::all(value));
    all
}

/// As a value, and with a command that fails after it was read.
fn stored(v: &str) -> Vec<Case> {
    let fields = |text: String| Case::new("set a/fields --fields").stdin(&text);
    vec![
        Case::new("set a/main").stdin(v),
        Case::new("set a/main").stdin(v),
        Case::new("set openai/main --vendor openai").stdin(v),
        Case::new("set a/main --profile prod").stdin(&format!("{v}\r\n")),
        Case::new("set a/var --env A_VAR --env B_VAR").stdin(v),
        Case::new("set a/admin --vendor anthropic").stdin(v),
        Case::new("set a/main --env A_VAR#other").stdin(v),
        Case::new("set a/main --vendor nobody").stdin(v),
        Case::new("set a/main --env PATH").stdin(v),
        Case::new("set Bad").stdin(v),
        Case::new("set a/nul").stdin(&format!("{v}\0{v}")),
        Case::new("set a/large").stdin(&v.repeat(9000)),
        Case::new("set a/locked --identity none").stdin(v),
        Case::new("set a/nowhere").stdin(v).variable("CLAWVAULT_HOME", "none/such"),
        Case::new("set a/twice a").stdin(v),
        Case::new("backup ../all/home/b.age"),
        Case::new("restore ../all/home/b.age --check"),
        Case::new("restore ../all/home/b.age --older --json"),
        Case::new("restore text").file("text", v.to_owned()),
        Case::new("restore text").file("text", format!("age-encryption.org/v1\n{v}")),
        fields(format!("{{\"k\": \"{v}\", \"two\": \"x\"}}")),
        fields(format!("{{\"k\": \"{v}\"")),
        fields(format!("{{\"k\": \"{v}")),
        fields(format!("{{\"k\": {v}}}")),
        fields(format!("{{\"k\": \"x\" \"{v}\"}}")),
        fields(format!("{{\"{v}\": \"x\"}}")),
        fields(format!("{{\"{v}\": 1}}")),
        fields(format!("{{\"k\": [\"{v}\"]}}")),
        fields(format!("{{\"{v}\": \"x\", \"{v}\": \"x\"}}")),
        fields(format!("{{\"k\": \"{v}\\q\"}}")),
        fields(format!("[\"{v}\"]")),
        fields(v.to_owned()),
        fields(format!("{{\"k\": \"{v}\\u0000\"}}")),
        Case::new("list"),
        Case::new("show a/fields --json"),
        Case::new("history a/main"),
        Case::new("rollback a/main --to 7"),
        Case::new("rm a/var"),
        Case::new("rollback a/var"),
        Case::new("run --only a/var -- true"),
        Case::new("run --only a/var -- ./none"),
        Case::new("run --only a/var --env A_VAR=a/fields#none -- true"),
        Case::new("run --env A_VAR=a/fields -- true"),
        Case::new("run --env A_VAR=a/fields#k --file B_VAR=a/main -- sh -c rm${IFS}$B_VAR"),
        Case::new("run --only a/main -- true"),
        Case::new("import --env").variable("OPENAI_API_KEY", &format!("{v}2")),
        Case::new("import --env --update").variable("OPENAI_API_KEY", &format!("{v}3")),
        Case::new("import --env").variable("GROQ_API_KEY", v).variable("PATHS", v),
        Case::new("import --env --json").variable("GROQ_API_KEY", v),
        Case::new("quickstart -- true").variable("GROQ_API_KEY", v),
        Case::new("quickstart -- true").file(".env", format!("MINE={v}\nMINE=\"{v}\n")),
        Case::new("rm a/admin --purge"),
        Case::new("status"),
        Case::new("log --verify"),
    ]
}

/// In documents, sound and broken; on the very line of the mistake wherever there is one.
fn documents(v: &str) -> Vec<Case> {
    let import = |name: &str, text: String| Case::new(&format!("import {name}")).file(name, text);
    let home = |name: &str, text: String| {
        let made = ("claw/openclaw.json".to_owned(), "{}".to_owned());
        let mut case = Case::new("import --openclaw claw");
        case.files = vec![made, (format!("claw/{name}"), text)];
        case
    };
    let piped = |from: &str, text: String| Case::new(&format!("import --from {from}")).stdin(&text);
    let template = |text: &str| {
        let text = text.replace('V', v);
        Case::new("run --template t=/dev/shm/none/t -- true").file("t", text)
    };
    let mut all = vec![
        piped("vault", format!("{{\"data\": {{\"k\": \"{v}\", \"n\": 1}}}}")),
        piped("vault", format!("{{\"data\": {{\"k\": \"{v}\" \"{v}\"}}}}")),
        piped("vault", format!("{{\"errors\": [\"{v}\"]}}")),
        piped(
            "bitwarden",
            format!("{{\"type\": 1, \"name\": \"x\", \"login\": {{\"totp\": \"{v}\"}}}}"),
        ),
        piped("bitwarden", format!("{{\"encrypted\": true, \"data\": \"{v}\"}}")),
        piped("1password", format!("[\"{v}\"]")),
        piped("1password", v.to_owned()),
        template("{{ clawvault://a/main }}"),
        template("{{ clawvault://V }}"),
        template("{{ clawvault V }}"),
        template("{{ clawvault://a/main#V }}"),
        template("{{ clawvault://a/main | V }}"),
        template("{{ clawvault://a/main V"),
        import("a.env", format!("DOT={v}\nexport QUOTED='{v}'\nDOUBLE=\"{v}\\n\"\n")),
        import("a.env", format!("DOT={v}x\n")),
        import("a.env", format!("A_KEY=1\nB_KEY={v}\n")).also("--as a/b"),
        import("a.env", format!("DOT={v}x\n")).also("--dry-run"),
        import("a.env", format!("DOT={v}x\n")).also("--json --update"),
        import("a.json", format!("{{\"JSON\": \"{v}\", \"a\": {{\"token\": \"{v}\"}}}}")),
        import("a.json5", format!("{{JSON5: '{v}', list: ['{v}',],}}")),
        import("a.yaml", format!("YAML: \"{v}\"\na:\n  b: |\n    {v}\n")),
        import("a.toml", format!("TOML = \"{v}\"\n[a]\nb = '{v}'\n")),
        import("plain", v.to_owned()),
        home(
            "openclaw.json",
            format!("{{models: {{providers: {{openai: {{apiKey: \"{v}c\"}}}}}}}}"),
        ),
        home(
            "openclaw.json",
            format!("{{env: {{GROQ_API_KEY: \"{v}\"}}, x: {{$include: \"{v}\"}}}}"),
        ),
        home("openclaw.json", format!("{{models: {{apiKey: \"{v}\" {v}")),
        home("openclaw.json", format!("{{$include: \"./{v}.json5\"}}")),
        home("openclaw.json", format!("{{headers: {{Authorization: \"Bearer {v} ${{X}}\"}}}}")),
        home(".env", format!("TAVILY_API_KEY=\"{v}\n")),
        home(".env", format!("TAVILY_API_KEY={v}\n{v}\n")),
        home("gateway.systemd.env", format!("HF_TOKEN=\"{v}\" {v}\"\n")),
        home("agents/main/agent/auth-profiles.json", format!("{{\"profiles\": \"{v}\" {v}")),
        home(
            "agents/main/agent/auth-profiles.json",
            format!("{{\"profiles\": {{\"x\": {{\"key\": \"{v}\"}}}}}}"),
        ),
        home("credentials/x.json", format!("{{\"a\": \"{v}\"")),
        home("openclaw.json.bak", format!("{{\"token\": \"{v}\"")),
    ];
    let broken: &[(&str, &[&str])] = &[
        ("a.env", &["K=\"V", "V", "V=x", "K='V' V", "1K=V", "K=V\0", "export V", "K V=V", "K=`V"]),
        (
            "a.json",
            &[
                "{\"k\": \"V\"",
                "{\"k\": V}",
                "{\"V\": \"x\" \"V\"}",
                "{\"V\": 1, \"V\": 2}",
                "[\"V\"]",
                "\"V\"",
                "V",
                "{\"k\": \"V\\q\"}",
                "{\"k\": \"V\\u12\"}",
                "{\"k\": \"V\\u0000\"}",
            ],
        ),
        (
            "a.json5",
            &["{k: 'V'", "{V: 1}", "{k: V}", "{'V': 1 'V'}", "['V']", "{k: 'V\n'}", "{k: 'V' /* V"],
        ),
        (
            "a.yaml",
            &[
                "k: \"V",
                "k: 'V' V: x",
                "k: *V",
                "k: &V [*V]",
                "- V",
                "V",
                "? [V\n: x",
                "k: !!V x",
                "k: V\n\tx: V",
                "%V x\n---\nk: V",
                "k: !<V> x",
                "V: 1\nV: 2",
            ],
        ),
        (
            "a.toml",
            &[
                "k = \"V",
                "k = V",
                "V = 1",
                "[V",
                "[a]\nV V",
                "k = \"V\" V",
                "k = \"V\\q\"",
                "\"V\" = 1\n\"V\" = 2",
                "k = '''V",
                "k = [\"V\", V]",
                "k = 1979-V",
            ],
        ),
        ("a.txt", &["{\"k\": \"V\"", "[V]", "k: \"V", "V", "k = V V\n["]),
    ];
    for (name, texts) in broken {
        for text in *texts {
            let text = text.replace('V', v);
            all.push(import(name, text.clone()));
            all.push(import(name, format!("\n{text}\n")).also("--json"));
        }
    }
    all
}

impl Case {
    fn also(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split(' ').map(str::to_owned));
        self
    }
}

/// Pasted where a name, an option or nothing at all should stand.
fn arguments(v: &str) -> Vec<Case> {
    let texts = [
        "set V",
        "get V",
        "get a/main#V",
        "get V#value",
        "show V",
        "history V",
        "rm V",
        "rollback V",
        "set V V",
        "set a/main V",
        "set a/main=V",
        "set a/main --value V",
        "set a/main --value=V",
        "set a/main --fields=V",
        "set a/main --V",
        "set a/main -V",
        "set a/main --profile V",
        "set a/main --vendor V",
        "set a/main --env V",
        "set a/main --env X#V",
        "set a/main --env X=V",
        "set a/main --identity V",
        "get a/main V",
        "get a/main --profile V",
        "get a/main --version V",
        "get a/main --json=V",
        "list V",
        "list --profile V",
        "list --removed=V",
        "list --V",
        "show a/main V",
        "show a/main --profile V",
        "history a/main V",
        "rm a/main V",
        "rm a/main --profile V",
        "rm a/main --yes=V",
        "rollback a/main V",
        "rollback a/main --to V",
        "import none V",
        "import none --as V",
        "import none --profile V",
        "import --env V",
        "import --env=V",
        "import --openclaw none V",
        "export --format V",
        "export --format json V",
        "export --format json --profile V",
        "export --format=V",
        "export --format json --only V",
        "export --format docker-env --only a/main,V",
        "export --format k8s-secret --name V",
        "import --from V",
        "import --from=V none",
        "import --from sops none V",
        "import --from pass V",
        "run V",
        "run V -- true",
        "run --profile V -- true",
        "run --as V -- true",
        "run --only V -- true",
        "run --only a/main,V -- true",
        "run --env V -- true",
        "run --env V=a/main -- true",
        "run --env X=V -- true",
        "run --env X=a/main#V -- true",
        "run --file V -- true",
        "run --file V=a/main -- true",
        "run --file X=V -- true",
        "run --template V -- true",
        "run --template none=V -- true",
        "run --clean-env=V -- true",
        "run --V -- true",
        "run --identity V -- true",
        "run --passphrase-file V -- true",
        "policy V",
        "policy show V",
        "policy check none V",
        "policy apply none V",
        "policy apply none --yes=V",
        "log V",
        "log --since V",
        "log --secret V",
        "log --agent V",
        "log --head=V",
        "status V",
        "status --json=V",
        "doctor V",
        "doctor --repair=V",
        "backup none/V",
        "backup b.age V",
        "backup --force=V",
        "restore V",
        "restore V --check",
        "restore V --older",
        "completions V",
        "completions bash V",
        "man none V",
        "uninstall V",
        "uninstall --purge=V",
        "quickstart V",
        "quickstart --yes=V -- true",
        "init V",
        "init --recipient V",
        "init --recipient age1V",
        "init --work-factor V",
        "init --passphrase=V",
        "init --recovery=V",
        "recipient V",
        "recipient list V",
        "recipient list --json=V",
        "recipient add V",
        "recipient add age1V",
        "recipient add ssh-V",
        "recipient add AGE-SECRET-KEY-1V",
        "recipient add --new-passphrase-file V",
        "recipient add --work-factor V",
        "recipient add --passphrase=V",
        "recipient rm V",
        "recipient rm V --yes --json",
        "rekey V",
        "V",
        "--V",
        "-V",
        "--identity V list",
        "--identity=V list",
        "--passphrase-file V list",
        "init --identity AGE-SECRET-KEY-1V",
        "--identity AGE-SECRET-KEY-1V list",
        "--help=V",
        "--version=V",
        "set a/main --profile=V --vendor=V",
    ];
    let quoted = |text: &str| Case::new(&text.replace('V', v)).stdin(v);
    texts.iter().map(|text| quoted(text)).collect()
}

/// As a passphrase, and in files that should hold keys.
fn keys(v: &str) -> Vec<Case> {
    let new = |arguments: &str, home: &str| {
        Case::new(arguments).variable("CLAWVAULT_HOME", &format!("../all/{home}"))
    };
    let pass = "--passphrase-file pass";
    let with_pass = |arguments: &str, home: &str, text: String| {
        new(&format!("{arguments} {pass}"), home).file("pass", text)
    };
    let identity = |text: String| Case::new("list --identity key").file("key", text);
    vec![
        with_pass("init --work-factor 15", "by-passphrase", format!("{v}\n")),
        with_pass("set a/main", "by-passphrase", v.to_owned()).stdin(v),
        with_pass("list --json", "by-passphrase", v.to_owned()),
        with_pass("list", "by-passphrase", format!("{v}{v}")),
        with_pass("run", "by-passphrase", format!("{v}{v}")).also("-- true"),
        with_pass("init", "by-passphrase", v.to_owned()),
        with_pass("list", "home", v.to_owned()),
        with_pass("list", "by-passphrase", v.repeat(200)),
        with_pass("doctor", "by-passphrase", format!("x{v}")),
        with_pass("status --json", "by-passphrase", format!("x{v}")),
        identity(v.to_owned()),
        identity(format!("AGE-SECRET-KEY-1{v}\n")),
        identity(format!("AGE-SECRET-KEY-1{}\n", v.to_uppercase())),
        identity(format!("# {v}\n{v}\n")),
        identity(format!("-----BEGIN AGE ENCRYPTED FILE-----\n{v}\n")),
        identity(v.repeat(3000)),
        new("init --identity key", "other").file("key", format!("AGE-SECRET-KEY-1{v}\n")),
        Case::new("recipient add --new-passphrase-file pass --work-factor 15")
            .file("pass", format!("{v}\n")),
        Case::new("recipient add key").file("key", format!("AGE-SECRET-KEY-1{v}\n")),
        Case::new("recipient add key").file("key", format!("{v}\nage1{v}\n")),
        Case::new("rekey"),
        Case::new("list").variable("CLAWVAULT_IDENTITY", v),
        Case::new("run -- true").variable("CLAWVAULT_IDENTITY", &format!("/dev/fd/{v}")),
        Case::new("doctor").variable("CLAWVAULT_IDENTITY", v),
    ]
}

/// In a document that was taken for a policy.
fn policies(v: &str) -> Vec<Case> {
    let texts = [
        "V",
        "V = 1",
        "agents = \"V\"",
        "agents = V",
        "[agents.a]\nsecrets = \"V\"",
        "[agents.V]\nsecrets = []",
        "[agents.a]\nsecrets = [\"V\"]",
        "[agents.a]\nsecrets = []\nprofile = \"V\"",
        "[V]\nx = 1",
        "[agents.a]\nsecrets = []\nV = 1",
        "[agents.a]\nsecrets = []\n\"V, expected x\" = 1",
        "[\"V\"",
        "[agents.a]\nsecrets = [\"V",
        "OPENAI_API_KEY = \"V\"",
        "OPENAI_API_KEY=V",
        "[secrets.\"V\"]\nadmin = \"x\"",
        "[secrets.x]\nadmin = \"V\"",
        "[secrets.x]\nadmin = [\"V\"]",
        "a = \"V\\q\"",
        "\"V\" = 1\n\"V\" = 2",
        "[[agents]]\nx = \"V\"",
        "agents = {V}",
        "agents = {x = \"V\" V}",
        "agents = \"V, expected a map\"",
    ];
    let case = |command: &str, text: &str| {
        Case::new(&format!("policy {command}")).file("p.toml", text.replace('V', v))
    };
    let both = |text: &&str| [case("check p.toml", text), case("apply p.toml --yes", text)];
    texts.iter().flat_map(both).collect()
}
