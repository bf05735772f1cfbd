//! Users and keys of moto, the stand-in of AWS that others made. It checks signatures and rights once
//! that is switched on: before, it takes any key for one of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use clawvault_core::domain::{Decimal, Flow, Money, Scope};
use clawvault_providers::adapter::registry::{Settings, adapter};
use clawvault_providers::adapter::{Adapter, Ask, Kind, Level, Operation, Revoked, Validity};
use clawvault_providers::spend::{Budget, Window, budgets, readings, set_cap};

use crate::server::{Server, find, home};
use crate::{ask, fields, is_dead, is_live, orphaned, run};

/// Makes an administrator and a user who may do nothing but change its own keys, with botocore.
const PREPARE: &str = r#"
import json, sys
import boto3
url = sys.argv[1]
def client(name, key, secret):
    return boto3.client(name, endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
iam = client("iam", "any", "any")
def user(name, actions):
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
print(*user("admin", ["*"]), *user("app", ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys"]), *user("weak", ["s3:ListBucket"]))
import urllib.request
def day(date, groups):
    metric = lambda amount: {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}
    groups = [{"Keys": [account], "Metrics": metric(amount)} for account, amount in groups]
    return {"TimePeriod": {"Start": date, "End": date}, "Total": {}, "Groups": groups, "Estimated": True}
results = [
    {"ResultsByTime": [day("2026-11-01", [("111111111111", "0.0101516483"), ("222222222222", "3")])], "NextPageToken": "second"},
    {"ResultsByTime": [day("2026-11-02", [("111111111111", "12.3456789012345678")]), day("2026-11-03", [])]},
]
body = json.dumps({"results": results}).encode()
request = urllib.request.Request(url + "/moto-api/static/ce/cost-and-usage-results", data=body, headers={"Content-Type": "application/json"}, method="POST")
urllib.request.urlopen(request).read()
request = urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST")
urllib.request.urlopen(request).read()
"#;

const BUDGETS: &str = r#"
import sys
import boto3
url, key, secret = sys.argv[1:4]
def client(name):
    return boto3.client(name, endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
account = client("sts").get_caller_identity()["Account"]
for budget in client("budgets").describe_budgets(AccountId=account)["Budgets"]:
    limit = budget["BudgetLimit"]
    print(budget["BudgetName"], budget["BudgetType"], budget["TimeUnit"], limit["Amount"], limit["Unit"])
"#;

struct Cloud {
    server: Server,
    settings: Settings,
    python: PathBuf,
    adapter: Box<dyn Adapter>,
    keys: Vec<String>,
}

impl Cloud {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = Command::new(root.join("tests/natives/install")).output().unwrap();
        assert!(tools.status.success(), "{}", String::from_utf8_lossy(&tools.stderr));
        let tools = String::from_utf8(tools.stdout).unwrap();
        let python = |arguments: &[&str]| {
            let mut command = Command::new(find("python3", &[]));
            command.env("PYTHONPATH", Path::new(tools.trim()).join("python")).args(arguments);
            command
        };
        let server = Server::start(home(), |_, port| {
            python(&["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
        });
        let url = format!("http://127.0.0.1:{}", server.port);
        let prepared = python(&["-c", PREPARE, &url]).output().unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let keys = String::from_utf8(prepared.stdout).unwrap();
        let settings = Settings { base_url: Some(url), ..Settings::default() };
        let python = Path::new(tools.trim()).join("python");
        Self {
            python,
            adapter: run(async { adapter("aws", &settings).unwrap() }),
            keys: keys.split_whitespace().map(str::to_owned).collect(),
            settings,
            server,
        }
    }

    /// The budgets of the administrator's account, as botocore sees them.
    fn budgets(&self) -> String {
        let mut command = Command::new(find("python3", &[]));
        let url = self.settings.base_url.as_deref().unwrap();
        command.env("PYTHONPATH", &self.python).args(["-c", BUDGETS, url]).args(&self.keys[..2]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The first key of user `nth`: 0 is the administrator, 1 may change its own keys, 2 none.
    fn ask(&self, nth: usize) -> Ask {
        let [id, secret] = [&self.keys[nth * 2], &self.keys[nth * 2 + 1]];
        ask(fields(&[("access_key_id", id), ("secret_access_key", secret)]), &[])
    }

    fn by_admin(&self, nth: usize) -> Ask {
        Ask { admin: Some(self.ask(0).key), ..self.ask(nth) }
    }

    async fn validity(&self, ask: &Ask) -> Validity {
        self.adapter.validate(ask).await.unwrap()
    }
}

#[test]
fn a_second_key_is_made_proven_and_the_first_one_deleted() {
    let cloud = Cloud::start();
    run(async {
        for first in [cloud.by_admin(2), cloud.ask(1)] {
            let mut old = first;
            for _ in 0..3 {
                let made = cloud.adapter.create(&old).await.unwrap();
                let new = Ask { key: made.fields, key_id: made.key_id, ..old.clone() };
                for key in [&new, &old] {
                    let found = cloud.validity(key).await;
                    let Validity::Live(identity) = &found else { panic!("{found:?}") };
                    assert!(identity.owner.as_ref().unwrap().contains(":user/"), "{found:?}");
                }
                // Two are the most that there can be.
                let error = cloud.adapter.create(&new).await.unwrap_err();
                assert_eq!((error.kind, error.status), (Kind::Conflict, Some(409)));
                let listed = cloud.adapter.list(&new).await.unwrap();
                let new_id = new.key_id.clone().unwrap();
                assert_eq!(listed.len(), 2);
                assert!(listed.iter().any(|key| key.key_id == new_id && key.active));
                assert!(listed.iter().all(|key| key.created_ms.is_some()));
                for _ in 0..2 {
                    assert_eq!(cloud.adapter.revoke(&old).await.unwrap(), Revoked::Done);
                }
                assert_eq!(
                    cloud.validity(&old).await,
                    Validity::Dead("InvalidClientTokenId".to_owned())
                );
                assert!(is_live(&cloud.validity(&new).await));
                old = new;
            }
        }
    });
    assert!(cloud.server.log().contains("POST"), "moto saw requests");
}

#[test]
fn what_aws_refuses_is_told_by_its_kind() {
    let cloud = Cloud::start();
    run(async {
        let mut wrong = cloud.ask(1);
        wrong.key[1].1 = clawvault_core::domain::Value::copy_of(b"notArealKey0/Example").unwrap();
        assert_eq!(
            cloud.validity(&wrong).await,
            Validity::Dead("SignatureDoesNotMatch".to_owned())
        );
        let weak = cloud.ask(2);
        assert!(is_live(&cloud.validity(&weak).await), "it needs no right to say who it is");
        for error in [
            cloud.adapter.create(&weak).await.unwrap_err(),
            cloud.adapter.revoke(&weak).await.unwrap_err(),
            cloud.adapter.list(&weak).await.map(drop).unwrap_err(),
        ] {
            assert_eq!((error.kind, error.status), (Kind::Forbidden, Some(403)), "{error}");
        }
        assert!(is_live(&cloud.validity(&weak).await));
        // An orphan is revoked by its id, by the right of the key beside it.
        let app = cloud.ask(1);
        let orphan = cloud.adapter.create(&app).await.unwrap();
        let named = orphaned(&app, &orphan.key_id.unwrap());
        assert_eq!(cloud.adapter.revoke(&named).await.unwrap(), Revoked::Done);
        assert!(is_dead(&cloud.validity(&Ask { key: orphan.fields, ..app.clone() }).await));
        assert!(is_live(&cloud.validity(&app).await));
        // A session's credential is nobody's to rotate.
        let session = ask(
            fields(&[("access_key_id", "ASIAMADEUPEXAMPLE234"), ("secret_access_key", "x")]),
            &[],
        );
        assert_eq!(cloud.adapter.abilities_for(&session).level, Level::Manual);
        assert_eq!(cloud.adapter.create(&session).await.unwrap_err().kind, Kind::NotOffered);
        let plan = cloud.adapter.plan(Operation::Revoke, &app).join("\n");
        assert!(plan.contains("UpdateAccessKey") && plan.contains("DeleteAccessKey"), "{plan}");
    });
}

/// Costs by account over pages, to the last digit, and a budget of ours; by a right that moto checks.
#[test]
fn costs_are_read_and_a_budget_is_made() {
    let cloud = Cloud::start();
    let (from_s, to_s) = (1_793_491_200, 1_793_750_400);
    let window = Window { from_s, to_s };
    run(async {
        let wrong = Ask { admin: Some(cloud.ask(2).key), ..Ask::default() };
        let error = readings("aws", &cloud.settings, &wrong, window).await.unwrap_err();
        assert_eq!(error.kind, Kind::Forbidden, "{error}");
        let ask = Ask { admin: Some(cloud.ask(0).key), ..Ask::default() };
        let all = readings("aws", &cloud.settings, &ask, window).await.unwrap();
        let told = all.iter().map(|one| {
            let Scope::Project(account) = &one.scope else { panic!("{one:?}") };
            (account.as_str(), i64::from(one.hour) * 3600 - from_s, one.amount.to_string())
        });
        let expected = [
            ("111111111111", 0, "0.0101516483".to_owned()),
            ("222222222222", 0, "3".to_owned()),
            ("111111111111", 86_400, "12.3456789012345678".to_owned()),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert!(all.iter().all(|one| one.width == 24 && one.flow == Flow::Cost));
        let amount = Decimal::parse("50.5").unwrap();
        assert_eq!(budgets("aws", &cloud.settings, &ask).await.unwrap(), []);
        set_cap("aws", &cloud.settings, &ask, amount).await.unwrap();
        let told = budgets("aws", &cloud.settings, &ask).await.unwrap();
        let money = |text| Money::parse(text).unwrap();
        let expected = Budget {
            name: "clawvault".to_owned(),
            per: "monthly".to_owned(),
            limit: Some(money("50.5 USD")),
            spent: money("0 USD"),
            forecast: Some(money("0 USD")),
        };
        assert_eq!(told, [expected]);
    });
    let budgets = cloud.budgets();
    assert_eq!(budgets, "clawvault COST MONTHLY 50.5 USD\n");
}
