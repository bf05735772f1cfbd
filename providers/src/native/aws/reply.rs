//! Answers of AWS's query protocol: XML in which only the names of elements matter here.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};

/// Most nodes of an answer.
const MAX_NODES: u32 = 50_000;

/// An error of AWS: its code, which is a fixed word, and whether our clock is to blame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AwsError {
    /// `InvalidClientTokenId` and the like; letters and dots alone.
    pub code: String,
    /// Whether the signature was refused for its time.
    pub is_clock: bool,
}

/// An access key as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Whether it is accepted.
    pub active: bool,
    /// RFC 3339.
    pub created: Option<String>,
}

/// The error that a body tells of; `None` where it is no such thing.
pub fn error(body: &[u8]) -> Option<AwsError> {
    read(body, |root| told(first(root, "Code")?, first(root, "Message").unwrap_or_default()))
}

/// The error that a body of the JSON protocol tells of; `None` where it is no such thing.
pub fn json_error(body: &[u8]) -> Option<AwsError> {
    #[derive(serde::Deserialize)]
    struct Said {
        #[serde(rename = "__type")]
        kind: String,
        #[serde(alias = "Message", default)]
        message: Option<String>,
    }
    let said: Said = serde_json::from_slice(body).ok()?;
    // Some write the name of their service before it.
    let code = said.kind.rsplit('#').next()?;
    told(code, said.message.as_deref().unwrap_or_default())
}

fn told(code: &str, message: &str) -> Option<AwsError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    if code.is_empty() || code.len() > 64 || !code.bytes().all(plain) {
        return None;
    }
    let is_clock = ["Signature expired", "Signature not yet current"]
        .iter()
        .any(|start| message.starts_with(start))
        || ["RequestTimeTooSkewed", "RequestExpired"].contains(&code);
    Some(AwsError { code: code.to_owned(), is_clock })
}

/// The text of the first element of this name.
pub fn text(body: &[u8], name: &str) -> Option<String> {
    read(body, |root| first(root, name).map(str::to_owned)).filter(|text| !text.is_empty())
}

/// The keys of `ListAccessKeys`; `None` where it is no such answer.
pub fn keys(body: &[u8]) -> Option<Vec<AccessKey>> {
    read(body, |root| {
        let list = root.descendants().find(|node| node.tag_name().name() == "AccessKeyMetadata")?;
        let members = list.children().filter(|node| node.tag_name().name() == "member");
        let key = |member: Node<'_, '_>| {
            Some(AccessKey {
                id: first(member, "AccessKeyId")?.to_owned(),
                active: first(member, "Status")? == "Active",
                created: first(member, "CreateDate").map(str::to_owned),
            })
        };
        members.map(key).collect()
    })
}

/// No document type is read, so there is nothing to expand.
fn read<T>(body: &[u8], find: impl FnOnce(Node<'_, '_>) -> Option<T>) -> Option<T> {
    let text: Cow<'_, str> = std::str::from_utf8(body).ok()?.into();
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    find(Document::parse_with_options(&text, options).ok()?.root())
}

fn first<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.descendants().find(|node| node.tag_name().name() == name)?.text().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_names() {
        let body = br#"<?xml version="1.0"?><ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
            <Error><Type>Sender</Type><Code>LimitExceeded</Code><Message>Cannot exceed quota</Message></Error>
            <RequestId>1</RequestId></ErrorResponse>"#;
        let told = AwsError { code: "LimitExceeded".to_owned(), is_clock: false };
        assert_eq!(error(body), Some(told));
        let late =
            b"<R><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 2</Message></R>";
        assert!(error(late).unwrap().is_clock);
        assert_eq!(error(b"<R><Code>has a secret in it</Code></R>"), None);
        assert_eq!(error(b"<html><body>no"), None);
        let late = br#"{"__type":"com.amazon.x#InvalidSignatureException","message":"Signature expired: 2"}"#;
        let code = "InvalidSignatureException".to_owned();
        assert_eq!(json_error(late), Some(AwsError { code, is_clock: true }));
        assert_eq!(json_error(br#"{"__type":"has a secret"}"#), None);
        assert_eq!(json_error(b"{}"), None);
        assert_eq!(error(b"<!DOCTYPE x [<!ENTITY a \"b\">]><R><Code>&a;</Code></R>"), None);

        let list = b"<R><AccessKeyMetadata><member><UserName>u</UserName><AccessKeyId>A</AccessKeyId>\
            <Status>Inactive</Status><CreateDate>2026-11-30T19:00:00Z</CreateDate></member>\
            <member><AccessKeyId>B</AccessKeyId><Status>Active</Status></member></AccessKeyMetadata></R>";
        let found = keys(list).unwrap();
        assert_eq!((found[0].id.as_str(), found[0].active), ("A", false));
        assert_eq!((found[1].id.as_str(), found[1].active, &found[1].created), ("B", true, &None));
        assert_eq!(keys(b"<R><AccessKeyMetadata/></R>"), Some(Vec::new()));
        assert_eq!(keys(b"<R/>"), None);
        assert_eq!(text(b"<R><A>&lt;a&amp;b&gt;</A></R>", "A").as_deref(), Some("<a&b>"));
    }
}
