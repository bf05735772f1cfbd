//! Finds keywords: each four bytes of the text are looked up in a table that fits the first cache.
//!
//! A keyword is entered under the rarest four bytes in it, case folded; one of three bytes under
//! each fourth that may follow. What the table lets through is compared with the keyword itself.
//! The build script makes the table of the built-in keywords; one for users' rules is made at run
//! time by the same code.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Slots of the table are numbered with so many bits.
const BITS: u32 = 17;
/// Sets this bit in each byte: letters become lower case, other pairs of bytes fall together,
/// which the comparison sorts out.
const FOLD: u32 = 0x2020_2020;
/// What grams are multiplied with: 2^32 over the golden ratio.
const FIBONACCI: u32 = 0x9e37_79b1;
/// What code and prose are full of: four bytes of it say little.
const COMMON: &str = "\": \"\", \"://www.com/ = n = e = r = t = s: 'a', 'n', 's 't 'r => \
    add address after again amount application argument array author backup balance base batch \
    block board body boolean branch buffer build button bytes cache call change channel character \
    check child class clear client close cloud code collection color column command comment commit \
    common company component config connection console constant container content context control \
    convert copy count country create current custom data date debug default define delete describe \
    description detail device directory disable display document domain double download driver edit \
    element email empty enable encode engine entry environment error event example exception \
    execute export express extend external factory failed false family feature fetch field file \
    filter final find first flag float folder follow font format forward frame from function \
    general generate global graph group handle header height hidden history host icon image \
    implement import include index info initial inner input insert install instance integer \
    interface internal invoice item join keyboard label language last layout length level library \
    license limit line link list load local location lock login logger machine main manager mapping \
    market master match maximum media member memory merge message meta method minimum mode model \
    module monitor month mount name native network next node normal note notification null number \
    object offset open operation option order other output owner package page panel parameter \
    parent parse partner pattern payment peer people performance person photo place platform player \
    plugin point policy pool port position post prefix previous print private process product \
    profile program progress project property protocol provider public purchase query queue random \
    range read record region register relation release remote remove render repeat replace report \
    request require resource response rest result return right role root route rule runtime sample \
    schedule schema scope screen script search section select send sentence server service session \
    setting setup shape share shell should show side simple single size slice software some sort \
    source space special stack stage standard start state static station status step stop storage \
    store stream string struct style submit success summary support symbol sync system table target \
    task team template term test text theme thread time title token tool total trace track train \
    transaction transfer transform translate tree trigger true type unique update upload user using \
    utility valid value variable vector version video view visible void wait warning watch weather \
    where while width window with word work world worker write year";

/// A keyword.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Its text; lower case where either case is meant.
    pub text: &'a str,
    /// Whether either case is meant.
    pub ignore_case: bool,
    /// Whether it is looked for only where no letter, digit, `_` or `-` stands before it.
    pub alone: bool,
    /// Which rules it wakes, by number.
    pub rules: &'a [u16],
}

/// Keywords by number, in tables without an address in them.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Their texts, one behind the other.
    pub texts: Cow<'static, str>,
    /// The rules that they wake, one list behind the other.
    pub rules: Cow<'static, [u16]>,
    /// What each of them is.
    pub places: Cow<'static, [Place]>,
}

/// Where the tables have what a keyword is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where its text begins.
    pub text: u32,
    /// Length of its text, in bytes.
    pub length: u8,
    /// See [`Word::ignore_case`].
    pub ignore_case: bool,
    /// See [`Word::alone`].
    pub alone: bool,
    /// Where its rules begin.
    pub rules: u32,
    /// How many rules it wakes.
    pub count: u16,
}

impl Words {
    /// Adds a keyword; `None` where it is too long, or too many are there.
    pub fn push(&mut self, word: Word<'_>) -> Option<()> {
        let place = Place {
            text: u32::try_from(self.texts.len()).ok()?,
            length: u8::try_from(word.text.len()).ok()?,
            ignore_case: word.ignore_case,
            alone: word.alone,
            rules: u32::try_from(self.rules.len()).ok()?,
            count: u16::try_from(word.rules.len()).ok()?,
        };
        self.texts.to_mut().push_str(word.text);
        self.rules.to_mut().extend_from_slice(word.rules);
        self.places.to_mut().push(place);
        Some(())
    }

    /// The keyword of that number.
    pub fn get(&self, number: u16) -> Word<'_> {
        let place = &self.places[usize::from(number)];
        let (text, rules) = (place.text as usize, place.rules as usize);
        Word {
            text: &self.texts[text..text + usize::from(place.length)],
            ignore_case: place.ignore_case,
            alone: place.alone,
            rules: &self.rules[rules..rules + usize::from(place.count)],
        }
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = Word<'_>> {
        (0..).take(self.places.len()).map(|number| self.get(number))
    }
}

