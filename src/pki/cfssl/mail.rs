//! Mail addresses as Go's `net/mail` (1.26) reads them, since cfssl asks it whether a host name is one.
//!
//! The grammar is Go's version of RFC 5322, section 3.4, with its liberties. Only the bare address is of interest; names
//! and comments are read because what is wrong in them makes Go refuse the address.

use std::net::IpAddr;

/// The bare address that Go's `mail.ParseAddress` finds: one mailbox, or a group with one.
pub(super) fn parse_address(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text };
    let mut addresses = reader.mailbox_or_group(true)?;
    reader.skip_comments()?;
    if !reader.rest.is_empty() || addresses.len() != 1 {
        return None;
    }
    addresses.pop()
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn mailbox_or_group(&mut self, may_be_group: bool) -> Option<Vec<String>> {
        self.skip_space();
        if self.rest.is_empty() {
            return None;
        }
        if let Some(address) = self.address_spec() {
            self.skip_space();
            if self.rest.starts_with('(') {
                self.display_name_comment()?;
            }
            return Some(vec![address]);
        }
        if !self.rest.starts_with('<') {
            self.phrase()?;
        }
        self.skip_space();
        if may_be_group && self.consume(':') {
            return self.group();
        }
        if !self.consume('<') {
            return None;
        }
        let address = self.address_spec()?;
        self.consume('>').then(|| vec![address])
    }

    fn group(&mut self) -> Option<Vec<String>> {
        let mut addresses = Vec::new();
        self.skip_space();
        if self.consume(';') {
            self.skip_comments()?;
            return Some(addresses);
        }
        loop {
            self.skip_space();
            addresses.extend(self.mailbox_or_group(false)?);
            self.skip_comments()?;
            if self.consume(';') {
                self.skip_comments()?;
                return Some(addresses);
            }
            if !self.consume(',') {
                return None;
            }
        }
    }

    /// `local@domain`; nothing is consumed if there is none.
    fn address_spec(&mut self) -> Option<String> {
        let start = self.rest;
        let address = self.try_address_spec();
        if address.is_none() {
            self.rest = start;
        }
        address
    }

    fn try_address_spec(&mut self) -> Option<String> {
        self.skip_space();
        let local = if self.rest.starts_with('"') {
            self.quoted_string().filter(|local| !local.is_empty())?
        } else {
            self.strict_atom()?.to_owned()
        };
        if !self.consume('@') {
            return None;
        }
        self.skip_space();
        let domain = if self.rest.starts_with('[') {
            self.domain_literal()?
        } else {
            self.strict_atom()?.to_owned()
        };
        Some(format!("{local}@{domain}"))
    }

    /// The display name. Go joins and decodes its words; what matters is where it ends, and that there is a word.
    fn phrase(&mut self) -> Option<()> {
        let (mut has_plain_word, mut has_word) = (false, false);
        loop {
            // Go looks for comments only after a word that wasn't encoded.
            if has_plain_word {
                self.skip_comments()?;
            }
            self.skip_space();
            if self.rest.is_empty() {
                return Some(());
            }
            let word = if self.rest.starts_with('"') {
                self.quoted_string().map(|_| Word::Plain)
            } else {
                self.atom().map(Word::of)
            };
            match word {
                Some(Word::Plain) => (has_plain_word, has_word) = (true, true),
                Some(Word::Encoded { is_empty }) => has_word |= !is_empty,
                Some(Word::UnknownCharset) | None => return has_word.then_some(()),
            }
        }
    }

    fn quoted_string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut is_escaped = false;
        for (index, character) in self.rest.char_indices().skip(1) {
            let is_visible_or_space = is_visible(character) || matches!(character, ' ' | '\t');
            match character {
                _ if is_escaped => {
                    if !is_visible_or_space {
                        return None;
                    }
                    text.push(character);
                    is_escaped = false;
                }
                '"' => {
                    self.rest = &self.rest[index + 1..];
                    return Some(text);
                }
                '\\' => is_escaped = true,
                _ if is_visible_or_space => text.push(character),
                _ => return None,
            }
        }
        None
    }

    /// Atom characters and dots, at least one.
    fn atom(&mut self) -> Option<&'a str> {
        let end = self
            .rest
            .find(|character| !is_atom_or_dot(character))
            .unwrap_or(self.rest.len());
        let (atom, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!atom.is_empty()).then_some(atom)
    }

    /// An atom without a leading, trailing or double dot.
    fn strict_atom(&mut self) -> Option<&'a str> {
        self.atom()
            .filter(|atom| atom.split('.').all(|label| !label.is_empty()))
    }

    fn domain_literal(&mut self) -> Option<String> {
        let (literal, rest) = self.rest.strip_prefix('[')?.split_once(']')?;
        literal.parse::<IpAddr>().ok()?;
        self.rest = rest;
        Some(format!("[{literal}]"))
    }

    fn display_name_comment(&mut self) -> Option<()> {
        self.consume('(');
        let comment = self.comment()?;
        let has_unknown_charset = comment
            .split([' ', '\t'])
            .any(|word| matches!(Word::of(word), Word::UnknownCharset));
        (!has_unknown_charset).then_some(())
    }

    fn skip_comments(&mut self) -> Option<()> {
        self.skip_space();
        while self.consume('(') {
            self.comment()?;
            self.skip_space();
        }
        Some(())
    }

    /// What stands before the closing parenthesis of a comment whose opening one is consumed; comments nest.
    fn comment(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut depth = 1;
        let mut characters = self.rest.char_indices();
        while let Some((index, mut character)) = characters.next() {
            match character {
                // A backslash at the very end stands for itself.
                '\\' => character = characters.next().map_or(character, |(_, escaped)| escaped),
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = &self.rest[index + 1..];
                return Some(text);
            }
            text.push(character);
        }
        None
    }

    fn consume(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

/// A word of a display name by RFC 2047, section 2.
enum Word {
    Plain,
    Encoded { is_empty: bool },
    UnknownCharset,
}

impl Word {
    /// What Go's `mime.WordDecoder` makes of a word; one that it can't decode is plain.
    fn of(word: &str) -> Word {
        Word::encoded(word).unwrap_or(Word::Plain)
    }

    fn encoded(word: &str) -> Option<Word> {
        let inner = word
            .strip_prefix("=?")?
            .strip_suffix("?=")
            .filter(|_| word.len() >= 8)?;
        let mut fields = inner.split('?');
        let (charset, encoding, text) = (fields.next()?, fields.next()?, fields.next()?);
        let is_decodable = match encoding {
            "B" | "b" => is_base64(text),
            "Q" | "q" => is_quoted_printable(text),
            _ => false,
        };
        if charset.is_empty() || fields.next().is_some() || !is_decodable {
            return None;
        }
        // Go folds these two letters with their ASCII likenesses.
        let charset = charset
            .replace('\u{17f}', "s")
            .replace('\u{212a}', "k")
            .to_ascii_lowercase();
        Some(match charset.as_str() {
            "utf-8" | "iso-8859-1" | "us-ascii" => Word::Encoded {
                is_empty: text.is_empty(),
            },
            _ => Word::UnknownCharset,
        })
    }
}

fn is_base64(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    let is_in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    text.len().is_multiple_of(4) && text.len() - unpadded.len() <= 2 && unpadded.bytes().all(is_in_alphabet)
}

fn is_quoted_printable(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_hex_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_fine = match byte {
            b'=' => is_hex_digit(bytes.next()) && is_hex_digit(bytes.next()),
            _ => matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

fn is_visible(character: char) -> bool {
    matches!(character, '!'..='~') || !character.is_ascii()
}

fn is_atom_or_dot(character: char) -> bool {
    is_visible(character) && !"()<>[]:;@\\,\"".contains(character)
}
