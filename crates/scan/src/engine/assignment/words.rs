//! Words that are looked for in names, all of them in one pass.

/// Words of at least two lower-case letters or digits.
pub(super) struct Words<const N: usize> {
    words: [&'static [u8]; N],
    /// By the low five bits of a first byte, those of the second bytes behind it.
    pairs: [u32; 32],
}

impl<const N: usize> Words<N> {
    /// Makes the table.
    pub(super) const fn new(words: [&'static [u8]; N]) -> Self {
        let mut pairs = [0; 32];
        let mut at = 0;
        while at < N {
            pairs[(words[at][0] & 31) as usize] |= 1 << (words[at][1] & 31);
            at += 1;
        }
        Self { words, pairs }
    }

    /// Whether one of the words stands in a name, in lower case, where `fits` says so; it is given
    /// the word and where it begins.
    pub(super) fn in_name(&self, name: &[u8], fits: impl Fn(&[u8], usize) -> bool) -> bool {
        name.windows(2).enumerate().any(|(at, pair)| {
            self.pairs[usize::from(pair[0] & 31)] >> (pair[1] & 31) & 1 == 1
                && self.words.iter().any(|word| name[at..].starts_with(word) && fits(word, at))
        })
    }
}

/// In the name of what is assigned: it is no secret, whatever it looks like.
pub(super) static NO_SECRET: Words<49> = Words::new([
    b"x5t",
    b"azp",
    b".js",
    b".css",
    b"sample",
    b"marker",
    b"receipt",
    b"boundary",
    b"target",
    b"format",
    b"toolchain",
    b"epoch",
    b"model",
    b"identifier",
    b"hash",
    b"sum",
    b"sha",
    b"md5",
    b"digest",
    b"integrity",
    b"commit",
    b"rev",
    b"etag",
    b"uuid",
    b"guid",
    b"id",
    b"ids",
    b"fingerprint",
    b"public",
    b"cert",
    b"signature",
    b"sig",
    b"nonce",
    b"version",
    b"color",
    b"checksum",
    b"expected",
    b"base64",
    b"data",
    b"src",
    b"href",
    b"url",
    b"path",
    b"name",
    b"class",
    b"content",
    b"alphabet",
    b"chars",
    b"encoded",
]);

/// In a name with a keyword: nothing is a secret under it.
pub(super) static NEVER: Words<27> = Words::new([
    b"subkey",
    b"tokeniz",
    b"tiktoken",
    b"recv-key",
    b"cache-key",
    b"cache_key",
    b"cachekey",
    b"websocket-key",
    b"websocketkey",
    b"hash",
    b"digest",
    b"checksum",
    b"sha",
    b"md5",
    b"fingerprint",
    b"public",
    b"icon",
    b"color",
    b"class",
    b"regex",
    b"pattern",
    b"keyboard",
    b"keyword",
    b"monkey",
    b"integrity",
    b"thumbprint",
    b"keyframe",
]);

/// In a name with `pass` in it: it is about no password.
pub(super) static NO_PASSWORD: Words<7> =
    Words::new([b"through", b"bypass", b"passed", b"passes", b"passing", b"compass", b"passive"]);

/// Words of [`NEVER`], and what stands before and behind each where it is a piece of something else:
/// of `shared`, `hashicorp`, `silicon`; what Telegram calls a secret (`api_hash`); and what is public
/// because of where it stands (`NEXT_PUBLIC_…`) and need not be meant to be.
const GOES_ON: [(&[u8], &[u8], &[u8]); 9] = [
    (b"sha", b"", b"r"),
    (b"hash", b"", b"i"),
    (b"hash", b"", b"_secret"),
    (b"hash", b"api", b""),
    (b"hash", b"api_", b""),
    (b"icon", b"sil", b""),
    (b"public", b"next_", b"_"),
    (b"public", b"expo_", b"_"),
    (b"public", b"nuxt_", b"_"),
];

/// Whether the word of [`NEVER`] that begins at a place of a name in lower case is a piece of
/// another one.
pub(super) fn is_other(name: &[u8], word: &[u8], at: usize) -> bool {
    let (before, behind) = (&name[..at], &name[at + word.len()..]);
    GOES_ON
        .iter()
        .any(|(of, head, tail)| *of == word && before.ends_with(head) && behind.starts_with(tail))
}

/// What tokens are called that say where a list goes on, or that a request is the same one.
pub(super) static PLACES: Words<21> = Words::new([
    b"updatetoken",
    b"startingtoken",
    b"starting-token",
    b"locktoken",
    b"lock-token",
    b"purchasetoken",
    b"nexttoken",
    b"next_token",
    b"next-token",
    b"pagetoken",
    b"page_token",
    b"page-token",
    b"changetoken",
    b"change-token",
    b"sequencetoken",
    b"sequence-token",
    b"continuation",
    b"idempot",
    b"request-token",
    b"requesttoken",
    b"lifecycle",
]);

/// Behind a keyword: what is assigned is something else of it, unless it looks random.
pub(super) static OTHER: Words<54> = Words::new([
    b"_from_",
    b"mgr",
    b"manager",
    b"handler",
    b"exception",
    b"warning",
    b"encode",
    b"cipher",
    b"cryptogram",
    b"serial",
    b"lastused",
    b"changed",
    b"created",
    b"updated",
    b"date",
    b"name",
    b"type",
    b"url",
    b"uri",
    b"file",
    b"path",
    b"count",
    b"length",
    b"size",
    b"field",
    b"label",
    b"env",
    b"prefix",
    b"suffix",
    b"header",
    b"expir",
    b"ttl",
    b"policy",
    b"format",
    b"version",
    b"alg",
    b"style",
    b"placeholder",
    b"hint",
    b"text",
    b"title",
    b"message",
    b"error",
    b"ref",
    b"arn",
    b"location",
    b"endpoint",
    b"index",
    b"usage",
    b"kind",
    b"description",
    b"param",
    b"scheme",
    b"prompt",
]);