/// Keywords that are gathered from rules, by text and whether either case is meant: the rules that each
/// wakes, and whether it is alone for all of them.
#[derive(Debug, Default)]
pub struct Gathered(BTreeMap<(String, bool), (Vec<u16>, bool)>);

impl Gathered {
    /// Adds a keyword of the rule of that number. It is `alone` only if it begins as a token does.
    pub fn add(&mut self, keyword: &str, ignore_case: bool, rule: u16, alone: bool) {
        let text = if ignore_case { keyword.to_ascii_lowercase() } else { keyword.to_owned() };
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let (rules, all_alone) = self.0.entry((text, ignore_case)).or_insert((Vec::new(), begins));
        rules.push(rule);
        *all_alone &= alone;
    }

    /// All of them, and the table that finds them; `None` where they are more than it can number.
    pub fn tables(&self) -> Option<(Words, Table)> {
        let mut words = Words::default();
        for ((text, ignore_case), (rules, alone)) in &self.0 {
            words.push(Word { text, ignore_case: *ignore_case, alone: *alone, rules })?;
        }
        let table = Table::build(&words)?;
        Some((words, table))
    }
}

impl From<&Words> for Gathered {
    fn from(words: &Words) -> Self {
        let entry = |word: Word<'_>| {
            ((word.text.to_owned(), word.ignore_case), (word.rules.to_vec(), word.alone))
        };
        Self(words.iter().map(entry).collect())
    }
}

/// Four bytes of a keyword.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The bytes, folded.
    pub gram: u32,
    /// Number of the keyword.
    pub word: u16,
    /// Where in the keyword they begin.
    pub offset: u8,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    /// A slot that has entries sets two bits in its word: one for the slot, and one more that its
    /// grams choose. Others set both seldom.
    pub bits: Cow<'static, [u64]>,
    /// For each slot, where its entries begin; one more for the end.
    pub starts: Cow<'static, [u16]>,
    /// Entries, by slot.
    pub entries: Cow<'static, [Entry]>,
}

impl Table {
    /// Makes the table of `words`; `None` where they are more than it can number.
    pub fn build(words: &Words) -> Option<Self> {
        let mut slots: Vec<Vec<Entry>> = vec![Vec::new(); 1 << BITS];
        u16::try_from(words.places.len()).ok()?;
        for (number, word) in (0..).zip(words.iter()) {
            let (offset, grams) = grams(word.text.as_bytes());
            for gram in grams {
                let entry = Entry { gram, word: number, offset };
                slots[slot(gram)].push(entry);
            }
        }
        let mut bits = vec![0_u64; 1 << (BITS - 6)];
        let (mut starts, mut entries) = (Vec::with_capacity(slots.len() + 1), Vec::new());
        for (number, slot) in slots.iter().enumerate() {
            starts.push(u16::try_from(entries.len()).ok()?);
            entries.extend_from_slice(slot);
            for entry in slot {
                bits[number / 64] |= 1 << (number % 64) | 1 << second(entry.gram);
            }
        }
        starts.push(u16::try_from(entries.len()).ok()?);
        Some(Self { bits: bits.into(), starts: starts.into(), entries: entries.into() })
    }

    /// Calls `each` with every keyword of `words` in `bytes`: its number and where it begins. The
    /// places rise, but for keywords that overlap.
    pub fn find(&self, words: &Words, bytes: &[u8], mut each: impl FnMut(u16, usize)) {
        let Some(bits) = self.bits.first_chunk::<{ 1 << (BITS - 6) }>() else { return };
        let there = |gram: u32| {
            let slot = slot(gram);
            let word = bits[slot / 64];
            (word >> (slot % 64)) & (word >> second(gram)) & 1
        };
        let gram = |quad: u64| quad as u32 | FOLD;
        let mut at = 0;
        // Eight places at once: most have nothing, so one branch serves them all.
        while let Some(chunk) = bytes.get(at..at + 12) {
            let (low, high) = (eight(chunk, 0), eight(chunk, 4));
            let quads =
                [low, low >> 8, low >> 16, low >> 24, high, high >> 8, high >> 16, high >> 24];
            let mut some = 0;
            for (place, quad) in quads.iter().enumerate() {
                some |= there(gram(*quad)) << place;
            }
            while some != 0 {
                let place = some.trailing_zeros() as usize;
                some &= some - 1;
                let gram = gram(quads[place]);
                self.resolve(words, bytes, (at + place, gram, slot(gram)), &mut each);
            }
            at += 8;
        }
        for (place, quad) in bytes.get(at..).unwrap_or_default().windows(4).enumerate() {
            let gram = u32::from_le_bytes([quad[0], quad[1], quad[2], quad[3]]) | FOLD;
            if there(gram) == 1 {
                self.resolve(words, bytes, (at + place, gram, slot(gram)), &mut each);
            }
        }
    }

