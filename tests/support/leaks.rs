//! In which forms a secret could get out, and whether it did.

/// The forms in which bytes leak: raw, hex, base64 with its three alignments, and Debug's list of numbers.
pub fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: String = secret.iter().map(|byte| format!("{byte}, ")).collect();
    let mut forms = vec![
        secret.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        list.into_bytes(),
    ];
    for shift in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
        let text = base64(&padded);
        // Without the characters that the neighbours of the secret would change.
        forms.push(text[(shift * 8).div_ceil(6)..text.len() - 4].to_vec());
    }
    forms
}

/// Base64, with padding.
pub fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0_u32, |word, (index, byte)| word | u32::from(*byte) << (16 - 8 * index));
        for index in 0..4 {
            let sextet = (word >> (18 - 6 * index)) & 63;
            text.push(if index <= chunk.len() {
                ALPHABET[sextet as usize]
            } else {
                b'='
            });
        }
    }
    text
}

/// What base64 stands for; other characters mean nothing.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let value = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::new();
    for chunk in text.iter().filter_map(value).collect::<Vec<u8>>().chunks(4) {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0_u32, |word, (index, six)| word | u32::from(*six) << (18 - 6 * index));
        bytes.extend(&word.to_be_bytes()[1..chunk.len()]);
    }
    bytes
}

/// The last word of each line decoded, one after the other.
pub fn decode_lines(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b'\n')
        .flat_map(|line| decode(line.rsplit(|byte| *byte == b' ').next().unwrap_or(line)))
        .collect()
}

/// Whether one of the needles is in it.
pub fn holds(haystack: &[u8], needles: &[Vec<u8>]) -> bool {
    needles
        .iter()
        .any(|needle| haystack.windows(needle.len()).any(|window| window == needle.as_slice()))
}

/// A piece of a private key's DER that is in nothing else: the private scalar, or of the second half of an RSA key.
pub fn piece_of_key(der: &[u8]) -> &[u8] {
    match der.len() {
        500.. => &der[der.len() - 200..][..32],
        _ => &der[7..39],
    }
}