    #[inline(never)]
    fn resolve(
        &self,
        words: &Words,
        bytes: &[u8],
        (at, gram, slot): (usize, u32, usize),
        each: &mut impl FnMut(u16, usize),
    ) {
        let range = usize::from(self.starts[slot])..usize::from(self.starts[slot + 1]);
        for entry in self.entries[range].iter().filter(|entry| entry.gram == gram) {
            let Some(start) = at.checked_sub(usize::from(entry.offset)) else { continue };
            let word = words.get(entry.word);
            if word.alone && start > 0 && goes_on(bytes, start - 1) {
                continue;
            }
            let text = word.text.as_bytes();
            let Some(found) = bytes.get(start..start + text.len()) else { continue };
            let same =
                if word.ignore_case { found.eq_ignore_ascii_case(text) } else { found == text };
            if same {
                each(entry.word, start);
            }
        }
    }
}

/// Whether a token that this byte is in would go on behind it: not where it is the letter of an
/// escape such as `\n`.
fn goes_on(bytes: &[u8], at: usize) -> bool {
    let byte = bytes[at];
    let escape = at > 0 && bytes[at - 1] == b'\\' && matches!(byte, b'n' | b'r' | b't');
    (byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) && !escape
}

fn eight(chunk: &[u8], at: usize) -> u64 {
    chunk.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |quad| u64::from_le_bytes(*quad))
}

fn slot(gram: u32) -> usize {
    // Fibonacci hashing: the high bits of the product mix all bytes.
    (gram.wrapping_mul(FIBONACCI) >> (32 - BITS)) as usize
}

/// The other bit of a word: the next six bits of the product.
fn second(gram: u32) -> u32 {
    gram.wrapping_mul(FIBONACCI) >> (32 - BITS - 6) & 63
}

/// Where the rarest four bytes of a keyword begin, and these bytes, folded.
fn grams(text: &[u8]) -> (u8, Vec<u32>) {
    let fold = |quad: &[u8]| u32::from_le_bytes([quad[0], quad[1], quad[2], quad[3]]) | FOLD;
    if let [a, b, c] = text {
        // Whatever printable byte follows; a keyword at the very end has no secret behind it.
        let follows = (0x20..=0x3f).chain(0x60..=0x7f);
        return (0, follows.map(|d| fold(&[*a, *b, *c, d])).collect());
    }
    let common = |quad: &[u8]| COMMON.as_bytes().windows(4).any(|other| fold(other) == fold(quad));
    let key = |(at, quad): &(usize, &[u8])| (!common(quad), rarity(quad), 255 - at);
    let rarest = text.windows(4).enumerate().max_by_key(key);
    rarest.map_or((0, Vec::new()), |(at, quad)| (u8::try_from(at).unwrap_or(0), vec![fold(quad)]))
}

/// How rare a text is, by its letters; what is no letter is rarer than all.
fn rarity(text: &[u8]) -> usize {
    const COMMON_FIRST: &[u8] = b"etaoinsrhldcumfpgwybvkxjqz";
    let rank = |byte: &u8| {
        let place = COMMON_FIRST.iter().position(|common| *common == byte.to_ascii_lowercase());
        place.unwrap_or(COMMON_FIRST.len())
    };
    text.iter().map(rank).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(texts: &[(&str, bool)]) -> Words {
        let mut words = Words::default();
        for (text, ignore_case) in texts {
            let word = Word { text, ignore_case: *ignore_case, alone: false, rules: &[] };
            words.push(word).unwrap();
        }
        words
    }

    fn naive(words: &Words, bytes: &[u8]) -> Vec<(u16, usize)> {
        let mut all = Vec::new();
        for (number, word) in (0..).zip(words.iter()) {
            let text = word.text.as_bytes();
            for (at, found) in bytes.windows(text.len()).enumerate() {
                let ends = at + text.len() == bytes.len() && text.len() == 3;
                let follows = bytes.get(at + text.len()).is_none_or(|b| (0x20..0x80).contains(b));
                let fits =
                    if word.ignore_case { found.eq_ignore_ascii_case(text) } else { found == text };
                if fits && !ends && (text.len() > 3 || follows) {
                    all.push((number, at));
                }
            }
        }
        all.sort_unstable();
        all
    }

    proptest! {
        #[test]
        fn what_a_plain_search_finds_is_found(text in "[a-cA-C_=. -]{0,200}") {
            let words = words(&[("ab_", false), ("abca", true), ("b_a=", false), ("cab", true), ("aaaaaaaab", true)]);
            let table = Table::build(&words).unwrap();
            let mut found = Vec::new();
            table.find(&words, text.as_bytes(), |word, at| found.push((word, at)));
            found.sort_unstable();
            prop_assert_eq!(found, naive(&words, text.as_bytes()));
        }
    }
}
